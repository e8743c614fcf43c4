#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Import of CT files of 530 kB against `cp -r` and `sync` of the same files on the same disk, in turn; the
# memory of importer and workers together; and that a second import (all duplicates) is cheap.
# Usage: bench/bench_import.sh BUILD [FILES] [ROUNDS]     BENCH_WORK: where files and archives go.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd) files=${2:-2000} rounds=${3:-3}
work=${BENCH_WORK:-${TMPDIR:-/tmp}/maclab-bench-import}
maclab=${MACLAB:-$build/maclab}
if ! /usr/bin/python3 -c 'import pydicom' 2>/dev/null; then
    echo "bench_import: needs python3-pydicom; skipped"
    exit 0
fi
mkdir -p "$work"
if [ "$(cat "$work/made" 2>/dev/null)" != "$files" ]; then
    rm -rf "${work:?}/ct"
    /usr/bin/python3 "$here/peers/make_ct.py" "$work/ct" "$files"
    echo "$files" >"$work/made"
fi
find "$work/ct" -type f -exec cat {} + >/dev/null # warm
now() { date +%s.%N; }
since() { echo "$(now) - $1" | bc; }

copy() {
    rm -rf "$work/copy"; sync
    local start; start=$(now)
    cp -r "$work/ct" "$work/copy"; sync
    since "$start"
}
# Sum over the importer and its children: private memory, and all resident memory with shared pages
# counted in each of them.
memory() { # PID FILE
    local private=0 resident=0 p a b
    while kill -0 "$1" 2>/dev/null; do
        a=0 b=0
        for p in $1 $(pgrep -P "$1"); do
            set -- "$1" "$2" $(awk '/^RssAnon/{x=$2} /^VmRSS/{y=$2} END{print x + 0, y + 0}' "/proc/$p/status" 2>/dev/null || echo 0 0)
            a=$((a + $3)) b=$((b + $4))
        done
        [ $a -le $private ] || private=$a
        [ $b -le $resident ] || resident=$b
        sleep 0.05
    done
    echo "$private $resident" >"$2"
}
import() {
    rm -rf "$work/data"; sync
    local start; start=$(now)
    "$maclab" import -q --data "$work/data" "$work/ct" >"$work/import.log" &
    local pid=$!
    [ -z "${1:-}" ] || memory $pid "$work/memory"
    wait $pid
    since "$start"
}
median() { sort -g | awk '{v[NR] = $1} END{print v[int((NR + 1) / 2)]}'; }

echo "# $files CT files of 512 x 512 x 16 bit, $(du -sm "$work/ct" | cut -f1) MB, medians of $rounds rounds in turn"
for _ in $(seq "$rounds"); do
    copy >>"$work/copy.times.$$"
    import >>"$work/import.times.$$"
done
c=$(median <"$work/copy.times.$$") i=$(median <"$work/import.times.$$")
rm -f "$work"/*.times.$$
awk -v c="$c" -v i="$i" -v n="$files" 'BEGIN{
    printf "cp -r and sync   %6.2f s  %7.1f files/s\n", c, n / c
    printf "maclab import    %6.2f s  %7.1f files/s  ratio %.2f\n", i, n / i, c / i}'
import with-memory >/dev/null
awk '{printf "memory of importer and workers at most: %.1f MB private, %.1f MB resident\n", $1 / 1024, $2 / 1024}' "$work/memory"
tail -n 1 "$work/import.log"
start=$(now)
"$maclab" import -q --data "$work/data" "$work/ct" | tail -n 1
echo "second import    $(since "$start") s"
"$maclab" verify --data "$work/data"
rm -rf "$work/copy" "$work/data"
