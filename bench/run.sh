#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every benchmark, peers and MacLab in turn on the same input; prints ratios and asserts nothing.
# Usage: bench/run.sh BUILD
set -euo pipefail
cd "$(dirname "$0")/.."
# Archive and node are measured with the tests' program, which stores what it is sent: the gate has benchmarks of its own.
export MACLAB="$1/tests/maclab-as-sent"
for part in parse import query web pixel decode; do
    [ ! -x "bench/bench_$part.sh" ] || { echo "== $part"; "bench/bench_$part.sh" "$1" || echo "$part: did not finish"; }
done
for part in dimse_store dimse_query dimse_retrieve; do
    [ ! -x "bench/$part.py" ] || { echo "== $part"; "bench/$part.py" "$1" || echo "$part: did not finish"; }
done
unset MACLAB
echo "== deid"
bench/deid/bench_speed.sh "$1" || echo "deid speed: did not finish"
bench/deid/run.py "$1" || echo "deid: did not finish"
