#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Kills imports and a server at random moments and looks at what is left.
#   tests/crash/run.sh BUILD [TRIALS]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
exec /usr/bin/python3 "$here/crash.py" --program "${MACLAB:-${1:-build}/tests/maclab-as-sent}" --trials "${2:-200}"
