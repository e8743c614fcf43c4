#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the seed corpora of fuzz_gate_structured and fuzz_gate_stream.

usage: seeds_gate_structured.py CORPUS_FOLDER

Documents are made here, element by element; streams are those of the codecs' corpora in CORPUS_FOLDER (run seeds_codec.py
before), with the two bytes that choose syntax and image in front. Run it again after adding a case; the folder is committed.
"""
import os
import struct
import sys


def element(tag, vr, value):
    value += (b"\0" if vr in ("UI", "UN") else b" ") if len(value) % 2 else b""
    wide = vr in ("SQ", "UT", "UN", "OB", "OW")
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    return head + (struct.pack("<HI", 0, len(value)) if wide else struct.pack("<H", len(value))) + value


def sequence(tag, *items):
    return element(tag, "SQ", b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(i)) + i for i in items))


def code(value, scheme, meaning):
    return element(0x00080100, "SH", value) + element(0x00080102, "SH", scheme) + element(0x00080104, "LO", meaning)


def item(relation, kind, name, rest=b"", before=b""):
    return (before + element(0x0040A010, "CS", relation) + element(0x0040A040, "CS", kind)
            + (sequence(0x0040A043, code(*name)) if name else b"") + rest)


FINDING = (b"121071", b"DCM", b"Finding")
LENGTH = (b"410668003", b"SCT", b"Length")


def number(value, unit):
    return sequence(0x0040A300, sequence(0x004008EA, code(unit, b"UCUM", unit)) + element(0x0040A30A, "DS", value))


def reference(uid):
    return sequence(0x00081199, element(0x00081150, "UI", b"1.2.840.10008.5.1.4.1.1.2") + element(0x00081155, "UI", uid))


def below(*items):
    return sequence(0x0040A730, *items)


def document(*items, sop=b"1.2.840.10008.5.1.4.1.1.88.33"):
    return (element(0x00080016, "UI", sop) + element(0x00080018, "UI", b"1.2.3") + element(0x0040A040, "CS", b"CONTAINER")
            + sequence(0x0040A043, code(b"126000", b"DCM", b"Imaging Measurement Report")) + element(0x0040A050, "CS", b"SEPARATE")
            + below(*items))


def documents():
    text = lambda words: element(0x0040A160, "UT", words)
    yield "text", document(item(b"CONTAINS", b"TEXT", FINDING, text(b"Fracture of the left hand. Dr QUIXOTE")))
    yield "people", document(
        item(b"HAS OBS CONTEXT", b"PNAME", (b"121008", b"DCM", b"Person Observer Name"), element(0x0040A123, "PN", b"QUIXOTE^DON")),
        item(b"HAS OBS CONTEXT", b"PNAME", (b"121088", b"DCM", b"Fellow"), element(0x0040A123, "PN", b"QUIXOTE")),
        item(b"HAS OBS CONTEXT", b"UIDREF", (b"121012", b"DCM", b"Device Observer UID"), element(0x0040A124, "UI", b"1.2.3.4")))
    yield "dates", document(
        item(b"CONTAINS", b"DATETIME", (b"113809", b"DCM", b"Start of X-Ray Irradiation"), element(0x0040A120, "DT", b"20240311")),
        item(b"CONTAINS", b"DATE", (b"121031", b"DCM", b"Subject Birth Date"), element(0x0040A121, "DA", b"19530417")),
        item(b"CONTAINS", b"TIME", FINDING, element(0x0040A122, "TM", b"101112")))
    yield "measures", document(
        item(b"CONTAINS", b"NUM", LENGTH, number(b"12.5", b"mm")), item(b"CONTAINS", b"NUM", LENGTH, number(b"9434765919", b"{QUIXOTE}")),
        item(b"CONTAINS", b"CODE", FINDING, sequence(0x0040A168, code(b"39607008", b"SCT", b"Lung QUIXOTE"))))
    yield "places", document(
        item(b"CONTAINS", b"SCOORD", FINDING, below(item(b"SELECTED FROM", b"IMAGE", None, b"", reference(b"1.2.3.4")))
             + element(0x00700022, "FL", struct.pack("<2f", 1, 2)) + element(0x00700023, "CS", b"POINT")),
        item(b"CONTAINS", b"TCOORD", FINDING, element(0x0040A130, "CS", b"POINT") + element(0x0040A138, "DS", b"1.5")))
    by = lambda *steps: element(0x0040A010, "CS", b"INFERRED FROM") + element(0x0040DB73, "UL", struct.pack("<%dI" % len(steps), *steps))
    yield "positions", document(
        item(b"CONTAINS", b"TEXT", FINDING, text(b"QUIXOTE")), item(b"CONTAINS", b"TEXT", FINDING, text(b"Normal") + below(by(1, 1), by(1, 2), by(1))))
    yield "unknown", document(item(b"CONTAINS", b"POEM", FINDING, text(b"QUIXOTE")))
    annotation = element(0x00700002, "CS", b"QUIXOTE") + sequence(0x00700008, element(0x00700006, "ST", b"QUIXOTE left hand"))
    yield "annotation", sequence(0x00700001, annotation) + sequence(0x00700060, element(0x00700002, "CS", b"QUIXOTE"))
    yield "segments", sequence(0x00620002, element(0x00620004, "US", b"\1\0") + element(0x00620005, "LO", b"QUIXOTE"))
    yield "regions", sequence(0x30060020, element(0x30060022, "IS", b"1") + element(0x30060026, "LO", b"QUIXOTE"))
    yield "waveform", sequence(0x0040B020, element(0x0040A0B0, "US", b"\1\0\0\0") + element(0x00700006, "ST", b"QUIXOTE"))
    yield "context", sequence(0x00400555, sequence(0x00400441, item(b"CONTAINS", b"TEXT", FINDING, text(b"QUIXOTE")))
                              + element(0x0040A040, "CS", b"NUMERIC") + element(0x0040A30A, "DS", b"2.5"))


STREAMS = [("jpeg", 0), ("jpeg_own", 1), ("jpegls", 2), ("j2k", 3), ("rle", 4), ("deflated", 5)]


def put(folder, name, data):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def main(corpus):
    for name, data in documents():
        for mode in (0, 2):
            put(os.path.join(corpus, "gate_structured"), "%s-%d" % (name, mode), bytes([mode]) + data)
    marked = b"\xff\xe1\0\x0cExif\0\0QUIX" + b"\xff\xfe\0\x06QUIX"
    for name, syntax in STREAMS:
        folder = os.path.join(corpus, name)
        for seed in sorted(os.listdir(folder))[:12]:
            with open(os.path.join(folder, seed), "rb") as f:
                data = f.read()
            if len(data) > 4096:
                continue
            start = max(data.find(b"\xff\xd8\xff"), 0) or max(data.find(b"\xff\x4f\xff\x51"), 0) or 2
            stream = data[start:]
            put(os.path.join(corpus, "gate_stream"), "%s-%s" % (name, seed), bytes([syntax, 0x70, 0x07]) + stream)
            if stream[:2] == b"\xff\xd8":
                put(os.path.join(corpus, "gate_stream"), "%s-%s-marked" % (name, seed),
                    bytes([syntax, 0x70, 0x07]) + stream[:2] + marked + stream[2:] + b"QUIX")


main(*sys.argv[1:])
