#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Malformed data sets made here, and what our reader, pydicom and DCMTK make of each: the reviewed table of
what we forgive and refuse. The rule: what both peers read, we read as they do; where they part, we read on
only when one reading is left and say so with an oddity, or refuse with the place. A row is
    name: (bytes, ours, pydicom, dcmtk, why)
with "reads", "refuses" or "otherwise" (reads, but other elements than we, or fewer) for the peers. A row that
no longer holds fails, also when a peer has changed. Usage: malformed.py [--build BUILD]"""
import argparse
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "fuzz"), str(ROOT / "tests" / "interop")]
import differential  # noqa: E402  (skips where pydicom is not there)
from seeds_dicom import EXPLICIT, IMPLICIT, UNDEFINED, Maker, meta  # noqa: E402

E, I = Maker(EXPLICIT), Maker(IMPLICIT)
LE_UID, IM_UID, JPEG_UID = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.4.50"
CT = E.element(0x00080060, "CS", b"CT")
PN = E.element(0x00100010, "PN", b"A^B ")
UI = E.element(0x00081150, "UI", b"1.2\0")
I_CT, I_PN = I.element(0x00080060, "CS", b"CT"), I.element(0x00100010, "PN", b"A^B ")
I_UI = I.element(0x00081150, "UI", b"1.2\0")
ITEM_U = E.tag(0xFFFEE000) + struct.pack("<I", UNDEFINED)


def item(length):
    return E.tag(0xFFFEE000) + struct.pack("<I", length)


def seq(length, vr="SQ", tag=0x00081140):
    return E.header(tag, vr, length)


ITEM_END, SEQ_END = E.item_end(), E.sequence_end()
SEQ_U = seq(UNDEFINED)
PIXELS = E.header(0x7FE00010, "OB", UNDEFINED)
EXPLICIT_FILE, IMPLICIT_FILE, JPEG_FILE = meta(LE_UID), meta(IM_UID), meta(JPEG_UID)
SAME = "the peers agree"
LOST = "pydicom says nothing of what is lost; DCMTK refuses as we do"
ONE = "only one reading is left, and it is reported; DCMTK gives up"

CASES = {
    # what both read
    "well formed": (CT + SEQ_U + ITEM_U + UI + ITEM_END + SEQ_END + PN, "reads", "reads", "reads", SAME),
    "undefined item in a defined sequence":
        (CT + seq(28) + ITEM_U + UI + ITEM_END + PN, "reads", "reads", "reads", SAME),
    "undefined item ends with its defined sequence and the file":
        (CT + seq(20) + ITEM_U + UI, "reads", "reads", "reads", SAME),
    "item delimiter inside a defined item":
        (CT + SEQ_U + item(20) + UI + ITEM_END + SEQ_END + PN, "reads", "reads", "reads", SAME),
    "sequence delimiter inside a defined sequence":
        (CT + seq(28) + item(12) + UI + SEQ_END + PN, "reads", "reads", "reads", SAME),
    "item longer than the file": (CT + seq(20) + item(36) + UI, "reads", "reads", "reads", SAME),
    "reserved bytes not zero":
        (CT + E.tag(0x00081140) + b"SQ  " + struct.pack("<I", 20) + item(12) + UI + PN, "reads", "reads", "reads",
         SAME),
    "odd length": (CT + E.element(0x00100010, "PN", b"A^B"), "reads", "reads", "reads", SAME),
    "out of order": (PN + CT, "reads", "reads", "reads", SAME),
    "UN of undefined length": (CT + seq(UNDEFINED, "UN", 0x00091010) + ITEM_U + I_UI + ITEM_END + SEQ_END + PN,
                               "reads", "reads", "reads", SAME),
    "group 0002 in the data set": (CT + E.element(0x00020100, "UI", b"1.2\0") + PN, "reads", "reads", "reads", SAME),
    "encapsulated, called native": (CT + E.header(0x7FE00010, "OW", UNDEFINED) + item(0) + item(4) + b"abcd" + SEQ_END,
                                    "reads", "reads", "reads", SAME),
    "known sequence as UN": (CT + seq(20, "UN") + item(12) + I_UI + PN, "reads", "reads", "otherwise",
                             "PS3.5 6.2.2 allows to read it; DCMTK leaves bytes"),
    "private sequence as UN": (CT + seq(20, "UN", 0x00091010) + item(12) + I_UI + PN, "reads", "reads", "reads", SAME),

    # what neither reads
    "no sequence delimiter": (CT + SEQ_U + ITEM_U + UI + ITEM_END, "refuses", "refuses", "refuses", SAME),
    "no item delimiter": (CT + SEQ_U + ITEM_U + UI, "refuses", "refuses", "refuses", SAME),
    "sequence delimiter instead of the item's":
        (CT + SEQ_U + ITEM_U + UI + SEQ_END + PN, "refuses", "refuses", "refuses", SAME),
    "item instead of an item delimiter":
        (CT + SEQ_U + ITEM_U + UI + ITEM_U + UI + ITEM_END + SEQ_END, "refuses", "refuses", "refuses", SAME),
    "element instead of a sequence delimiter":
        (CT + SEQ_U + ITEM_U + UI + ITEM_END + PN, "refuses", "refuses", "refuses", SAME),
    "element instead of an item, undefined": (CT + SEQ_U + UI + SEQ_END + PN, "refuses", "refuses", "refuses", SAME),
    "item at the top": (CT + item(0) + PN, "refuses", "refuses", "refuses", SAME),
    "sequence delimiter at the top": (CT + SEQ_END + PN, "refuses", "refuses", "refuses", SAME),
    "sequence delimiter behind a defined sequence":
        (CT + seq(20) + item(12) + UI + SEQ_END + PN, "refuses", "refuses", "refuses", SAME),
    "question marks before a long length":
        (CT + E.element(0x00080070, "??", b"abcd", True) + PN, "refuses", "otherwise", "refuses",
         "pydicom swallows the rest of the file as one value"),
    "cut long header": (CT + E.tag(0x7FE00010) + b"OB\0\0\0", "refuses", "refuses", "refuses", SAME),
    "UN pixel data of undefined length":
        (CT + E.header(0x7FE00010, "UN", UNDEFINED) + item(0) + item(4) + b"abcd" + SEQ_END, "refuses", "refuses",
         "refuses", SAME),

    # what the peers read in two ways
    "undefined item ends with its defined sequence":
        (CT + seq(20) + ITEM_U + UI + PN, "refuses", "otherwise", "otherwise",
         "DCMTK takes what follows into the item, pydicom does not"),
    "item longer than its sequence":
        (CT + seq(20) + item(24) + UI + PN, "refuses", "otherwise", "otherwise",
         "DCMTK takes what follows into the item, pydicom does not"),

    # where pydicom reads less than there is
    "cut header": (CT + PN[:6], "refuses", "otherwise", "refuses", LOST),
    "cut value": (CT + E.header(0x00100010, "PN", 100) + b"A^B ", "refuses", "otherwise", "refuses", LOST),
    "cut pixel data": (CT + E.header(0x7FE00010, "OW", 1000) + b"abcd", "refuses", "otherwise", "refuses", LOST),
    "cut fragment": (CT + PIXELS + item(0) + item(8) + b"abcd", "refuses", "otherwise", "refuses", LOST),
    "fragments without end": (CT + PIXELS + item(0) + item(4) + b"abcd", "refuses", "otherwise", "refuses", LOST),
    "sequence longer than the file":
        (CT + seq(1000) + item(12) + UI + PN, "refuses", "otherwise", "refuses", LOST),
    "item and sequence longer than the file":
        (CT + seq(1000) + item(900) + UI + PN, "refuses", "otherwise", "refuses", LOST),
    "cut value in an item": (CT + seq(20) + item(12) + E.header(0x00081150, "UI", 12) + b"1.2\0" + PN, "refuses",
                             "otherwise", "refuses", LOST),
    "item delimiter behind a defined item":
        (CT + SEQ_U + item(12) + UI + ITEM_END + SEQ_END + PN, "refuses", "otherwise", "refuses",
         "pydicom takes the delimiter for an item"),
    "element instead of an item, defined": (CT + seq(12) + UI + PN, "refuses", "otherwise", "refuses", LOST),
    "item delimiter among fragments":
        (CT + PIXELS + item(0) + item(4) + b"abcd" + ITEM_END + SEQ_END, "refuses", "otherwise", "refuses",
         "pydicom keeps the bytes without looking"),
    "fragment of undefined length":
        (CT + PIXELS + item(0) + ITEM_U + b"abcd" + SEQ_END, "refuses", "otherwise", "refuses",
         "pydicom keeps the bytes without looking"),
    "OB of undefined length": (CT + E.header(0x00420011, "OB", UNDEFINED) + item(4) + b"abcd" + SEQ_END, "refuses",
                               "otherwise", "refuses", "pydicom keeps the bytes without looking"),
    "UT of undefined length": (CT + E.header(0x00420011, "UT", UNDEFINED) + item(4) + b"abcd" + SEQ_END, "refuses",
                               "otherwise", "refuses", "pydicom keeps the bytes without looking"),
    "noise behind": (CT + PN + b"hello world, this is noise", "refuses", "otherwise", "refuses",
                     "pydicom makes an element of it"),
    "item delimiter at the top": (CT + ITEM_END + PN, "reads", "otherwise", "otherwise",
                                  "both peers end there without a word; we see what is behind"),

    # twice
    "element twice": (PN + E.element(0x00100010, "PN", b"C^D "), "reads", "otherwise", "reads",
                      "pydicom keeps the last, DCMTK the first; we keep both and find the first"),

    # what we read on our own account
    "a few zeros behind": (CT + PN + bytes(3), "reads", "reads", "refuses", ONE),
    "many zeros behind": (CT + PN + bytes(64), "reads", "otherwise", "otherwise",
                          "the peers make elements (0000,0000) of them"),
    "question marks before a short length":
        (CT + E.element(0x00080070, "??", b"abcd", False) + PN, "reads", "otherwise", "reads",
         "pydicom swallows the rest of the file as one value"),
    "VR of a later edition": (CT + E.element(0x00080070, "ZZ", b"abcd", True) + PN, "reads", "refuses", "reads",
                              "PS3.5 7.1.2: new VRs have a long length"),
    "capitals before a short length":
        (CT + E.element(0x00080070, "ZZ", b"abcd", False) + PN, "reads", "refuses", "refuses",
         "only one reading is left, and it is reported"),
    "implicit item": (CT + SEQ_U + ITEM_U + I_UI + ITEM_END + SEQ_END + PN, "reads", "reads", "refuses", ONE),
    "implicit element": (CT + I_UI + PN, "reads", "reads", "refuses", ONE),
    "implicit sequence": (CT + I.sequence(0x00081140, item(12) + I_UI) + PN, "reads", "reads", "refuses", ONE),
    "implicit data set called explicit": (I_CT + I_UI + I_PN, "reads", "reads", "refuses", ONE),
    "UN of undefined length with explicit items":
        (CT + seq(UNDEFINED, "UN", 0x00091010) + ITEM_U + UI + ITEM_END + SEQ_END + PN, "reads", "reads", "refuses",
         ONE),
}
IMPLICIT_CASES = {
    "unknown tag of undefined length": (I.header(0x00091010, "UN", UNDEFINED) + ITEM_U + I_UI + ITEM_END + SEQ_END +
                                        I_PN, "reads", "reads", "reads", SAME),
    "encapsulated pixel data": (I_CT + I.header(0x7FE00010, "OB", UNDEFINED) + item(0) + item(4) + b"abcd" + SEQ_END,
                                "reads", "reads", "reads", SAME),
    "explicit data set called implicit": (CT + PN, "reads", "reads", "refuses", ONE),
    "explicit element": (I_CT + PN, "refuses", "otherwise", "refuses",
                         "pydicom takes the rest of the file, however long, for the value"),
    "text of undefined length": (I.header(0x00080060, "CS", UNDEFINED) + ITEM_U + I_UI + ITEM_END + SEQ_END + I_PN,
                                 "refuses", "otherwise", "refuses", "pydicom keeps the bytes without looking"),
}


def verdict(mine, read, peer):
    """What a peer makes of a file, seen from what we make of it."""
    try:
        theirs = read()
    except Exception:  # whatever a peer throws is its refusal
        return "refuses"
    for path, element in theirs.items():  # VRs that pydicom has no idea of fail later
        if element.vr == "NONE":
            return "refuses"
    refusal, _, elements = mine
    same = refusal is None and set(elements) == set(theirs) and all(
        peer == "dcmtk" or elements[p].value == theirs[p].value or theirs[p].value is None for p in theirs)
    return "reads" if same else "otherwise"


def touch_all(path):
    """pydicom reads lazily: a file that it cannot give the values of is refused."""
    list(differential.pydicom.dcmread(path, force=True).iterall())
    return differential.from_pydicom(path)


def check(name, row, path, mine):
    got = ("refuses" if mine[0] else "reads", verdict(mine, lambda: touch_all(path), "pydicom"),
           verdict(mine, lambda: differential.from_dcmtk(path), "dcmtk"))
    wanted = row[1:4]
    good = got == wanted
    print("%s%-48s ours %-8s pydicom %-10s dcmtk %-10s %s" % ("" if good else "UNEXPECTED ", name, *got, row[4]))
    if mine[0] or mine[1]:
        print("    %s" % (mine[0] or ", ".join(mine[1])))
    if not good:
        print("    the table says ours %s, pydicom %s, dcmtk %s" % wanted)
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=os.environ.get("MACLAB_BUILD", str(ROOT / "build")))
    options = parser.parse_args()
    if differential.shutil.which("dcmdump") is None:
        differential.skip("no dcmdump (Debian's dcmtk)")
    rows = [(n, r, EXPLICIT_FILE) for n, r in CASES.items()]
    rows += [("implicit: " + n, r, IMPLICIT_FILE) for n, r in IMPLICIT_CASES.items()]
    passed = 0
    with tempfile.TemporaryDirectory() as folder:
        paths = [pathlib.Path(folder) / ("%03d.dcm" % i) for i in range(len(rows))]
        for path, (_, row, head) in zip(paths, rows):
            path.write_bytes((JPEG_FILE if PIXELS in row[0] else head) + row[0])
        mine = differential.ours(os.path.join(options.build, "tests", "interop", "dcm_probe"), paths)
        for path, (name, row, _) in zip(paths, rows):
            passed += check(name, row, path, mine[str(path)])
    print("%d passed, %d failed" % (passed, len(rows) - passed))
    return 0 if passed == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
