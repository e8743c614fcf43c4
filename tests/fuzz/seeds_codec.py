#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the seed corpora of fuzz_jpeg_own, fuzz_jpegls, fuzz_j2k, fuzz_deflated and fuzz_encode.

usage: seeds_codec.py BUILD CORPUS_FOLDER

Every byte is made here from small synthetic images: lossless and 12-bit JPEG by the few lines below, the others by
BUILD's px_probe with our own encoders. Run it again after adding a case; the folder is committed.
"""
import os
import struct
import subprocess
import sys
import tempfile

from seeds_pixel import GREY, RGB, WORDS, element, image, put


class Bits:
    def __init__(self):
        self.text = ""

    def put(self, value, count):
        self.text += format(value & (1 << count) - 1, "0%db" % count) if count else ""

    def bytes(self):
        text = self.text + "1" * (-len(self.text) % 8)
        return bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8)).replace(b"\xff", b"\xff\0")


def segment(marker, body):
    return struct.pack(">HH", 0xFF00 | marker, len(body) + 2) + body


def table(number, lengths, symbols):
    return segment(0xC4, bytes([number]) + bytes(lengths) + bytes(symbols))


def frame_header(marker, precision, rows, columns, parts, factors=0x11):
    body = struct.pack(">BHHB", precision, rows, columns, parts)
    return segment(marker, body + b"".join(bytes([i + 1, factors if i == 0 else 0x11, 0]) for i in range(parts)))


def scan_header(parts, first, start, end, approximation):
    return segment(0xDA, bytes([parts]) + b"".join(bytes([first + i, 0]) for i in range(parts))
                   + bytes([start, end, approximation]))


def sized(bits, value, code):
    size = abs(value).bit_length()
    code(size)
    bits.put(value - (value < 0), size)


def lossless(samples, rows, columns, parts=1, precision=12, predictor=1, restart=0, dnl=False, low=0):
    """Categories have codes of five bits."""
    out = b"\xff\xd8" + table(0, [0, 0, 0, 0, 17] + [0] * 11, range(17))
    out += frame_header(0xC3, precision, 0 if dnl else rows, columns, parts)
    out += segment(0xDD, struct.pack(">H", restart * columns)) if restart else b""
    out += scan_header(parts, 1, predictor, 0, low)
    at = lambda x, y, i: samples[(y * columns + x) * parts + i] >> low
    bits = Bits()
    for y in range(rows):
        first = y == 0 or restart and y % restart == 0
        if restart and y and first:
            out += bits.bytes() + bytes([0xFF, 0xD0 + (y // restart - 1) % 8])
            bits = Bits()
        for x in range(columns):
            for i in range(parts):
                if x == 0:
                    guess = 1 << precision - low - 1 if first else at(0, y - 1, i)
                else:
                    a = at(x - 1, y, i)
                    b, c = (a, a) if first else (at(x, y - 1, i), at(x - 1, y - 1, i))
                    guess = a if first else [a, b, c, a + b - c, a + (b - c >> 1), b + (a - c >> 1), a + b >> 1][predictor - 1]
                sized(bits, at(x, y, i) - guess, lambda size: bits.put(size, 5))
    out += bits.bytes()
    return out + (segment(0xDC, struct.pack(">H", rows)) if dnl else b"") + b"\xff\xd9"


def deep(rows, columns, parts=1, factors=0x11, progressive=False, restart=0):
    """12 bits: a direct value and three others in each block. Symbols have codes of eight bits."""
    everything = [0] * 7 + [255, 1] + [0] * 7
    out = b"\xff\xd8" + segment(0xDB, b"\x10" + struct.pack(">64H", *range(8, 72)))
    out += table(0x00, everything, range(256)) + table(0x10, everything, range(256))
    out += frame_header(0xC2 if progressive else 0xC1, 12, rows, columns, parts, factors)
    out += segment(0xDD, struct.pack(">H", restart)) if restart else b""
    across, down = (factors >> 4, factors & 15) if parts > 1 else (1, 1)
    mcus = -(-columns // (8 * across)) * -(-rows // (8 * down))
    per = [across * down] + [1] * (parts - 1)
    value = lambda n: (n * 37) % 200 - 100

    def scan(start, end, approximation, with_dc, with_ac):
        nonlocal out
        out += scan_header(parts, 1, start, end, approximation)
        bits, before = Bits(), [0] * parts
        for m in range(mcus):
            if restart and m and m % restart == 0:
                out += bits.bytes() + bytes([0xFF, 0xD0 + (m // restart - 1) % 8])
                bits, before = Bits(), [0] * parts
            for part in range(parts):
                for k in range(per[part]):
                    if with_dc:
                        now = value(m + k + part) >> (approximation & 15)
                        sized(bits, now - before[part], lambda size: bits.put(size, 8))
                        before[part] = now
                    for run in (0, 2, 11) if with_ac else ():
                        sized(bits, 5 + run, lambda size: bits.put(run << 4 | size, 8))
                    bits.put(0, 8 if with_ac else 0)
        out += bits.bytes()

    if progressive:
        scan(0, 0, 0x01, True, False)
        scan(1, 63, 0x00, False, True)
        out += scan_header(1, 1, 0, 0, 0x10) + b"\xa5" * (mcus // 8 + 1)
    else:
        scan(0, 63, 0, True, True)
    return out + b"\xff\xd9"


def part10(dataset):
    meta = element(0x00020010, "UI", b"1.2.840.10008.1.2.1\0")
    return b"\0" * 128 + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(meta))) + meta + dataset


def coded(probe, folder):
    """name, syntax, its bytes"""
    images = {"grey": image(GREY), "words": image(WORDS, bits=16, stored=12), "rgb": image(RGB, samples=3, photometric="RGB"),
              "signed": image(WORDS, bits=16, stored=13, signed=1), "ybr": image(RGB, samples=3, photometric="YBR_FULL"),
              "bits": image(b"\x5A" * 8, bits=1)}
    for name, dataset in images.items():
        source, out = os.path.join(folder, name), os.path.join(folder, "out")
        with open(source, "wb") as f:
            f.write(part10(dataset))
        for target, uid in (("jpegls", "1.2.840.10008.1.2.4.80"), ("j2k", "1.2.840.10008.1.2.4.90"),
                            ("deflated", "1.2.840.10008.1.2.8.1")):
            if name == "bits" and target == "jpegls":
                continue
            subprocess.run([probe, "--coded", uid, out, source], check=True)
            with open(out, "rb") as f:
                yield name, target, f.read()


def main():
    build, corpus = sys.argv[1:3]
    probe = os.path.join(build, "tests/interop/px_probe")
    words = [v[0] for v in struct.iter_unpack("<H", WORDS)]
    for predictor in range(1, 8):
        put(corpus, "jpeg_own", "lossless-%d" % predictor, b"\0\0" + lossless(words, 8, 8, predictor=predictor))
    put(corpus, "jpeg_own", "lossless-rgb", b"\x08\0" + lossless(RGB, 8, 8, 3, 8, 4))
    put(corpus, "jpeg_own", "lossless-restart", b"\x04\0" + lossless(words, 8, 8, restart=2, low=2))
    put(corpus, "jpeg_own", "lossless-dnl", b"\x10\x08" + lossless(GREY, 8, 8, 1, 8, 1, dnl=True))
    put(corpus, "jpeg_own", "deep", b"\0\0" + deep(20, 20))
    put(corpus, "jpeg_own", "deep-restart", b"\x20\0" + deep(20, 20, restart=2))
    put(corpus, "jpeg_own", "deep-colour", b"\1\0" + deep(20, 20, 3))
    put(corpus, "jpeg_own", "deep-420", b"\2\0" + deep(20, 20, 3, 0x22))
    put(corpus, "jpeg_own", "deep-422", b"\2\0" + deep(20, 20, 3, 0x21, restart=1))
    put(corpus, "jpeg_own", "progressive", b"\0\0" + deep(20, 20, progressive=True))
    with tempfile.TemporaryDirectory() as folder:
        for name, target, stream in coded(probe, folder):
            if target == "deflated":
                bits = {"grey": 7, "words": 11, "rgb": 128 + 7, "signed": 12, "ybr": 128 + 7, "bits": 0}[name]
                put(corpus, target, name, bytes([4 if name == "signed" else 0, 0x77, bits]) + stream)
            else:
                put(corpus, target, name, bytes([{"signed": 4, "ybr": 1}.get(name, 0), 0]) + stream)
    for syntax in range(5):
        for name, head in (("byte", (7, 7, 1, 7, 0)), ("word", (7, 7, 2, 11, 0)), ("signed", (5, 9, 2, 12, 2)),
                           ("top", (5, 9, 2, 9, 1)), ("rgb", (7, 7, 5, 7, 0)), ("planes", (7, 7, 6, 15, 12)),
                           ("bits", (10, 6, 0, 0, 0)), ("deep", (6, 6, 3, 20, 2))):
            put(corpus, "encode", "%s-%d" % (name, syntax), bytes([syntax, *head]) + WORDS)


if __name__ == "__main__":
    main()
