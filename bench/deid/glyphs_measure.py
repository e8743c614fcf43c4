#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Recall of the detector over a corpus of glyphs_corpus.py, and what it finds in pictures without writing.

  glyphs_measure.py PROBE CORPUS            recall by height, contrast, ground and manner; letters left outside of all boxes
  glyphs_measure.py PROBE --clean FILE …    boxes by class, a file a line that has any

A line counts as found when every letter has at least 90 of 100 of its box inside of the union of the boxes."""
import collections
import json
import pathlib
import subprocess
import sys

import numpy as np


def run(probe, files, *flags):
    done = subprocess.run([probe, *flags, "-"], input="\n".join(files) + "\n", capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def covered(boxes, letter):
    x0, y0, x1, y1 = letter
    seen = np.zeros((y1 - y0 + 1, x1 - x0 + 1), bool)
    for b in boxes:
        _, x, y, w, h = b[:5]
        seen[max(0, y - y0):max(0, y + h - y0), max(0, x - x0):max(0, x + w - x0)] = True
    return seen.mean() >= 0.9


def recall(probe, corpus, *flags):
    truth = [json.loads(line) for line in open(pathlib.Path(corpus) / "truth.jsonl")]
    answers = {a["file"]: a for a in run(probe, [t["file"] for t in truth], *flags)}
    tables = collections.defaultdict(lambda: collections.defaultdict(lambda: [0, 0, 0]))
    missed, ms, extra = [], [], collections.Counter()
    for t in truth:
        a = answers[t["file"]]
        ms.append(a["ms"])
        for line in t["lines"]:
            whole = all(covered(a["boxes"], letter) for letter in line["letters"])
            any_part = any(covered(a["boxes"], letter) for letter in line["letters"])
            sure = all(covered([b for b in a["boxes"] if b[6] == "sure"], letter) for letter in line["letters"])
            manner = "hand" if line["hand"] else "mirrored" if line["mirrored"] else "hard" if line["hard"] else "smooth"
            angle = line["angle"] if line["angle"] in (0, 90, 180, 270) else "skew"
            for name, key in (("ground", t["ground"]), ("size", line["size"]), ("contrast", line["contrast"]), ("manner", manner), ("angle", angle),
                              ("all", ""), ("ground×contrast", (t["ground"], line["contrast"])), ("size×contrast", (line["size"], line["contrast"]))):
                cell = tables[name][key]
                cell[0] += 1
                cell[1] += whole
                cell[2] += sure
            if not whole:
                missed.append((t["file"], t["ground"], any_part, {k: v for k, v in line.items() if k != "letters"}))
        for b in a["boxes"]:
            hit = any(b[1] <= line["box"][2] and line["box"][0] < b[1] + b[3] and b[2] <= line["box"][3] and line["box"][1] < b[2] + b[4] for line in t["lines"])
            if not hit:
                extra[(t["ground"], b[5], b[6])] += 1
    for name in ("all", "size", "contrast", "ground", "manner", "angle"):
        print(name)
        for key, (n, found, sure) in sorted(tables[name].items(), key=lambda i: str(i[0]).zfill(8)):
            print("  %-12s %5d lines  found %7.3f %%  sure %6.2f %%" % (key, n, 100 * found / n, 100 * sure / n))
    print("ms a picture: median %.2f, largest %.2f" % (float(np.median(ms)), max(ms)))
    print("boxes beside the text:", dict(extra))
    return missed


def clean(probe, files, *flags):
    counts, frames, with_boxes, with_sure = collections.Counter(), 0, 0, 0
    for a in run(probe, files, *flags):
        if a["code"] != "E_OK":
            continue
        frames += a["frames"]
        with_boxes += len({b[0] for b in a["boxes"]})
        with_sure += len({b[0] for b in a["boxes"] if b[6] == "sure"})
        for b in a["boxes"]:
            counts[(b[5], b[6])] += 1
        if a["boxes"]:
            print("%-90s %3d frames %6.2f ms  %s" % (a["file"][-90:], a["frames"], a["ms"], dict(collections.Counter("%s %s" % (b[5], b[6]) for b in a["boxes"]))))
    print("%d frames, %d with any box (%.2f %%), %d with a sure one; %s" % (frames, with_boxes, 100 * with_boxes / max(1, frames), with_sure, dict(counts)))


if __name__ == "__main__":
    if sys.argv[2] == "--clean":
        clean(sys.argv[1], sys.argv[3:])
    else:
        for m in recall(sys.argv[1], sys.argv[2])[:int(sys.argv[3]) if len(sys.argv) > 3 else 40]:
            print("missed", *m)
