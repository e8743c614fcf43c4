#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Decodes every sample file whose codec the pixel floor has (uncompressed, RLE, JPEG baseline) with
px_probe, with pydicom and with DCMTK, and compares sample by sample: lossless must be equal, JPEG may
differ by rounding. Reports each disagreement; known ones are listed with their reason.
Usage: pixels.py --build BUILD [SAMPLES]"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

try:
    import numpy as np
    import pydicom
except ImportError as missing:
    print("skipped: %s (Debian's python3-pydicom and python3-numpy)" % missing)
    sys.exit(77)

warnings.simplefilter("ignore")
ROOT = pathlib.Path(__file__).resolve().parents[2]
JPEG = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"}
RLE = "1.2.840.10008.1.2.5"
# JPEG decoders may round differently: in the inverse DCT, in the chroma filter, in YCbCr to RGB.
JPEG_TOLERANCE = 3
# Files on which another program and we differ, and why that is right.
KNOWN = {
    ("sm/multiframe.dcm", "dcmtk"):
        "edge tiles hold a smaller JPEG than Columns says: DCMTK runs their rows together; whole tiles agree",
    ("colour/SC_rgb_small_odd_big_endian.dcm", "pydicom"):
        "bytes in big-endian OW words: pydicom 2.3 does not swap them; DCMTK and the little-endian twin agree with us",
}


def fields(probe, path):
    """px_probe's lines about one file: image fields, the frames decoded, the errors."""
    run = subprocess.run([probe, path], capture_output=True, text=True, timeout=120)
    if run.returncode not in (0, 1):
        raise AssertionError("px_probe ended with %d: %s" % (run.returncode, run.stderr[-500:]))
    lines = [line.split("\t") for line in run.stdout.splitlines()]
    image = next((line[2:] for line in lines if line[1] == "image"), None)
    return image, [line for line in lines if line[1] == "frame"], [line for line in lines if line[1] == "error"]


def ours(probe, path, image, frame, folder):
    raw = os.path.join(folder, "raw")
    subprocess.run([probe, "--raw", raw, path], capture_output=True, timeout=120)
    rows, columns, frames, samples, allocated = (int(v) for v in image[:5])
    signed, photometric, planar = image[7] == "1", frame[4], frame[6] == "1"
    data = np.fromfile(raw, np.uint8)
    return shaped(data, rows, columns, frames, samples, allocated, signed, photometric, planar)


def shaped(data, rows, columns, frames, samples, allocated, signed, photometric, planar, aligned=True):
    """Bytes to frames x rows x columns x samples."""
    if allocated == 1:
        count = rows * columns
        if aligned:
            each = np.unpackbits(data.reshape(frames, -1), axis=1, bitorder="little")[:, :count]
        else:
            each = np.unpackbits(data, bitorder="little")[:count * frames]
        return each.reshape(frames, rows, columns, 1)
    kind = np.dtype("<%s%d" % ("i" if signed else "u", allocated // 8))
    values = data[: len(data) // kind.itemsize * kind.itemsize].view(kind)
    if photometric == "YBR_FULL_422":
        return values[: frames * rows * columns * 2].reshape(frames, rows, columns, 2)
    values = values[: frames * rows * columns * samples]
    if planar:
        return values.reshape(frames, samples, rows, columns).transpose(0, 2, 3, 1)
    return values.reshape(frames, rows, columns, samples)


def from_pydicom(path, image):
    data = pydicom.dcmread(path, force=True)
    rows, columns, frames, samples = (int(v) for v in image[:4])
    if image[9] == "YBR_FULL_422" and image[10] not in JPEG:  # the stored bytes, chroma shared
        return np.frombuffer(data.PixelData, np.uint8)[: frames * rows * columns * 2].reshape(frames, rows, columns, 2)
    array = data.pixel_array
    if image[10] in JPEG and samples == 3 and data.PhotometricInterpretation.startswith("YBR"):
        # pydicom's handlers leave YCbCr or not by the handler in use: ask Pillow for RGB instead.
        raise NotImplementedError
    if "FloatPixelData" in data:
        array = array.view(np.uint32)
    return array.reshape(frames, rows, columns, samples)


def from_dcmtk(path, image, folder):
    out = os.path.join(folder, "dcmtk.dcm")
    rows, columns, frames, samples, allocated = (int(v) for v in image[:5])
    tool = ["dcmdjpeg", "+cp"] if image[10] in JPEG else ["dcmdrle"] if image[10] == RLE else ["dcmconv", "+te"]
    run = subprocess.run([*tool, path, out], capture_output=True, text=True, timeout=120)
    if run.returncode != 0:
        raise NotImplementedError(run.stderr.strip()[:120])
    data = pydicom.dcmread(out)
    element = data.get("PixelData") or data.get("FloatPixelData")
    photometric = data.PhotometricInterpretation
    if photometric == "YBR_FULL_422" and len(element) >= 3 * rows * columns * frames:
        photometric = "YBR_FULL"
    planar = samples > 1 and int(data.get("PlanarConfiguration", 0)) == 1
    return shaped(np.frombuffer(element, np.uint8), rows, columns, frames, samples, allocated, image[7] == "1",
                  photometric, planar, aligned=False)


def disagreement(a, b, tolerance):
    if a.shape != b.shape:
        return "shapes %s and %s" % (a.shape, b.shape)
    if tolerance == 0:
        return None if np.array_equal(a, b) else "%d samples differ" % np.count_nonzero(a != b)
    away = np.abs(a.astype(np.int64) - b.astype(np.int64))
    return None if away.max() <= tolerance else "differs by up to %d, mean %.3f" % (away.max(), away.mean())


def compare(probe, path, folder):
    """A list of (peer, what is wrong or None), empty when the file is not ours to decode."""
    image, frames, errors = fields(probe, path)
    if image is None or any("E_NOT_ACCEPTABLE" in line for line in errors):
        return []
    if errors:
        return [("px_probe", errors[0][3])]
    mine = ours(probe, path, image, frames[0], folder)
    tolerance = JPEG_TOLERANCE if image[10] in JPEG else 0
    found = []
    for peer, ask in (("pydicom", lambda: from_pydicom(path, image)),
                      ("dcmtk", lambda: from_dcmtk(path, image, folder))):
        try:
            found.append((peer, disagreement(mine, ask(), tolerance)))
        except Exception as e:  # a peer that cannot is no evidence either way
            found.append((peer + " (cannot)", "cannot: %s %s" % (type(e).__name__, str(e)[:100])))
    return found


def pnm(path):
    data = open(path, "rb").read()
    magic, size, deepest, rest = data.split(b"\n", 3)
    width, height = (int(v) for v in size.split())
    return np.frombuffer(rest, np.uint8)[: width * height * (3 if magic == b"P6" else 1)].reshape(height, width, -1)


def square(data):
    down, across = (float(v) for v in data.get("PixelSpacing") or data.get("PixelAspectRatio") or (1, 1))
    return down == across


def rendered(probe, path, folder):
    """Grey pictures through the file's first window or VOI LUT and colour pictures, against dcm2pnm."""
    image, _, errors = fields(probe, path)
    if image is None or errors:
        return []
    try:
        data = pydicom.dcmread(path, force=True, stop_before_pixels=True)
    except OSError:
        return []
    grey = image[9].startswith("MONO")
    window = ["+Wi", "1"] if data.get("WindowCenter") not in (None, "") else \
        ["+Wl", "1"] if data.get("VOILUTSequence") else []
    if grey and not window:
        return []
    tool = "dcmj2pnm" if image[10] in JPEG else "dcm2pnm"
    mine, theirs = os.path.join(folder, "mine.pnm"), os.path.join(folder, "theirs.pnm")
    a = subprocess.run([probe, "--picture", mine, path], capture_output=True, timeout=120)
    b = subprocess.run([tool, "+op", "-O", *(window if grey else []), path, theirs], capture_output=True, timeout=120)
    if a.returncode != 0 or b.returncode != 0:
        return [("dcm2pnm (cannot)", "cannot: %s" % b.stderr.decode(errors="replace")[:100])]
    x, y = pnm(mine), pnm(theirs)
    if x.shape[2] == 1 and y.shape[2] == 3:
        y = y[:, :, :1]
    if x.shape != y.shape and not square(data):  # dcm2pnm leaves such pixels as they are
        return []
    return [("dcm2pnm", disagreement(x, y, JPEG_TOLERANCE if image[10] in JPEG else 2 if image[9].startswith("YBR") else 1))]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=str(ROOT / "build"))
    parser.add_argument("samples", nargs="?",
                        default=os.environ.get("MACLAB_SAMPLES", str(ROOT.parent / "shared/dicom-samples")))
    args = parser.parse_args()
    probe = os.path.join(args.build, "tests/interop/px_probe")
    if not os.path.isdir(args.samples):
        print("skipped: no sample files at %s" % args.samples)
        return 77
    passed = failed = cannot = 0
    files = sorted(p for p in pathlib.Path(args.samples).rglob("*") if p.is_file() and "LICENCES" not in p.parts)
    with tempfile.TemporaryDirectory() as folder:
        for path in files:
            name = str(path.relative_to(args.samples))
            for peer, wrong in compare(probe, str(path), folder) + rendered(probe, str(path), folder):
                if "(cannot)" in peer:
                    cannot += 1
                    print("%s: %s %s" % (name, peer.split()[0], wrong))
                elif wrong is None or (name, peer) in KNOWN:
                    passed += 1
                else:
                    failed += 1
                    print("%s: against %s: %s" % (name, peer, wrong))
    print("%d comparisons that a peer could not make" % cannot)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
