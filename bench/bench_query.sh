#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# QIDO-RS: a generated catalogue of many studies behind MacLab (answers of 25 with a deep offset, one
# client), then a catalogue of the same small files in MacLab and in Orthanc, asked in turn by wrk. Also
# the time from start to the first answer and the memory of the idle server with the large catalogue.
# Usage: bench/bench_query.sh BUILD [STUDIES] [SECONDS]   (needs wrk; Orthanc where present)
# BENCH_WORK: where archives go. BENCH_PORT: the first of three ports. BENCH_BOTH: studies loaded into both.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd) studies=${2:-100000} seconds=${3:-5} both=${BENCH_BOTH:-10000}
work=${BENCH_WORK:-${TMPDIR:-/tmp}/maclab-bench-query}
port=${BENCH_PORT:-8421}
maclab=${MACLAB:-$build/maclab}
ours=http://127.0.0.1:$port theirs=http://127.0.0.1:$((port + 1))
command -v wrk >/dev/null || { echo "bench_query: needs wrk; skipped"; exit 0; }
mkdir -p "$work"
pids=()
stop_all() {
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    pids=()
}
trap stop_all EXIT
wait_http() { for _ in $(seq 2000); do curl -sf -o /dev/null "$1" && return 0; sleep 0.005; done; return 1; }
serve() { "$maclab" serve --no-dicom --data "$1" --http "127.0.0.1:$port" >"$work/serve.log" 2>&1 & pids+=($!); }
one() { # URL LIST CONNECTIONS -> "requests/s p50 p99"
    wrk -t1 -c"$3" -d"${seconds}s" --latency -s "$here/peers/wrk_paths.lua" "$1" -- "$2" application/dicom+json 2>&1 |
        awk '/ 50%/{a=$2} / 99%/{b=$2} /Requests\/sec/{r=$2} /Non-2xx/{bad=1} END{print bad ? "0 failed failed" : r " " a " " b}'
}

if [ "$(cat "$work/large.made" 2>/dev/null)" != "$studies" ]; then
    rm -rf "$work/large"
    "$build/bench/bench_catalogue" make "$work/large" "$studies"
    echo "$studies" >"$work/large.made"
fi
python3 "$here/peers/make_small.py" - "$studies" "$work/lists"
echo "# in process, one connection"
"$build/bench/bench_catalogue" run "$work/large" 1000
start=$(date +%s%N)
serve "$work/large"
wait_http "$ours/dicom-web/studies?limit=1"
echo "# over HTTP: first answer $((($(date +%s%N) - start) / 1000000)) ms after start with $studies studies, then $(awk '/VmRSS/{printf "%.1f", $2 / 1024}' "/proc/${pids[0]}/status") MB resident"
for name in patientid name month all; do
    printf '%-10s 1 conn  %9s/s  p50 %s  p99 %s\n' "$name" $(one "$ours" "$work/lists/$name" 1)
done
stop_all

command -v Orthanc >/dev/null && [ -z "${NO_ORTHANC:-}" ] || exit 0
echo "# $both studies in both"
if [ "$(cat "$work/small.made" 2>/dev/null)" != "$both" ]; then
    rm -rf "$work/small" "$work/small-data"
    python3 "$here/peers/make_small.py" "$work/small" "$both" "$work/small-lists"
    "$maclab" import -q --data "$work/small-data" "$work/small" | tail -n 1
    echo "$both" >"$work/small.made"
fi
rm -rf "$work/orthanc"
mkdir -p "$work/orthanc/db"
cat >"$work/orthanc/o.json" <<JSON
{"Name": "bench", "StorageDirectory": "$work/orthanc/db", "IndexDirectory": "$work/orthanc/db",
 "HttpPort": $((port + 1)), "DicomPort": $((port + 2)), "RemoteAccessAllowed": false, "AuthenticationEnabled": false,
 "SyncStorageArea": false, "TcpNoDelay": true, "Plugins": ["/usr/share/orthanc/plugins/libOrthancDicomWeb.so"]}
JSON
TCP_NODELAY=1 Orthanc "$work/orthanc/o.json" >"$work/orthanc.log" 2>&1 &
pids+=($!)
wait_http "$theirs/system"
find "$work/small" -type f | xargs -I{} -P 2 curl -sf -o /dev/null --data-binary @{} "$theirs/instances"
serve "$work/small-data"
wait_http "$ours/healthz"
for name in patientid name month all; do
    a=$(one "$ours" "$work/small-lists/$name" 1)
    b=$(one "$theirs" "$work/small-lists/$name" 1)
    printf '%-10s 1 conn  MacLab %9s/s (p50 %s p99 %s)  Orthanc %8s/s (p50 %s p99 %s)  ratio %s\n' "$name" $a $b \
        "$(awk -v a="${a%% *}" -v b="${b%% *}" 'BEGIN{if (b > 0) printf "%.0f", a / b; else printf "-"}')"
done
