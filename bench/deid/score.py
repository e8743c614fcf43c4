#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Scores what a tool made of the corpus of make.py: leaks by whole-file search (raw bytes, three encodings, decoded values, letters still to be seen
in pictures), what was kept, what was held. A tool is a map from case to output file or verdict; `score.py CORPUS OUTPUTS.json` prints the table."""
import json
import math
import multiprocessing
import pathlib
import re
import sys
import warnings

import numpy as np
import pydicom

warnings.filterwarnings("ignore")
# Family names that are words of radiology too: alone they prove nothing.
WORDS = {"hand", "foot", "temple", "bone", "head", "long", "young", "legg", "gunn"}
DILATE = 12  # pixels around planted text that a tool may take with it
SEEN = 0.5   # correlation of a letter's surroundings with what was planted from which on it can be read


def bound(leaks, cases):
    """Upper end of the one-sided 95 % interval of a rate (Clopper and Pearson 1934)."""
    if cases == 0 or leaks >= cases:
        return 1.0
    low, high = leaks / cases, 1.0
    for _ in range(60):
        p = (low + high) / 2
        tail, term = 0.0, (1 - p) ** cases
        if p > 0.99:
            high = p
            continue
        for k in range(leaks + 1):
            tail += term
            term *= (cases - k) / (k + 1) * p / (1 - p)
        low, high = (p, high) if tail > 0.05 else (low, p)
    return high


def texts(d):
    for e in d.iterall():
        if e.VR in ("OW", "OB", "OF", "OD", "OL", "OV") and e.tag.group == 0x7FE0:
            continue
        if e.VR != "SQ":
            yield e, str(e.value) if not isinstance(e.value, bytes) else e.value.decode("latin-1")


def squeezed(text):
    return re.sub(r"[^a-z0-9]", "", text.lower())


def searched(case, data, d):
    """The planted values that are still there."""
    pixels = d.get("PixelData", b"") if d is not None else b""
    header = data.replace(pixels, b"") if len(pixels) > 4096 else data
    lower = header.lower()
    decoded = "\n".join(t for _, t in texts(d)) if d is not None else ""
    flat = squeezed(decoded)
    leaks = []
    for site, value in case["values"]:
        if len(value) < 4 or value.lower() in WORDS:
            continue
        forms = [value.encode(c, "ignore").lower() for c in ("utf-8", "latin-1", "utf-16-le", "utf-16-be")]
        long = squeezed(value)
        if any(len(f) > 3 and f in lower for f in forms) or value.lower() in decoded.lower() or (len(long) >= 8 and long in flat) \
                or (value.isdigit() and len(value) > 6 and value[::-1] in flat):
            leaks.append(site)
    leaks += [case["site"] for raw in case["raw"] if bytes.fromhex(raw).lower() in lower]
    return leaks


def planes(d):
    a = d.pixel_array.astype(np.int64)
    count = int(d.get("NumberOfFrames", 1) or 1)
    return a if count > 1 else a[None]


def letters_seen(case, before, after, masks):
    """(lines seen, lines, letters seen): a letter is seen where the output still varies as the planted text did."""
    lines_seen = letters = 0
    for number, line in enumerate(case["lines"]):
        if line["harmless"]:
            continue
        x, y, w, h = line["box"]
        numbers, mask = masks["letters%d" % number], masks["mask%d" % number]
        seen = set()
        for f in line["frames"]:
            was, is_now = before[f, y:y + h, x:x + w].astype(float), after[f, y:y + h, x:x + w].astype(float)
            if is_now.std(axis=(0, 1)).max() < max(0.35, 0.05 * was.std(axis=(0, 1)).max()):
                continue  # even but for what a coding leaves
            for letter in np.unique(numbers[numbers > 0]):
                where = numbers == letter
                if (mask[where] > 127).sum() < 4:
                    continue
                a, b = was[where], is_now[where]
                a, b = (a - a.mean(axis=0)).ravel(), (b - b.mean(axis=0)).ravel()
                size = math.sqrt((a * a).sum() * (b * b).sum())
                if size > 0 and abs((a * b).sum() / size) > SEEN:
                    seen.add(int(letter))
        letters += len(seen)
        lines_seen += bool(seen)
    return lines_seen, letters


def judged(job):
    corpus, case, output, verdict = job
    r = {"case": case["case"], "site": case["site"], "kind": case["kind"], "clean": case["clean"], "verdict": verdict, "leaks": [], "lines": sum(not line["harmless"] for line in case["lines"]), "lines_seen": 0,
         "letters_seen": 0, "kept": 0, "keep": 0, "lost": [], "pixels_equal": None, "outside": None, "unreadable": False}
    if output is None:
        return r
    data = pathlib.Path(output).read_bytes()
    source = pydicom.dcmread(corpus / "in" / case["file"])
    try:
        d = pydicom.dcmread(output)
        [_ for _ in d.iterall()]
    except Exception as why:
        d, r["unreadable"] = None, str(why)
    r["leaks"] = searched(case, data, d)
    if pathlib.Path(case["file"]).name == pathlib.Path(output).name and case["site"] == "container" and not case["file"].split("/")[1].startswith("IM"):
        r["leaks"].append("container")
    if d is None:
        return r
    for keyword, value in case["keep"]:
        r["keep"] += 1
        now = d.get(keyword)
        same = now is not None and ([float(v) for v in now] == value if isinstance(value, list) else str(now) == value)
        r["kept"] += same
        if not same:
            r["lost"].append(keyword)
    if case["clean"] and case["words"]:
        r["keep"] += 1
        same = str(d.get("StudyDescription", "")).lower() == case["words"].lower()
        r["kept"] += same
        if not same:
            r["lost"].append("StudyDescription")
    for text in case["found"]:
        r["keep"] += 1
        r["kept"] += text in "\n".join(t for _, t in texts(d))
    if "PixelData" in source:
        before = planes(source)
        try:
            after = planes(d)
        except Exception as why:
            r["unreadable"] = str(why)
            return r
        if after.shape != before.shape:
            r["pixels_equal"] = False
            return r
        if case["hidden"] and (np.frombuffer(d.PixelData, np.uint16) & case["hidden"]).any():
            r["leaks"].append(case["site"])
        if case["lines"]:
            with np.load(corpus / "masks" / (case["case"] + ".npz")) as masks:
                r["lines_seen"], r["letters_seen"] = letters_seen(case, before, after, masks)
            if r["lines_seen"]:
                r["leaks"].append(case["site"])
        outside = np.ones(before.shape[:3], bool)
        for line in case["lines"]:
            x, y, w, h = line["box"]
            outside[:, max(0, y - DILATE):y + h + DILATE, max(0, x - DILATE):x + w + DILATE] = False
        keep = before & ~case["hidden"] if case["hidden"] else before
        changed = (keep != after).any(axis=-1) if before.ndim == 4 else keep != after
        r["pixels_equal"] = not changed.any()
        r["outside"] = float((changed & outside).sum()) / max(1, int(outside.sum()))
        if case["marker"]:
            x, y, w, h = case["marker"]
            r["keep"] += 1
            r["kept"] += not changed[0, y:y + h, x:x + w].any()
            if changed[0, y:y + h, x:x + w].any():
                r["lost"].append("marker")
    return r


def table(results, out=sys.stdout):
    cases = len(results)
    leaked = [r for r in results if r["leaks"]]
    clean = [r for r in results if r["clean"]]
    say = lambda *words: print(*words, file=out)  # noqa: E731
    say("cases %d, released %d, held %d, refused %d, no output %d" % (cases, *[sum(r["verdict"] == v for r in results) for v in ("released", "held", "refused", "none")]))
    say("leaking cases %d: rate %.4f %%, 95 %% bound %.4f %%" % (len(leaked), 100 * len(leaked) / max(1, cases), 100 * bound(len(leaked), cases)))
    lines, seen = sum(r["lines"] for r in results if r["verdict"] == "released"), sum(r["lines_seen"] for r in results)
    say("burned-in lines in released pictures %d, still legible %d (unreadable %.3f %%)" % (lines, seen, 100 * (1 - seen / max(1, lines))))
    keep, kept = sum(r["keep"] for r in results), sum(r["kept"] for r in results)
    say("must-keep facts %d, kept %.3f %%" % (keep, 100 * kept / max(1, keep)))
    held = sum(r["verdict"] != "released" for r in clean)
    say("clean controls %d, held or refused %d (%.2f %%), with other pixels %d" % (len(clean), held, 100 * held / max(1, len(clean)), sum(r["pixels_equal"] is False for r in clean)))
    outside = [r["outside"] for r in results if r["outside"] is not None and not r["clean"]]
    say("pixels changed away from planted text: mean %.4f %%, worst %.2f %%" % (100 * sum(outside) / max(1, len(outside)), 100 * max(outside, default=0)))
    say("unreadable outputs %d" % sum(bool(r["unreadable"]) for r in results))
    say("%-18s %6s %9s %6s %8s %10s" % ("site", "cases", "released", "leaks", "bound %", "lines seen"))
    for name in sorted({r["site"] for r in results}):
        of = [r for r in results if r["site"] == name]
        bad = sum(bool(r["leaks"]) for r in of)
        say("%-18s %6d %9d %6d %8.3f %6d/%d" % (name, len(of), sum(r["verdict"] == "released" for r in of), bad, 100 * bound(bad, len(of)), sum(r["lines_seen"] for r in of),
                                              sum(r["lines"] for r in of if r["verdict"] == "released")))


def score(corpus, outputs):
    """outputs: case → (path or None, verdict)."""
    cases = [json.loads(line) for line in open(corpus / "key.jsonl", encoding="utf-8")]
    with multiprocessing.Pool(2) as pool:
        return pool.map(judged, [(corpus, c, *outputs.get(c["case"], (None, "none"))) for c in cases], chunksize=16)


if __name__ == "__main__":
    table(score(pathlib.Path(sys.argv[1]), json.load(open(sys.argv[2], encoding="utf-8"))))
