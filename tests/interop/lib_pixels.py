# SPDX-License-Identifier: Apache-2.0
"""Whether a data set that came over the network is the one of a file: the same attributes but for those that describe the
pixels' coding, the same samples as GDCM or DCMTK decode of the file."""
import functools
import os
import tempfile
import zlib

import numpy as np
import pydicom
from pydicom.encaps import generate_pixel_data_frame

import transcode

# Lossy JPEG: rounding of the inverse DCT, of the chroma filter, of YCbCr to RGB. The other lossy codecs are exact decoders.
JPEG = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55"}
ROUNDING = {**dict.fromkeys(JPEG, 3), "1.2.840.10008.1.2.4.91": 1}
DCMTK_JPEG = {*JPEG, "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"}


@functools.lru_cache(maxsize=None)
def original(path):
    return pydicom.dcmread(path, force=True)


@functools.lru_cache(maxsize=None)
def decoded(path):
    """[(samples, photometric interpretation, who)] of the file by each program that can; [] when none can."""
    data = original(path)
    syntax = str(data.file_meta.TransferSyntaxUID)
    if syntax == transcode.DEFLATED_FRAME:  # younger than pydicom 2.3, GDCM 3.0.21 and DCMTK 3.6.7
        frames = generate_pixel_data_frame(data.PixelData, int(data.get("NumberOfFrames") or 1))
        raw = b"".join(zlib.decompressobj(-15).decompress(f) for f in frames)
        return [(transcode.samples(data, raw, data.PhotometricInterpretation, False), data.PhotometricInterpretation, "zlib")]
    if not data.file_meta.TransferSyntaxUID.is_compressed or syntax == "1.2.840.10008.1.2.1.99":
        stored = bytes(data.PixelData)
        if syntax == transcode.BIG:
            words = np.frombuffer(stored, ">u2" if data["PixelData"].VR == "OW" else "u1")
            stored = words.astype("<u2" if words.itemsize == 2 else "u1").tobytes()
        planar = data.SamplesPerPixel > 1 and int(data.get("PlanarConfiguration", 0)) == 1
        return [(transcode.samples(data, stored, data.PhotometricInterpretation, planar),
                 data.PhotometricInterpretation, "the file")]
    with tempfile.TemporaryDirectory() as folder:
        answers = [(transcode.by_gdcm(path), "GDCM"), (transcode.by_dcmtk(path, syntax, folder), "DCMTK")]
    return [(transcode.samples(data, *answer), answer[1], who) for answer, who in answers if answer is not None]


def colours(samples, photometric):
    """RGB of 8 bit where it is a colour of JPEG's, else as it is."""
    if photometric not in ("YBR_FULL", "YBR_FULL_422") or samples.ndim != 4:
        return samples.astype(np.int64)
    y, cb, cr = (samples[..., i].astype(float) for i in range(3))
    rgb = np.stack([y + 1.402 * (cr - 128), y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128), y + 1.772 * (cb - 128)], -1)
    return np.clip(np.rint(rgb), 0, 255).astype(np.int64)


def difference(path, received):
    """None, or in words how the received pydicom data set differs from the file in pixels. LookupError: nobody to ask."""
    data = original(path)
    if "PixelData" not in data:
        return None if "PixelData" not in received else "pixels that the file has not"
    peers = decoded(path)
    if not peers:
        raise LookupError("no program here decodes it")
    limit = ROUNDING.get(str(data.file_meta.TransferSyntaxUID), 0)
    mine = transcode.native_samples(received)
    told = []
    for theirs, photometric, who in peers:
        same_colours = photometric == received.PhotometricInterpretation
        a, b = (mine, theirs) if same_colours else (colours(mine, received.PhotometricInterpretation),
                                                    colours(theirs, photometric))
        if a.size != b.size:
            told.append("%d samples, %s has %d" % (a.size, who, b.size))
            continue
        worst = int(np.abs(a.astype(np.int64).ravel() - b.astype(np.int64).ravel()).max(initial=0))
        if worst <= limit + (0 if same_colours else 2):
            return None
        told.append("a sample differs by %d from %s (%s, received %s)" % (worst, who, photometric,
                                                                        received.PhotometricInterpretation))
    return "; ".join(told)


def header_difference(path, received):
    """None, or the first attribute that is not what the file has."""
    data = original(path)
    try:
        list(data.iterall())
    except Exception:  # pydicom cannot read all of the original: that says nothing about us
        return None
    return transcode.same_header(data, received)


def of_file(path):
    return pydicom.dcmread(os.fspath(path), force=True)
