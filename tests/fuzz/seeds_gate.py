#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the seed corpora of fuzz_gate_header and fuzz_gate_profile.

usage: seeds_gate.py CORPUS_FOLDER PROFILE

Small data sets of an invented person, in each encoding, with a value at each kind of site; and profiles: the one that
is built in, and edits of it. Every byte is made here but the profile, which is the project's.
"""
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import seeds_dicom as dicom  # noqa: E402

NAME, WORD = b"Quxworth^Zebedee", b"Quxworth"


def pad(value, vr):
    return value + (b"" if len(value) % 2 == 0 else b"\0" if vr in ("UI", "OB", "UN") else b" ")


class Sites:
    def __init__(self, encoding):
        self.make = dicom.Maker(encoding)
        self.encoding = encoding

    def text(self, tag, vr, value):
        return self.make.element(tag, vr, pad(value, vr))

    def sequence(self, tag, *items):
        m = self.make
        body = b"".join(m.tag(0xFFFEE000) + m.pack("I", len(i)) + i for i in items)
        return m.element(tag, "SQ", body)

    def code(self, value, scheme, meaning):
        return (self.text(0x00080100, "SH", value) + self.text(0x00080102, "SH", scheme) +
                self.text(0x00080104, "LO", meaning))

    def common(self, sop_class=b"1.2.840.10008.5.1.4.1.1.2"):
        return self.text(0x00080016, "UI", sop_class) + self.text(0x00080018, "UI", b"1.2.3")

    def patient(self):
        return self.text(0x00100010, "PN", NAME) + self.text(0x00100020, "LO", b"7734512")

    def sets(self):
        yield "plain", (self.common() + self.text(0x00080020, "DA", b"20200110") + self.text(0x0008103E, "LO", b"CHEST " + WORD) +
                        self.patient() + self.text(0x00101010, "AS", b"093Y") + self.text(0x00180050, "DS", b"1.25"))
        yield "codes", (self.common() + self.sequence(0x00082218, self.code(b"T-D3000", b"SRT", b"Chest") +
                        self.sequence(0x00082220, self.code(b"X1", b"99" + WORD, WORD))) + self.patient())
        yield "deep", (self.common() + self.patient() + self.sequence(0x00400275, self.text(0x00321060, "LO", WORD) +
                       self.sequence(0x00400008, self.code(b"A", b"L", WORD)) + self.sequence(0x00081140, self.common())))
        yield "private", (self.common() + self.patient() + self.text(0x00290010, "LO", b"SOMEBODY") +
                          self.text(0x00291001, "UN", WORD) + self.text(0x70530010, "LO", b"Philips PET Private Group") +
                          self.text(0x70531000, "DS", b"0.001"))
        yield "unknown", (self.common() + self.text(0x00081030, "UN", WORD) + self.text(0x0008FFF0, "LO", WORD) + self.patient() +
                          self.text(0x00180060, "UN", b"120 "))
        yield "misused", (self.text(0x00080008, "CS", b"ORIGINAL\\" + WORD.upper()) + self.common() + self.patient() +
                          self.text(0x00180015, "CS", WORD) + self.text(0x00180050, "DS", WORD) + self.text(0x00181210, "SH", WORD + b"\\B30f"))
        yield "pet", (self.common(b"1.2.840.10008.5.1.4.1.1.128") + self.text(0x00080021, "DA", b"20190304") +
                      self.text(0x00080031, "TM", b"101500") + self.patient() + self.text(0x00101030, "DS", b"80") +
                      self.sequence(0x00540016, self.text(0x00181072, "TM", b"091400")))
        yield "charset", (self.text(0x00080005, "CS", b"\\ISO 2022 IR 87") + self.common() + self.text(0x00081030, "LO", b"\x1b$B;3ED\x1b(B " + WORD) +
                          self.patient())
        yield "graphics", (self.common() + self.patient() + self.text(0x50000022, "LO", WORD) + self.text(0x60003000, "OB", WORD))
        icc = bytearray(164)
        struct.pack_into(">I", icc, 0, 164)
        icc[36:40] = b"acsp"
        struct.pack_into(">I4sII", icc, 128, 1, b"desc", 144, 20)
        icc[144:148] = b"desc"
        icc[156:164] = WORD
        yield "icc", self.common() + self.patient() + self.text(0x00282000, "OB", bytes(icc))


def main():
    corpus, profile = sys.argv[1:]
    folder = os.path.join(corpus, "gate_header")
    os.makedirs(folder, exist_ok=True)
    for encoding in (dicom.IMPLICIT, dicom.EXPLICIT, dicom.BIG):
        for which, (name, content) in enumerate(Sites(encoding).sets()):
            with open(os.path.join(folder, "%s-%d" % (name, encoding)), "wb") as f:
                f.write(bytes([encoding + 3 * (which % 3)]) + content)
    folder = os.path.join(corpus, "gate_profile")
    os.makedirs(folder, exist_ok=True)
    text = open(profile, encoding="utf-8").read()
    edits = {
        "built-in": [],
        "shifted": [('"removed"', '"shifted"')],
        "weakened": [('"retain_uids": false', '"weakened": true, "retain_uids": true')],
        "refused": [('"retain_uids": false', '"retain_uids": true')],
        "lists": [('"phrases": []', '"phrases": ["whipple procedure", "\\u00c4rztlich"]'),
                  ('"attributes": []', '"attributes": [{"tag": "StudyDescription", "action": "remove", "why": "x"}, '
                                       '{"tag": "(0010,1030)", "action": "keep", "weakened": true}]'),
                  ('"private": []', '"private": [{"creator": "OURS", "group": "0019", "element": "1a", "vr": "DS", '
                                    '"weakened": true}]')],
        "cut": [('"hold_days"', '"hold')],
    }
    for name, changes in edits.items():
        out = text
        for before, after in changes:
            assert before in out
            out = out.replace(before, after, 1)
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(out)


main()
