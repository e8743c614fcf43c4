# SPDX-License-Identifier: Apache-2.0
"""Pictures without identity to plant into: slices of the synthetic cases of `maclab demo`, ultrasound of our own; and writing."""
import pathlib
import subprocess

import numpy as np
import pydicom
from PIL import Image, ImageDraw, ImageFont

FONTS = sorted(str(p) for folder in ("dejavu", "liberation") for p in pathlib.Path("/usr/share/fonts/truetype/" + folder).glob("*.ttf")
               if "Math" not in p.name and "ExtraLight" not in p.name)


def library(maclab, work):
    """{"CT": [(rows, columns) int16 …], "MR": …, "DX": …} of the demonstration archive; made once."""
    stamp = work / "pictures.npz"
    if not stamp.exists():
        if not (work / "demo" / "objects").exists():
            subprocess.run([maclab, "demo", "--data", str(work / "demo")], check=True, capture_output=True)
        found = {}
        for path in sorted((work / "demo" / "objects").rglob("*")):
            if path.is_file():
                d = pydicom.dcmread(path, force=True)
                kind = {"CR": "DX"}.get(d.get("Modality", ""), d.get("Modality", ""))
                if "PixelData" in d and len(found.setdefault(kind, [])) < 60 and int(path.name[:4], 16) % (7 if kind in ("CT", "MR") else 1) == 0:
                    try:
                        a = d.pixel_array
                    except Exception:  # a coding that this reader lacks
                        continue
                    if a.ndim == 2:
                        found[kind].append(a[::-(-a.shape[0] // 384), ::-(-a.shape[1] // 384)].astype(np.int16))
        np.savez_compressed(stamp, **{"%s_%d" % (k, i): a for k, arrays in found.items() for i, a in enumerate(arrays)})
    pictures = {}
    with np.load(stamp) as held:
        for name in held.files:
            pictures.setdefault(name.split("_")[0], []).append(held[name])
    return pictures


def ultrasound(rng, rows=480, columns=640, frames=1):
    """A sector of speckle in colour planes that are grey, depth ticks and a grey wedge; (frames, rows, columns, 3) uint8."""
    r = np.random.default_rng(rng.randrange(2**32))
    y, x = np.mgrid[0:rows, 0:columns].astype(float)
    depth, angle = np.hypot(x - columns / 2, y + 30), np.arctan2(x - columns / 2, y + 30)
    inside = (np.abs(angle) < 0.62) & (depth > 70) & (depth < rows * 0.92)
    tissue = 70 + 40 * np.sin(depth / 23 + 3 * np.sin(angle * 5 + r.random() * 6)) + 25 * np.cos(angle * 17)
    cyst = np.hypot(x - columns * (0.35 + 0.3 * r.random()), y - rows * 0.5) < rows * 0.08
    out = np.zeros((frames, rows, columns, 3), np.uint8)
    for f in range(frames):
        speckle = np.abs(r.normal(size=(rows // 2 + 1, columns // 2 + 1)) + 1j * r.normal(size=(rows // 2 + 1, columns // 2 + 1)))
        speckle = np.kron(speckle, np.ones((2, 2)))[:rows, :columns]
        speckle = (speckle + np.roll(speckle, 1, 0) + np.roll(speckle, 1, 1)) / 3
        grey = np.where(inside, np.clip(tissue * speckle * np.where(cyst, 0.1, 0.75) * np.exp(-depth / 900), 0, 235), 0)
        out[f] = grey.astype(np.uint8)[..., None]
    out[:, 60:60 + 128, 20:30] = (255 - 2 * np.arange(128))[:, None, None].clip(0).astype(np.uint8)
    for tick in range(40, rows - 20, 37):
        out[:, tick, columns - 12:columns - 6] = 180
    return out


def written(text, font, size, angle=0, mirrored=False):
    """A boolean mask of the text, and the boxes of its letters in it."""
    face = ImageFont.truetype(font, size)
    left, top, right, bottom = face.getbbox(text)
    image = Image.new("L", (right - left + 4, bottom - top + 4))
    ImageDraw.Draw(image).text((2 - left, 2 - top), text, font=face, fill=255)
    letters, at = np.zeros((image.height, image.width), np.int32), 2.0
    for number, letter in enumerate(text, 1):
        after = 2 + face.getlength(text[:number])
        letters[:, int(at):max(int(after), int(at) + 1)] = number
        at = after
    mask = np.asarray(image).astype(np.float32) / 255
    if mirrored:
        mask, letters = mask[:, ::-1], letters[:, ::-1]
    turns = {0: 0, 90: 1, 180: 2, 270: 3}.get(angle, 0)
    if angle in (0, 90, 180, 270):
        mask, letters = np.rot90(mask, turns), np.rot90(letters, turns)
    else:
        grey = Image.fromarray((mask * 255).astype(np.uint8)).rotate(angle, expand=True, resample=Image.BILINEAR)
        number = Image.fromarray(letters).rotate(angle, expand=True, resample=Image.NEAREST)
        mask, letters = np.asarray(grey).astype(np.float32) / 255, np.asarray(number)
    return np.ascontiguousarray(mask), np.ascontiguousarray(letters)


# Letters as strokes of a pen on a grid of 4 by 6: strings of points, apart by spaces.
STROKES = {"A": "06 20 46 45 14 34", "B": "00 06 36 45 43 33 03 33 42 41 30 00", "C": "41 30 10 01 05 16 36 45", "D": "00 06 26 45 41 20 00",
           "E": "40 00 06 46 03 33", "F": "40 00 06 03 33", "G": "41 30 10 01 05 16 36 45 43 23", "H": "00 06 03 43 40 46", "I": "20 26", "J": "30 35 26 16 05",
           "K": "00 06 03 40 03 46", "L": "00 06 46", "M": "06 00 23 40 46", "N": "06 00 46 40", "O": "10 01 05 16 36 45 41 30 10", "P": "06 00 30 41 42 33 03",
           "Q": "10 01 05 16 36 45 41 30 10 46", "R": "06 00 30 41 42 33 03 46", "S": "41 30 10 01 02 44 45 36 16 05", "T": "00 40 20 26", "U": "00 05 16 36 45 40",
           "V": "00 26 40", "W": "00 16 23 36 40", "X": "00 46 23 40 06", "Y": "00 23 40 23 26", "Z": "00 40 06 46", "0": "10 01 05 16 36 45 41 30 10", "1": "11 20 26",
           "2": "01 10 30 41 06 46", "3": "00 40 23 45 36 16 05", "4": "30 04 44 30 36", "5": "40 00 03 33 45 36 06", "6": "30 02 05 16 36 45 43 03", "7": "00 40 16",
           "8": "20 02 44 26 04 42 20", "9": "43 03 01 10 30 41 46", "/": "40 06", "-": "03 43", ".": "26 26"}


def handwritten(rng, text, size):
    unit = size / 6
    width = int(len(text) * unit * 5.6 + 2 * unit) + 8
    image = Image.new("L", (width, int(size * 1.5) + 8))
    draw = ImageDraw.Draw(image)
    letters = np.zeros((image.height, image.width), np.int32)
    x = unit + 3
    for number, letter in enumerate(text.upper(), 1):
        points = [(x + (int(p[0]) + rng.uniform(-.3, .3)) * unit, size * 0.2 + 3 + (int(p[1]) + rng.uniform(-.3, .3)) * unit)
                  for p in STROKES.get(letter, "").split()]
        if points:
            draw.line(points, fill=255, width=max(1, round(size / 9)), joint="curve")
        letters[:, int(x):int(x + 5.2 * unit)] = number
        x += 5.6 * unit
    return np.asarray(image).astype(np.float32) / 255, letters


def matrix_code(text, scale):
    run = subprocess.run(["qrencode", "-t", "ASCII", "-m", "2", "-o", "-", text], capture_output=True, text=True, check=True)
    lines = [line for line in run.stdout.split("\n") if line]
    cells = np.array([[line[2 * i] == "#" for i in range(len(lines[0]) // 2)] for line in lines])
    return np.kron(cells, np.ones((scale, scale))).astype(np.float32)


CODE39 = dict(zip("1234567890ABCDEFGHIJKLMNOPQRSTUVWXYZ-. *",
                  """100100001 001100001 101100000 000110001 100110000 001110000 000100101 100100100 001100100 000110100 100001001 001001001 101001000
000011001 100011000 001011000 000001101 100001100 001001100 000011100 100000011 001000011 101000010 000010011 100010010 001010010 000000111
100000110 001000110 000010110 110000001 011000001 111000000 010010001 110010000 011010000 010000101 110000100 011000100 010010100""".split()))


def bar_code(text, narrow, height):
    bars = []
    for letter in "*" + text.upper() + "*":
        for i, wide in enumerate(CODE39[letter]):
            bars += [i % 2 == 0] * (narrow * (3 if wide == "1" else 1))
        bars += [False] * narrow
    return np.tile(np.array(bars, np.float32), (height, 1))
