#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every sample with native pixels, written by our writer in each uncompressed transfer syntax and deflated,
against the same conversion by DCMTK's dcmconv: dcmdump must read ours without complaint, and both files
must hold the same elements with the same bytes. What may differ is in CLASSES with its reason.
Usage: conversion.py [--build BUILD] [SAMPLES]"""
import argparse
import collections
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "interop"))
import differential  # noqa: E402  (skips where pydicom is not there)

SYNTAXES = {"1.2.840.10008.1.2": "+ti", "1.2.840.10008.1.2.1": "+te", "1.2.840.10008.1.2.2": "+tb",
            "1.2.840.10008.1.2.1.99": "+td"}

CLASSES = [
    # name, reason, test(path, ours or None, theirs or None, syntax)
    ("private VR", "from implicit VR: DCMTK has a dictionary of private elements, we write UN (PS3.5 6.2.2)",
     lambda path, a, b, c: a and b and differential.private(path) and "UN" in (a.vr, b.vr) and same_value(a, b)),
    ("swapped private", "big endian: the same, and DCMTK turns the bytes of a VR that it knows from its dictionary",
     lambda path, a, b, c: a and b and differential.private(path) and a.vr == "UN" and c.endswith(".1.2.2")
     and a.length == b.length),
    ("private sequence", "to implicit VR: we give sequences of private tags undefined length, so that they are read "
     "as sequences again; DCMTK gives their length, and they are bytes",
     lambda path, a, b, c: c == "1.2.840.10008.1.2" and (
         a and b and a.vr == "SQ" and a.length == "u" and b.vr == "UN" and differential.private(path)
         or b is None and any(differential.private(p) for p in differential.ancestors(path)))),
    ("odd length", "what was not changed keeps its odd length in the encoding that it has; DCMTK pads it",
     lambda path, a, b, c: a and b and a.vr == b.vr and int(a.length) % 2 == 1
     and int(b.length) == int(a.length) + 1),
]


def same_value(a, b):
    return a.value == b.value and a.length == b.length


def comparable(elements):
    """Without meta information and group lengths, which each writer makes for itself."""
    return {p: e for p, e in elements.items()
            if not p.startswith("0002") and not differential.tag_of(p).endswith("0000")}


def differences(mine, theirs):
    for path in sorted(set(mine) | set(theirs)):
        a, b = mine.get(path), theirs.get(path)
        if a is None or b is None or a.vr != b.vr or a.value != b.value or (
                a.length != b.length and a.vr != "SQ"):
            yield path, a, b


def convert(probe, jobs):
    lines = "".join("%s\t%s\t%s\n" % job for job in jobs)
    run = subprocess.run([probe, "convert"], input=lines, text=True, stdout=subprocess.PIPE, check=True)
    return run.stdout.splitlines()


A_FOLDER = 4  # files of one folder are much alike


def native(samples, probe):
    """Samples that can be written in every uncompressed syntax: no fragments, and a SOP instance."""
    taken = collections.Counter()
    names = [l.split("\t")[0] for l in (samples / "MANIFEST.tsv").read_text(encoding="utf-8").splitlines()[1:]]
    read = differential.ours(probe, [samples / n for n in names])
    for name in names:
        refusal, _, elements = read[str(samples / name)]
        if refusal is None and "00080018" in elements and "00080016" in elements and "00020010" in elements and all(
                e.vr != "pi" for e in elements.values()):
            taken[os.path.dirname(name)] += 1
            if taken[os.path.dirname(name)] <= A_FOLDER:
                yield name


class Report:
    def __init__(self):
        self.passed = self.failed = 0
        self.classes = collections.Counter()

    def verdict(self, good, line):
        self.passed += good
        self.failed += not good
        if not good:
            print("UNEXPECTED " + line)

    def compare(self, name, syntax, mine, theirs):
        unknown = []
        for path, a, b in differences(comparable(mine), comparable(theirs)):
            why = next((n for n, _, test in CLASSES if test(path, a, b, syntax)), None)
            if why is None:
                unknown.append("%s: %s / %s" % (path, differential.brief(a), differential.brief(b)))
            else:
                self.classes[why] += 1
        self.verdict(not unknown, "%s to %s: %d differ, first %s" % (name, syntax, len(unknown), "; ".join(unknown[:3])))


def refused_by_dcmdump(paths):
    """Those that dcmdump does not read; all at once first, which is faster."""
    def fails(some):
        return subprocess.run(["dcmdump", "-q"] + [str(p) for p in some], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode != 0
    return {p for p in paths if fails([p])} if paths and fails(paths) else set()


def run(samples, probe, folder):
    report = Report()
    names = list(native(samples, probe))
    for syntax, option in SYNTAXES.items():
        pairs = []
        for i, name in enumerate(names):
            ours, theirs = folder / ("%d.ours" % i), folder / ("%d.dcmtk" % i)
            made = subprocess.run(["dcmconv", "-q", option, str(samples / name), str(theirs)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
            pairs.append((name, ours, theirs, made))
        answers = convert(probe, [(syntax, samples / n, o) for n, o, _, _ in pairs])
        good = [p for p, a in zip(pairs, answers) if a.startswith("W ")]
        for (name, _, _, made), answer in zip(pairs, answers):
            if answer.startswith("E "):
                report.verdict(False, "%s to %s: %s" % (name, syntax, answer[2:]))
        read = differential.ours(probe, [o for _, o, _, _ in good] + [t for _, _, t, m in good if m])
        refused = refused_by_dcmdump([o for _, o, _, _ in good])
        for name, ours, theirs, made in good:
            report.verdict(ours not in refused, "%s to %s: dcmdump refuses ours" % (name, syntax))
            if made:
                report.compare(name, syntax, read[str(ours)][2], read[str(theirs)][2])
    for name, reason, _ in CLASSES:
        print("%6d x %s: %s" % (report.classes[name], name, reason))
    print("conversion: %d files to %d transfer syntaxes" % (len(names), len(SYNTAXES)))
    print("%d passed, %d failed" % (report.passed, report.failed))
    return 1 if report.failed else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=os.environ.get("MACLAB_BUILD", str(ROOT / "build")))
    parser.add_argument("samples", nargs="?", default=os.environ.get(
        "MACLAB_SAMPLES", str(ROOT.parent / "shared" / "dicom-samples")))
    options = parser.parse_args()
    samples = pathlib.Path(options.samples)
    if not (samples / "MANIFEST.tsv").is_file():
        differential.skip("no samples in %s" % samples)
    if differential.shutil.which("dcmconv") is None:
        differential.skip("no dcmconv (Debian's dcmtk)")
    with tempfile.TemporaryDirectory() as folder:
        return run(samples, os.path.join(options.build, "tests", "interop", "dcm_probe"), pathlib.Path(folder))


if __name__ == "__main__":
    sys.exit(main())
