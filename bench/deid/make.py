#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The corpus of the de-identification benchmark: seeded cases of invented people, each with identities planted at one kind of
site beside the usual header. `make.py OUT CASES SEED [--maclab PATH] [--site NAME]` writes OUT/in/<case>/<file>, OUT/key.jsonl (what was
planted and what must stay) and OUT/masks/<case>.npz (the letters of text in pictures)."""
import argparse
import json
import multiprocessing
import pathlib
import random
import sys
import warnings

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bases  # noqa: E402
import pictures  # noqa: E402
import sites  # noqa: E402
from people import Person  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
warnings.filterwarnings("ignore")
WORLD = {}


def facts():
    e1_1 = sites.table(ROOT / "data" / "deid" / "e1_1.csv")
    listed = {row["tag"].strip("()").replace(",", "").lower() for row in e1_1}
    others = []
    for row in sites.table(ROOT / "data" / "dictionary.csv"):
        tag, vr = row["tag"].strip("()").replace(",", ""), row["vr"].split(" ")[0]
        if "x" not in tag.lower() and tag.lower() not in listed and vr in ("LO", "SH", "ST", "LT", "UT", "UC", "PN", "UR", "AE") and 8 <= int(tag[:4], 16) < 0x7f00:
            others.append({"tag": tag, "vr": vr})
    return {"e1_1": e1_1, "others": others}


def plain(value):
    return [float(v) for v in value] if isinstance(value, (list, tuple)) else str(value)


def one(job):
    number, seed, only = job
    rng = random.Random("%d/%d" % (seed, number))
    names = [only] if only else list(sites.SITES)
    name = rng.choices(names, [sites.SITES[n][2] for n in names])[0]
    plant, kinds, _, whole = sites.SITES[name]
    person, kind = Person(rng), rng.choice(kinds)
    if WORLD["reals"].get(kind) and rng.random() < 0.5:
        case = bases.make_real(rng, person, kind, rng.choice(WORLD["reals"][kind]))
    else:
        case = bases.make(rng, person, kind, WORLD["pictures"])
    case.expect = whole or "released"
    plant(case, WORLD["facts"])
    data = case.finish()
    folder = WORLD["out"] / "in" / ("c%05d" % number)
    folder.mkdir(parents=True)
    (folder / case.name).write_bytes(data)
    if case.lines:
        np.savez_compressed(WORLD["out"] / "masks" / ("c%05d.npz" % number), **{"%s%d" % (k, i): line[k] for i, line in enumerate(case.lines) for k in ("letters", "mask")})
    return json.dumps({"case": "c%05d" % number, "file": "c%05d/%s" % (number, case.name), "site": name, "kind": case.kind, "real": getattr(case, "real", False), "expect": case.expect, "uid": str(case.d.SOPInstanceUID),
                       "clean": getattr(case, "clean", False), "marker": getattr(case, "marker", None), "values": case.values, "words": case.keep_words,
                       "keep": [[k, plain(v)] for k, v in case.keep], "found": getattr(case, "facts_by_search", []), "hidden": getattr(case, "hidden", 0),
                       "raw": [getattr(case, a).hex() for a in ("raw", "packed") if getattr(case, a, b"")],
                       "lines": [{"box": line["box"], "frames": line["frames"], "harmless": line.get("harmless", False)} for line in case.lines]})


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("out", type=pathlib.Path)
    arguments.add_argument("cases", type=int)
    arguments.add_argument("seed", type=int)
    arguments.add_argument("--maclab", default=str(ROOT / "build" / "maclab"))
    arguments.add_argument("--site", help="only this kind of site")
    arguments.add_argument("--samples", type=pathlib.Path, help="half of the pictures come from real files of this folder")
    a = arguments.parse_args()
    (a.out / "masks").mkdir(parents=True)
    WORLD.update(out=a.out, facts=facts(), pictures=pictures.library(a.maclab, a.out.parent), reals=bases.reals(a.samples) if a.samples else {})
    with multiprocessing.Pool(2) as pool, open(a.out / "key.jsonl", "w", encoding="utf-8") as key:
        for line in pool.imap(one, ((i, a.seed, a.site) for i in range(a.cases)), chunksize=8):
            key.write(line + "\n")


if __name__ == "__main__":
    main()
