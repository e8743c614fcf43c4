#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Decoding one 512 x 512 x 16 CT slice from each compressed transfer syntax, in process, one core: MacLab and DCMTK
# in turn on the same files; for JPEG-LS and JPEG 2000 also the library without us.
# Usage: bench/bench_decode.sh BUILD [ROUNDS]
# Frames a second of processor time. Each round runs all once; the best round of each counts. The slice is a sample
# file where there is one, else noise under pydicom's CT header.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd) rounds=${2:-2}
work=${BENCH_WORK:-${TMPDIR:-/tmp}/maclab-bench-decode}
samples=${MACLAB_SAMPLES:-$here/../../shared/dicom-samples}
mkdir -p "$work"

slice=$samples/codecs/explicit-le/ctimage.explicit-le.dcm
if [ ! -f "$slice" ]; then
    /usr/bin/python3 "$here/peers/make_ct.py" "$work/ct" 1 || { echo "bench_decode: no slice to work on; skipped"; exit 0; }
    slice=$(find "$work/ct" -type f | head -1)
fi
files=()
# NAME COMMAND…: makes $work/NAME with "COMMAND… slice $work/NAME" where the program is there and does it.
make() {
    local name=$1
    shift
    if command -v "$1" > /dev/null && "$@" "$slice" "$work/$name" > /dev/null 2>&1; then
        files+=("$name")
    else
        echo "bench_decode: $name is left out: $1 does not make it"
    fi
}
transcode=$build/tests/interop/transcode_probe
make rle dcmcrle
make jpeg-lossless-sv1 dcmcjpeg +e1
make jpeg-lossless-predictor-6 dcmcjpeg +el +sv 6
make jpeg-12-bits dcmcjpeg +ee +q 95
make jpeg-ls dcmcjpls
make jpeg-2000 "$transcode" 1.2.840.10008.1.2.4.90
make deflated-frame "$transcode" 1.2.840.10008.1.2.8.1
if [ -f "$samples/codecs/htj2k/HTJ2KLossless_08_RGB.dcm" ]; then
    cp "$samples/codecs/htj2k/HTJ2KLossless_08_RGB.dcm" "$work/htj2k-640x480-rgb"
    files+=(htj2k-640x480-rgb)
fi
peer=
if [ -f /usr/include/dcmtk/dcmdata/dctk.h ]; then
    g++ -O2 -o "$work/dcmdecode" "$here/peers/dcmdecode.cc" -ldcmjpeg -ldcmjpls -ldcmdata -loflog -lofstd
    peer=1
fi
cd "$work"
for round in $(seq "$rounds"); do
    "$build/bench/bench_decode" "${files[@]}"
    [ -z "$peer" ] || ./dcmdecode "${files[@]}"
done | awk -F'\t' '
    !($1 in seen) { seen[$1] = 1; order[++count] = $1 }
    { if ($3 + 0 > rate[$1, $2]) rate[$1, $2] = $3 + 0 }
    END {
        for (i = 1; i <= count; i++) {
            name = order[i]
            printf "decode %-28s %8.0f frames/s", name, rate[name, "maclab"]
            if (rate[name, "dcmtk"] > 0)
                printf "   dcmtk %6.0f   %5.1f times", rate[name, "dcmtk"], rate[name, "maclab"] / rate[name, "dcmtk"]
            if (rate[name, "library"] > 0)
                printf "   library alone %6.0f   %4.2f times", rate[name, "library"], rate[name, "maclab"] / rate[name, "library"]
            print ""
        }
    }'
