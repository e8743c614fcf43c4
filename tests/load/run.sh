#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Forty stations read from one server for a minute. Usage: tests/load/run.sh BUILD [STATIONS [SECONDS]]
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
"$build/maclab" serve --data "$work/data" --http "127.0.0.1:$port" > "$work/log" 2>&1 &
server=$!
for _ in $(seq 100); do
    curl -fs "http://127.0.0.1:$port/healthz" > /dev/null && break
    sleep 0.1
done
python3 tests/load/load.py "http://127.0.0.1:$port" "$stations" "$seconds" "$server"
