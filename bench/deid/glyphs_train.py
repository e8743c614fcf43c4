#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Fits the judgement of the detector (src/gate/glyphs_trees.h): boosted trees over the features of rows of glyphs.

  glyphs_train.py PROBE OUT.h CORPUS … --clean LIST …

CORPUS: folders of glyphs_corpus.py. LIST: files with the names of pictures without writing, one a line. A row that lies on a planted
line and has letters of its size is writing; one that touches none is not; what touches a line in part is left out. Needs only numpy;
the same input gives the same trees."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np

HEAD = 7
DEPTH, TREES, RATE, BINS = 5, 90, 0.15, 64


def feature_names():
    text = (pathlib.Path(__file__).parent.parent.parent / "src/gate/glyphs_line.h").read_text()
    return re.findall(r"^    (GLYPH_F_\w+),", text, re.M)


def rows_of(probe, files, count):
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run([probe, "--rows", out.name, "-"], input="\n".join(files) + "\n", text=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        return np.fromfile(out.name, np.float32).reshape(-1, HEAD + count)


def label(rows, truths):
    """1 writing, 0 not, -1 neither."""
    y = np.zeros(len(rows), np.int8)
    for number in np.unique(rows[:, 0].astype(int)):
        at = np.nonzero(rows[:, 0] == number)[0]
        x0, y0, x1, y1, letter = rows[at, 1:6].T
        area = (x1 - x0 + 1) * (y1 - y0 + 1)
        for line in truths[number]["lines"]:
            bx0, by0, bx1, by1 = line["box"]
            margin = 2 + line["size"] / 8
            w = np.minimum(x1, bx1 + margin) - np.maximum(x0, bx0 - margin) + 1
            h = np.minimum(y1, by1 + margin) - np.maximum(y0, by0 - margin) + 1
            common = np.where((w > 0) & (h > 0), w * h, 0) / area
            good = (common > 0.9) & (letter > 0.35 * line["size"]) & (area > 0.3 * (bx1 - bx0 + 1) * (by1 - by0 + 1))
            y[at] = np.where(good, 1, np.where((common > 0) & (y[at] == 0), -1, y[at]))
    return y


def edges_of(x):
    return [np.unique(np.quantile(x[:, f], np.linspace(0, 1, BINS + 1)[1:-1])).astype(np.float32) for f in range(x.shape[1])]


def binned(x, edges):
    return np.stack([np.searchsorted(e, x[:, f], side="right") for f, e in enumerate(edges)], 1).astype(np.uint8)  # bin > i: x >= edge[i]


def grow(b, g, h, edges):
    """A complete tree: for each inner node (feature, edge number), for each leaf a value."""
    node = np.zeros(len(b), np.int64)
    splits = []
    for level in range(DEPTH):
        count = 2**level
        best = [(-1.0, 0, 0)] * count
        total = np.stack([np.bincount(node, g, count), np.bincount(node, h, count)])
        for f in range(b.shape[1]):
            index = node * BINS + b[:, f]
            G = np.bincount(index, g, count * BINS).reshape(count, BINS).cumsum(1)
            H = np.bincount(index, h, count * BINS).reshape(count, BINS).cumsum(1)
            GR, HR = total[0][:, None] - G, total[1][:, None] - H
            gain = G * G / (H + 5) + GR * GR / (HR + 5) - (total[0]**2 / (total[1] + 5))[:, None]
            gain[(H < 3) | (HR < 3)] = -1
            for k in range(count):
                i = int(gain[k, :len(edges[f])].argmax()) if len(edges[f]) else 0
                if len(edges[f]) and gain[k, i] > best[k][0]:
                    best[k] = (gain[k, i], f, i)
        splits += [(f, i) for _, f, i in best]
        feature = np.array([s[1] for s in best])[node]
        edge = np.array([s[2] for s in best])[node]
        node = 2 * node + (b[np.arange(len(b)), feature] > edge)
    leaves = -RATE * np.bincount(node, g, 2**DEPTH) / (np.bincount(node, h, 2**DEPTH) + 5)
    return splits, leaves.astype(np.float32), leaves[node]


def fit(x, y, weight):
    edges = edges_of(x)
    b = binned(x, edges)
    score = np.zeros(len(x))
    trees = []
    for _ in range(TREES):
        p = 1 / (1 + np.exp(-score))
        splits, leaves, add = grow(b, weight * (p - y), weight * p * (1 - p) + 1e-6, edges)
        score += add
        trees.append((splits, leaves))
    return edges, trees, score


def predict(x, edges, trees):
    b = binned(x, edges)
    score = np.zeros(len(x))
    for splits, leaves in trees:
        node = np.zeros(len(x), np.int64)
        for level in range(DEPTH):
            s = np.array(splits[2**level - 1:2**(level + 1) - 1])
            node = 2 * node + (b[np.arange(len(b)), s[node, 0]] > s[node, 1])
        score += leaves[node]
    return score


def wrapped(values, per_line):
    return "".join("    " + ", ".join(values[i:i + per_line]) + ",\n" for i in range(0, len(values), per_line))


def write(path, edges, trees, about):
    features = [str(f) for splits, _ in trees for f, _ in splits]
    thresholds = ["%.6gf" % edges[f][i] if len(edges[f]) else "0.0f" for splits, _ in trees for f, i in splits]
    thresholds = [t if "." in t or "e" in t else t[:-1] + ".0f" for t in thresholds]
    leaves = ["%.4gf" % v for _, values in trees for v in values]
    leaves = [t if "." in t or "e" in t else t[:-1] + ".0f" for t in leaves]
    path.write_text("""// SPDX-License-Identifier: Apache-2.0
// Made by bench/deid/glyphs_train.py: %s
// Complete trees: node n has the children 2n + 1 (feature below the threshold) and 2n + 2.
// clang-format off
#pragma once

#include <stdint.h>

#define GLYPH_TREES %du
#define GLYPH_TREE_DEPTH %du
#define GLYPH_TREE_NODES %du
#define GLYPH_TREE_LEAVES %du

static const uint8_t glyph_tree_features[GLYPH_TREES * GLYPH_TREE_NODES] = {
%s};
static const float glyph_tree_thresholds[GLYPH_TREES * GLYPH_TREE_NODES] = {
%s};
static const float glyph_tree_leaves[GLYPH_TREES * GLYPH_TREE_LEAVES] = {
%s};
""" % (about, len(trees), DEPTH, 2**DEPTH - 1, 2**DEPTH, wrapped(features, 31), wrapped(thresholds, 8), wrapped(leaves, 8)))


def main(probe, out, *names):
    count = len(feature_names())
    split = names.index("--clean") if "--clean" in names else len(names)
    xs, ys, ws = [], [], []
    for corpus in names[:split]:
        truths = [json.loads(line) for line in open(pathlib.Path(corpus) / "truth.jsonl")]
        rows = rows_of(probe, [t["file"] for t in truths], count)
        y = label(rows, truths)
        keep = y >= 0
        xs.append(rows[keep, HEAD:])
        ys.append(y[keep])
        ws.append(rows[keep, 6])
    positives = sum(int((y == 1).sum()) for y in ys)
    for name in names[split + 1:]:
        rows = rows_of(probe, pathlib.Path(name).read_text().split("\n")[:-1], count)
        xs.append(rows[:, HEAD:])
        ys.append(np.zeros(len(rows), np.int8))
        ws.append(rows[:, 6])
    x, y = np.concatenate(xs), np.concatenate(ys).astype(float)
    x = np.nan_to_num(x, nan=0.0, posinf=1e6, neginf=-1e6)
    r = np.random.default_rng(1)
    # Rows of many glyphs, which a line of writing gives, count more than its crumbs.
    weight = np.concatenate(ws) * np.where(y == 1, 0.5 + 0.5 * np.minimum(x[:, 0], 2.5), 1.0)
    test = r.random(len(y)) < 0.1
    edges, trees, _ = fit(x[~test], y[~test], weight[~test])
    s = predict(x[test], edges, trees)
    for cut in (-2, -1, 0, 1, 2, 3, 4, 5, 6):
        print("score >= %2d: writing kept %.4f, other kept %d of %d" % (cut, (s[y[test] == 1] >= cut).mean(), (s[y[test] == 0] >= cut).sum(), weight[test][y[test] == 0].sum()))
    used = np.bincount([f for splits, _ in trees for f, _ in splits], minlength=count)
    print(dict(zip(feature_names(), used.tolist())))
    write(pathlib.Path(out), edges, trees, "%d rows, %d of them of writing (%d corpora)." % (len(y), positives, split))


if __name__ == "__main__":
    main(*sys.argv[1:])
