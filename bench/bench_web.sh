#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# DICOMweb over loopback: MacLab, Orthanc with its DICOMweb plug-in, and nginx serving the same frames as
# static files, asked in turn by wrk in one run; prints requests per second and ratios. Also the time
# from start to the first answer and the memory of an idle server.
# Usage: bench/bench_web.sh BUILD [SECONDS] [ROUNDS]     (needs wrk; nginx and Orthanc where present)
# BENCH_WORK: where the corpus and the archives go. BENCH_PORT: the first of four ports.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd) seconds=${2:-4} rounds=${3:-3} files=${BENCH_FILES:-200}
work=${BENCH_WORK:-${TMPDIR:-/tmp}/maclab-bench-web}
port=${BENCH_PORT:-8411}
maclab=${MACLAB:-$build/maclab}
python=/usr/bin/python3
ours=http://127.0.0.1:$port theirs=http://127.0.0.1:$((port + 1)) static=http://127.0.0.1:$((port + 3))
slice=${MACLAB_SAMPLES:-$here/../../shared/dicom-samples}/codecs/explicit-le/ctimage.explicit-le.dcm
mkdir -p "$work"

if ! command -v wrk >/dev/null || ! $python -c 'import pydicom' 2>/dev/null; then
    echo "bench_web: needs wrk and python3-pydicom; skipped"
    exit 0
fi
pids=()
stop_all() {
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
}
trap stop_all EXIT
wait_http() { for _ in $(seq 1000); do curl -sf -o /dev/null "$1" && return 0; sleep 0.01; done; return 1; }
memory_mb() { awk '/VmRSS/{printf "%.1f", $2 / 1024}' "/proc/$1/status"; }

# --- the corpus: CT files of 512 x 512 x 16 bit, their frames as files, the lists of paths -------------
if [ "$(cat "$work/made" 2>/dev/null)" != "$files" ]; then
    rm -rf "$work"
    mkdir -p "$work/www"
    if [ -f "$slice" ]; then
        $python "$here/peers/make_slices.py" "$slice" "$work/ct" "$files"
    else
        echo "no sample slice: the corpus is noise, the worst case of every codec"
        $python "$here/peers/make_ct.py" "$work/ct" "$files"
    fi
    $python - "$work" <<'PY'
import pathlib, sys, pydicom
work = pathlib.Path(sys.argv[1])
lists = {n: open(work / n, "w") for n in ("frames", "rendered", "instances", "metadata", "static")}
seen = []
for n, path in enumerate(sorted(p for p in (work / "ct").rglob("*") if p.is_file())):
    d = pydicom.dcmread(path)
    (work / "www" / ("%d.raw" % n)).write_bytes(d.PixelData)
    base = "/dicom-web/studies/%s/series/%s" % (d.StudyInstanceUID, d.SeriesInstanceUID)
    one = "%s/instances/%s" % (base, d.SOPInstanceUID)
    for name, text in (("frames", one + "/frames/1"), ("rendered", one + "/frames/1/rendered"), ("instances", one),
                       ("static", "/%d.raw" % n)):
        print(text, file=lists[name])
    if base not in seen:
        seen.append(base)
        print(base + "/metadata", file=lists["metadata"])
PY
    echo "$files" >"$work/made"
fi
cat $(find "$work/ct" "$work/www" -type f) >/dev/null # warm

# --- the servers ------------------------------------------------------------------------------------
start_maclab() {
    "$maclab" serve --no-dicom --data "$work/maclab" --http "127.0.0.1:$port" ${WEB:+--web "$WEB"} >"$work/maclab.log" 2>&1 &
    maclab_pid=$!
    pids+=("$maclab_pid")
}
if [ ! -d "$work/maclab" ]; then
    "$maclab" import --data "$work/maclab" "$work/ct" >"$work/import.log" 2>&1 || true
    tail -n 1 "$work/import.log"
fi
start_maclab
wait_http "$ours/healthz"

has_orthanc=
if command -v Orthanc >/dev/null && [ -z "${NO_ORTHANC:-}" ]; then
    rm -rf "$work/orthanc"
    mkdir -p "$work/orthanc/db"
    cat >"$work/orthanc/o.json" <<JSON
{"Name": "bench", "StorageDirectory": "$work/orthanc/db", "IndexDirectory": "$work/orthanc/db",
 "HttpPort": $((port + 1)), "DicomPort": $((port + 2)), "RemoteAccessAllowed": false, "AuthenticationEnabled": false,
 "SyncStorageArea": false, "TcpNoDelay": true,
 "Plugins": ["/usr/share/orthanc/plugins/libOrthancDicomWeb.so"]}
JSON
    TCP_NODELAY=1 Orthanc "$work/orthanc/o.json" >"$work/orthanc.log" 2>&1 &
    pids+=($!)
    wait_http "$theirs/system"
    find "$work/ct" -type f | xargs -I{} -P 2 curl -sf -o /dev/null --data-binary @{} "$theirs/instances"
    has_orthanc=1
fi
has_nginx=
if command -v nginx >/dev/null; then
    mkdir -p "$work/nginx"
    cat >"$work/nginx/n.conf" <<CONF
daemon off; pid $work/nginx/pid; error_log $work/nginx/error; worker_processes 2;
events { worker_connections 256; }
http { access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; open_file_cache max=1000;
 client_body_temp_path $work/nginx/b; proxy_temp_path $work/nginx/p; fastcgi_temp_path $work/nginx/f;
 uwsgi_temp_path $work/nginx/u; scgi_temp_path $work/nginx/s;
 server { listen 127.0.0.1:$((port + 3)); root $work/www; } }
CONF
    [ "$(id -u)" != 0 ] || sed -i '1i user root;' "$work/nginx/n.conf"
    nginx -c "$work/nginx/n.conf" -p "$work/nginx" 2>/dev/null &
    pids+=($!)
    wait_http "$static/0.raw"
    has_nginx=1
fi

# --- measuring ----------------------------------------------------------------------------------------
one() { # URL LIST ACCEPT CONNECTIONS [window] -> "requests/s p50 p99"
    local out
    out=$(wrk -t1 -c"$4" -d"${seconds}s" --latency -s "$here/peers/wrk_paths.lua" "$1" -- "$2" "$3" "${5:-}" 2>&1)
    if grep -q 'Non-2xx' <<<"$out"; then echo "0 failed failed"; return; fi
    awk '/ 50%/{a=$2} / 99%/{b=$2} /Requests\/sec/{r=$2} END{print r, a, b}' <<<"$out"
}
best() { sort -g -k1 | tail -n 1; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN{if (b > 0) printf "%.2f", a / b; else printf "-"}'; }

compare() { # NAME LIST ACCEPT CONNECTIONS [nginx|window] [THEIR ACCEPT]
    local name=$1 list=$work/$2 accept=$3 c=$4 nginx= window= a=() b=() n=() line
    [ "${5:-}" != nginx ] || nginx=1
    [ "${5:-}" != window ] || window=window
    for _ in $(seq "$rounds"); do
        [ -z "$nginx" ] || [ -z "$has_nginx" ] || n+=("$(one "$static" "$work/static" '*/*' "$c")")
        a+=("$(one "$ours" "$list" "$accept" "$c" "$window")")
        [ -z "$has_orthanc" ] || b+=("$(one "$theirs" "$list" "${6:-$accept}" "$c" "$window")")
    done
    line=$(printf '%s\n' "${a[@]}" | best)
    printf '%-34s %2s conn  MacLab %9.1f/s (p50 %s p99 %s)' "$name" "$c" $line
    if [ -n "$has_orthanc" ]; then
        local o
        o=$(printf '%s\n' "${b[@]}" | best)
        printf '  Orthanc %8.1f/s  ratio %s' "${o%% *}" "$(ratio "${line%% *}" "${o%% *}")"
    fi
    if [ -n "$nginx" ] && [ -n "$has_nginx" ]; then
        local s
        s=$(printf '%s\n' "${n[@]}" | best)
        printf '  nginx %8.1f/s  ratio %s' "${s%% *}" "$(ratio "${line%% *}" "${s%% *}")"
    fi
    echo
}

multipart='multipart/related; type="application/octet-stream"; transfer-syntax=1.2.840.10008.1.2.1'
echo "# $files CT files of 512 x 512 x 16 bit, wrk, best of $rounds rounds of $seconds s"
for c in 1 4; do
    compare "frame, single part" frames 'application/octet-stream' $c nginx "$multipart"
    compare "frame, multipart" frames "$multipart" $c nginx
done
for c in 1 4; do
    compare "rendered JPEG, new windows" rendered 'image/jpeg' $c window
    compare "rendered PNG, new windows" rendered 'image/png' $c window
done
compare "rendered JPEG, seen before" rendered 'image/jpeg' 1
compare "series metadata" metadata 'application/dicom+json' 1
compare "whole instance" instances 'multipart/related; type="application/dicom"; transfer-syntax=*' 4

# --- start and rest --------------------------------------------------------------------------------------
echo "after this load: $(memory_mb "$maclab_pid") MB resident"
kill "$maclab_pid"
wait "$maclab_pid" 2>/dev/null || true
began=$(date +%s%N)
start_maclab
wait_http "$ours/healthz"
echo "start to first answer: $((($(date +%s%N) - began) / 1000000)) ms (curl's own start included)"
sleep 1
echo "idle: $(memory_mb "$maclab_pid") MB resident"
