#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Kills imports and a server at random moments and looks at what is left.
#   tests/crash/run.sh BUILD [TRIALS]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
exec /usr/bin/python3 "$here/crash.py" --program "${1:-build}/maclab" --trials "${2:-200}"
