# SPDX-License-Identifier: Apache-2.0
"""maclab check finds nothing in what maclab deid released of every sample, and finds what others leave.

usage: check.py [--build BUILD]. Environment: MACLAB_SAMPLES the folder. Exits 77 where the samples are not there.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLES = pathlib.Path(os.environ.get("MACLAB_SAMPLES", ROOT.parent / "shared" / "dicom-samples"))


def run(maclab, *words):
    done = subprocess.run([maclab, *map(str, words)], capture_output=True, text=True, timeout=900)
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return done.returncode, rows


def kinds_of(rows, file=""):
    return {row["kind"] for row in rows if "kind" in row and file in row["file"]}


def cases(maclab, work):
    """(name, True when it is as it should be)"""
    out = work / "out"
    subprocess.run([maclab, "deid", "--headers-only", "-q", "-o", out, SAMPLES], capture_output=True, timeout=900)
    code, rows = run(maclab, "check", "--json", "--headers-only", out)
    left = [row for row in rows if "kind" in row and "BurnedInAnnotation" not in row["where"]]
    for row in left[:10]:
        print(row)
    yield "nothing is left in what the gate released", not left and rows[-1]["files"] > 200

    code, rows = run(maclab, "check", "--json", "--headers-only", SAMPLES)
    yield "originals are full of them", code == 1 and rows[-1]["findings"] > 2000
    yield "no value is told unless it is asked for", all("value" not in row for row in rows)

    source = next(p for p in sorted(SAMPLES.rglob("*.dcm")) if "CT" in p.name and p.stat().st_size < 2000000
                  and subprocess.run(["dcmdump", "-q", "+P", "0010,0010", p], capture_output=True).stdout)
    plant = work / "943 476 5919.dcm"
    shutil.copy(source, plant)
    plant.chmod(0o644)
    subprocess.run(["dcmodify", "-nb", "-ie", "-m", "0010,0010=HAND^PETER", "-i", "0008,103e=chest Dr Whittaker",
                    "-i", "0010,0030=19560203", "-i", "0008,0080=Plughole Infirmary",
                    "-i", "0010,4000=lives at SW1A 1AA, 020 7946 0018", plant], check=True, capture_output=True)
    code, rows = run(maclab, "check", "--json", "--headers-only", plant)
    wanted = {"person-name", "birth-date", "institution", "address", "contact", "file-name"}
    yield "what dcmodify plants is found", code == 1 and wanted <= kinds_of(rows)

    half = work / "half.dcm"
    done = subprocess.run(["gdcmanon", "--dumb", "--empty", "10,10", "--empty", "10,20", "-i", plant, "-o", half],
                          capture_output=True)
    if done.returncode == 0 and half.exists():
        code, rows = run(maclab, "check", "--json", "--headers-only", half)
        wanted = {"birth-date", "institution", "address", "contact"}
        yield "what gdcmanon --dumb leaves is found", code == 1 and wanted <= kinds_of(rows)

    readme = work / "README"
    readme.write_text("no DICOM")
    yield "a named file must be DICOM", run(maclab, "check", readme)[0] == 2
    yield "misuse", run(maclab, "check")[0] == 2 and run(maclab, "check", "--no-such")[0] == 2


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    maclab = pathlib.Path(parser.parse_args().build).resolve() / "maclab"
    if not SAMPLES.is_dir():
        return 77
    good = bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, is_right in cases(str(maclab), pathlib.Path(folder)):
            print("ok" if is_right else "FAILED", name)
            good += is_right
            bad += not is_right
    print(f"{good} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
