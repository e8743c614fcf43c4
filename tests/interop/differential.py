#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every sample file as our reader understands it against pydicom and against DCMTK, element by element:
tag path, VR, length, place of the value, and the value's bytes (pydicom) or its printed form (dcmdump).

Each difference must be explained, by a class of CLASSES (a rule with its reason) or by a row of FILES (one
file, one peer, one reason); anything else fails. Said for each file: what differs, from whom, and why.
Usage: differential.py [--build BUILD] [SAMPLES]      (dcm_probe is in BUILD/tests/interop)
Environment instead: MACLAB_BUILD, MACLAB_SAMPLES. Skipped without samples, pydicom or dcmdump."""
import argparse
import collections
import hashlib
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[2]


def skip(why):
    print("differential skipped: " + why)
    sys.exit(77)


try:
    import pydicom
    from pydicom.dataelem import RawDataElement
    from pydicom.datadict import dictionary_VR
except ImportError:
    skip("no pydicom in this python3 (Debian's python3-pydicom)")
warnings.simplefilter("ignore")
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE

SHOWN = 2048  # longer values are compared by their hash, as dcm_probe prints them
BINARY = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "UV": "Q", "SV": "q"}
TEXT = {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
Element = collections.namedtuple("Element", "vr length offset value")


# --- our side ---

def ours(probe, paths):
    """path -> (refusal or None, oddities, {tag path: Element})"""
    run = subprocess.run([probe], input="\n".join(map(str, paths)) + "\n", text=True, stdout=subprocess.PIPE,
                         check=True)
    result, current = {}, None
    for line in run.stdout.splitlines():
        if line.startswith("F "):
            current = [None, [], {}]
            result[line[2:]] = current
        elif line.startswith("E "):
            current[0] = line[2:]
        elif line.startswith("O "):
            current[1].append(line[2:])
        elif line != ".":
            path, vr, length, offset, value = line.split("\t")
            current[2].setdefault(path, Element(vr, length, int(offset), value))  # first of a tag twice
    return result


# --- pydicom ---

def shown(data):
    return data.hex() if len(data) <= SHOWN else "sha256:" + hashlib.sha256(data).hexdigest()


def fragments(data, big):
    """Fragments in the bytes that pydicom keeps of encapsulated pixel data."""
    at, out = 0, []
    while at + 8 <= len(data):
        tag, length = struct.unpack_from(">II" if big else "<II", data, at)
        if length == 0xFFFFFFFF or at + 8 + length > len(data):
            break
        out.append(data[at + 8:at + 8 + length])
        at += 8 + length
    return out


def pydicom_walk(ds, prefix, out):
    for tag in sorted(ds._dict):
        raw = ds._dict[tag]
        path = prefix + "%08X" % tag
        if isinstance(raw, RawDataElement):
            element = pydicom_raw(ds, tag, raw, path, out)
            if element is not None:
                out[path] = element
                continue
        value = ds[tag]
        if value.VR == "SQ":
            undefined = getattr(value.value, "is_undefined_length", False)
            out[path] = Element("SQ", "u" if undefined else "d", 0, str(len(value.value)))
            for i, item in enumerate(value.value):
                pydicom_walk(item, "%s[%d]." % (path, i), out)
        else:
            out[path] = Element(str(getattr(value.VR, "value", value.VR)), None, 0, None)


def pydicom_raw(ds, tag, raw, path, out):
    """None when the element is a sequence."""
    data = raw.value or b""
    if raw.length == 0xFFFFFFFF and tag == 0x7FE00010:
        pieces = fragments(data, not raw.is_little_endian)
        out[path] = Element(raw.VR or "OB", "u", 0, str(len(pieces)))
        for i, piece in enumerate(pieces):
            out["%s[%d]" % (path, i)] = Element("pi", str(len(piece)), 0, shown(piece))
        return out[path]
    vr = raw.VR and str(getattr(raw.VR, "value", raw.VR))
    try:
        known = ds[tag].VR if vr in (None, "UN", "SQ") else vr
        known = str(getattr(known, "value", known))
    except Exception:
        known = vr or "UN"
    if known == "SQ":
        return None
    return Element(vr or known, str(raw.length), raw.value_tell, shown(data))


def from_pydicom(path):
    out = {}
    ds = pydicom.dcmread(path, force=True)
    if getattr(ds, "file_meta", None):
        pydicom_walk(ds.file_meta, "", out)
    pydicom_walk(ds, "", out)
    if not out:
        raise ValueError("no element found")
    return out


# --- DCMTK ---

LINE = re.compile(r"^( *)\(([0-9a-f]{4}),([0-9a-f]{4})\) (\S\S) (.*?) *# +(u/l|\d+), *(\d+) ([^\n]*)$", re.M | re.S)


def from_dcmtk(path):
    run = subprocess.run(["dcmdump", "-q", "-Un", str(path)], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL)
    text = run.stdout.decode("latin-1")
    if run.returncode != 0:
        loud = subprocess.run(["dcmdump", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        raise ValueError(loud.stderr.decode("latin-1").strip().splitlines()[-1])
    out, stack = {}, []  # stack of [path of the sequence, items seen]
    for indent, group, element, vr, value, length, _, _ in LINE.findall(text):
        depth = len(indent) // 2
        del stack[(depth + 1) // 2:]
        tag = (group + element).upper()
        if tag == "FFFEE000" and stack:
            if vr == "pi":
                out["%s[%d]" % (stack[-1][0], stack[-1][1])] = Element("pi", length, 0, value)
            stack[-1][1] += 1
            continue
        if group == "fffe":
            continue
        prefix = "".join("%s[%d]." % (p.rsplit(".", 1)[-1], n - 1) for p, n in stack)
        path_here = prefix + tag
        sequence = re.match(r"\((Sequence|PixelSequence) ?(with \w+ length)? ?#=(\d+)\)", value)
        if sequence:
            out[path_here] = Element(vr, "u" if length == "u/l" else "d", 0, sequence.group(3))
            stack.append([path_here, 0])
        else:
            out[path_here] = Element(vr, length, 0, value)
    return out


def printed(element, big):
    """What dcmdump prints for our value; None when that cannot be told."""
    if element.value.startswith("sha256:"):
        return None
    data = bytes.fromhex(element.value)
    if not data:
        return "(no value available)"
    vr = element.vr
    if vr in TEXT:
        return "[" + data.rstrip(b"\0").decode("latin-1") + "]"
    if vr in BINARY and vr not in ("FL", "FD"):
        form = BINARY[vr]
        count = len(data) // struct.calcsize(form)
        numbers = struct.unpack((">" if big else "<") + str(count) + form, data[:count * struct.calcsize(form)])
        return "\\".join(map(str, numbers))
    if vr in ("FL", "FD"):
        form = BINARY[vr]
        count = len(data) // struct.calcsize(form)
        return list(struct.unpack((">" if big else "<") + str(count) + form, data[:count * struct.calcsize(form)]))
    if vr in ("OB", "UN", "pi"):
        return "\\".join("%02x" % b for b in data)
    if vr == "OW" and len(data) % 2 == 0:
        words = struct.unpack((">" if big else "<") + "%dH" % (len(data) // 2), data)
        return "\\".join("%04x" % w for w in words)
    return None


def same_printed(wanted, got):
    if wanted is None:
        return True
    if isinstance(wanted, list):
        texts = got.split("\\")
        if got.endswith("..."):
            texts.pop()  # cut within a number
        try:
            numbers = [float(v) for v in texts]
        except ValueError:
            return False
        return len(numbers) <= len(wanted) and all(
            a == b or abs(a - b) <= 1e-6 * max(abs(a), abs(b)) for a, b in zip(wanted, numbers))
    if got.endswith("..."):
        return wanted.startswith(got[:-3])
    text = wanted.startswith("[")
    if text and wanted.strip("[] ") == "":
        return got.strip("[] ") in ("", "(no value available)")
    return wanted == got or (text and wanted.rstrip(" ]").replace("\0", "") == got.rstrip(" ]").replace("\0", ""))


# --- what may differ, and why ---

def tag_of(path):
    return re.sub(r"\[\d+\]$", "", path).rsplit(".", 1)[-1]


def private(path):
    return int(tag_of(path)[:4], 16) & 1 == 1


def ancestors(path):
    """The sequences around an element, outermost first."""
    parts = path.split(".")
    return [".".join(parts[:i] + [re.sub(r"\[\d+\]$", "", parts[i])]) for i in range(len(parts) - 1)]


def inside(path, context, our_vr, their_vr, only=lambda path: True):
    """Is the element, or a sequence around it, one that we read as one VR and the peer as the other?"""
    return any(p in context.mine and p in context.theirs and context.mine[p].vr == our_vr
               and context.theirs[p].vr == their_vr and only(p) for p in ancestors(path) + [path])


CLASSES = [
    # name, reason, test(peer, path, kind, ours, theirs, context)
    ("private dictionary",
     "implicit VR: the peer has a dictionary of private elements, our reader says UN (PS3.5 A.1)",
     lambda p, path, kind, a, b, c: c.implicit and private(path) and a.vr == "UN"
     and (kind == "vr" or (p == "dcmtk" and kind == "value"))),
    ("private sequence as UN",
     "the peer's dictionary of private elements calls a UN of defined length a sequence; it stays bytes for us",
     lambda p, path, kind, a, b, c: inside(path, c, "UN", "SQ", private)),
    ("known sequence as UN",
     "UN of defined length, a tag that is SQ in the dictionary, a whole sequence as value: we and pydicom read "
     "it (PS3.5 6.2.2), DCMTK leaves it as bytes unless asked",
     lambda p, path, kind, a, b, c: p == "dcmtk" and inside(path, c, "SQ", "UN")),
    ("UN of a known tag",
     "pydicom gives elements that it looks into while reading the VR of its dictionary; the file says UN",
     lambda p, path, kind, a, b, c: p == "pydicom" and kind == "vr" and a.vr == "UN" and b.length is None),
    ("private group length",
     "implicit VR: every group length is UL by rule (PS3.5 7.2); pydicom says UN in private groups",
     lambda p, path, kind, a, b, c: p == "pydicom" and kind == "vr" and a.vr == "UL" and b.vr == "UN"
     and path.endswith("0000") and private(path)),
    ("encapsulated VR",
     "DCMTK prints OB for every encapsulated pixel data; the file says OW",
     lambda p, path, kind, a, b, c: p == "dcmtk" and kind == "vr" and a.vr == "OW" and b.vr == "OB"
     and tag_of(path) == "7FE00010" and a.length == "u"),
    ("directory offset",
     "DCMTK has a VR of its own for the offsets of a DICOMDIR, printed as up; it is UL",
     lambda p, path, kind, a, b, c: p == "dcmtk" and kind == "vr" and a.vr == "UL" and b.vr == "up"),
    ("odd length",
     "DCMTK counts the pad byte that it adds to a value of odd length",
     lambda p, path, kind, a, b, c: p == "dcmtk" and kind == "length" and int(a.length) % 2 == 1
     and int(b.length) == int(a.length) + 1),
]

# (file, peer): reason. The whole file differs: one side refuses it, or reads it in another way.
FILES = {
    ("broken/GH177_D_CLUNIE_CT1_IVRLE_BigEndian_undefined_length.dcm", "pydicom"):
        "UN of undefined length in a big-endian file holds implicit little endian (PS3.5 6.2.2); we and DCMTK read "
        "it, pydicom loses its way in it",
    ("broken/emri_small_jpeg_2k_lossless_too_short.dcm", "pydicom"):
        "pydicom drops pixel data that has no end without a word; DCMTK refuses as we do",
    ("broken/no_meta.dcm", "pydicom"):
        "the file's first byte is missing: pydicom, told to force, reads one element (0820,0500) of garbage; DCMTK "
        "refuses as we do",
    ("broken/rtplan_truncated.dcm", "pydicom"):
        "pydicom reads the items that are there and says nothing of the rest; DCMTK refuses as we do",
}


class Context:
    def __init__(self, implicit, big, mine, theirs):
        self.implicit = implicit
        self.big = big
        self.mine = mine
        self.theirs = theirs


def differences(peer, mine, theirs, big):
    for path in sorted(set(mine) | set(theirs)):
        a, b = mine.get(path), theirs.get(path)
        if a is None or b is None:
            yield path, "missing" if b is None else "extra", a, b
            continue
        if a.vr != b.vr:
            yield path, "vr", a, b
        if b.length is not None and a.length != b.length:
            yield path, "length", a, b
        elif b.offset and a.offset != b.offset and "[" not in path:  # pydicom's in items are relative
            yield path, "offset", a, b
        if b.value is None:
            continue
        structure = a.length in ("u", "d") or b.length in ("u", "d")
        if peer == "pydicom" or structure:
            if a.value != b.value:
                yield path, "value", a, b
        elif not same_printed(printed(a, big and not path.startswith("0002")), b.value):
            yield path, "value", a, b


def explain(peer, path, kind, a, b, context):
    for name, _, test in CLASSES:
        try:
            if test(peer, path, kind, a, b, context):
                return name
        except (AttributeError, TypeError, ValueError):
            continue
    return None


def brief(element):
    return "-" if element is None else "%s %s %.60s" % (element.vr, element.length, element.value)


class Report:
    def __init__(self):
        self.passed = self.failed = 0
        self.classes = collections.Counter()
        self.rows_used = set()

    def compare(self, name, peer, mine, read):
        refusal, _, elements = mine
        known = FILES.get((name, peer))
        try:
            theirs, trouble = read(), None
        except Exception as e:  # whatever a peer throws is its refusal
            theirs, trouble = None, "%s" % (str(e).splitlines() or [type(e).__name__])[0]
        if refusal is not None or trouble is not None:
            both = refusal is not None and trouble is not None
            line = "%s, %s: %s / %s" % (name, peer, refusal or "read", trouble or "read")
            self.verdict(both or known is not None, line, "both refuse" if both else known, (name, peer))
            return
        self.elements(name, peer, elements, theirs, known)

    def elements(self, name, peer, mine, theirs, known):
        syntax = bytes.fromhex(mine["00020010"].value).rstrip(b"\0 ").decode() if "00020010" in mine else ""
        context = Context(syntax in ("1.2.840.10008.1.2", ""), syntax == "1.2.840.10008.1.2.2", mine, theirs)
        counts, unknown = collections.Counter(), []
        for path, kind, a, b in differences(peer, mine, theirs, context.big):
            why = explain(peer, path, kind, a, b, context)
            if why is None:
                unknown.append("%s %s: %s / %s" % (path, kind, brief(a), brief(b)))
            else:
                counts[why] += 1
        self.classes.update(counts)
        for why, count in sorted(counts.items()):
            print("%s, %s: %d x %s" % (name, peer, count, why))
        if not unknown:
            self.verdict(True, None, None, None)
        else:
            line = "%s, %s: %d differ, first %s" % (name, peer, len(unknown), "; ".join(unknown[:4]))
            self.verdict(known is not None, line, known, (name, peer))

    def verdict(self, good, line, why, row):
        self.passed += good
        self.failed += not good
        if line is not None:
            print("%s%s%s" % ("" if good else "UNEXPECTED ", line, " -- " + why if why else ""))
        if good and row in FILES:
            self.rows_used.add(row)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=os.environ.get("MACLAB_BUILD", str(ROOT / "build")))
    parser.add_argument("samples", nargs="?", default=os.environ.get(
        "MACLAB_SAMPLES", str(ROOT.parent / "shared" / "dicom-samples")))
    parser.add_argument("--only", default="", help="files whose name contains this")
    options = parser.parse_args()
    samples = pathlib.Path(options.samples)
    if not (samples / "MANIFEST.tsv").is_file():
        skip("no samples in %s" % samples)
    if shutil.which("dcmdump") is None:
        skip("no dcmdump (Debian's dcmtk)")
    names = [l.split("\t")[0] for l in (samples / "MANIFEST.tsv").read_text(encoding="utf-8").splitlines()[1:]]
    names = [n for n in names if options.only in n]
    mine = ours(os.path.join(options.build, "tests", "interop", "dcm_probe"), [samples / n for n in names])
    report = Report()
    for name in names:
        path = samples / name
        result = mine[str(path)]
        for oddity in result[1]:
            print("%s: we note %s" % (name, oddity))
        report.compare(name, "pydicom", result, lambda p=path: from_pydicom(p))
        report.compare(name, "dcmtk", result, lambda p=path: from_dcmtk(p))
    for name, reason, _ in CLASSES:
        print("%6d x %s: %s" % (report.classes[name], name, reason))
    stale = set() if options.only else set(FILES) - report.rows_used
    for row in sorted(stale):
        print("UNEXPECTED %s, %s: the difference in the table is no longer there" % row)
    print("differential: %d files" % len(names))
    print("%d passed, %d failed" % (report.passed, report.failed + len(stale)))
    return 1 if report.failed or stale else 0


if __name__ == "__main__":
    sys.exit(main())
