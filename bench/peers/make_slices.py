#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: make_slices.py SLICE FOLDER COUNT -- CT files of 512 x 512 x 16 bit from one real slice, 50 a
series: each is shifted by some rows and has noise in its two lowest bits, so that no two are alike and
no codec sees an artificially smooth picture. The same on every run."""
import os
import random
import sys
import uuid

import pydicom

LEN = 512 * 512 * 2
MASK = int.from_bytes(b"\x03\x00" * (LEN // 2), "little")


def uid(*parts):
    return '2.25.%d' % uuid.uuid5(uuid.NAMESPACE_OID, '/'.join(map(str, parts))).int


def main():
    slice_file, folder, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    ds = pydicom.dcmread(slice_file)
    base = bytes(ds.PixelData)[:LEN]
    noise = random.Random(1)
    for i in range(count):
        ds.StudyInstanceUID = uid('slices', 'study', i // 100)
        ds.SeriesInstanceUID = uid('slices', 'series', i // 50)
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid('slices', 'instance', i)
        ds.SeriesNumber, ds.InstanceNumber = str(i // 50 % 2 + 1), str(i % 50 + 1)
        turn = 1024 * (i * 7 % 64)
        moved = int.from_bytes(base[turn:] + base[:turn], "little")
        ds.PixelData = (moved ^ (noise.getrandbits(8 * LEN) & MASK)).to_bytes(LEN, "little")
        where = os.path.join(folder, 'S%03d' % (i // 50))
        os.makedirs(where, exist_ok=True)
        ds.save_as(os.path.join(where, 'I%04d.dcm' % (i % 50)), write_like_original=False)


if __name__ == '__main__':
    main()
