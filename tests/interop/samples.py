#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Imports every real file of the samples and holds each verdict against samples_verdicts.tsv: the files
that are refused, with the reason's code. Of several files with one SOP Instance UID one is stored and
the others are duplicates or conflicts; everything else is stored. Then a second import finds nothing new,
and `maclab verify` nothing wrong. Skipped where the samples are not.
Usage: samples.py --build BUILD [--write]     (--write makes the table anew, to be read before it is kept)"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TABLE = HERE / "samples_verdicts.tsv"
SAMPLES = pathlib.Path(os.environ.get("MACLAB_SAMPLES", HERE.parents[2] / "shared" / "dicom-samples"))


def run(program, *words):
    return subprocess.run((program,) + words, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=300)


def import_all(program, data, folders):
    told = run(program, "import", "--data", data, "--json", *folders)
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    return {os.path.relpath(l["path"], SAMPLES): l for l in lines if "path" in l}, told


def expected():
    with open(TABLE, encoding="utf-8") as f:
        rows = [line.rstrip("\n").split("\t") for line in f if not line.startswith("#")]
    return {row[0]: row[1] for row in rows}


def compare(verdicts, refused):
    faults = []
    groups = {}
    for path, line in sorted(verdicts.items()):
        if (line["verdict"] == "refused") != (path in refused):
            faults.append("%s: %s (%s), expected %s" % (path, line["verdict"], line.get("message"),
                                                        refused.get(path, "no refusal")))
        elif path in refused and line["reason"] != refused[path]:
            faults.append("%s: %s, expected %s" % (path, line["reason"], refused[path]))
        elif path not in refused:
            groups.setdefault(line["sop_instance"], []).append(line["verdict"])
    for uid, seen in groups.items():
        if seen.count("stored") != 1 or any(v not in ("stored", "duplicate", "conflict") for v in seen):
            faults.append("%s: %s" % (uid, seen))
    faults += ["%s: no verdict" % path for path in refused if path not in verdicts]
    return faults


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--build", required=True)
    words.add_argument("--write", action="store_true")
    given = words.parse_args()
    program = os.path.join(given.build, "tests", "maclab-as-sent")  # verdicts on structure; the whole gate has tests of its own
    if not SAMPLES.is_dir():
        print("samples: no %s" % SAMPLES)
        print("0 passed, 0 failed, 1 skipped")
        return 0
    folders = [str(p) for p in sorted(SAMPLES.iterdir()) if p.is_dir() and p.name != "LICENCES"]
    data = tempfile.mkdtemp(prefix="maclab-samples-")
    try:
        verdicts, told = import_all(program, data, folders)
        if given.write:
            with open(TABLE, "w", encoding="utf-8") as f:
                f.write("# file\treason of refusal\n")
                for path, line in sorted(verdicts.items()):
                    if line["verdict"] == "refused":
                        f.write("%s\t%s\n" % (path, line["reason"]))
        faults = compare(verdicts, expected())
        again, second = import_all(program, data, folders)
        new = [p for p, l in again.items() if l["verdict"] in ("stored", "failed")]
        faults += ["%s: stored by the second import" % p for p in new]
        clean = run(program, "verify", "--data", data)
        if clean.returncode != 0:
            faults.append(clean.stdout + clean.stderr)
        if told.returncode != 1 or second.returncode != 1:
            faults.append("exit status %d and %d, expected 1" % (told.returncode, second.returncode))
        for fault in faults:
            print("samples: %s" % fault)
        print("%d passed, %d failed" % (len(verdicts) + 2 - len(faults), len(faults)))
        return 1 if faults else 0
    finally:
        shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
