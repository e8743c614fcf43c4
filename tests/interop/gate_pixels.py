#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Blacks boxes in every sample file that has pixels (gate_pixels_probe) and looks at the result with other programs: pydicom
parses it, GDCM or DCMTK decode original and result, and of both all samples outside of the boxes are the same; inside there is
one value. JPEG edited in its blocks may change up to the next block (MCU) and, where chroma is shared, one pixel further; where
a file is coded anew from a lossy coding, peers may round it otherwise.
Usage: gate_pixels.py --build BUILD [--only WORD] [SAMPLES]"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import pydicom
    import lib_pixels
    import transcode
except ImportError as missing:
    print("skipped: %s (Debian's python3-pydicom, python3-gdcm, python3-numpy)" % missing)
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[2]
JPEG = lib_pixels.JPEG
LIMIT = 24 << 20
# What another program does not bear out, and why.
KNOWN = {"sm/multiframe.dcm": "tiles narrower than their data set says: GDCM leaves the rest as memory happened to be"}


def sampling(stream):
    """Pixels across and down of an MCU of a JPEG stream, and whether chroma is shared."""
    at = 2
    while at + 4 < len(stream):
        marker, length = stream[at + 1], stream[at + 2] * 256 + stream[at + 3]
        if marker in (0xC0, 0xC1, 0xC2):
            factors = [stream[at + 11 + 3 * i] for i in range(stream[at + 9])]
            wide, high = max(f >> 4 for f in factors), max(f & 15 for f in factors)
            return 8 * wide, 8 * high, len(factors) > 1 and (wide > 1 or high > 1)
        at += 2 + length
    raise ValueError("no frame header")


def reach(box, data, written):
    """The pixels that may change: x0, y0, x1, y1."""
    x, y, w, h = box
    wide = high = 1
    ring = 0
    syntax = str(written.file_meta.TransferSyntaxUID)
    if syntax in JPEG and syntax == str(data.file_meta.TransferSyntaxUID):
        frame = next(pydicom.encaps.generate_pixel_data_frame(data.PixelData, int(data.get("NumberOfFrames") or 1)))
        wide, high, shared = sampling(frame)
        ring = int(shared)
    elif data.PhotometricInterpretation == "YBR_FULL_422" and not data.file_meta.TransferSyntaxUID.is_compressed:
        wide = 2
    x0, y0 = x // wide * wide, y // high * high
    x1, y1 = -(-(x + w) // wide) * wide, -(-(y + h) // high) * high
    return max(0, x0 - ring), max(0, y0 - ring), min(data.Columns, x1 + ring), min(data.Rows, y1 + ring)


def outside(samples, data, boxes, written):
    """The samples with what may have changed set to zero."""
    frames = int(data.get("NumberOfFrames") or 1)
    pairs = samples.ndim == 1 and data.BitsAllocated > 1
    shape = (frames, data.Rows, data.Columns // 2, 4) if pairs else (frames, data.Rows, data.Columns, -1)
    a = samples.reshape(shape).copy()
    for frame, box in boxes:
        x0, y0, x1, y1 = reach(box, data, written)
        part = a[:, y0:y1, x0 // 2:(x1 + 1) // 2] if pairs else a[:, y0:y1, x0:x1]
        if frame == "all":
            part[...] = 0
        else:
            part[int(frame)] = 0
    return a


def uneven(samples, data, boxes, written):
    """A box that is not of one value, in words, or None."""
    frames = int(data.get("NumberOfFrames") or 1)
    if samples.ndim == 1 and data.BitsAllocated > 1:
        return None  # pairs are looked at by the unit test
    a = samples.reshape(frames, data.Rows, data.Columns, -1).astype(np.int64)
    ring = 1 if str(written.file_meta.TransferSyntaxUID) in JPEG else 0
    for frame, (x, y, w, h) in boxes:
        for number in range(frames) if frame == "all" else [int(frame)]:
            part = a[number, y + ring:y + h - ring, x + ring:x + w - ring]
            if int((part.max((0, 1)) - part.min((0, 1))).max()) > 0:
                return "box %d,%d of frame %d is not of one value" % (x, y, number + 1)
    return None


def compare(path, out, boxes):
    data, written = lib_pixels.original(path), pydicom.dcmread(out)
    before = {who: (s, p) for s, p, who in lib_pixels.decoded(path)}
    after = {who: (s, p) for s, p, who in lib_pixels.decoded(out)}
    if not before or not after:
        raise LookupError("no program here decodes it")
    same = str(written.file_meta.TransferSyntaxUID) == str(data.file_meta.TransferSyntaxUID)
    limit = 0 if same else lib_pixels.ROUNDING.get(str(data.file_meta.TransferSyntaxUID), 0)
    told = []
    for who, (theirs, photometric) in after.items():
        wrong = uneven(theirs, data, boxes, written)
        if wrong:
            return "%s: %s" % (who, wrong)
        for other, (source, label) in before.items():
            if same and who != other:
                continue
            a, b = (source, theirs) if photometric == label else (lib_pixels.colours(source, label),
                                                                 lib_pixels.colours(theirs, photometric))
            if a.size != b.size:
                told.append("%d samples by %s, %d by %s" % (a.size, other, b.size, who))
                continue
            a, b = outside(a, data, boxes, written), outside(b, data, boxes, written)
            worst = int(np.abs(a.astype(np.int64) - b.astype(np.int64)).max(initial=0))
            if worst <= limit + (0 if photometric == label else 2):
                return None
            told.append("a sample outside differs by %d (%s, %s)" % (worst, other, who))
    return "; ".join(told)


def boxes_for(data):
    rows, columns, frames = data.Rows, data.Columns, int(data.get("NumberOfFrames") or 1)
    return [("all", (columns // 5, rows // 7, max(4, columns // 3 | 1), max(4, rows // 9 | 1))),
            (str(frames - 1), (columns - columns // 8 - 1, rows // 2, max(3, columns // 8), max(3, rows // 6)))]


def one(tally, probe, name, path, folder):
    try:
        data = lib_pixels.original(path)
        if "PixelData" not in data or len(data.PixelData) > LIMIT or min(data.Rows, data.Columns) < 24:
            return
    except Exception:  # what pydicom cannot read is not for this comparison
        return
    boxes = boxes_for(data)
    out = os.path.join(folder, "out.dcm")
    words = ["%s,%d,%d,%d,%d" % (frame, *box) for frame, box in boxes]
    done = subprocess.run([probe, path, out, *words], capture_output=True, text=True, timeout=120)
    lines = done.stdout.splitlines()
    if done.returncode == 1:
        tally.refused += 1
        return
    tally.check(name, "is written", None if done.returncode == 0 else "exit %d" % done.returncode)
    if done.returncode != 0:
        return
    tally.check(name, "is borne out by the gate", "cleaning-failed" if "cleaning-failed" in lines[-1] else None)
    dump = subprocess.run(["dcmdump", "-q", "+E", out], capture_output=True)
    tally.check(name, "is read by dcmdump", None if dump.returncode == 0 else dump.stderr.decode(errors="replace")[:200])
    lib_pixels.original.cache_clear()
    lib_pixels.decoded.cache_clear()
    if name in KNOWN:
        tally.skipped += 1
        return
    try:
        tally.check(name, "outside of the boxes", compare(path, out, boxes))
    except (LookupError, ValueError, AttributeError, NotImplementedError):  # the peers' own limits with this original
        tally.skipped += 1


class Tally:
    def __init__(self):
        self.passed = self.failed = self.refused = self.skipped = 0

    def check(self, name, what, wrong):
        if wrong is None:
            self.passed += 1
        else:
            self.failed += 1
            print("FAILED %s: %s: %s" % (name, what, wrong))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=str(ROOT / "build"))
    parser.add_argument("--only", default="")
    parser.add_argument("samples", nargs="?",
                        default=os.environ.get("MACLAB_SAMPLES", str(ROOT.parent / "shared/dicom-samples")))
    args = parser.parse_args()
    probe = os.path.join(args.build, "tests/interop/gate_pixels_probe")
    if not os.path.isdir(args.samples):
        print("skipped: no sample files at %s" % args.samples)
        return 77
    tally = Tally()
    files = sorted(p for p in pathlib.Path(args.samples).rglob("*")
                   if p.is_file() and "LICENCES" not in p.parts and p.suffix != ".tsv" and p.name != "DICOMDIR")
    with tempfile.TemporaryDirectory() as folder:
        for path in files:
            name = str(path.relative_to(args.samples))
            if args.only in name:
                one(tally, probe, name, str(path), folder)
    print("%d files that are not edited, with their reasons" % tally.refused)
    print("%d passed, %d failed, %d skipped" % (tally.passed, tally.failed, tally.skipped))
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
