#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Decodes every sample file with px_probe, with pydicom, with DCMTK and with GDCM, and compares sample by
sample: all must be equal, but JPEG of 8-bit colour, which may differ by rounding. A file with pixels
that nothing here decodes is a failure unless it is known to be broken, and so is a compressed one that no peer could
be asked about. Reports each disagreement; known ones are listed with their reason.
Usage: pixels.py --build BUILD [SAMPLES]"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings
import zlib

try:
    import gdcm
    import numpy as np
    import pydicom
except ImportError as missing:
    print("skipped: %s (Debian's python3-gdcm, python3-numpy and python3-pydicom)" % missing)
    sys.exit(77)

warnings.simplefilter("ignore")
gdcm.Trace.WarningOff()
gdcm.Trace.ErrorOff()
gdcm.Trace.DebugOff()
ROOT = pathlib.Path(__file__).resolve().parents[2]
JPEG = {"1.2.840.10008.1.2.4.%d" % n for n in (50, 51, 53, 55)}
JPEG_LOSSLESS = {"1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"}
JPEG_LS = {"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"}
NATIVE = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"}
RLE = "1.2.840.10008.1.2.5"
# GDCM leaves YCbCr, which is turned into RGB here: it may round differently.
JPEG_TOLERANCE = 1
RENDERED_TOLERANCE = 3  # of pictures made of JPEG: dcm2pnm decodes and scales in another order
# Files that nobody decodes, and why.
BROKEN = {
    "broken/JPEG2000-embedded-sequence-delimiter.dcm": "bytes of its header were overwritten",
    "broken/GH1146.dcm": "no pixels",
    "broken/badVR.dcm": "Number of Frames is no number",
    "broken/emri_small_jpeg_2k_lossless_too_short.dcm": "cut",
    "broken/meta_missing_tsyntax.dcm": "no image",
    "broken/rtplan_truncated.dcm": "cut, no image",
    "private-tags/nested_priv_SQ.dcm": "no image",
}
# Compressed files that no peer here decodes, and where else their samples are: a file, and how much of its frames.
TWINS = {
    "codecs/j2k-lossless-90/liver_j2k.dcm": ("codecs/deflated-image-frame/liver_deflate.dcm", (512, 512)),
    "broken/liver_nonbyte_aligned_j2k.dcm": ("codecs/deflated-image-frame/liver_deflate.dcm", (510, 510)),
}
HTJ2K = {"1.2.840.10008.1.2.4.%d" % n for n in (201, 202, 203)}
DEFLATED_FRAME = "1.2.840.10008.1.2.8.1"
FRAGMENTS = "frames of several fragments without an offset table: GDCM takes each fragment for a stream; DCMTK agrees with us"
DEEP_RLE = "GDCM takes the segments of deep colour for planes of bytes; pydicom and DCMTK agree with us"
# Files on which another program and we differ, and why that is right.
KNOWN = {
    ("sm/multiframe.dcm", "dcmtk"):
        "edge tiles hold a smaller JPEG than Columns says: DCMTK runs their rows together; whole tiles agree",
    ("sm/multiframe.dcm", "gdcm"):
        "edge tiles hold a smaller JPEG than Columns says: GDCM runs on over the frames behind; whole tiles agree with DCMTK",
    ("codecs/jpeg-ls-lossless-80/CT0012.fragmented_no_bot_jpeg_ls.80.dcm", "gdcm"): FRAGMENTS,
    ("codecs/jpeg-ls-near-81/CT0012.fragmented_no_bot_jpeg_ls.81.dcm", "gdcm"): FRAGMENTS,
    ("codecs/rle/SC_rgb_rle_16bit_2frame.dcm", "gdcm"): DEEP_RLE,
    ("codecs/rle/SC_rgb_rle_32bit.dcm", "gdcm"): DEEP_RLE,
    ("colour/SC_ybr_full_422_uncompressed.dcm", "gdcm"): "GDCM gives every pixel chroma of its own, we what is stored",
    ("colour/SC_rgb_small_odd_big_endian.dcm", "pydicom"):
        "bytes in big-endian OW words: pydicom 2.3 does not swap them; DCMTK and the little-endian twin agree with us",
}


class NotAsked(Exception):
    """The peer has nothing to say about such a file."""


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
    if image[9] == "YBR_FULL_422" and image[10] in NATIVE:  # the stored bytes, chroma shared
        return np.frombuffer(data.PixelData, np.uint8)[: frames * rows * columns * 2].reshape(frames, rows, columns, 2)
    if image[10] not in NATIVE and image[10] != RLE:
        raise NotAsked
    array = data.pixel_array
    if "FloatPixelData" in data:
        array = array.view(np.uint32)
    return array.reshape(frames, rows, columns, samples)


def dcmtk_tool(syntax):
    if syntax in JPEG:
        return ["dcmdjpeg", "+cp"]
    if syntax in JPEG_LOSSLESS:
        return ["dcmdjpeg", "+cn"]
    if syntax in JPEG_LS:
        return ["dcmdjpls"]
    if syntax in NATIVE:
        return ["dcmconv", "+te"]
    if syntax == RLE:
        return ["dcmdrle"]
    raise NotAsked


def from_dcmtk(path, image, folder):
    out = os.path.join(folder, "dcmtk.dcm")
    rows, columns, frames, samples, allocated = (int(v) for v in image[:5])
    run = subprocess.run([*dcmtk_tool(image[10]), path, out], capture_output=True, text=True, timeout=120)
    if run.returncode != 0:
        raise NotImplementedError(run.stderr.strip().splitlines()[0][:120])
    data = pydicom.dcmread(out)
    element = data.get("PixelData") or data.get("FloatPixelData")
    photometric = data.PhotometricInterpretation
    if photometric == "YBR_FULL_422" and len(element) >= 3 * rows * columns * frames:
        photometric = "YBR_FULL"
    planar = samples > 1 and int(data.get("PlanarConfiguration", 0)) == 1
    return shaped(np.frombuffer(element, np.uint8), rows, columns, frames, samples, allocated, image[7] == "1",
                  photometric, planar, aligned=False)


def rgb_of(ycc):
    """As ITU-T T.871 says, of 8 bits."""
    y, cb, cr = (ycc[..., i].astype(float) for i in range(3))
    rgb = np.stack([y + 1.402 * (cr - 128), y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128), y + 1.772 * (cb - 128)], -1)
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)


def under_another_label(path, folder):
    """GDCM does not know High-Throughput JPEG 2000 by name, its decoder does."""
    data = pydicom.dcmread(path)
    data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.90"
    out = os.path.join(folder, "label.dcm")
    data.save_as(out)
    return out


def from_gdcm(path, image, folder):
    path = under_another_label(path, folder) if image[10] in HTJ2K else path
    rows, columns, frames, samples, allocated = (int(v) for v in image[:5])
    reader = gdcm.ImageReader()
    reader.SetFileName(path)
    if image[10] == DEFLATED_FRAME:
        raise NotAsked
    if not reader.Read():
        raise NotImplementedError("does not read it")
    picture = reader.GetImage()
    if picture.GetPixelFormat().GetBitsAllocated() != allocated or allocated == 1 and image[10] not in NATIVE:
        raise NotImplementedError("reads it as %d bits" % picture.GetPixelFormat().GetBitsAllocated())
    data = np.frombuffer(picture.GetBuffer().encode("utf-8", "surrogateescape"), np.uint8)
    photometric = str(picture.GetPhotometricInterpretation())
    planar = picture.GetPlanarConfiguration() == 1 and samples == 3
    whole = len(data) >= rows * columns * frames * samples * max(allocated // 8, 1)
    array = shaped(data, rows, columns, frames, samples, allocated, image[7] == "1",
                   "YBR_FULL" if photometric == "YBR_FULL_422" and whole else photometric, planar, aligned=False)
    return rgb_of(array) if image[10] in JPEG and photometric.startswith("YBR_FULL") else array


def from_zlib(path, image):
    """Frames of the deflated syntax, inflated fragment by fragment."""
    if image[10] != DEFLATED_FRAME:
        raise NotAsked
    data = pydicom.dcmread(path)
    rows, columns, frames, samples, allocated = (int(v) for v in image[:5])
    raw = b"".join(zlib.decompressobj(-15).decompress(f) for f in pydicom.encaps.decode_data_sequence(data.PixelData))
    return shaped(np.frombuffer(raw, np.uint8), rows, columns, frames, samples, allocated, image[7] == "1", image[9],
                  image[8] == "1")


def from_twin(probe, name, path, folder):
    if name not in TWINS:
        raise NotAsked
    other, (rows, columns) = TWINS[name]
    twin = path[: -len(name)] + other
    image, frames, _ = fields(probe, twin)
    return ours(probe, twin, image, frames[0], folder)[:, :rows, :columns]


def meaning(array, image):
    """Values without what files and programs keep above Bits Stored."""
    allocated, stored, high = (int(v) for v in image[4:7])
    if array.dtype.kind not in "iu" or stored >= allocated or allocated == 1:
        return array
    words = array.astype(np.int64) >> (high + 1 - stored)
    return words & ((1 << stored) - 1)


def disagreement(a, b, tolerance):
    if a.shape != b.shape:
        return "shapes %s and %s" % (a.shape, b.shape)
    if tolerance == 0:
        return None if np.array_equal(a, b) else "%d samples differ" % np.count_nonzero(a != b)
    away = np.abs(a.astype(np.int64) - b.astype(np.int64))
    return None if away.max() <= tolerance else "differs by up to %d, mean %.3f" % (away.max(), away.mean())


def tolerance_of(syntax):
    return JPEG_TOLERANCE if syntax == "1.2.840.10008.1.2.4.50" else 0


def compare(probe, path, name, folder):
    """A list of (peer, what is wrong or None), empty when the file has no pixels."""
    image, frames, errors = fields(probe, path)
    if name in BROKEN:
        return [("px_probe", None if errors else "decodes although it is broken: %s" % BROKEN[name])]
    if errors:
        no_pixels = image is None and any(line[2] in ("E_NOT_FOUND", "E_NOT_DICOM") for line in errors)
        return [] if no_pixels else [("px_probe", errors[0][3])]
    mine = ours(probe, path, image, frames[0], folder)
    found = []
    for peer, ask in (("pydicom", lambda: from_pydicom(path, image)), ("gdcm", lambda: from_gdcm(path, image, folder)),
                      ("dcmtk", lambda: from_dcmtk(path, image, folder)), ("zlib", lambda: from_zlib(path, image)),
                      ("twin", lambda: from_twin(probe, name, path, folder))):
        try:
            wrong = disagreement(meaning(mine, image), meaning(ask(), image), tolerance_of(image[10]))
            found.append((peer, wrong))
        except NotAsked:
            pass
        except Exception as e:  # a peer that cannot is no evidence either way
            found.append((peer + " (cannot)", "cannot: %s %s" % (type(e).__name__, str(e)[:100])))
    if image[10] not in NATIVE and all("(cannot)" in peer for peer, _ in found):
        found.append(("px_probe", "no peer decodes it: nothing was compared"))
    return found


def in_the_sandbox(probe, paths):
    """Files whose lines are not the same when they are decoded in a worker, with both."""
    def lines(*options):
        run = subprocess.run([probe, *options, *paths], capture_output=True, text=True, timeout=600)
        found = {}
        for line in run.stdout.splitlines():
            found.setdefault(line.split("\t")[0], []).append(line)
        return found
    outside, inside = lines(), lines("--sandbox")
    return [(path, outside.get(path), inside.get(path)) for path in paths if outside.get(path) != inside.get(path)]


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
    widths = data.get("WindowWidth") or 0
    usable = float(widths if isinstance(widths, (int, float, str)) else widths[0]) >= 1  # dcm2pnm leaves the others alone
    window = ["+Wi", "1"] if data.get("WindowCenter") not in (None, "") and usable else \
        ["+Wl", "1"] if data.get("VOILUTSequence") else []
    if grey and not window:
        return []
    if image[10] not in NATIVE | JPEG | JPEG_LOSSLESS | JPEG_LS | {RLE}:
        return []
    tool = "dcmj2pnm" if image[10] in JPEG | JPEG_LOSSLESS else "dcml2pnm" if image[10] in JPEG_LS else "dcm2pnm"
    mine, theirs = os.path.join(folder, "mine.pnm"), os.path.join(folder, "theirs.pnm")
    a = subprocess.run([probe, "--no-overlays", "--picture", mine, path], capture_output=True, timeout=120)
    b = subprocess.run([tool, "+op", "-O", *(window if grey else []), path, theirs], capture_output=True, timeout=120)
    if a.returncode != 0 or b.returncode != 0:
        return [("dcm2pnm (cannot)", "cannot: %s" % b.stderr.decode(errors="replace").splitlines()[0][:100])]
    x, y = pnm(mine), pnm(theirs)
    if x.shape[2] == 1 and y.shape[2] == 3:
        y = y[:, :, :1]
    if x.shape != y.shape and not square(data):  # dcm2pnm leaves such pixels as they are
        return []
    return [("dcm2pnm", disagreement(x, y, RENDERED_TOLERANCE if image[10] in JPEG else 2 if image[9].startswith("YBR") else 1))]


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
            for peer, wrong in compare(probe, str(path), name, folder) + rendered(probe, str(path), folder):
                if "(cannot)" in peer:
                    cannot += 1
                    print("%s: %s %s" % (name, peer.split()[0], wrong))
                elif wrong is None or (name, peer) in KNOWN:
                    passed += 1
                else:
                    failed += 1
                    print("%s: against %s: %s" % (name, peer, wrong))
    different = in_the_sandbox(probe, [str(p) for p in files])
    for path, outside, inside in different:
        print("%s: in a worker: %s instead of %s" % (path, inside and inside[-1], outside and outside[-1]))
    passed, failed = passed + len(files) - len(different), failed + len(different)
    print("%d comparisons that a peer could not make" % cannot)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
