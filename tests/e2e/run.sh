#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The browser tests against a server of their own, filled with the sample files and a few synthetic cases.
# Usage: tests/e2e/run.sh BUILD SCRIPT [ARGUMENT…]   (@URL@ in an argument is the server's address)
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1
shift
PATH="$(tools/node.sh "$build"):$PATH"
export PATH
wanted=$(sha256sum < tests/e2e/package-lock.json)
if [ "$(cat "$build/e2e.stamp" 2> /dev/null)" != "$wanted" ] || [ ! -d tests/e2e/node_modules ]; then
    (cd tests/e2e && npm ci --no-audit --no-fund --loglevel=error)
    echo "$wanted" > "$build/e2e.stamp"
fi
exec python3 tests/with_server.py --samples --demo 6 -- node "$@"
