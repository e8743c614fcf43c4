#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Puts every sample file into each transfer syntax that the pixel floor writes (transcode_probe) and looks at the result with
other programs: pydicom parses it and finds the same data set but for what describes the pixels; DCMTK reads it to the end;
what was decoded is what GDCM or DCMTK decode of the original, and what was coded decodes there to the same samples.
Usage: transcode.py --build BUILD [--only WORD] [SAMPLES]"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

try:
    import gdcm
    import numpy as np
    import pydicom
except ImportError as missing:
    print("skipped: %s (Debian's python3-pydicom, python3-gdcm, python3-numpy)" % missing)
    sys.exit(77)

warnings.simplefilter("ignore")
gdcm.Trace.WarningOff()
gdcm.Trace.ErrorOff()
gdcm.Trace.DebugOff()
ROOT = pathlib.Path(__file__).resolve().parents[2]
IMPLICIT, EXPLICIT, BIG, DEFLATED = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2",
                                     "1.2.840.10008.1.2.1.99")
RLE, JPEG_LS, JPEG_2000, DEFLATED_FRAME = ("1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90",
                                           "1.2.840.10008.1.2.8.1")
NATIVE = [EXPLICIT, IMPLICIT, BIG, DEFLATED]
CODED = [RLE, JPEG_LS, JPEG_2000, DEFLATED_FRAME]
LOSSY = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.91",
         "1.2.840.10008.1.2.4.203"}
# What transcoding may change, and nothing else.
PIXEL_TAGS = {0x00280002, 0x00280004, 0x00280006, 0x00280100, 0x00280101, 0x00280102, 0x00280103, 0x00282110,
              0x7fe00001, 0x7fe00002, 0x7fe00003, 0x7fe00008, 0x7fe00009, 0x7fe00010}
LIMIT = 4 << 20  # larger files only become explicit little endian: it is the same code, and time
# (file, check) that another program does not bear out, and why that is right.
GDCM_RLE = "GDCM takes the segments of deep colour for planes of bytes; DCMTK agrees with us"
UN = "a known attribute that was written as UN: its bytes are no words to turn round (PS3.5 6.2.2)"
KNOWN = {
    ("broken/GH177_D_CLUNIE_CT1_IVRLE_BigEndian_undefined_length.dcm", "to " + BIG):
        "an undefined-length UN that pydicom cannot read in the original either",
    ("codecs/rle/SC_rgb_rle_16bit_2frame.dcm", "to %s by GDCM" % RLE): GDCM_RLE,
    ("codecs/rle/SC_rgb_rle_32bit.dcm", "to %s by GDCM" % RLE): GDCM_RLE,
    ("colour/SC_rgb_16bit.dcm", "to %s by GDCM" % RLE): GDCM_RLE,
    ("cr-dx/dx_image.dcm", "to %s pixels" % IMPLICIT): "the original's odd length is padded where it is written anew",
    ("broken/bad_sequence.dcm", "to %s header" % BIG): UN,
    ("rt/rtdose_rle.dcm", "to %s header" % BIG): UN,
    ("enhanced/IM-0001-9600-0001.dcm", "to %s header" % BIG): UN,
}


class Tally:
    def __init__(self):
        self.passed = self.failed = self.refused = 0

    def check(self, name, what, wrong):
        if wrong is None or (name, what) in KNOWN:
            self.passed += 1
            return
        self.failed += 1
        print("%s: %s: %s" % (name, what, wrong))


def transcode(probe, syntax, source, target):
    run = subprocess.run([probe, syntax, source, target], capture_output=True, text=True, timeout=300)
    if run.returncode == 0:
        return None
    if run.returncode != 1:
        return "E_CRASHED\tended with %d: %s" % (run.returncode, run.stderr[-300:])
    return run.stdout.strip()


def values(dataset, path=""):
    """Every element but those of the pixels as (path, VR, value), sequences opened."""
    for element in dataset:
        here = "%s(%08X)" % (path, element.tag)
        if element.tag in PIXEL_TAGS or element.tag.element == 0:
            continue
        if element.VR == "SQ":
            yield here, "SQ", len(element.value)
            for i, item in enumerate(element.value):
                yield from values(item, "%s[%d]" % (here, i))
        else:
            yield here, element.VR, element.value


def same_header(a, b):
    """None, or the first difference. Binary values of unknown VR and words keep their byte order."""
    first, second = list(values(a)), list(values(b))
    if [v[0] for v in first] != [v[0] for v in second]:
        missing = sorted({v[0] for v in first} ^ {v[0] for v in second})
        return "elements differ: %s" % missing[:3]
    turned = a.is_little_endian != b.is_little_endian
    for (path, vr, x), (_, other, y) in zip(first, second):
        private = int(path[-5:-1], 16) != 0x10 and int(path[-9:-5], 16) & 1
        if vr != other or turned and (private or vr in ("OW", "OF", "OD", "OL", "OV", "UN")):
            continue  # the same bytes under another VR, words in another order
        if isinstance(x, bytes) and isinstance(y, bytes):
            x, y = x + b"\0" * (len(x) & 1), y + b"\0" * (len(y) & 1)
        if str(x).rstrip(" \0") != str(y).rstrip(" \0"):
            return "%s %s: %.60r became %.60r" % (path, vr, x, y)
    return None


def by_gdcm(path):
    """Samples in little-endian order as GDCM decodes them, with its photometric interpretation and planes; None: it cannot."""
    reader = gdcm.ImageReader()
    reader.SetFileName(path)
    if not reader.Read():
        return None
    image = reader.GetImage()
    buffer = image.GetBuffer()
    planar = image.GetPlanarConfiguration() == 1 and image.GetPixelFormat().GetSamplesPerPixel() == 3
    return buffer.encode("utf-8", "surrogateescape"), str(image.GetPhotometricInterpretation()), planar


def by_dcmtk(path, syntax, folder):
    tool = {RLE: ["dcmdrle"], JPEG_LS: ["dcmdjpls"], "1.2.840.10008.1.2.4.81": ["dcmdjpls"],
            "1.2.840.10008.1.2.4.57": ["dcmdjpeg", "+cn"],
            "1.2.840.10008.1.2.4.70": ["dcmdjpeg", "+cn"]}.get(syntax)
    out = os.path.join(folder, "dcmtk.dcm")
    if tool is None or subprocess.run([*tool, path, out], capture_output=True, timeout=300).returncode != 0:
        return None
    data = pydicom.dcmread(out)
    return bytes(data.PixelData), data.PhotometricInterpretation, int(data.get("PlanarConfiguration", 0)) == 1


def samples(data, raw, photometric, planar):
    """Frames x rows x columns x samples of stored bytes, bits outside of bits stored cut off."""
    frames, rows, columns = int(data.get("NumberOfFrames") or 1), data.Rows, data.Columns
    count, bits, stored = data.SamplesPerPixel, data.BitsAllocated, data.BitsStored
    if bits == 1 and len(raw) >= frames * rows * columns:  # GDCM gives a byte for a bit
        return (np.frombuffer(raw, np.uint8)[: frames * rows * columns] != 0).astype(np.uint8)
    if bits == 1:
        return np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little")[: frames * rows * columns]
    words = np.frombuffer(raw, "<u%d" % (bits // 8))
    if photometric == "YBR_FULL_422" and words.size < frames * rows * columns * 3:
        return words[: frames * rows * columns * 2]
    words = words[: frames * rows * columns * count]
    if planar:
        words = words.reshape(frames, count, rows, columns).transpose(0, 2, 3, 1)
    shift = data.HighBit + 1 - stored
    return ((words >> shift) & ((1 << stored) - 1)).reshape(frames, rows, columns, count)


def native_samples(data):
    return samples(data, bytes(data.PixelData), data.PhotometricInterpretation,
                   data.SamplesPerPixel > 1 and int(data.get("PlanarConfiguration", 0)) == 1)


def look(tally, name, syntax, source, target, offset):
    """What holds of every result. Returns it as pydicom reads it."""
    label = "to " + syntax
    try:
        data = pydicom.dcmread(target)
        list(data.iterall())
        if data.get("PixelData"):
            int(data.get("NumberOfFrames") or 1) * data.Rows * data.Columns * data.SamplesPerPixel * data.BitsStored
    except (ValueError, TypeError, AttributeError):
        return None  # a broken header stays broken
    except Exception as e:
        tally.check(name, label, "pydicom cannot read it: %s %s" % (type(e).__name__, str(e)[:100]))
        return None
    wrong = None
    if data.file_meta.TransferSyntaxUID != syntax:
        wrong = "says %s" % data.file_meta.TransferSyntaxUID
    elif data.file_meta.MediaStorageSOPInstanceUID != data.SOPInstanceUID:
        wrong = "meta information names another instance"
    elif 144 + data.file_meta.FileMetaInformationGroupLength != int(offset):
        wrong = "the data set does not begin at %s" % offset
    tally.check(name, label + " meta", wrong)
    try:
        original = pydicom.dcmread(source, force=True)
        list(original.iterall())
        tally.check(name, label + " header", same_header(original, data))
    except Exception:
        pass  # what pydicom cannot read of the original says nothing of us
    run = subprocess.run(["dcmdump", "-q", "-M", target], capture_output=True, timeout=120)
    tally.check(name, label + " DCMTK", None if run.returncode == 0 else run.stderr.decode(errors="replace")[:200])
    return data


def against_peers(tally, name, source, syntax, plain, folder):
    """Decoded pixels against other programs' of the same file."""
    for peer, answer in (("GDCM", by_gdcm(source)), ("DCMTK", by_dcmtk(source, syntax, folder))):
        if answer is None or not plain.get("PixelData") or plain.PhotometricInterpretation != answer[1]:
            continue
        mine, theirs = native_samples(plain), samples(plain, *answer)
        wrong = None if mine.shape == theirs.shape and np.array_equal(mine, theirs) else "samples differ"
        tally.check(name, "decoded against " + peer, wrong)


def coded(tally, name, data, plain, syntax, target, folder):
    """What was coded, decoded by others, against the native samples."""
    if not plain.get("PixelData"):
        return
    want = native_samples(plain)
    for peer, answer in (("GDCM", by_gdcm(target)), ("DCMTK", by_dcmtk(target, syntax, folder))):
        if answer is None:
            continue
        got = samples(data, *answer)
        if got.size != want.size and plain.PhotometricInterpretation == "YBR_FULL_422":
            continue  # chroma of its own for each pixel now
        wrong = None if np.array_equal(got.ravel(), want.ravel()) else "samples differ"
        tally.check(name, "to %s by %s" % (syntax, peer), wrong)


def syntax_of(path):
    try:
        return str(pydicom.filereader.read_file_meta_info(path).TransferSyntaxUID)
    except Exception:  # no meta information
        return EXPLICIT


def one(tally, probe, name, source, folder):
    target = os.path.join(folder, "out.dcm")
    plain_path = os.path.join(folder, "plain.dcm")
    refused = transcode(probe, EXPLICIT, source, plain_path)
    if refused is not None:
        tally.refused += 1
        print("%s: refused: %s" % (name, refused))
        tally.check(name, "to explicit", None if "E_CRASHED" not in refused and "E_INTERNAL" not in refused else refused)
        return
    offset = subprocess.run([probe, EXPLICIT, source, plain_path], capture_output=True, text=True).stdout.split()[0]
    plain = look(tally, name, EXPLICIT, source, plain_path, offset)
    if plain is None:
        return
    syntax = syntax_of(source)
    if syntax not in LOSSY and syntax not in NATIVE:
        against_peers(tally, name, source, syntax, plain, folder)
    if os.path.getsize(plain_path) > LIMIT:
        return
    for to in NATIVE[1:] + (CODED if plain.get("PixelData") else []):
        run = subprocess.run([probe, to, source, target], capture_output=True, text=True, timeout=300)
        if run.returncode != 0:
            ok = to in CODED and "E_NOT_ACCEPTABLE" in run.stdout
            tally.check(name, "to " + to, None if ok else run.stdout.strip() or "ended with %d" % run.returncode)
            continue
        data = look(tally, name, to, source, target, run.stdout.split()[0])
        if data is None or not plain.get("PixelData"):
            continue
        if to in CODED:
            coded(tally, name, data, plain, to, target, folder)
        elif to != BIG:
            same = bytes(data.PixelData) == bytes(plain.PixelData)
            tally.check(name, "to %s pixels" % to, None if same else "pixel bytes differ")
        # There and back again.
        back = os.path.join(folder, "back.dcm")
        wrong = transcode(probe, EXPLICIT, target, back)
        if wrong is None:
            again = pydicom.dcmread(back)
            if data.PhotometricInterpretation == plain.PhotometricInterpretation:
                same = np.array_equal(native_samples(again).ravel(), native_samples(plain).ravel())
                wrong = None if same else "samples differ"
        tally.check(name, "from %s back" % to, wrong)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=str(ROOT / "build"))
    parser.add_argument("--only", default="")
    parser.add_argument("samples", nargs="?",
                        default=os.environ.get("MACLAB_SAMPLES", str(ROOT.parent / "shared/dicom-samples")))
    args = parser.parse_args()
    probe = os.path.join(args.build, "tests/interop/transcode_probe")
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
    print("%d files that cannot be put into explicit little endian, with their reasons" % tally.refused)
    print("%d passed, %d failed" % (tally.passed, tally.failed))
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
