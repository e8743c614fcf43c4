#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds every fuzz target with libFuzzer, ASan and UBSan and runs each for a while, from its seeds.
# Findings stay in BUILD/findings/. Usage: tests/fuzz/run.sh BUILD SECONDS [TARGET…]
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1
seconds=$2
shift 2
[ -f "$build/build.ninja" ] || CC=clang meson setup "$build" -Dfuzz=true -Dbench=false -Dbuildtype=debug \
    -Doptimization=2 -Db_sanitize=address,undefined -Db_lundef=false
ninja -C "$build"
mkdir -p "$build/findings"
passed=0
failed=0
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(cd "$build/tests/fuzz" && ls | grep '^fuzz_[a-z0-9_]*$' | sed 's/^fuzz_//')
for name in "${targets[@]}"; do
    grown=$build/corpus/$name
    mkdir -p "$grown"
    seeds=()
    [ -d "tests/fuzz/corpus/$name" ] && seeds=("tests/fuzz/corpus/$name")
    if "$build/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$build/findings/$name-" "$grown" "${seeds[@]}" > "$build/findings/$name.log" 2>&1; then
        echo "$name: no finding in $seconds s, $(grep -o 'number_of_executed_units: [0-9]*' "$build/findings/$name.log" | grep -o '[0-9]*$') runs"
        passed=$((passed + 1))
    else
        echo "$name: FINDING, see $build/findings/$name.log"
        tail -n 30 "$build/findings/$name.log"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
