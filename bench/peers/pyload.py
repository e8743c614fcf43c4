#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: pyload.py LIST RUNS -- pydicom's dcmread(stop_before_pixels) in a loop; files a second."""
import sys
import time

import pydicom

with open(sys.argv[1]) as f:
    PATHS = f.read().splitlines()
for _ in range(int(sys.argv[2])):
    start = time.monotonic()
    for path in PATHS:
        assert pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID
    print('%.0f' % (len(PATHS) / (time.monotonic() - start)))
