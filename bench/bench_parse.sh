#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Header parsing of CT files: MacLab, DCMTK, pydicom and the bare read of 8 KiB, in turn on the same
# files in a warm cache. Usage: bench/bench_parse.sh BUILD [FILES] [ROUNDS]
# Each round runs every contender once; a contender's best round counts, so that a busy machine is
# the same for all. The corpus is made once from pydicom's CT_small.dcm (a real GE header with private
# groups) with 512 x 512 pixels and UIDs of its own.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$1 files=${2:-1000} rounds=${3:-5}
work=${BENCH_WORK:-${TMPDIR:-/tmp}/maclab-bench-parse}
python=/usr/bin/python3
mkdir -p "$work"

if ! $python -c 'import pydicom' 2>/dev/null; then
    echo "bench_parse: needs Debian's python3-pydicom for its corpus; skipped"
    exit 0
fi
if [ "$(cat "$work/made" 2>/dev/null)" != "$files" ]; then
    rm -rf "$work/ct"
    $python "$here/peers/make_ct.py" "$work/ct" "$files"
    find "$work/ct" -type f | sort >"$work/list"
    echo "$files" >"$work/made"
fi
xargs cat <"$work/list" >/dev/null # warm

modes="read walk tree map whole pydicom"
if [ -f /usr/include/dcmtk/dcmdata/dctk.h ]; then
    g++ -O2 -o "$work/dcmload" "$here/peers/dcmload.cc" -ldcmdata -loflog -lofstd -lz
    modes="$modes dcmtk"
fi

once() {
    case $1 in
    pydicom) $python "$here/peers/pyload.py" "$work/list" 1 ;;
    dcmtk) "$work/dcmload" "$work/list" 1 ;;
    *) "$build/bench/bench_parse" "$1" "$work/list" 3 ;;
    esac
}
for round in $(seq "$rounds"); do
    for mode in $modes; do
        once "$mode" | sed "s/^/$mode /"
    done
done | awk '
    $2 > best[$1] { best[$1] = $2 }
    function row(mode, words) {
        if (!(mode in best)) return
        printf "%-42s %9.0f files/s", words, best[mode]
        if ("dcmtk" in best) printf " %7.1f x dcmtk", best[mode] / best["dcmtk"]
        printf " %7.1f x pydicom %5.2f of the floor\n", best[mode] / best["pydicom"], best[mode] / best["read"]
    }
    END {
        row("read", "floor: open, read 8 KiB, close")
        row("walk", "maclab: events up to the pixel data")
        row("tree", "maclab: tree up to the pixel data")
        row("map", "maclab: the same on a mapped file")
        row("whole", "maclab: mapped, whole tree")
        row("dcmtk", "dcmtk: loadFile")
        row("pydicom", "pydicom: dcmread(stop_before_pixels)")
        if (!("dcmtk" in best)) print "dcmtk: not measured (no libdcmtk-dev)"
    }'
