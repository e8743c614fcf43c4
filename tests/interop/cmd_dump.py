#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`maclab dump` from outside: options, exit statuses, many files, standard input, what it says of bad
files. Needs nothing but the program. Environment: MACLAB the program."""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
MACLAB = os.environ.get("MACLAB", str(ROOT / "build" / "maclab"))
passed = 0
faults = 0


def check(good, what):
    global passed, faults
    passed += bool(good)
    faults += not good
    if not good:
        print("FAIL " + what)


def element(tag, vr, value):
    value += (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    if vr in ("OB", "OW", "UN"):
        return head + b"\0\0" + struct.pack("<I", len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def part10(name):
    meta = element(0x00020001, "OB", b"\0\1") + element(0x00020010, "UI", b"1.2.840.10008.1.2.1")
    return (bytes(128) + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(meta))) + meta +
            element(0x00100010, "PN", name) + element(0x00291001, "UN", b"\1\2\3\4") +
            element(0x7FE00010, "OW", bytes(64)))


def dump(*words, **more):
    return subprocess.run([MACLAB, "dump", *map(str, words)], stdout=more.pop("stdout", subprocess.PIPE),
                          stderr=subprocess.PIPE, **more)


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        good, other, cut, none = (folder / n for n in ("good.dcm", "other.dcm", "cut.dcm", "none.dcm"))
        good.write_bytes(part10(b"Doe^Jane"))
        other.write_bytes(part10(b"Roe^Richard"))
        cut.write_bytes(part10(b"Doe^Jane")[:-30])
        (folder / "text.txt").write_text("no DICOM at all\n")

        r = dump("--help")
        check(r.returncode == 0 and r.stdout.startswith(b"Usage: maclab dump"), "--help")
        r = dump()
        check(r.returncode == 2 and r.stderr.startswith(b"maclab: ") and r.stdout == b"", "no file is misuse")
        r = dump("--nonsense", good)
        check(r.returncode == 2 and b"--nonsense" in r.stderr, "an unknown option is misuse")
        r = dump(good)
        check(r.returncode == 0 and b"PatientName                      [Doe^Jane]" in r.stdout and r.stderr == b"",
              "a good file")
        check(b"\n       162  (0002,0001)" not in r.stdout and b"144  (0002,0001)" in dump("-o", good).stdout, "--offset")
        r = dump(good, other)
        check(r.returncode == 0 and ("# %s\n" % good).encode() in r.stdout and b"Roe^Richard" in r.stdout, "two files")
        r = dump(none, good)
        check(r.returncode == 1 and str(none).encode() in r.stderr and b"Doe^Jane" in r.stdout,
              "a missing file does not stop the rest")
        r = dump(cut)
        check(r.returncode == 1 and b"(7FE0,0010)" in r.stderr and b"offset" in r.stderr and
              b"cut.dcm" in r.stderr and b"Doe^Jane" in r.stdout, "a cut file says where")
        check(dump(folder / "text.txt").returncode == 1, "no DICOM")
        check(dump(folder).returncode == 1, "a folder")
        r = dump("-", input=good.read_bytes())
        check(r.returncode == 0 and b"Doe^Jane" in r.stdout, "standard input")
        r = dump("--json", good, other)
        lines = [json.loads(line) for line in r.stdout.splitlines()]
        check(r.returncode == 0 and [x["00100010"]["Value"][0]["Alphabetic"] for x in lines] ==
              ["Doe^Jane", "Roe^Richard"], "--json is one object a line")
        check("InlineBinary" in lines[0]["7FE00010"], "bulk data inline")
        r = dump("-jn", good)
        check("InlineBinary" not in json.loads(r.stdout)["7FE00010"], "--no-bulk")
        check(json.loads(r.stdout)["7FE00010"]["vr"] == "OW", "--no-bulk keeps the VR")
        with open("/dev/full", "wb") as full:
            r = dump(good, stdout=full)
            check(r.returncode == 1 and b"standard output" in r.stderr, "a full device")
    print("%d passed, %d failed" % (passed, faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
