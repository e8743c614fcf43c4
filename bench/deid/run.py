#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The de-identification benchmark in one call: makes the corpus, runs `maclab deid`, gdcmanon and Orthanc's anonymiser over it, scores each and
prints the tables. Asserts nothing; `--strict` fails when MacLab leaks. Usage: run.py BUILD [--cases N] [--seed S] [--only maclab] [--site NAME] [--work DIR]"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "tests" / "interop")]
import score as scoring  # noqa: E402

CASES, SEED = 5000, 20261122
DUMB = ["--empty 10,10", "--empty 10,20", "--empty 10,30", "--empty 8,50", "--empty 8,90", "--empty 8,20", "--empty 8,30", "--remove 8,80", "--remove 8,1010",
        "--remove 10,1010", "--remove 10,1030", "--remove 8,21", "--remove 8,31", "--remove 8,22", "--remove 8,32"]


def maclab(build, corpus, work):
    report = work / "report.jsonl"
    run = subprocess.run([str(build / "maclab"), "deid", "--quiet", "--report", str(report), "-o", str(work / "out"), str(corpus / "in")], capture_output=True, text=True)
    if run.returncode not in (0, 1):
        raise RuntimeError(run.stderr)
    outputs = {}
    for line in open(report, encoding="utf-8"):
        r = json.loads(line)
        outputs[r["input"].split("/")[0]] = (str(work / "out" / r["output"]) if r["output"] else None, r["verdict"])
    return outputs


def same_names(corpus, out):
    outputs = {}
    for path in sorted((corpus / "in").rglob("*")):
        if path.is_file():
            made = out / path.relative_to(corpus / "in")
            good = made.is_file() and made.stat().st_size > 0
            outputs[path.parent.name] = (str(made) if good else None, "released" if good else "none")
    return outputs


def gdcm_dumb(build, corpus, work):
    subprocess.run(["gdcmanon", "--dumb", *" ".join(DUMB).split(), "-r", "--continue", "-i", str(corpus / "in"), "-o", str(work / "out")], capture_output=True)
    return same_names(corpus, work / "out")


def gdcm_basic(build, corpus, work):
    key, certificate = work / "k.pem", work / "c.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=bench"], check=True, capture_output=True)
    subprocess.run(["gdcmanon", "-e", "-c", str(certificate), "-r", "--continue", "-i", str(corpus / "in"), "-o", str(work / "out")], capture_output=True)
    return same_names(corpus, work / "out")


def orthanc(build, corpus, work):
    import lib_peers

    def post(path, body):
        with urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:%d%s" % (server.http_port, path), data=body, method="POST")) as answer:
            return answer.read()

    outputs = {}
    (work / "out").mkdir()
    with lib_peers.Orthanc(OverwriteInstances=True) as server:
        for path in sorted((corpus / "in").rglob("*")):
            if path.is_file():
                out = work / "out" / path.parent.name
                try:
                    out.write_bytes(post("/instances/%s/anonymize" % json.loads(post("/instances", path.read_bytes()))["ID"], b"{}"))
                    outputs[path.parent.name] = (str(out), "released")
                except (urllib.error.HTTPError, KeyError):
                    outputs[path.parent.name] = (None, "none")
    return outputs


TOOLS = {"maclab": maclab, "gdcmanon-15-tags": gdcm_dumb, "gdcmanon-basic": gdcm_basic, "orthanc": orthanc}


def new_errors(corpus, outputs, limit):
    """Instances of the first `limit` released ones for which dciodvfy has an error that it has not for the input."""
    def errors(path):
        run = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, text=True, errors="replace")
        return {line for line in run.stderr.split("\n") + run.stdout.split("\n") if line.startswith("Error")}
    bad, seen = [], 0
    inputs = {json.loads(line)["case"]: json.loads(line)["file"] for line in open(corpus / "key.jsonl", encoding="utf-8")}
    for case, (path, _) in outputs.items():
        if path is not None and seen < limit:
            seen += 1
            more = errors(path) - errors(corpus / "in" / inputs[case])
            bad += [(case, sorted(more))] if more else []
    return bad, seen


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("build", type=pathlib.Path)
    a.add_argument("--cases", type=int, default=CASES)
    a.add_argument("--seed", type=int, default=SEED)
    a.add_argument("--only")
    a.add_argument("--site")
    a.add_argument("--samples", help="real files for half of the pictures")
    a.add_argument("--strict", action="store_true")
    a.add_argument("--dciodvfy", type=int, default=300)
    a.add_argument("--work", type=pathlib.Path, default=pathlib.Path(os.environ.get("BENCH_WORK", tempfile.gettempdir())) / "maclab-bench-deid")
    a = a.parse_args()
    build = a.build.resolve()
    corpus = a.work / ("corpus-%d-%d-%s" % (a.cases, a.seed, (a.site or "all") + ("-real" if a.samples else "")))
    if not (corpus / "key.jsonl").exists() or sum(1 for _ in open(corpus / "key.jsonl", encoding="utf-8")) != a.cases:
        shutil.rmtree(corpus, ignore_errors=True)
        extra = (["--site", a.site] if a.site else []) + (["--samples", a.samples] if a.samples else [])
        a.work.mkdir(parents=True, exist_ok=True)
        subprocess.run([str(HERE / "make.py"), str(corpus), str(a.cases), str(a.seed), "--maclab", str(build / "maclab"), *extra], check=True)
    leaks = 0
    for name, tool in TOOLS.items():
        if a.only and a.only != name:
            continue
        work = a.work / ("run-" + name)
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        began = time.monotonic()
        outputs = tool(build, corpus, work)
        took = time.monotonic() - began
        (work / "outputs.json").write_text(json.dumps(outputs))
        results = scoring.score(corpus, outputs)
        (work / "results.jsonl").write_text("".join(json.dumps(r) + "\n" for r in results))
        print("\n== %s: %.1f s, %.0f files/s" % (name, took, a.cases / took))
        scoring.table(results)
        bad, seen = new_errors(corpus, outputs, a.dciodvfy)
        print("dciodvfy: %d of %d outputs have an error that their input has not" % (len(bad), seen), flush=True)
        (work / "dciodvfy.json").write_text(json.dumps(bad, indent=1))
        leaks += name == "maclab" and any(r["leaks"] for r in results)
    return 1 if a.strict and leaks else 0


if __name__ == "__main__":
    sys.exit(main())
