#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# RLE, and rendering to JPEG and PNG, of a 512 x 512 x 16 CT slice: MacLab and DCMTK in turn, in process,
# one core. Usage: bench/bench_pixel.sh BUILD [ROUNDS]
# Frames a second of processor time. Each round runs both once; the best round of each counts. The slice is a sample file where there is one, else noise under pydicom's CT header.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$1 rounds=${2:-3}
work=${BENCH_WORK:-${TMPDIR:-/tmp}/maclab-bench-pixel}
samples=${MACLAB_SAMPLES:-$here/../../shared/dicom-samples}
mkdir -p "$work"

slice=$samples/codecs/explicit-le/ctimage.explicit-le.dcm
if [ ! -f "$slice" ]; then
    /usr/bin/python3 "$here/peers/make_ct.py" "$work/ct" 1 || { echo "bench_pixel: no slice to work on; skipped"; exit 0; }
    slice=$(find "$work/ct" -type f | head -1)
fi
peer=
if [ -f /usr/include/dcmtk/dcmdata/dctk.h ] && dcmcrle "$slice" "$work/rle.dcm"; then
    g++ -O2 -o "$work/dcmpixel" "$here/peers/dcmpixel.cc" -ldcmjpeg -ldcmimage -ldcmimgle -ldcmdata \
        -loflog -lofstd -lpng -lz
    peer=1
fi
for round in $(seq "$rounds"); do
    "$build/bench/bench_pixel" "$slice" | sed 's/^/maclab\t/'
    [ -z "$peer" ] || "$work/dcmpixel" "$slice" "$work/rle.dcm" | sed 's/^/dcmtk\t/'
done | awk -F'\t' '
    $1 == "dcmtk" { if ($3 > theirs[$2]) theirs[$2] = $3; next }
    {
        line = $2
        if (!match(line, / +[0-9]+ frames\/s$/)) next
        name = substr(line, 1, RSTART - 1)
        split(substr(line, RSTART), words, " ")
        if (!(name in ours)) order[++count] = name
        if (words[1] + 0 > ours[name] + 0) ours[name] = words[1]
    }
    BEGIN {
        peer["RLE decode"] = "rle-decode"
        peer["decode + render + JPEG quality 90"] = "jpeg"
        peer["decode + render + PNG"] = "png"
    }
    END {
        for (i = 1; i <= count; i++) {
            name = order[i]
            printf "%-44s %8d frames/s", name, ours[name]
            other = (name in peer) ? theirs[peer[name]] : 0
            if (other > 0) printf "   dcmtk %6d   %5.1f times", other, ours[name] / other
            print ""
        }
        if (length(theirs) == 0) print "dcmtk: not measured (no libdcmtk-dev)"
    }'
