#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Pictures with writing on them, and their truth, for the detector (gate/glyphs.h). Seeded: the same call makes the same pictures.

  glyphs_corpus.py OUT COUNT [SEED [KIND …]]

OUT/NNNNN.raw as glyphs_probe reads them; OUT/truth.jsonl with one object a picture: ground, height of the letters, contrast, manner,
and a line per text with its box and the boxes of its letters. Grounds are of our own making; pictures of `maclab demo` or of other
folders can be added by GLYPHS_GROUNDS (a folder of .npy planes)."""
import json
import os
import pathlib
import random
import string
import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import pictures  # noqa: E402

WORDS = ("SMITH JONES O'NEILL ap Rhys MacDonald Patel Khan Hand Foot Temple Bone Chester Llewellyn Siobhan Margaret Dafydd Priya St Thomas Royal Infirmary Ward "
         "DOB NHS ID Hosp Dr Mrs Acc Ref").split()


def text_of(rng):
    kind = rng.randrange(6)
    if kind == 0:
        return "%s, %s" % (rng.choice(WORDS), rng.choice(WORDS))
    if kind == 1:
        return "%02d/%02d/%04d" % (rng.randint(1, 28), rng.randint(1, 12), rng.randint(1920, 2020))
    if kind == 2:
        return "%03d %03d %04d" % (rng.randrange(1000), rng.randrange(1000), rng.randrange(10000))
    if kind == 3:
        return "%s: %s%06d" % (rng.choice(("ID", "Acc", "NHS")), rng.choice(string.ascii_uppercase), rng.randrange(10**6))
    if kind == 4:
        return "%s %s %d" % (rng.choice(WORDS), rng.choice(WORDS), rng.randrange(100))
    return "".join(rng.choice(string.ascii_uppercase + string.digits) for _ in range(rng.randint(6, 12)))


def smooth(r, rows, columns, cell):
    small = r.normal(size=(rows // cell + 3, columns // cell + 3))
    y, x = np.linspace(0, small.shape[0] - 2, rows), np.linspace(0, small.shape[1] - 2, columns)
    y0, x0 = y.astype(int), x.astype(int)
    fy, fx = (y - y0)[:, None], (x - x0)[None, :]
    a, b = small[y0][:, x0], small[y0][:, x0 + 1]
    c, d = small[y0 + 1][:, x0], small[y0 + 1][:, x0 + 1]
    return (a * (1 - fx) + b * fx) * (1 - fy) + (c * (1 - fx) + d * fx) * fy


GROUNDS = {}


def found_grounds():
    folder = os.environ.get("GLYPHS_GROUNDS")
    if folder and not GROUNDS:
        for p in sorted(pathlib.Path(folder).glob("*.npy")):
            GROUNDS[p.stem] = p
    return GROUNDS


def ground(rng, kind, rows, columns):
    """(plane, bits): float plane in the levels of `bits`."""
    r = np.random.default_rng(rng.randrange(2**32))
    if kind == "black":
        return np.zeros((rows, columns)), 8
    if kind == "white":
        return np.full((rows, columns), 255.0), 8
    if kind == "grey":
        return np.full((rows, columns), float(rng.randint(30, 220))), 8
    if kind == "black12":
        return np.zeros((rows, columns)), 12
    if kind == "noise":
        return 500 + r.normal(size=(rows, columns)) * 12, 12
    if kind == "tissue":
        plane = 900 + 250 * smooth(r, rows, columns, 60) + 90 * smooth(r, rows, columns, 14) + 10 * r.normal(size=(rows, columns))
        return np.clip(plane, 0, 3000), 12
    if kind == "tissue8":
        plane = 110 + 35 * smooth(r, rows, columns, 60) + 14 * smooth(r, rows, columns, 12) + 3 * r.normal(size=(rows, columns))
        return np.clip(plane, 0, 235), 8
    if kind == "speckle":
        plane = np.clip(60 + 30 * smooth(r, rows, columns, 50), 5, 200) * np.abs(smooth(r, rows, columns, 3) + 1j * smooth(r, rows, columns, 3))
        return np.clip(plane, 0, 235), 8
    if kind == "found":
        names = sorted(found_grounds())
        plane = np.load(GROUNDS[rng.choice(names)]).astype(float)
        y, x = max(0, plane.shape[0] - rows), max(0, plane.shape[1] - columns)
        y, x = rng.randint(0, y), rng.randint(0, x)
        plane = plane[y:y + rows, x:x + columns]
        plane -= min(0, plane.min())
        high = plane.max()
        return plane, 8 if high < 256 else 12 if high < 4096 else 16
    raise ValueError(kind)


def bitmap(text, scale):
    """As pictures.written, in the fixed font that Pillow brings, every pixel `scale` squared."""
    face = ImageFont.load_default()
    image = Image.new("L", (face.getbbox(text)[2] + 4, 18))
    ImageDraw.Draw(image).text((2, 2), text, font=face, fill=255)
    letters, at = np.zeros((image.height, image.width), np.int32), 2
    for number in range(1, len(text) + 1):
        after = 2 + face.getbbox(text[:number])[2]
        letters[:, at:after] = number
        at = after
    many = np.ones((scale, scale))
    return np.kron((np.asarray(image) > 127).astype(np.float32), many), np.kron(letters, many).astype(np.int32)


def grown(mask, by):
    """The mask with everything within `by` samples of it."""
    out = mask.copy()
    for dy in range(-by, by + 1):
        for dx in range(-by, by + 1):
            out = np.maximum(out, np.roll(np.roll(mask, dy, 0), dx, 1))
    return out


def delta_of(rng, contrast, plane, box, bits):
    """How the text differs from its ground: (mode, value)."""
    top = 2**bits - 1
    y, x, h, w = box
    under = plane[y:y + h, x:x + w]
    noise = float(np.median(np.abs(np.diff(under, axis=1)))) if w > 1 else 0.0
    if contrast == "max":
        return "set", float(top)
    if contrast == "picturemax":
        return "set", float(plane.max()) if plane.max() > under.mean() + 20 else float(top)
    if contrast == "min":
        return "set", 0.0 if under.mean() > 20 else float(top)
    if contrast == "middle":  # a constant level well above what is under it
        return "set", float(min(top, np.percentile(under, 98) + max(2, 0.25 * (top - np.percentile(under, 98)))))
    if contrast == "add":
        return "add", max(1.0, 8 * noise + 1) * rng.choice((1, -1) if under.mean() > 10 * noise + 20 else (1,))
    if contrast == "level":
        return "add", 1.0 if plane.max() < top else -1.0
    raise ValueError(contrast)


CASES = {"grounds": ("black", "white", "grey", "black12", "noise", "tissue", "tissue8", "speckle"), "contrasts": ("max", "picturemax", "min", "middle", "add", "level")}


def decidable(kind, contrast):
    return contrast != "level" or kind in ("black", "white", "grey", "black12")


def place(rng, taken, rows, columns, h, w):
    for _ in range(60):
        y, x = rng.randint(2, rows - h - 2), rng.randint(2, columns - w - 2)
        if all(y + h + 12 < b[0] or b[0] + b[2] + 12 < y or x + w + 24 < b[1] or b[1] + b[3] + 24 < x for b in taken):
            return y, x
    return None


def make(rng, kinds):
    rows, columns = rng.choice(((512, 512), (512, 512), (480, 640), (768, 1024)))
    kind = rng.choice(kinds)
    plane, bits = ground(rng, kind, rows, columns)
    rows, columns = plane.shape
    base = plane.copy()
    lines, taken = [], []
    for _ in range(rng.randint(1, 6)):
        contrast = rng.choice([c for c in CASES["contrasts"] if decidable(kind, c)])
        size = rng.choice((6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 18, 20, 24, 28, 32, 36, 40))
        angle = rng.choice((0,) * 8 + (90, 180, 270, rng.uniform(-10, 10)))
        mirrored = rng.random() < 0.05
        hand = rng.random() < 0.06 and size >= 12
        hard = rng.random() < 0.35  # no antialiasing, as burned in by devices
        text = text_of(rng)
        if hand:
            mask, letters = pictures.handwritten(rng, text, size)
        else:
            mask, letters = pictures.written(text, rng.choice(pictures.FONTS), size, angle, mirrored)
        if not hand and rng.random() < 0.2:
            size = rng.choice((1, 1, 1, 2, 2, 3))
            mask, letters = bitmap(text, size)
            mask, letters = np.rot90(mask, rng.choice((0, 0, 0, 1, 2, 3))), letters
            size, angle, mirrored = 11 * size, 0, False
            if mask.shape != letters.shape:
                letters = np.ones(mask.shape, np.int32)
        if hard:
            mask = (mask > 0.5).astype(np.float32)
        h, w = mask.shape
        spot = place(rng, taken, rows, columns, h, w) if h + 4 < rows and w + 4 < columns else None
        if spot is None:
            continue
        y, x = spot
        taken.append((y, x, h, w))
        mode, value = delta_of(rng, contrast, base, (y, x, h, w), bits)
        under = base[y:y + h, x:x + w]
        over = np.full_like(under, value) if mode == "set" else np.round(under) + value
        back = rng.random()
        if mode == "set" and back < 0.2:  # a box or an outline of its own
            shade = 0.0 if value > 2**(bits - 1) else float(2**bits - 1)
            under = np.where(grown(mask, 1) > 0.3, shade, under) if back < 0.1 else np.full_like(under, shade)
        plane[y:y + h, x:x + w] = np.clip(np.round(under) * (1 - mask) + over * mask, 0, 2**bits - 1)
        there = mask > 0.5
        noise = float(np.median(np.abs(np.diff(under, axis=1)))) if w > 1 else 0.0
        stands_out = there.any() and float(np.percentile(np.abs(plane[y:y + h, x:x + w] - np.round(under))[there], 25)) >= max(1, 5 * noise)
        if not stands_out:  # nobody could tell it from its ground
            taken.pop()
            plane[y:y + h, x:x + w] = base[y:y + h, x:x + w]
            continue
        boxes = []
        for number in range(1, int(letters.max()) + 1):
            at = (letters == number) & (mask > 0.5)
            if at.any():
                ys, xs = np.nonzero(at)
                boxes.append([int(x + xs.min()), int(y + ys.min()), int(x + xs.max()), int(y + ys.max())])
        ys, xs = np.nonzero(mask > 0.5)
        lines.append({"text": text, "size": size, "contrast": contrast, "hard": hard, "hand": hand, "mirrored": mirrored,
                      "angle": round(float(angle), 1), "box": [int(x + xs.min()), int(y + ys.min()), int(x + xs.max()), int(y + ys.max())], "letters": boxes})
    return kind, np.clip(np.round(plane), 0, 2**bits - 1).astype(np.uint16), bits, lines


def save(path, plane, bits, photometric="MONOCHROME2"):
    planes = plane if plane.ndim == 4 or (plane.ndim == 3 and plane.shape[-1] != 3) else plane[None]
    samples = 3 if planes.shape[-1] == 3 and planes.ndim == 4 else 1
    data = planes.astype(np.uint8 if bits <= 8 else np.uint16)
    head = "MACLAB-RAW %d %d %d %d %d %d 0 %s\n" % (planes.shape[1], planes.shape[2], planes.shape[0], samples, 8 if bits <= 8 else 16, bits, photometric)
    path.write_bytes(head.encode() + data.tobytes())


def main(out, count, seed=1, *kinds):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    kinds = kinds or CASES["grounds"] + (("found",) * 4 if found_grounds() else ())
    with open(out / "truth.jsonl", "w") as truth:
        for number in range(int(count)):
            rng = random.Random("%s-%d" % (seed, number))
            kind, plane, bits, lines = make(rng, kinds)
            path = out / ("%05d.raw" % number)
            save(path, plane, bits)
            truth.write(json.dumps({"file": str(path), "ground": kind, "bits": bits, "lines": lines}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
