#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: make_small.py FOLDER STUDIES LISTS -- one small CT instance a study (standard library only), and
in LISTS/ files with the queries of bench_query.sh. The same on every run. FOLDER "-": lists only."""
import os
import random
import struct
import sys

FAMILIES = ("Abbott", "Baker", "Castro", "Diallo", "Eriksson", "Fischer", "Garcia", "Hansen", "Ivanov", "Jansen")


def element(group, number, vr, value):
    value = value.encode() if isinstance(value, str) else value
    if len(value) % 2:
        value += b"\0" if vr == "UI" else b" "
    head = struct.pack("<HH2s", group, number, vr.encode())
    if vr in ("OB", "OW"):
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def instance(n, rng):
    patient = rng.randrange(60000)
    us = lambda v: struct.pack("<H", v)
    uid = "2.25.3%010d" % n
    body = b"".join((
        element(8, 0x16, "UI", "1.2.840.10008.5.1.4.1.1.2"), element(8, 0x18, "UI", uid),
        element(8, 0x20, "DA", "%04d%02d%02d" % (rng.randint(2010, 2025), rng.randint(1, 12), rng.randint(1, 28))),
        element(8, 0x30, "TM", "%02d%02d00" % (rng.randrange(24), rng.randrange(60))),
        element(8, 0x50, "SH", "A%08d" % n), element(8, 0x60, "CS", "CT"),
        element(8, 0x90, "PN", "Doctor^%d" % (n % 50)), element(8, 0x1030, "LO", "study %d" % (n % 1000)),
        element(0x10, 0x10, "PN", "%s^Case%05d" % (FAMILIES[patient % 10], patient)),
        element(0x10, 0x20, "LO", "C%07d" % patient),
        element(0x20, 0x0D, "UI", "2.25.1%010d" % n), element(0x20, 0x0E, "UI", "2.25.2%010d" % n),
        element(0x20, 0x10, "SH", "S%07d" % n), element(0x20, 0x11, "IS", "1"), element(0x20, 0x13, "IS", "1"),
        element(0x28, 2, "US", us(1)), element(0x28, 4, "CS", "MONOCHROME2"), element(0x28, 0x10, "US", us(8)),
        element(0x28, 0x11, "US", us(8)), element(0x28, 0x100, "US", us(16)), element(0x28, 0x101, "US", us(16)),
        element(0x28, 0x102, "US", us(15)), element(0x28, 0x103, "US", us(0)),
        element(0x7FE0, 0x10, "OW", bytes(128))))
    meta = b"".join((
        element(2, 1, "OB", b"\0\1"), element(2, 2, "UI", "1.2.840.10008.5.1.4.1.1.2"), element(2, 3, "UI", uid),
        element(2, 0x10, "UI", "1.2.840.10008.1.2.1"), element(2, 0x12, "UI", "2.25.1")))
    return b"\0" * 128 + b"DICM" + element(2, 0, "UL", struct.pack("<I", len(meta))) + meta + body


def main():
    folder, studies, lists = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    rng = random.Random(3)
    if folder != "-":
        os.makedirs(folder, exist_ok=True)
        for n in range(studies):
            with open(os.path.join(folder, "%06d.dcm" % n), "wb") as f:
                f.write(instance(n, rng))
    os.makedirs(lists, exist_ok=True)
    month = lambda y, m: "StudyDate=%04d%02d01-%04d%02d31" % (y, m, y, m)
    deep = lambda share: int(studies * share * rng.random())
    kinds = {
        "patientid": lambda: "PatientID=C%07d&limit=25" % rng.randrange(60000),
        "name": lambda: "PatientName=%s*&limit=25&offset=%d" % (rng.choice(FAMILIES)[:4], deep(0.09)),
        "month": lambda: "%s&limit=25&offset=%d" % (month(rng.randint(2010, 2025), rng.randint(1, 12)), deep(0.0045)),
        "all": lambda: "limit=25&offset=%d" % deep(0.99)}
    for name, make in kinds.items():
        with open(os.path.join(lists, name), "w", encoding="ascii") as f:
            f.write("".join("/dicom-web/studies?%s\n" % make() for _ in range(500)))


if __name__ == "__main__":
    main()
