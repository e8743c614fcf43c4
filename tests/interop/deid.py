#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`maclab deid` from outside, by its contract: report, exit statuses, names, untouched inputs, the same
bytes under the same key, runs that are repeated or killed, nothing identifying in anything that a run
writes; every sample file has a verdict, and other software reads what comes out.

usage: deid.py --build DIR   (DIR/maclab, DIR/maclab-reader)
"""
import argparse
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time

import gdcm
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

SAMPLES = pathlib.Path(os.environ.get("MACLAB_SAMPLES", pathlib.Path(__file__).resolve().parents[3] / "shared" / "dicom-samples"))
VERDICTS = ("released", "held", "refused")
NAME = re.compile(r"CASE-[0-9A-Z]{4}-[0-9A-Z]{6}/2\.25\.\d+/2\.25\.\d+/2\.25\.\d+\.dcm")
PLANTED = (b"Featherstonehaugh", b"FEATHERSTONEHAUGH", b"Zebedee", b"QX7731945", b"1.2.826.0.1.3680043.2.1143.99",
           b"19580314", b"20260418")
passed = 0
faults = 0


def check(good, what):
    global passed, faults
    passed += bool(good)
    faults += not good
    if not good:
        print("FAIL " + what)


def digests(folder):
    return {str(p.relative_to(folder)): (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns)
            for p in sorted(folder.rglob("*")) if p.is_file()}


def contents(folder):
    return {name: facts[0] for name, facts in digests(folder).items()}


class Tool:
    def __init__(self, build, work):
        self.program = str(build / "maclab")
        self.work = work
        self.state = work / "state"

    def start(self, *words, **more):
        environment = dict(os.environ, XDG_STATE_HOME=str(self.state))
        return subprocess.Popen([self.program, "deid", *map(str, words)], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env=environment, **more)

    def run(self, *words):
        process = self.start(*words)
        out, err = process.communicate(timeout=900)
        return process.returncode, out, err


def image(folder, name, number, study="1", date="20260418", rows=64):
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    root = "1.2.826.0.1.3680043.2.1143.99."
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"{root}{study}.1.{number}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = root + study, f"{root}{study}.1"
    ds.Modality, ds.PatientName, ds.PatientID = "CT", "Featherstonehaugh^Zebedee", "QX7731945"
    ds.PatientBirthDate, ds.PatientSex, ds.PatientAge = "19580314", "M", "068Y"
    ds.StudyDate, ds.StudyTime, ds.AccessionNumber, ds.StudyID = date, "101500", "RAD20260418877", "S1"
    ds.ReferringPhysicianName = "Okafor^Chidi"
    ds.StudyDescription, ds.SeriesNumber, ds.InstanceNumber = "CT Chest, Zebedee Featherstonehaugh", 1, number
    ds.ImagePositionPatient, ds.ImageOrientationPatient = [0, 0, number], [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing, ds.SliceThickness, ds.FrameOfReferenceUID = [1, 1], 1, root + "9"
    ds.Rows = ds.Columns = rows
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.RescaleIntercept, ds.RescaleSlope = -1024, 1
    noise = np.random.default_rng(number).normal(1040, 12, (rows, rows)).clip(0, 4095)
    ds.PixelData = noise.astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"
    ds.is_little_endian, ds.is_implicit_VR = True, False
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, write_like_original=False)
    return path


def corpus(folder, count=12):
    for i in range(1, count + 1):
        image(folder, f"FEATHERSTONEHAUGH_Zebedee/CT/{i:03d}.dcm", i)
    (folder / "README").write_text("Zebedee Featherstonehaugh, QX7731945\n")
    (folder / "empty").write_bytes(b"")


def lines_of(report):
    return [json.loads(line) for line in report.read_text().splitlines()]


def test_contract(tool, work):
    source, out, report = work / "in", work / "out", work / "report.jsonl"
    corpus(source)
    before = digests(source)
    code, _, err = tool.run("-o", out, "--report", report, source)
    check(code == 1, f"a refused README makes it 1, not {code}: {err[-300:]}")
    check(digests(source) == before, "inputs are as they were, times too")
    lines = lines_of(report)
    check(sorted(l["input"] for l in lines) == sorted(before), "one line an input, relative to PATH")
    named = {l["input"]: l for l in lines}
    check(named["README"]["verdict"] == "refused" and named["README"]["reasons"] == ["not-dicom"], "README: not-dicom")
    check(named["empty"]["reasons"] == ["empty"], "empty: empty")
    images = [l for l in lines if l["input"].endswith(".dcm")]
    check(all(l["verdict"] == "released" for l in images), f"all images are released: {images[0]}")
    for l in lines:
        check(set(l) >= {"input", "output", "verdict", "reasons", "findings"} and l["verdict"] in VERDICTS, "members of a line")
        check((l["output"] is not None) == (l["verdict"] == "released"), "an output exactly when released")
        check(bool(l["reasons"]) == (l["verdict"] != "released"), "a reason exactly when not released")
        check(all(set(f) >= {"where", "kind"} for f in l["findings"]), "members of a finding")
    there = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()}
    check(there == {l["output"] for l in images}, "in OUT lies what the report says and nothing else")
    check(all(NAME.fullmatch(name) for name in there), f"names are pseudonyms and new UIDs: {sorted(there)[:1]}")
    check(len({name.split("/")[0] for name in there}) == 1, "one patient, one folder")
    check(not [p for p in work.iterdir() if "part" in p.name], "nothing is left beside OUT")
    return images


def test_nothing_identifying(tool, work):
    for place in (work / "out", tool.state):
        for path in place.rglob("*"):
            text = (path.read_bytes() if path.is_file() else b"") + os.fsencode(str(path.relative_to(work)))
            check(not [p for p in PLANTED if p in text], f"{path.relative_to(work)} names nobody")
    for line in lines_of(work / "report.jsonl"):
        del line["input"]
        text = json.dumps(line).encode()
        check(not [p for p in PLANTED if p in text], "a report line names nobody but in its input")
    code, out, err = tool.run("-o", work / "out-said", work / "in")
    check(not [p for p in PLANTED if p in out + err], "nor does what is said on the terminal's streams")


def test_files_are_read(work):
    for path in (work / "out").rglob("*.dcm"):
        ds = pydicom.dcmread(path)
        check(ds.PatientIdentityRemoved == "YES" and ds.pixel_array.shape == (64, 64), "pydicom reads what came out")
        reader = gdcm.ImageReader()
        reader.SetFileName(str(path))
        check(reader.Read(), "gdcm reads what came out")
        check(path.read_bytes()[:128] == bytes(128), "the preamble is empty")
        break
    same = 0
    originals = {pydicom.dcmread(p).PixelData for p in (work / "in").rglob("*.dcm")}
    for path in (work / "out").rglob("*.dcm"):
        same += pydicom.dcmread(path).PixelData in originals
    check(same == 12, f"pixels are bit for bit as they came: {same} of 12")


def test_repeat(tool, work):
    before = digests(work / "out")
    again = work / "again.jsonl"
    code, out, _ = tool.run("-o", work / "out", "--report", again, work / "in")
    check(code == 1 and digests(work / "out") == before, "the same run again changes nothing")
    check(lines_of(again) == lines_of(work / "report.jsonl"), "and says the same")
    keys = [p for p in tool.state.rglob("key")]
    check(keys == [], "no key is left behind a run that ended")
    image(work / "in", "FEATHERSTONEHAUGH_Zebedee/CT/099.dcm", 99)
    code, _, err = tool.run("-o", work / "out", work / "in")
    check(code == 2 and b"key" in err, f"more files of the same people need the key: {code}")
    check(digests(work / "out") == before, "and nothing was changed")
    (work / "in/FEATHERSTONEHAUGH_Zebedee/CT/099.dcm").unlink()


def test_key(tool, work):
    key = work / "trust.key"
    source = work / "in"
    code, _, _ = tool.run("-k", key, "-o", work / "k1", source)
    check(code == 1 and stat.S_IMODE(key.stat().st_mode) == 0o600, "a key file is made, 0600")
    mixed = work / "mixed"
    for n, path in enumerate(sorted(source.rglob("*.dcm"), reverse=True)):  # another order, other names
        target = mixed / f"{n:04d}"
        target.parent.mkdir(exist_ok=True)
        shutil.copy(path, target)
    code, _, _ = tool.run("-k", key, "--jobs", 1, "-o", work / "k2", mixed)
    check(code == 0, f"all released: 0, not {code}")
    check(contents(work / "k1") == contents(work / "k2"), "the same key gives the same bytes, whatever order and threads")
    before = digests(work / "k2")
    code, _, _ = tool.run("-k", key, "-o", work / "k2", mixed)
    check(code == 0 and digests(work / "k2") == before, "again: nothing is touched")
    check(set(contents(work / "k1")).isdisjoint(contents(work / "out")), "another key, other names")
    key.chmod(0o644)
    code, _, err = tool.run("-k", key, "-o", work / "k3", mixed)
    check(code == 2 and b"read" in err, "a key that others may read is refused")
    key.chmod(0o600)
    key.write_text("short\n")
    code, _, _ = tool.run("-k", key, "-o", work / "k3", mixed)
    check(code == 2, "a file that is no key is refused")


def test_misuse(tool, work):
    source = work / "in"
    for words, what in (((source,), "no OUT"), (("-o", work / "x"), "no PATH"), (("--nonsense", "-o", work / "x", source), "an unknown option"),
                        (("-o", source / "out", source), "OUT inside of PATH"), (("-o", work, source), "PATH inside of OUT"),
                        (("-p", source / "README", "-o", work / "x", source), "a profile that is none"),
                        (("-c", "page.txt", "-o", work / "x", source), "a certificate that is neither page nor JSON")):
        code, out, err = tool.run(*words)
        check(code == 2 and err.startswith(b"maclab: ") and out == b"", f"{what} is misuse: {code}")
    check(not (source / "out").exists() or not any((source / "out").iterdir()), "nothing was written into an input folder")
    shutil.rmtree(source / "out", ignore_errors=True)
    code, _, _ = tool.run("-o", work / "none", work / "nothing-here")
    check(code == 1, f"a PATH that is not there: 1, not {code}")


def test_killed(tool, work):
    source, out = work / "many", work / "resumed"
    for i in range(1, 61):
        image(source, f"s{i % 3}/{i:03d}.dcm", i, rows=256)
    process = tool.start("-o", out, source)
    part = work / "resumed.maclab-part"
    for _ in range(6000):  # until it is at work and not yet done
        if process.poll() is not None or (part.is_dir() and len(list(part.iterdir())) >= 3):
            break
        time.sleep(0.01)
    check(process.poll() is None, "it is killed while it works")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    time.sleep(0.5)
    check(all(NAME.fullmatch(str(p.relative_to(out))) for p in out.rglob("*") if p.is_file()), "a killed run leaves whole files only")
    keys = [p.read_bytes() for p in tool.state.rglob("key")]
    check(all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in tool.state.rglob("key")), "its key lies 0600")
    early = contents(out)
    code, _, err = tool.run("-o", out, source)
    check(code == 0, f"it goes on: {code} {err[-200:]}")
    late = contents(out)
    check(len(late) == 60 and all(late.get(k) == v for k, v in early.items()), "with the same pseudonyms")
    check(len(keys) == 1 and not list(tool.state.rglob("key")), "and destroys the key at its end")
    check(not [p for p in work.iterdir() if "part" in p.name], "what the killed one left is gone")


def test_weakened(tool, work):
    code, out, err = tool.run("--headers-only", "-c", work / "c.json", "-c", work / "c.pdf", "--report", work / "h.jsonl", "-o", work / "h", work / "many")
    check(code == 0 and b"weaker" in err, "--headers-only warns")
    check(b"weakened" in out, "the summary says so")
    certificate = json.loads((work / "c.json").read_text())
    check(certificate["profile"]["weakened"] is True and certificate["counts"]["released"] == 60, "so does the certificate")
    check((work / "c.pdf").read_bytes().startswith(b"%PDF-"), "a page is made")
    check("113101" not in certificate["methods"], "clean pixel data is not claimed by it")
    for line in lines_of(work / "h.jsonl"):
        check("113101" not in line["methods"], "nor by a line")
    ds = pydicom.dcmread(next((work / "h").rglob("*.dcm")))
    codes = [c.CodeValue for c in ds.DeidentificationMethodCodeSequence]
    check("113101" not in codes and ds.get("BurnedInAnnotation", "") != "NO", "nor by an instance")
    check("weak" in str(ds.DeidentificationMethod).lower(), "whose method text says that the profile was weakened")


def gdcm_reads(path):
    reader = gdcm.Reader()
    reader.SetFileName(str(path))
    return reader.Read()


def errors_of(path):
    said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, errors="replace")
    return {re.sub(r"<[^>]*>|\d+(\.\d+){3,}", "<>", line) for line in (said.stdout + said.stderr).splitlines() if line.startswith("Error")}


def test_samples(tool, work):
    out, report = work / "samples", work / "samples.jsonl"
    before = {str(p): p.stat().st_mtime_ns for p in SAMPLES.rglob("*") if p.is_file()}
    code, _, _ = tool.run("-q", "--report", report, "-o", out, SAMPLES)
    lines = lines_of(report)
    check(code == 1 and len(lines) == len(before), f"every sample has a line: {len(lines)} of {len(before)}")
    check({str(p): p.stat().st_mtime_ns for p in SAMPLES.rglob("*") if p.is_file()} == before, "no sample was touched")
    dead = [l["input"] for l in lines if l.get("error", {}).get("code") in ("E_CRASHED", "E_TIMEOUT", "E_MEMORY", "E_INTERNAL")]
    check(not dead, f"no worker died or ran out: {dead[:5]}")
    new = {}
    for line in lines:
        if line["verdict"] != "released":
            continue
        path = out / line["output"]
        try:
            pydicom.dcmread(path, stop_before_pixels=True)
        except Exception as e:  # noqa: BLE001 - whatever it says is a fault of the file
            check(False, f"pydicom reads {line['input']}: {e}")
        check(gdcm_reads(path) or not gdcm_reads(SAMPLES / line["input"]), f"gdcm reads what came of {line['input']}")
        if shutil.which("dciodvfy"):
            fresh = errors_of(path) - errors_of(SAMPLES / line["input"])
            if fresh:
                new[line["input"]] = sorted(fresh)
    check(not new, f"no new error of dciodvfy: {len(new)} files, {list(new.items())[:3]}")


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--build", type=pathlib.Path, required=True)
    words.add_argument("--no-samples", action="store_true")
    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()
    chosen = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        tool = Tool(chosen.build.resolve(), work)
        test_contract(tool, work)
        test_nothing_identifying(tool, work)
        test_files_are_read(work)
        test_repeat(tool, work)
        test_key(tool, work)
        test_misuse(tool, work)
        test_killed(tool, work)
        test_weakened(tool, work)
        if SAMPLES.is_dir() and not chosen.no_samples:
            test_samples(tool, work)
    print(f"{passed} passed, {faults} failed")
    return 1 if faults else 0


sys.exit(main())
