#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""DICOMDIR against pydicom and DCMTK. A medium made by us of samples of many kinds must load as a
FileSet in pydicom with every instance where it lies, link by link in dcmdump, and have the records that
dcmmkdir makes of the same files. Every directory among the samples must give the files that pydicom
finds in it. Environment: MACLAB_BUILD, MACLAB_SAMPLES."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import warnings

try:
    import pydicom
    from pydicom.fileset import FileSet
except ImportError:
    print("DICOMDIR skipped: no pydicom in this python3")
    sys.exit(77)

warnings.simplefilter("ignore")
ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MACLAB_BUILD", ROOT / "build"))
SAMPLES = pathlib.Path(os.environ.get("MACLAB_SAMPLES", ROOT.parent / "shared" / "dicom-samples"))
PROBE = str(BUILD / "tests" / "interop" / "dicomdir_probe")
MEMBERS = ["dicomdir/three-patients/77654033", "dicomdir/three-patients/98892001", "sr-ko-pr-seg", "rt", "pdf",
           "waveform", "enhanced", "charsets", "us"]

faults = []
passed = 0


def check(good, what):
    global passed
    if good:
        passed += 1
    else:
        faults.append(what)
        print("FAIL " + what)


def run(argv, **more):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", **more)


def usable(path, seen):
    """Files that can be members: identified, new, of a class that both tools have a record for."""
    try:
        d = pydicom.dcmread(path, stop_before_pixels=True)
    except Exception:
        return False
    uids = [d.get(k) for k in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")]
    if not all(uids) or d.file_meta.get("MediaStorageSOPInstanceUID") != uids[1] or uids[1] in seen:
        return False
    if uids[0] in ("1.2.840.10008.1.3.10", "1.2.840.10008.5.1.4.1.1.91.1"):
        return False  # a directory; and pydicom 2.3 does not know ANNOTATION records
    seen.add(uids[1])
    return True


def lay_out(folder):
    names = []
    seen = set()
    for member in MEMBERS:
        for path in sorted((SAMPLES / member).rglob("*")):
            if path.is_file() and usable(path, seen):
                name = "DIR%02d/F%05d" % (len(names) // 10, len(names))
                target = folder / name
                target.parent.mkdir(exist_ok=True)
                shutil.copyfile(path, target)
                names.append(name)
    return names


def outline(path):
    """(type, keys that identify) of each record with its file, from pydicom's plain reading."""
    rows = []
    for record in pydicom.dcmread(path).DirectoryRecordSequence:
        kind = record.DirectoryRecordType
        file_id = record.get("ReferencedFileID")
        file_id = "/".join([file_id] if isinstance(file_id, str) else file_id) if file_id else ""
        key = {"PATIENT": "PatientID", "STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID"}.get(kind)
        rows.append((kind, str(record.get(key, "")) if key else file_id))
    return sorted(rows)


def check_made(folder):
    names = lay_out(folder)
    made = run([PROBE, "make", str(folder)] + names)
    check(made.returncode == 0, "making a directory of %d files: %s" % (len(names), made.stderr))
    if made.returncode != 0:
        return
    ours = folder / "DICOMDIR"
    files = FileSet(str(ours))
    check(len(files) == len(names), "pydicom sees %d of %d instances" % (len(files), len(names)))
    for instance in files:
        there = pydicom.dcmread(instance.path, stop_before_pixels=True)
        check(there.SOPInstanceUID == instance.SOPInstanceUID and
              there.file_meta.TransferSyntaxUID == instance.ReferencedTransferSyntaxUIDInFile,
              "record of %s" % instance.path)
    dump = run(["dcmdump", str(ours)])
    check(dump.returncode == 0 and dump.stderr.strip() == "", "dcmdump: " + dump.stderr)
    if shutil.which("dciodvfy"):
        verdict = run(["dciodvfy", str(ours)])
        # what an instance lacks its record cannot have, and a bad UID stays one
        own = ("Error - Empty attribute (no value) Type 1 ", "Error - Value invalid for this VR - (0x0004,0x1511)",
               "Error - Dicom dataset contains invalid data values")
        errors = [line for line in (verdict.stdout + verdict.stderr).splitlines()
                  if line.startswith("Error") and not line.startswith(own)]
        for line in sorted(set(errors)):
            print("    dciodvfy: " + line)
        check(not errors, "dciodvfy finds %d errors" % len(errors))
    read = run([PROBE, "read", str(ours)])
    check(read.returncode == 0 and "!" not in read.stdout, "reading our own: " + read.stdout[-300:])
    check(len(re.findall(r"(?m)^ *\S.* (\S+/\S+) @", read.stdout)) == len(names), "our own files")
    theirs = folder / "DCMTK"
    peer = run(["dcmmkdir", "+I", "-W", "-Pgp", "+D", str(theirs), "+id", str(folder)] + names, cwd=folder)
    if not theirs.exists():
        print("    dcmmkdir made none: " + peer.stderr[-300:])
        return
    peers = set(outline(theirs))
    mine = set(outline(ours))
    for row in sorted(peers - mine):
        check(row[0] not in ("IMAGE", "SERIES", "STUDY"), "dcmmkdir has %s %s, we have not" % row)
    print("    %d records made, %d by dcmmkdir, %d in both" % (len(mine), len(peers), len(peers & mine)))


def file_ids(path):
    out = []
    for record in pydicom.dcmread(path, force=True).get("DirectoryRecordSequence", []):
        file_id = record.get("ReferencedFileID")
        if file_id:
            out.append("/".join([file_id] if isinstance(file_id, str) else list(file_id)))
    return sorted(out)


def check_samples():
    folders = [SAMPLES / "dicomdir", SAMPLES / "ct" / "philips-skull-phantom-study"]
    for folder in folders:
        for path in sorted(folder.rglob("DI*FIL*")) + sorted(folder.rglob("DICOMDIR*")):
            read = run([PROBE, "read", str(path)])
            check(read.returncode == 0, "reading %s: %s" % (path.name, read.stderr))
            ours = sorted(re.findall(r"(?m)^ *\S.*? (\S+) @\d+$", read.stdout))
            ours = [f for f in ours if f != "-"]
            check(ours == file_ids(path), "files of %s" % path.relative_to(SAMPLES))


def main():
    if not SAMPLES.is_dir():
        print("DICOMDIR skipped: no samples at MACLAB_SAMPLES")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        check_made(pathlib.Path(folder))
    check_samples()
    print("%d passed, %d failed" % (passed, len(faults)))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
