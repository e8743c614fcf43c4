#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: make_ct.py FOLDER COUNT -- CT files of 530 kB with pydicom's CT_small.dcm as header, 50 a
series, each with UIDs of its own and seeded noise as pixels. The same on every run."""
import os
import random
import sys
import uuid

import pydicom
from pydicom.data import get_testdata_file


def uid(*parts):
    return '2.25.%d' % uuid.uuid5(uuid.NAMESPACE_OID, '/'.join(map(str, parts))).int


def main():
    folder, count = sys.argv[1], int(sys.argv[2])
    ds = pydicom.dcmread(get_testdata_file('CT_small.dcm'))
    if 'DataSetTrailingPadding' in ds:
        del ds.DataSetTrailingPadding
    noise = bytearray(random.Random(1).randbytes(512 * 512 * 2))
    for i in range(1, len(noise), 2):
        noise[i] &= 0x0F
    ds.Rows = ds.Columns = 512
    for i in range(count):
        ds.StudyInstanceUID = uid('study', i // 100)
        ds.SeriesInstanceUID = uid('series', i // 50)
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid('instance', i)
        ds.SeriesNumber, ds.InstanceNumber = str(i // 50 % 2 + 1), str(i % 50 + 1)
        ds.ImagePositionPatient = ['-122.5', '-122.5', '%.2f' % (1.5 * (i % 50))]
        shift = 2 * (i * 7919 % 200000)
        ds.PixelData = bytes(noise[shift:] + noise[:shift])
        where = os.path.join(folder, 'S%03d' % (i // 50))
        os.makedirs(where, exist_ok=True)
        ds.save_as(os.path.join(where, 'I%04d.dcm' % (i % 50)), write_like_original=False)


if __name__ == '__main__':
    main()
