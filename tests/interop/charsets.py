#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random text in every character set, encoded by pydicom, read by `maclab dump --json`; and the names of
the sample files as pydicom reads them. Environment: MACLAB the program, MACLAB_SAMPLES the folder."""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import warnings

try:
    import pydicom
    from pydicom.dataset import Dataset, FileMetaDataset
except ImportError:
    print("charsets skipped: no pydicom in this python3")
    sys.exit(77)

warnings.simplefilter("ignore")
ROOT = pathlib.Path(__file__).resolve().parents[2]
MACLAB = os.environ.get("MACLAB", str(ROOT / "build" / "maclab"))
SAMPLES = pathlib.Path(os.environ.get("MACLAB_SAMPLES", ROOT.parent / "shared" / "dicom-samples"))
ASCII = "ABCXYZabcxyz0123456789 .,-()/+"
CASES = 60

# terms of (0008,0005), codecs whose characters may appear; not IR 6 beside sets of one byte, for pydicom
# takes that for Latin-1
SETS = [
    (["ISO_IR 100"], ["latin_1"]), (["ISO_IR 101"], ["iso8859_2"]), (["ISO_IR 109"], ["iso8859_3"]),
    (["ISO_IR 110"], ["iso8859_4"]), (["ISO_IR 144"], ["iso8859_5"]), (["ISO_IR 127"], ["iso8859_6"]),
    (["ISO_IR 126"], ["iso8859_7"]), (["ISO_IR 138"], ["iso8859_8"]), (["ISO_IR 148"], ["iso8859_9"]),
    (["ISO_IR 166"], ["tis_620"]), (["ISO_IR 13"], ["jisx0201"]), (["ISO_IR 192"], ["utf_8"]),
    (["GB18030"], ["gb18030"]), (["GBK"], ["gbk"]),
    (["", "ISO 2022 IR 87"], ["jisx0208"]), (["ISO 2022 IR 13", "ISO 2022 IR 87"], ["jisx0201", "jisx0208"]),
    (["", "ISO 2022 IR 149"], ["euc_kr"]), (["", "ISO 2022 IR 58"], ["gb2312"]),
    (["ISO 2022 IR 100", "ISO 2022 IR 144"], ["latin_1", "iso8859_5"]),
    (["ISO 2022 IR 100", "ISO 2022 IR 126", "ISO 2022 IR 144"], ["latin_1", "iso8859_7", "iso8859_5"]),
]


def repertoire(codec):
    if codec == "jisx0201":
        return [chr(c) for c in range(0xFF61, 0xFFA0)]
    out = []
    points = list(range(0xA1, 0x3100)) + list(range(0x4E00, 0x9FA6)) + list(range(0xAC00, 0xD7A4))
    for c in points:
        try:
            encoded = chr(c).encode("iso2022_jp" if codec == "jisx0208" else codec)
        except UnicodeError:
            continue
        if codec == "jisx0208" and not encoded.startswith(b"\x1b$B"):
            continue
        if codec in ("latin_1",) or codec.startswith("iso8859"):
            if encoded[0] < 0xA0:
                continue
        if len(encoded) > 4 and codec == "euc_kr":  # composed of parts, which DICOM does not have
            continue
        out.append(chr(c))
    return out


def word(dice, pools):
    """A word of one set (and ASCII), as people write."""
    pool = dice.choice(pools)
    katakana = "\uff71" in pool  # pydicom cannot write it beside ASCII in one word
    letters = [dice.choice(pool if katakana or dice.random() < 0.8 else ASCII) for _ in range(dice.randint(1, 8))]
    return "".join(letters).strip() or "x"


def values(dice, pools):
    name = "%s^%s" % (word(dice, pools), word(dice, pools))
    group = "=".join([word(dice, [list("ABCDEFG")]) + "^A", name])
    return {"PN": [name, group], "LO": [word(dice, pools), word(dice, pools)],
            "UT": [word(dice, pools) + "\r\n" + word(dice, pools)]}


def encode(terms, cases, path):
    d = Dataset()
    d.SpecificCharacterSet = terms
    d.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    d.SOPInstanceUID = "1.2.3"
    d.add_new(0x00090010, "LO", "MACLAB")
    for i, case in enumerate(cases):
        for j, (vr, text) in enumerate(sorted(case.items())):
            d.add_new(0x00091000 + i * 4 + j, vr, text)
    d.file_meta = FileMetaDataset()
    d.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    d.file_meta.MediaStorageSOPClassUID = d.SOPClassUID
    d.file_meta.MediaStorageSOPInstanceUID = d.SOPInstanceUID
    d.is_little_endian = True
    d.is_implicit_VR = False
    pydicom.dcmwrite(path, d, write_like_original=False)


def dump(path):
    run = subprocess.run([MACLAB, "dump", "--json", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return json.loads(run.stdout) if run.returncode == 0 else {}


def texts(element):
    out = []
    for value in element.get("Value", []):
        if isinstance(value, dict):
            groups = [value.get(k, "") for k in ("Alphabetic", "Ideographic", "Phonetic")]
            value = "=".join(groups).rstrip("=")
        out.append(value)
    return out


def read_back(path, tag):
    value = pydicom.dcmread(path)[tag].value
    return [str(v) for v in (value if isinstance(value, pydicom.multival.MultiValue) else [value])]


def check_set(terms, codecs, folder):
    dice = random.Random("".join(terms))
    pools = [repertoire(c) for c in codecs]
    cases = [values(dice, pools) for _ in range(CASES)]
    path = folder / "text.dcm"
    encode(terms, cases, path)
    got = dump(path)
    wrong = 0
    for i, case in enumerate(cases):
        for j, (vr, expected) in enumerate(sorted(case.items())):
            found = texts(got.get("%08X" % (0x00091000 + i * 4 + j), {}))
            # what pydicom does not announce again behind a line break, it does not read back either
            if found != expected and found != read_back(path, 0x00091000 + i * 4 + j):
                wrong += 1
                if wrong < 4:
                    print("    %s %s: wrote %r, read %r" % ("\\".join(terms), vr, expected, found))
    return wrong


def check_sample(path):
    """Every name of the file, items too, as pydicom reads it."""
    expected = []
    for element in pydicom.dcmread(path, stop_before_pixels=True).iterall():
        if element.VR == "PN":
            found = element.value if isinstance(element.value, pydicom.multival.MultiValue) else [element.value]
            expected += [str(v).rstrip() for v in found if str(v).strip()]
    got = []

    def collect(d):
        for element in d.values():
            if element["vr"] == "PN":
                got.extend(t for t in texts(element) if t)
            elif element["vr"] == "SQ":
                for item in element.get("Value", []):
                    collect(item)

    collect(dump(path))
    if sorted(got) != sorted(expected):
        print("    %s: %r, pydicom %r" % (path.name, got, expected))
    return sorted(got) != sorted(expected)


def main():
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for terms, codecs in SETS:
            if check_set(terms, codecs, pathlib.Path(folder)):
                failed += 1
            else:
                passed += 1
    if SAMPLES.is_dir():
        for path in sorted((SAMPLES / "charsets").glob("*.dcm")):
            if check_sample(path):
                failed += 1
            else:
                passed += 1
    else:
        print("charsets of samples skipped: no samples at MACLAB_SAMPLES")
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
