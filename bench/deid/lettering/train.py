#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Learns the weights of the detector of writing (src/gate/lettering.c) from patches.py's patches. Needs PyTorch (Debian: python3-torch), which nothing else
here does. `train.py PATCHES.npz… --minutes M --out WEIGHTS.csv [--from STATE] [--state STATE]`. The picture is made even first: minus its mean, by its deviation, over 15 by 15."""
import argparse
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

CROP, BATCH, WINDOW, FLOOR = 128, 24, 15, 0.5


class Lettering(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 8, 5, 2, 2), nn.Conv2d(8, 16, 3, 2, 1)
        self.depth = nn.ModuleList(nn.Conv2d(c, c, 3, 1, d, d, groups=c) for c, d in ((16, 1), (24, 2), (24, 2), (24, 3)))
        self.point = nn.ModuleList(nn.Conv2d(c, 24, 1) for c in (16, 24, 24, 24))
        self.last = nn.Conv2d(24, 1, 1)

    def forward(self, x):
        x = F.relu(self.second(F.relu(self.first(x))))
        for i, (depth, point) in enumerate(zip(self.depth, self.point)):
            y = F.relu(point(depth(x)))
            x = x + y if i > 0 else y
        return self.last(x)


def boxed(x, side):
    """Sums over side by side values; what lies outside counts nothing."""
    half = side // 2
    for axis in (2, 3):
        pad = [half + 1, half] if axis == 3 else [0, 0, half + 1, half]
        total = F.pad(x, pad).cumsum(axis)
        n = total.shape[axis]
        x = total.narrow(axis, side, n - side) - total.narrow(axis, 0, n - side)
    return x


def even(x):
    """Local contrast: (value − mean) / √(variance + FLOOR²), cut at ±4; edges count what is there."""
    x = x.double()
    x = x - x.mean(dim=(2, 3), keepdim=True)
    count = boxed(torch.ones_like(x[:1]), WINDOW)
    mean = boxed(x, WINDOW) / count
    variance = (boxed(x * x, WINDOW) / count - mean * mean).clamp(min=0)
    return ((x - mean) / torch.sqrt(variance + FLOOR * FLOOR)).clamp(-4, 4).float()


def targets(mask):
    """Cells of writing, and cells near to it that may be either."""
    wide = F.max_pool2d(F.max_pool2d(mask, (7, 1), 1, (3, 0)), (1, 7), 1, (0, 3))
    near = F.max_pool2d(F.max_pool2d(mask, (17, 1), 1, (8, 0)), (1, 17), 1, (0, 8))
    return F.max_pool2d(wide, 4), F.max_pool2d(near, 4)


def main():
    a = argparse.ArgumentParser()
    a.add_argument("patches", nargs="+")
    a.add_argument("--minutes", type=float, default=10)
    a.add_argument("--out", required=True)
    a.add_argument("--start")
    a.add_argument("--state")
    a.add_argument("--rate", type=float, default=4e-3)
    a = a.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(2)
    pictures, yes_all, near_all = [], [], []
    for name in a.patches:
        with np.load(name) as held:
            p = torch.from_numpy(held["pictures"])
            m = torch.from_numpy(np.unpackbits(held["masks"])[:p.numel()].reshape(p.shape))
        for i in range(0, len(p), 200):
            part = p[i:i + 200].unsqueeze(1)
            if (i // 200) % 3 == 2:  # the edge of the picture is the edge of the patch
                part = F.pad(even(part[:, :, 16:-16, 16:-16]), (16, 16, 16, 16))
            else:
                part = even(part)
            yes, near = targets(m[i:i + 200].unsqueeze(1).float())
            pictures.append(part.half())
            yes_all.append(yes)
            near_all.append(near)
    pictures, yes_all, near_all = torch.cat(pictures), torch.cat(yes_all), torch.cat(near_all)
    train = len(pictures) - 400
    net = Lettering()
    if a.start:
        net.load_state_dict(torch.load(a.start))
    best = torch.optim.AdamW(net.parameters(), lr=a.rate, weight_decay=1e-4)
    rng, began, step, sums = np.random.default_rng(0), time.time(), 0, 0.0
    while (left := 1 - (time.time() - began) / (a.minutes * 60)) > 0:
        for group in best.param_groups:
            group["lr"] = a.rate * min(1, (step + 1) / 50) * (0.02 + 0.98 * left)
        at = torch.from_numpy(rng.integers(0, train, BATCH))
        y0, x0 = rng.integers(0, (pictures.shape[2] - CROP) // 4 + 1, 2)
        x = pictures[at, :, 4 * y0:4 * y0 + CROP, 4 * x0:4 * x0 + CROP].float()
        yes, near = (t[at, :, y0:y0 + CROP // 4, x0:x0 + CROP // 4] for t in (yes_all, near_all))
        turn, flip = int(rng.integers(0, 4)) if rng.random() < 0.4 else 0, rng.random() < 0.2
        x, yes, near = (torch.rot90(t, turn, (2, 3)) for t in (x, yes, near))
        if flip:
            x, yes, near = x.flip(3), yes.flip(3), near.flip(3)
        out = net(x)
        weight = torch.where(yes > 0, 1.0, torch.where(near > 0, 0.0, 1.0))
        loss = F.binary_cross_entropy_with_logits(out, yes, weight * (1 + yes), reduction="sum") / weight.sum()
        best.zero_grad()
        loss.backward()
        best.step()
        sums += float(loss)
        step += 1
        if step % 100 == 0:
            print("%d steps, %.1f min, loss %.4f" % (step, (time.time() - began) / 60, sums / 100), flush=True)
            sums = 0.0
    with torch.no_grad():
        hit = missed = false = clean = 0
        for i in range(train, len(pictures), 20):
            yes, near = yes_all[i:i + 20], near_all[i:i + 20]
            p = net(pictures[i:i + 20].float()) > 0
            hit, missed = hit + int((p & (yes > 0)).sum()), missed + int((~p & (yes > 0)).sum())
            false, clean = false + int((p & (near == 0)).sum()), clean + int((near == 0).sum())
        print("cells of writing found %.4f, cells elsewhere marked %.5f" % (hit / max(1, hit + missed), false / max(1, clean)))
    if a.state:
        torch.save(net.state_dict(), a.state)
    with open(a.out, "w", encoding="utf-8") as out:
        out.write("# SPDX-License-Identifier: Apache-2.0\n# Weights of src/gate/lettering.c, learned by bench/deid/lettering/train.py from pictures of our own making and\n"
                  "# real ones without writing. layer, then its numbers in the order output, input, row, column; then its biases.\n")
        for name, value in net.state_dict().items():
            out.write(name + "," + ",".join("%.5g" % v for v in value.flatten().tolist()) + "\n")


if __name__ == "__main__":
    main()
