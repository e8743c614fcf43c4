#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the seed corpora of fuzz_url, fuzz_accept, fuzz_range, fuzz_qidoquery and fuzz_multipart.

usage: seeds_web.py CORPUS_FOLDER
"""
import os
import struct
import sys

SEEDS = {
    "url": [b"/", b"/dicom-web/studies?limit=5&PatientName=D%C3%BC*", b"http://localhost/a/b?c=d",
            b"/dicom-web/studies/1.2/series/3.4/instances/5.6/frames/1,2/rendered?window=40,400,linear",
            b"/dicom-web/studies/1.2/series/3/instances/4/bulkdata/00540100/1/00281201", b"/%2e%2e/x", b"/a?%"],
    "accept": [b"*/*", b'multipart/related; type="application/octet-stream"; transfer-syntax=*',
               b"image/jls;q=0.5, image/*;q=0.1, multipart/related;type=application/dicom",
               b'a/b; c="d\\"e, f"', b"gzip;q=0, *", b'multipart/related; boundary="x;y"; start=""'],
    "range": [struct.pack("<Q", 100) + t for t in
              (b"bytes=0-1", b"bytes=-5", b"bytes=5-", b"bytes=1-2,3-4", b'"a", W/"b"', b"1,2,3", b"localhost:80",
               b"bytes=18446744073709551614-18446744073709551615")],
    "qidoquery": [b"PatientName=A*&00100020=1&limit=25&offset=3", b"includefield=all&fuzzymatching=true",
                  b"00400275.00400009=x&StudyInstanceUID=1,2\\3", b"window=40,400,sigmoid&viewport=10,,1,2,-3,-4",
                  b"rows=10&region=0.1,0.2,0.3,0.4&windowCenter=1&windowWidth=2&imageQuality=50",
                  b"quality=7&annotation=patient"],
    "multipart": [b"7--b\r\nContent-Type: application/dicom\r\n\r\nDATA\r\n--b--\r\n",
                  b"1pre\r\n--b \r\nA: b\r\nContent-Location: /x\r\n\r\n\r\n--b\r\n\r\n-\r\n--\r\n--c\r\n--b--post",
                  b"3--b\r\n\r\n--b--", b"9--b\r\n\r\n\r\r\n-\r\n--\r\r\n--b\r\n\r\n\r\n--b--"],
}

for name, seeds in SEEDS.items():
    folder = os.path.join(sys.argv[1], name)
    os.makedirs(folder, exist_ok=True)
    for number, seed in enumerate(seeds):
        with open(os.path.join(folder, "seed-%02d" % number), "wb") as f:
            f.write(seed)
