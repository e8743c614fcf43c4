# SPDX-License-Identifier: Apache-2.0
"""What the DICOM benchmarks share: the corpus, the peers (of tests/interop), one run of a client, ratios."""
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "interop"))


def setup(build):
    """The folder for work, after the paths are set; lib_peers reads them when it is imported."""
    os.environ.setdefault("MACLAB", str(pathlib.Path(build).resolve() / "tests" / "maclab-as-sent"))
    work = pathlib.Path(os.environ.get("BENCH_WORK", os.path.join(tempfile.gettempdir(), "maclab-bench-dimse")))
    work.mkdir(parents=True, exist_ok=True)
    return work


def corpus(work, files):
    """Paths of so many CT of 530 kB with 277 elements in their headers, 100 a study; made once."""
    stamp = work / "made"
    if not stamp.exists() or stamp.read_text() != str(files):
        shutil.rmtree(work / "ct", ignore_errors=True)
        subprocess.run(["/usr/bin/python3", str(HERE / "peers" / "make_ct.py"), str(work / "ct"), str(files)], check=True)
        stamp.write_text(str(files))
    paths = sorted(p for p in (work / "ct").rglob("*") if p.is_file())
    for path in paths:  # warm
        path.read_bytes()
    return paths


class Run:
    """What dimse_peer printed."""

    def __init__(self, line):
        images, failures, self.bytes, wall, cpu = line.split()
        self.images, self.failures, self.wall, self.cpu = int(images), int(failures), float(wall), float(cpu)
        self.rate = self.images / self.wall


def client(build, *words, timeout=300):
    program = pathlib.Path(build).resolve() / "bench" / "dimse_peer"
    run = subprocess.run([str(program), *map(str, words)], capture_output=True, text=True, timeout=timeout)
    if run.returncode != 0:
        raise RuntimeError("%s: %s" % (" ".join(map(str, words[:3])), run.stderr.strip()))
    return Run(run.stdout)


class Timed:
    """Wall time of a foreign command and what it printed."""

    def __init__(self, *words, environment=None, timeout=300):
        began = time.monotonic()
        run = subprocess.run([str(w) for w in words], capture_output=True, text=True, errors="replace", timeout=timeout,
                             env=environment)
        self.wall = time.monotonic() - began
        self.output, self.status = run.stdout + run.stderr, run.returncode


def median(values):
    return statistics.median(values) if values else float("nan")


def spread(values):
    return "%.0f (%.0f-%.0f)" % (median(values), min(values), max(values)) if values else "failed"


def bar(what, ours, theirs, asked):
    """A line with the ratio and what was asked beside it."""
    if not ours or not theirs:
        print("%-58s no figure" % what)
        return
    ratio = median(ours) / median(theirs)
    print("%-58s %6.2f  (asked: %s) %s" % (what, ratio, asked, "" if ratio >= asked else "  BELOW"))
