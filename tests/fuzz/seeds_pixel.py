#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the seed corpora of fuzz_rle, fuzz_jpeg, fuzz_frames, fuzz_render, fuzz_transcode and fuzz_gate_pixels.

usage: seeds_pixel.py BUILD CORPUS_FOLDER

Every byte is made here from small synthetic images; JPEG streams come out of BUILD's px_probe. Run it
again after adding a case; the folder is committed.
"""
import os
import struct
import subprocess
import sys
import tempfile

WIDE = ("OB", "OW", "OF", "OD", "SQ", "UN")


def element(tag, vr, value, order="<"):
    head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    value += (b"\0" if vr in ("OB", "UI") else b" ") * (len(value) % 2)
    if vr in WIDE:
        return head + vr.encode() + b"\0\0" + struct.pack(order + "I", len(value)) + value
    return head + vr.encode() + struct.pack(order + "H", len(value)) + value


def implicit(tag, value):
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value


def sequence(tag, *items):
    return element(tag, "SQ", b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(i)) + i for i in items))


def fragments(*parts):
    body = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(p)) + p for p in parts)
    return (struct.pack("<HH", 0x7FE0, 0x0010) + b"OB\0\0" + struct.pack("<I", 0xFFFFFFFF) + body
            + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))


def u16(*values, order="<"):
    return struct.pack(order + "%dH" % len(values), *values)


def image(pixels, rows=8, columns=8, samples=1, photometric="MONOCHROME2", bits=8, stored=None, frames=1,
          signed=0, planar=0, order="<", vr="OW", before=b"", middle=b"", tail=None):
    stored = stored or bits
    text = photometric.encode()
    parts = [element(0x00280002, "US", u16(samples, order=order), order),
             element(0x00280004, "CS", text, order),
             element(0x00280006, "US", u16(planar, order=order), order) if samples > 1 else b"",
             element(0x00280008, "IS", str(frames).encode(), order),
             element(0x00280010, "US", u16(rows, order=order), order),
             element(0x00280011, "US", u16(columns, order=order), order), before,
             element(0x00280100, "US", u16(bits, order=order), order),
             element(0x00280101, "US", u16(stored, order=order), order),
             element(0x00280102, "US", u16(stored - 1, order=order), order),
             element(0x00280103, "US", u16(signed, order=order), order), middle,
             tail if tail is not None else element(0x7FE00010, vr, pixels, order)]
    return b"".join(parts)


def rle(*planes):
    header = struct.pack("<I", len(planes))
    body = b""
    for plane in planes:
        header += struct.pack("<I", 64 + len(body))
        for i in range(0, len(plane), 128):
            part = plane[i:i + 128]
            body += bytes([len(part) - 1]) + part
        body += b"\0" * (len(body) % 2)
    return header.ljust(64, b"\0") + body


GREY = bytes((x * 16 + y * 5) % 256 for y in range(8) for x in range(8))
WORDS = b"".join(struct.pack("<H", (x * 400 + y * 37) % 4096) for y in range(8) for x in range(8))
RGB = bytes((i * 7) % 256 for i in range(192))
WINDOW = element(0x00281050, "DS", b"40\\-600") + element(0x00281051, "DS", b"400\\1500")
RESCALE = element(0x00281052, "DS", b"-1024") + element(0x00281053, "DS", b"1")


def lut_item(count, first, bits, data):
    return element(0x00283002, "US", u16(count, first, bits)) + element(0x00283006, "OW", data)


def palette(segmented):
    out = b"".join(element(0x00281101 + c, "US", u16(16, 0, 16)) for c in range(3))
    if segmented:
        data = u16(0, 1, 0, 1, 7, 0xFFFF, 2, 1, 6, 0)
        return out + b"".join(element(0x00281221 + c, "OW", data) for c in range(3))
    return out + b"".join(element(0x00281201 + c, "OW", u16(*range(0, 65536, 4096))) for c in range(3))


def groups(frames):
    def one(i):
        voi = element(0x00281050, "DS", b"%d" % (i * 10)) + element(0x00281051, "DS", b"100")
        return sequence(0x00289132, voi)
    return sequence(0x52009229, one(1)) + sequence(0x52009230, *(one(i) for i in range(frames)))


def overlay(group, data, origin=(1, 1), frames=None, first=None, kind=b"G", bit=0, rows=8, columns=8):
    tag = group << 16
    return b"".join([element(tag | 0x10, "US", u16(rows)), element(tag | 0x11, "US", u16(columns)),
                     element(tag | 0x15, "IS", b"%d" % frames) if frames else b"", element(tag | 0x40, "CS", kind),
                     element(tag | 0x50, "SS", struct.pack("<hh", *origin)),
                     element(tag | 0x51, "US", u16(first)) if first else b"",
                     element(tag | 0x100, "US", u16(16 if bit else 1)), element(tag | 0x102, "US", u16(bit)),
                     element(tag | 0x3000, "OW", data) if data else b""])


def icon(pixels):
    return sequence(0x00880200, image(b"", rows=8, columns=8, tail=pixels))


def datasets():
    """name, index of the transfer syntax in fuzz_render.c, bytes"""
    big = b"".join(WORDS[i + 1:i + 2] + WORDS[i:i + 1] for i in range(0, len(WORDS), 2))
    yield "grey8", 0, image(GREY)
    yield "grey16", 0, image(WORDS, bits=16, stored=12, middle=WINDOW + RESCALE)
    yield "signed", 0, image(WORDS, bits=16, signed=1, middle=element(0x00280120, "SS", struct.pack("<h", -5)))
    yield "mono1", 0, image(GREY, photometric="MONOCHROME1", middle=element(0x20500020, "CS", b"INVERSE"))
    yield "bits", 0, image(b"\x5A" * 32, bits=1, frames=3, rows=5, columns=7)
    yield "packed12", 0, image(b"\x21\x43\x65" * 32, bits=12, stored=12)
    yield "wide", 0, image(WORDS * 2, bits=32)
    yield "big", 2, image(big, bits=16, order=">")
    yield "bigbytes", 2, image(GREY[:18], rows=3, columns=3, frames=2, order=">")
    yield "rgb", 0, image(RGB, samples=3, photometric="RGB", vr="OB")
    yield "planes", 0, image(RGB, samples=3, photometric="RGB", planar=1)
    yield "ybr", 0, image(RGB, samples=3, photometric="YBR_FULL")
    yield "ybr422", 0, image(RGB[:128], samples=3, photometric="YBR_FULL_422")
    yield "palette", 0, image(GREY, photometric="PALETTE COLOR", middle=palette(False))
    yield "segments", 0, image(GREY, photometric="PALETTE COLOR", middle=palette(True))
    yield "luts", 0, image(WORDS, bits=16, middle=sequence(0x00283000, lut_item(4, 0, 12, u16(1, 2, 3, 4)))
                           + sequence(0x00283010, lut_item(4, 1, 8, u16(0, 9, 99, 255))))
    yield "aspect", 0, image(GREY, before=element(0x00280034, "IS", b"3\\2"))
    yield "groups", 0, image(GREY * 3, frames=3, tail=groups(3) + element(0x7FE00010, "OW", GREY * 3))
    yield "overlay", 0, image(GREY, middle=overlay(0x6000, b"\x18\x3c\x7e\xff\xff\x7e\x3c\x18", (-1, 3), kind=b"R")
                              + overlay(0x6002, b"\xaa" * 16, frames=2, first=1) + overlay(0x6004, b"\1\2"))
    yield "embedded", 0, image(WORDS, bits=16, stored=12, middle=overlay(0x6000, b"", bit=13))
    yield "supplemental", 0, image(GREY, middle=element(0x00089205, "CS", b"COLOR") + palette(False))
    yield "float", 0, image(b"", bits=32, tail=element(0x7FE00008, "OF", struct.pack("<64f", *range(64))))
    yield "rle", 3, image(b"", bits=16, tail=fragments(b"", rle(WORDS[1::2], WORDS[0::2])))
    yield "rle2", 3, image(b"", frames=2, tail=fragments(u16(0, 0, 144, 0), rle(GREY), rle(GREY[::-1])))
    yield "implicit", 1, b"".join(implicit(t, v) for t, v in (
        (0x00280002, u16(1)), (0x00280004, b"MONOCHROME2 "), (0x00280010, u16(8)), (0x00280011, u16(8)),
        (0x00280100, u16(16)), (0x00280101, u16(16)), (0x00280102, u16(15)), (0x00280103, u16(1)),
        (0x7FE00010, WORDS)))


def jpegs(probe, folder):
    """Small streams of our own writer: grey, and colour with and without shared chroma."""
    meta = element(0x00020010, "UI", b"1.2.840.10008.1.2.1\0")
    head = b"\0" * 128 + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(meta))) + meta
    for name, data in (("grey", image(GREY * 4, rows=16, columns=16)),
                       ("colour", image(RGB * 4, rows=16, columns=16, samples=3, photometric="RGB", vr="OB"))):
        source, out = os.path.join(folder, name + ".dcm"), os.path.join(folder, name + ".jpg")
        with open(source, "wb") as f:
            f.write(head + data)
        subprocess.run([probe, "--picture", out, source], check=True)
        with open(out, "rb") as f:
            yield name, f.read()


def put(corpus, target, name, data):
    os.makedirs(os.path.join(corpus, target), exist_ok=True)
    with open(os.path.join(corpus, target, name), "wb") as f:
        f.write(data)


def main():
    build, corpus = sys.argv[1:3]
    plain, fancy = bytes(17)[:16], bytes([1, 15, 50, 1, 0, 40, 0, 0x90, 1, 40, 0, 60, 0, 3, 2, 250])
    for name, which, data in datasets():
        put(corpus, "render", name, plain + bytes([which]) + data)
        put(corpus, "render", name + "-view", fancy + bytes([which]) + data)
    with tempfile.TemporaryDirectory() as folder:
        for name, stream in jpegs(os.path.join(build, "tests/interop/px_probe"), folder):
            put(corpus, "jpeg", name, b"\x01" + stream)
            put(corpus, "jpeg", name + "-rgb", b"\0" + stream)
            put(corpus, "jpeg", name + "-cut", b"\x02" + stream[:len(stream) // 2])
            samples, photometric = (1, "MONOCHROME2") if name == "grey" else (3, "YBR_FULL_422")
            put(corpus, "render", "jpeg-" + name, plain + b"\x04" + image(
                b"", rows=16, columns=16, samples=samples, photometric=photometric,
                tail=fragments(b"", stream + b"\0" * (len(stream) % 2))))
            meta = (element(0x00020002, "UI", b"1.2.3\0") + element(0x00020003, "UI", b"1.2.4\0")
                    + element(0x00020010, "UI", b"1.2.840.10008.1.2.4.50"))
            head = b"\0" * 128 + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(meta))) + meta
            put(corpus, "gate_pixels", "jpeg-" + name, b"\x05" + head + element(0x00080016, "UI", b"1.2.3")
                + element(0x00080018, "UI", b"1.2.4") + image(
                    b"", rows=16, columns=16, samples=samples, photometric=photometric,
                    tail=fragments(b"", stream + b"\0" * (len(stream) % 2))))
    syntaxes = ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.5"]
    number = 0
    more = [("icon", 3, icon(fragments(b"", rle(GREY))) + image(b"", tail=fragments(b"", rle(GREY)))),
            ("badicon", 3, icon(fragments(b"", b"\0" * 64)) + image(b"", tail=fragments(b"", rle(GREY)))),
            ("report", 3, element(0x00080060, "CS", b"SR"))]
    for name, which, data in [*datasets(), *more]:
        uid = syntaxes[which].encode() + b"\0" * (len(syntaxes[which]) % 2)
        meta = element(0x00020002, "UI", b"1.2.3\0") + element(0x00020003, "UI", b"1.2.4\0") + element(0x00020010, "UI", uid)
        head = b"\0" * 128 + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(meta))) + meta
        order = ">" if which == 2 else "<"
        two = (implicit(0x00080016, b"1.2.3\0") + implicit(0x00080018, b"1.2.4\0") if which == 1 else
               element(0x00080016, "UI", b"1.2.3", order) + element(0x00080018, "UI", b"1.2.4", order))
        put(corpus, "gate_pixels", name, bytes([sum(name.encode()) % 256]) + head + two + data)
        for target in range(8):
            number += 1
            if (number + len(name)) % 3 == 0 or name in ("icon", "rle2", "bits"):
                put(corpus, "transcode", "%s-%d" % (name, target), bytes([target]) + head + two + data)
    for name, shape, frame in (("one", (63, 0, 0, 0), rle(GREY)), ("two", (63, 0, 0, 1), rle(WORDS[1::2], WORDS[::2])),
                               ("three", (63, 0, 1, 0), rle(RGB[::3], RGB[1::3], RGB[2::3])),
                               ("runs", (63, 0, 0, 0), struct.pack("<II", 1, 64).ljust(64, b"\0") + b"\xC1\x07"),
                               ("empty", (0, 0, 0, 0), b"")):
        put(corpus, "rle", name, bytes(shape) + frame)
    item = lambda data: struct.pack("<HHI", 0xFFFE, 0xE000, len(data)) + data
    soi = b"\xFF\xD8\xFF\xE0" + b"abcd"
    for name, frames, extended, body in (
            ("single", 1, 0, item(b"") + item(soi)), ("split", 1, 0, item(b"") + item(soi) + item(b"more")),
            ("table", 2, 0, item(struct.pack("<II", 0, 16)) + item(soi) + item(soi)),
            ("wrong", 2, 0, item(struct.pack("<II", 0, 17)) + item(soi) + item(soi)),
            ("scan", 2, 0, item(b"") + item(soi) + item(b"more") + item(soi)),
            ("few", 3, 0, item(b"") + item(soi) + item(soi)),
            ("extended", 2, 2, struct.pack("<QQQQ", 0, 16, 8, 8) + item(b"") + item(soi) + item(soi))):
        for syntax in range(3):
            config = bytes([0, syntax, 7, 7]) + u16(frames - 1) + bytes([extended, 0, 0])
            put(corpus, "frames", "%s-%d" % (name, syntax), config + body)
    put(corpus, "frames", "packed", bytes([1, 1, 0, 4, 2, 8, 8, 10, 20, 20, 0]))
    put(corpus, "frames", "packed-each", bytes([1, 1, 3, 0, 2, 0, 8, 10, 20, 1, 8, 5, 2]))


if __name__ == "__main__":
    main()
