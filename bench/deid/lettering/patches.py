#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Patches to learn from what writing in pictures looks like: grounds without writing (the synthetic cases, ultrasound of our own, real files without
text where a folder of them is given) with writing of every kind laid over half of them. `patches.py PICTURES.npz OUT.npz COUNT SEED [SAMPLES]`."""
import io
import multiprocessing
import pathlib
import random
import sys
import warnings

import numpy as np
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import pictures  # noqa: E402
from people import Person  # noqa: E402

warnings.filterwarnings("ignore")
SIDE = 160
GROUNDS = []


def flow(r):
    """How far from grey a colour Doppler picture is: patches of a few levels with ragged edges, a colour bar, a box."""
    a = np.zeros((300, 400), np.float32)
    y, x = np.mgrid[0:300, 0:400]
    field = sum(np.sin(x * r.normal() * 0.08 + r.random() * 6) * np.sin(y * r.normal() * 0.08 + r.random() * 6) for _ in range(8)) + r.normal(size=a.shape) * r.uniform(0, 0.5)
    inside = (np.abs(x - 200) < 120) & (np.abs(y - 150) < 80) & (field > r.uniform(0, 1.5))
    a[inside] = (np.round(field[inside] * r.uniform(3, 9)) * r.uniform(8, 20)).clip(0, 255)
    a[40:150, 375:387] = np.linspace(255, 0, 110)[:, None]
    a[69:71, 80:320] = a[229:231, 80:320] = a[69:231, 79:81] = a[69:231, 319:321] = 200 * r.integers(0, 2)
    return a


def grounds(held, samples):
    found = [a.astype(np.float32) for kind in held.values() for a in kind]
    rng = random.Random(5)
    found += [pictures.ultrasound(rng)[0][..., 0].astype(np.float32) for _ in range(60)]
    found += [flow(np.random.default_rng(i)) for i in range(30)]
    if samples:
        import pydicom
        for path in sorted(pathlib.Path(samples).rglob("*.dcm")):
            try:
                d = pydicom.dcmread(path)
                if d.Modality in ("CT", "MR", "PT", "CR", "DX", "MG", "NM") and min(d.Rows, d.Columns) >= 64 and d.get("SamplesPerPixel") == 1 and "SECONDARY" not in d.get("ImageType", []):
                    a = d.pixel_array.astype(np.float32)
                    found += [a] if a.ndim == 2 else [a[i] for i in range(0, len(a), max(1, len(a) // 4))]
            except Exception:  # not for this purpose
                continue
    return found


def ground(rng):
    a = rng.choice(GROUNDS)
    step = rng.choice([1, 1, 1, 2, 2, 4])
    while step > 1 and min(a.shape) // step < 96:
        step //= 2
    if step > 1:
        h, w = a.shape[0] // step * step, a.shape[1] // step * step
        a = a[:h, :w].reshape(h // step, step, w // step, step).mean(axis=(1, 3))
    if min(a.shape) < SIDE:
        a = np.pad(a, ((0, max(0, SIDE - a.shape[0])), (0, max(0, SIDE - a.shape[1]))), mode=rng.choice(["constant", "edge", "reflect"]))
    y, x = rng.randrange(a.shape[0] - SIDE + 1), rng.randrange(a.shape[1] - SIDE + 1)
    a = a[y:y + SIDE, x:x + SIDE].copy()
    if rng.random() < 0.12:  # a flat ground
        a[...] = a[SIDE // 2, SIDE // 2]
    if rng.random() < 0.1:
        a += np.random.default_rng(rng.randrange(2**32)).normal(size=a.shape).astype(np.float32) * (a.std() + 1) * rng.uniform(0.05, 0.6)
    if rng.random() < 0.08:  # lines of a trace or a grid, ticks, a wedge: drawn, but no writing
        r = np.random.default_rng(rng.randrange(2**32))
        high = a.max() if a.max() > a.min() else a.max() + 100
        for _ in range(rng.randrange(1, 5)):
            kind = rng.randrange(4)
            if kind == 0:
                a[rng.randrange(SIDE), :] = high
            elif kind == 1:
                a[:, rng.randrange(SIDE)] = high
            elif kind == 2:
                trace = (SIDE / 2 + np.cumsum(r.normal(size=SIDE)) * 3).astype(int).clip(0, SIDE - 1)
                a[trace, np.arange(SIDE)] = high
            else:
                for t in range(0, SIDE, rng.randrange(9, 30)):
                    a[t, 4:4 + rng.randrange(3, 8)] = high
    return a


def text(rng, p):
    words = ["%s, %s" % (p.family.upper(), p.given.upper()), "%s %s" % (p.given, p.family), "DOB %s" % p.born.strftime("%d/%m/%Y"), p.nhs, "ID: " + p.hospital_number, p.hospital.upper(),
             "Dr " + p.consultant, p.study.strftime("%d %b %Y"), p.accession, p.postcode, "%02d:%02d:%02d" % (rng.randrange(24), rng.randrange(60), rng.randrange(60)), "F%d" % rng.randrange(99),
             "%d cm" % rng.randrange(30), rng.choice("LR"), "L", "ERECT", "AP", p.family.lower(), p.ward]
    return rng.choice(words)


def one(seed):
    rng = random.Random(seed)
    a = ground(rng)
    mask = np.zeros(a.shape, np.float32)
    if rng.random() < 0.5:
        p = Person(rng)
        low, high = float(a.min()), float(a.max())
        span = high - low if high > low else 255.0
        for _ in range(rng.randrange(1, 4)):
            size = rng.randrange(8, 28)
            kind = rng.random()
            if kind < 0.8:
                m, _ = pictures.written(text(rng, p), rng.choice(pictures.FONTS), size, rng.choice([0] * 8 + [90, 180, 270, rng.randrange(-12, 13)]), rng.random() < 0.06)
            elif kind < 0.9:
                m, _ = pictures.handwritten(rng, text(rng, p), rng.randrange(12, 30))
            elif kind < 0.95:
                m = pictures.bar_code(p.hospital_number, rng.randrange(1, 3), rng.randrange(20, 50))
            else:
                m = 1 - pictures.matrix_code(p.nhs, rng.randrange(1, 4))
            if rng.random() < 0.25:
                m = np.round(m)
            h, w = m.shape
            y, x = rng.randrange(-h // 3, SIDE - 8), rng.randrange(-w // 2, SIDE - 8)
            top, left, bottom, right = max(0, y), max(0, x), min(SIDE, y + h), min(SIDE, x + w)
            if bottom - top < 6 or right - left < 6:
                continue
            m = m[top - y:bottom - y, left - x:right - x]
            part = a[top:bottom, left:right]
            how = rng.random()
            if how < 0.22:  # on a plate of its own
                ground_level, level = (low, high) if rng.random() < 0.6 else (high, low)
                part[...] = ground_level + m * ((level if rng.random() < 0.7 else low + span * rng.random()) - ground_level)
            elif how < 0.75:
                level = rng.choice([high, high, low, low + span * rng.random(), high + span * 0.1])
                part[...] = part * (1 - m) + level * m
            elif how < 0.93:
                part += m * max(span * rng.uniform(0.05, 0.5), 1.2 * float(part.std())) * rng.choice([-1, 1])
            else:  # one or two levels
                part[...] = np.round(part[0, 0])
                part += np.round(m) * rng.choice([1, 1, 2, -1])
            mask[top:bottom, left:right] = np.maximum(mask[top:bottom, left:right], m)
    if rng.random() < 0.15:  # lossy coding
        span = max(1e-6, a.max() - a.min())
        out = io.BytesIO()
        Image.fromarray(((a - a.min()) / span * 255).astype(np.uint8)).save(out, "JPEG", quality=rng.randrange(55, 96))
        a = np.asarray(Image.open(out)).astype(np.float32)
    if rng.random() < 0.5:
        a = -a
    return a.astype(np.float32), (mask > 0.35)


def main():
    held = pictures.library("", pathlib.Path(sys.argv[1]).parent)
    GROUNDS.extend(grounds(held, sys.argv[5] if len(sys.argv) > 5 else None))
    count, seed = int(sys.argv[3]), int(sys.argv[4])
    with multiprocessing.Pool(2) as pool:
        made = pool.map(one, range(seed, seed + count), chunksize=32)
    np.savez(sys.argv[2], pictures=np.stack([m[0] for m in made]), masks=np.packbits(np.stack([m[1] for m in made]), axis=None), count=count)


if __name__ == "__main__":
    main()
