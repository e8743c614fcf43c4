#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs everything that `make test` promises and closes with "N passed, N failed, N skipped".
A step is a command. The tests inside a step are counted from cmocka's lines, or from a closing line
"N passed, N failed[, N skipped]" of its own (several are added up); a step that prints neither counts as one test by its exit
status. A step whose exit status is not 0 has at least one failure.
Usage: run.py --build BUILD [--only WORD]"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
CLOSING = re.compile(r"^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$", re.M)


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []

    def add(self, name, passed, failed, skipped=0):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        if failed:
            self.failures.append(name)

    def step(self, name, output, status):
        closing = CLOSING.findall(output)
        if closing:
            passed, failed, skipped = (sum(int(line[i] or 0) for line in closing) for i in range(3))
        else:
            passed, failed, skipped = (1, 0, 0) if status == 0 else (0, 1, 0)
        if status not in (0, 77) and failed == 0:
            failed = 1
        if status == 77:
            passed, failed, skipped = 0, 0, 1
        self.add(name, passed, failed, skipped)
        return failed


def meson(tally, build, label):
    """One meson test run; counts cmocka's lines of each executable, else the executable itself."""
    began = time.monotonic()
    subprocess.run(["meson", "test", "-C", build, "--no-rebuild", "--print-errorlogs", "--num-processes", "2"],
                   stdout=subprocess.DEVNULL if label else None)
    log = pathlib.Path(build) / "meson-logs" / "testlog.json"
    for line in log.read_text(encoding="utf-8").splitlines():
        test = json.loads(line)
        output = test.get("stdout") or ""
        good = len(re.findall(r"^\[       OK \]", output, re.M))
        skipped = len(re.findall(r"^\[  SKIPPED \]", output, re.M)) // 2 or int(test["result"] == "SKIP")
        bad = len(set(re.findall(r"^\[  FAILED  \] (\w+)", output, re.M)))
        if test["result"] in ("FAIL", "TIMEOUT", "ERROR", "INTERRUPT"):
            bad = max(bad, 1)
            print("---- %s %s\n%s\n%s" % (label, test["name"], output[-4000:], (test.get("stderr") or "")[-4000:]))
        tally.add("%s %s" % (label, test["name"]), good or int(bad == 0 and not skipped), bad, skipped)
    print("%-28s %6.1f s" % ("meson test " + label, time.monotonic() - began), flush=True)


def command(tally, name, argv, timeout, environment):
    began = time.monotonic()
    try:
        run = subprocess.run(argv, cwd=ROOT, text=True, errors="replace", stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, timeout=timeout, env={**os.environ, **environment})
        output, status = run.stdout, run.returncode
    except subprocess.TimeoutExpired as e:
        output, status = str(e.stdout or "") + "\ntook longer than %d s" % timeout, 1
    failed = tally.step(name, output, status)
    if failed:
        print("---- %s\n%s" % (name, output[-12000:]))
    for line in re.findall(r"^.*\bskipped: .*$", output, re.M):
        print("    " + line)
    print("%-28s %6.1f s%s" % (name, time.monotonic() - began, "  FAILED" if failed else ""), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    build = str(pathlib.Path(options.build).resolve())
    samples = pathlib.Path(os.environ.get("MACLAB_SAMPLES", ROOT.parent / "shared" / "dicom-samples"))
    environment = {"MACLAB": build + "/maclab", "MACLAB_BUILD": build, "MACLAB_SAMPLES": str(samples)}
    os.environ.update(environment)
    tally = Tally()
    steps = json.loads((ROOT / "tests" / "steps.json").read_text(encoding="utf-8"))
    if not options.only:
        meson(tally, build, "gcc")
        meson(tally, build + "/asan", "clang-asan-ubsan")
    for step in steps:
        if options.only in step["name"]:
            argv = [a.replace("@BUILD@", build) for a in step["run"]]
            # Steps that must see again what they sent take the program without the whole gate.
            program = {"MACLAB": build + "/tests/maclab-as-sent"} if step.get("as_sent") else {}
            command(tally, step["name"], argv, step.get("timeout", 300), {**environment, **program})
    if tally.failures:
        print("failed: " + ", ".join(tally.failures))
    print("%d passed, %d failed, %d skipped" % (tally.passed, tally.failed, tally.skipped))
    return 1 if tally.failed else 0


sys.exit(main())
