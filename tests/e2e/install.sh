#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The npm packages of the tests, installed anew when their lock file changed. Usage: tests/e2e/install.sh BUILD
# (node on PATH must be the one of tools/node.sh.)
set -euo pipefail
cd "$(dirname "$0")"
wanted=$(sha256sum < package-lock.json)
if [ "$(cat "$1/e2e.stamp" 2> /dev/null)" != "$wanted" ] || [ ! -d node_modules ]; then
    npm ci --no-audit --no-fund --loglevel=error >&2
    echo "$wanted" > "$1/e2e.stamp"
fi
