#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How fast the gate is, beside `cp -r`, gdcmanon (15 tags emptied; basic profile) and Orthanc's anonymiser,
# to disk and to memory, in the same call: medians of three, files a second and ratios. Nobody syncs: cp,
# gdcmanon and maclab all leave that to the kernel. Then the whole examination, and the most memory that a
# worker took. Asserts nothing.
# Usage: bench_speed.sh BUILD [FILES]
set -eu
build=$(realpath "$1")
files=${2:-500}
here=$(dirname "$(realpath "$0")")
disk=$(mktemp -d "${TMPDIR:-/var/tmp}/maclab-speed.XXXXXX")
memory=$(mktemp -d /dev/shm/maclab-speed.XXXXXX)
export XDG_STATE_HOME=$memory/state
trap 'rm -rf "$disk" "$memory"' EXIT
/usr/bin/python3 "$here/speed_corpus.py" "$memory/corpus" "$files"
cp -r "$memory/corpus" "$disk/corpus"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$memory/k.pem" -out "$memory/c.pem" -days 2 -subj /CN=bench 2>/dev/null

now() { date +%s.%N; }
# median of three runs of a command that fills $out, in seconds
median() {
    local out=$1 i start
    shift
    for i in 1 2 3; do
        rm -rf "$out"
        start=$(now)
        "$@" >/dev/null 2>&1 || true
        echo "$start $(now)" | awk '{print $2 - $1}'
    done | sort -n | sed -n 2p
}
rate() { awk -v n="$1" -v s="$2" 'BEGIN {printf "%.0f", n / s}'; }
dumb="--dumb --empty 10,10 --empty 10,20 --empty 10,30 --empty 8,50 --empty 8,90 --empty 8,20 --empty 8,30 --remove 8,80 --remove 8,1010
 --remove 10,1010 --remove 10,1030 --remove 8,21 --remove 8,31 --remove 8,22 --remove 8,32"

echo "$(nproc) processors, load $(cut -d' ' -f1 /proc/loadavg), $files CT of $(stat -c %s "$disk/corpus/ct/0001.dcm") bytes"
for place in disk memory; do
    folder=${!place}
    in=$folder/corpus/ct
    out=$folder/out
    cat "$in"/*.dcm >/dev/null
    c=$(rate "$files" "$(median "$out" cp -r "$in" "$out")")
    # shellcheck disable=SC2086
    d=$(rate "$files" "$(median "$out" gdcmanon $dumb -r --continue -i "$in" -o "$out")")
    b=$(rate "$files" "$(median "$out" gdcmanon -e -c "$memory/c.pem" -r --continue -i "$in" -o "$out")")
    m=$(rate "$files" "$(median "$out" "$build/maclab" deid --headers-only -q -o "$out" "$in")")
    echo "to $place, files/s: cp -r $c, gdcmanon 15 tags $d, gdcmanon basic $b, maclab --headers-only $m"
    awk -v p="$place" -v m="$m" -v c="$c" -v d="$d" 'BEGIN {
        printf "  ratios: %.2f of cp -r (wanted on disk 0.70), %.2f of gdcmanon (wanted 1.5 on disk, 5 in memory)\n", m / c, m / d}'
done

if command -v Orthanc >/dev/null 2>&1; then
    "$here/speed_orthanc.py" "$memory/corpus/ct" "$memory/orthanc" || echo "Orthanc: not measured"
fi

# The whole examination, and what the processes took.
for kind in ct us; do
    rm -rf "$memory/out"
    count=$(find "$memory/corpus/$kind" -name '*.dcm' | wc -l)
    start=$(now)
    /usr/bin/time -f '%U %S %M' -o "$memory/time" "$build/maclab" deid -q --report "$memory/report" -o "$memory/out" "$memory/corpus/$kind" || true
    echo "$start $(now)" | awk -v n="$count" -v k="$kind" -v p="$(nproc)" '{s = $2 - $1; printf "whole examination, %s: %.1f frames/s, %.1f a processor\n", k, n / s, n / s / p}'
    tail -1 "$memory/time" | awk '{printf "  processor seconds %.1f, largest process %.0f MB\n", $1 + $2, $3 / 1024}'
    python3 - "$memory/report" <<'PY'
import collections, json, sys
print("  verdicts:", dict(collections.Counter(json.loads(line)["verdict"] for line in open(sys.argv[1]))))
PY
done
