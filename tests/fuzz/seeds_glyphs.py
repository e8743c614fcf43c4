#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the seed corpus of fuzz_gate_glyphs: seeds_glyphs.py CORPUS_FOLDER. Letters are a few strokes; see the target for the header."""
import pathlib
import random
import sys


def letters(columns, rows, ground, ink, noise, rng):
    px = [[ground + rng.randint(0, noise) for _ in range(columns)] for _ in range(rows)]
    for n in range((columns - 10) // 8):
        x, y = 5 + 8 * n, rows // 2 - 5
        for k in range(9):
            px[y + k][x] = ink
            px[y + k][x + 4 * (n % 2)] = ink
        for k in range(5):
            px[y + 4 * (n % 3)][x + k] = ink
    return px


def bars(columns, rows, rng):
    widths, line = [rng.choice((1, 1, 3)) for _ in range(columns)], []
    for i, w in enumerate(widths):
        line += [255 * (i % 2)] * w
    return [line[:columns]] * rows


def write(folder, name, header, px, size):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(bytes(header) + b"".join(v.to_bytes(size, "little") for row in px for v in row))


def main():
    out, rng = pathlib.Path(sys.argv[1]) / "gate_glyphs", random.Random(1)
    head = [99, 59, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]
    write(out, "black", head, letters(100, 60, 0, 255, 0, rng), 1)
    write(out, "noise", head[:9] + [1, 0, 1], letters(100, 60, 90, 250, 30, rng), 1)
    write(out, "loop", head[:10] + [3, 4], letters(100, 60, 90, 250, 30, rng), 1)
    write(out, "deep", [99, 59, 0, 3, 1, 0, 0, 4, 0, 0, 0, 3], letters(100, 60, 900, 4000, 50, rng), 2)
    write(out, "bars", head, bars(100, 60, rng), 1)
    write(out, "colour", [99, 59, 3, 1, 0, 3, 0, 0, 0, 0, 0, 0], [[v for v in row for _ in range(3)] for row in letters(100, 60, 20, 200, 5, rng)], 1)
    write(out, "shared_chroma", [99, 59, 3, 1, 0, 5, 0, 0, 0, 0, 0, 2], [[v for v in row for _ in range(2)] for row in letters(100, 60, 20, 200, 5, rng)], 1)
    write(out, "bits", [119, 59, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], [[rng.randrange(256) for _ in range(15)] for _ in range(60)], 1)
    write(out, "wide", [60, 40, 0, 5, 0, 1, 0, 0, 0, 0, 0, 0], [[rng.randrange(2**31) for _ in range(61)] for _ in range(41)], 4)


if __name__ == "__main__":
    main()
