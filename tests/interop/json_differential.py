#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""DICOM JSON of every sample as `maclab dump --json` writes it against pydicom's to_json_dict and
DCMTK's dcm2json, element by element. An element passes when it means the same as in one of the two
peers and, where the peers agree, the same as both; every other difference must fall into one of the
classes below, which say why. Files that MacLab refuses are listed with what the peers make of them.
Needs Debian's python3 (pydicom). Environment: MACLAB the program, MACLAB_SAMPLES the folder."""
import base64
import collections
import json
import math
import os
import pathlib
import struct
import subprocess
import sys
import warnings

try:
    import pydicom
    from pydicom.dataelem import RawDataElement
except ImportError:
    print("json differential skipped: no pydicom in this python3")
    sys.exit(77)

warnings.simplefilter("ignore")
ROOT = pathlib.Path(__file__).resolve().parents[2]
MACLAB = os.environ.get("MACLAB", str(ROOT / "build" / "maclab"))
SAMPLES = pathlib.Path(os.environ.get("MACLAB_SAMPLES", ROOT.parent / "shared" / "dicom-samples"))
NUMBERS = {"DS", "IS", "FL", "FD", "SL", "SS", "UL", "US", "SV", "UV"}
BULK = {"OB", "OD", "OF", "OL", "OV", "OW", "UN"}
UNIT = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}


def number(vr, value):
    try:
        n = float(value)
    except (TypeError, ValueError):
        return str(value).strip()
    if vr == "FL" and math.isfinite(n):
        n = struct.unpack("<f", struct.pack("<f", n))[0]
    return "nan" if math.isnan(n) else n


def one(vr, value):
    if value is None or value == "":
        return None
    if vr == "PN":
        if isinstance(value, str):
            return None if value.rstrip() == "" else value.rstrip()
        groups = [str(value.get(k, "")).rstrip(" \0") for k in ("Alphabetic", "Ideographic", "Phonetic")]
        return "=".join(groups).rstrip("=") or None
    if vr in NUMBERS:
        return number(vr, value)
    return str(value).rstrip(" \0") or None


def values(vr, element, swap):
    if "InlineBinary" in element:
        raw = base64.b64decode(element["InlineBinary"])
        unit = UNIT.get(vr, 1) if swap else 1
        if unit > 1:
            raw = b"".join(raw[i:i + unit][::-1] for i in range(0, len(raw), unit))
        return raw
    out = [one(vr, v) for v in element.get("Value", [])]
    while out and out[-1] is None:
        out.pop()
    return b"" if vr in BULK and not out else tuple(out)


def flatten(dataset, swap=False, prefix=""):
    flat = {}
    for tag, element in dataset.items():
        if tag.endswith("0000") or tag.startswith("0002") or not isinstance(element, dict):
            continue
        path = prefix + tag
        vr = element.get("vr", "??")
        if vr == "SQ":
            items = element.get("Value", [])
            flat[path] = ("SQ", len(items))
            for i, item in enumerate(items):
                flat.update(flatten(item or {}, swap, "%s/%d/" % (path, i)))
        else:
            flat[path] = (vr, values(vr, element, swap))
    return flat


def run(argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.stdout, done.stderr.decode("utf-8", "replace"), done.returncode


def load_pydicom(path):
    """(flat, raw bytes by path, transfer syntax), element by element so that one bad value costs itself."""
    dataset = pydicom.dcmread(path, force=True)
    big = not getattr(dataset, "is_little_endian", True)
    raw = {}

    def walk(d, prefix):
        out = {}
        for tag in d.keys():
            name = "%08X" % tag
            item = d.get_item(tag)
            if isinstance(item, RawDataElement):
                raw[prefix + name] = item.value or b""
            try:
                element = d[tag]
                if element.VR == "SQ":
                    out[name] = {"vr": "SQ", "Value": [walk(x, "%s%s/%d/" % (prefix, name, i))
                                                       for i, x in enumerate(element.value)]}
                else:
                    out[name] = element.to_json_dict(None, 1 << 40)
            except Exception as e:  # any peer's failure is its own
                out[name] = {"vr": "!!", "Value": ["%s" % type(e).__name__]}
        return out

    return flatten(walk(dataset, ""), big), raw, big


def load_dcmtk(path):
    text, _, status = run(["dcm2json", "-q", str(path)])
    if status != 0:
        return None
    try:
        return flatten(json.loads(text.decode("utf-8", "replace")))
    except ValueError:
        return None


def same(a, b):
    return a is not None and b is not None and a[1] == b[1] and \
        (a[0] == b[0] or {a[0], b[0]} <= {"OB", "OW", "UN"} or {a[0], b[0]} <= {"UN", "SQ"})


def as_bytes(element):
    return element[1] if isinstance(element[1], bytes) else None


def excuse(path, ours, py, tk, raw, big, closed):
    """The class of a difference that is understood, or None."""
    tag = path[-8:]
    if tag == "00080005":
        return "(0008,0005) says ISO_IR 192, for the text is UTF-8"
    if ours is None:
        parents = path.split("/")[:-2:2]
        if any("/".join(path.split("/")[:2 * i + 1]) in closed for i in range(len(parents))):
            return "inside a UN that pydicom opens by its dictionary of private tags"
        if int(tag[:4], 16) % 2 == 0 and tag[4:] == "0000":
            return "group length"
        return None
    if ours[0] in ("UN", "OB", "OW") and as_bytes(ours) is not None and path in raw:
        theirs = raw[path]
        if as_bytes(ours) in (theirs, theirs.rstrip(b"\0")) or big:
            return "bytes of an element that peers take from a dictionary of private tags"
    if ours[0] == "UN" and not ours[1] and not (py and py[1]) and not (tk and tk[1]):
        return "bytes of an element that peers take from a dictionary of private tags"
    if ours[0] == "UN" and py is None:
        return "inside a UN that pydicom does not open"
    if py is not None and (py[0] == "!!" or " or " in py[0]):
        return "pydicom cannot say the value or the VR"
    joined = "".join(str(v) for v in ours[1]) if isinstance(ours[1], tuple) else ""
    if any(ord(c) > 127 for c in joined) and "\ufffd" not in joined:
        if py is not None and isinstance(py[1], tuple) and len(py[1]) == len(ours[1]):
            if all(norm_width(a) == norm_width(b) for a, b in zip(ours[1], py[1])):
                return "yen sign and overline of JIS X 0201"
    if ours[0] in ("CS", "AE", "AS", "DA", "TM", "DT", "UI", "UR") and not joined.isascii():
        return "text beyond ASCII in a VR that has ASCII only, read in the declared character set"
    if "\ufffd" in joined:
        return "bytes that are no text in the declared character set"
    if ours[0] in ("DS", "IS") and isinstance(ours[1], tuple):
        return "a number string that is none" if any(isinstance(v, str) for v in ours[1]) else None
    return None


def norm_width(text):
    return None if text is None else str(text).replace("\u00a5", "\\").replace("\u203e", "~")


def compare(name, path, classes):
    text, why, status = run([MACLAB, "dump", "--json", str(path)])
    try:
        py, raw, big = load_pydicom(path)
    except Exception as e:
        py, raw, big = None, {}, False
        peer = "%s: %s" % (type(e).__name__, e)
    else:
        peer = "read (%d elements)" % len(py)
    tk = load_dcmtk(path)
    if status != 0:
        print("    refused %s\n        %s\n        pydicom: %s; dcm2json: %s" %
              (name, why.strip().split(": ", 2)[-1], peer, "refused" if tk is None else "read"))
        return []
    ours = flatten(json.loads(text.decode("utf-8")))
    classes["(files that pydicom reads)"] += py is not None
    classes["(files that dcm2json writes)"] += tk is not None
    if py is None and tk is None:
        return []
    closed = {key for key, element in ours.items() if element[0] == "UN"}
    wrong = []
    try:
        pydicom.dataset.Dataset.from_json(text.decode("utf-8"))
    except ValueError as e:
        if "invalid literal for int" in str(e):
            classes["(files with an integer string that is none, which pydicom does not take from JSON)"] += 1
        else:
            wrong.append(("the whole", None, "from_json: %s" % e, None))
    for key in sorted(set(ours) | set(py or {}) | set(tk or {})):
        o, p, t = ours.get(key), (py or {}).get(key), (tk or {}).get(key)
        if same(o, p) or same(o, t):
            if p is not None and t is not None and same(p, t) and not (same(o, p) and same(o, t)):
                wrong.append((key, o, p, t))
            continue
        reason = excuse(key, o, p, t, raw, big, closed)
        if reason is None:
            wrong.append((key, o, p, t))
        else:
            classes[reason] += 1
    return wrong


def main():
    if not SAMPLES.is_dir():
        print("json differential skipped: no samples at MACLAB_SAMPLES")
        return 77
    files = sorted(p for p in SAMPLES.rglob("*") if p.is_file() and "LICENCES" not in p.parts
                   and p.suffix not in (".tsv", ".md", ".txt"))
    wanted = sys.argv[1:]
    classes = collections.Counter()
    passed = failed = 0
    for path in files:
        name = str(path.relative_to(SAMPLES))
        if wanted and not any(w in name for w in wanted):
            continue
        wrong = compare(name, path, classes)
        if wrong:
            failed += 1
            print("%s: %d elements differ" % (name, len(wrong)))
            for key, o, p, t in wrong[:12]:
                print("    %s\n        maclab   %.200r\n        pydicom  %.200r\n        dcm2json %.200r" % (key, o, p, t))
        else:
            passed += 1
    for reason, count in classes.most_common():
        print("    %6d  %s" % (count, reason))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
