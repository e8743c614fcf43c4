#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Forty stations read from one server for a minute, over HTTP, then over DICOM associations.
# Usage: tests/load/run.sh BUILD [STATIONS [SECONDS]]   PORT: the first of three ports
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1
stations=${2:-40}
seconds=${3:-60}
port=${PORT:-18181}
work=$(mktemp -d)
server=
finish() {
    [ -z "$server" ] || { kill "$server" 2> /dev/null && wait "$server" 2> /dev/null; } || true
    rm -rf "$work"
}
trap finish EXIT
"$build/maclab" demo --data "$work/data" > /dev/null
for n in $(seq 0 $((stations - 1))); do
    "$build/maclab" peer add --data "$work/data" "STATION$n" "127.0.0.1:$((port + 2))" > /dev/null
done
"$build/maclab" serve --data "$work/data" --http "127.0.0.1:$port" --dicom "127.0.0.1:$((port + 1))" > "$work/log" 2>&1 &
server=$!
for _ in $(seq 100); do
    curl -fs "http://127.0.0.1:$port/healthz" > /dev/null && break
    sleep 0.1
done
status=0
python3 tests/load/load.py "http://127.0.0.1:$port" "$stations" "$seconds" "$server" || status=1
/usr/bin/python3 tests/load/dimse_load.py $((port + 1)) "$stations" "$seconds" "$server" $((port + 2)) || status=1
exit $status
