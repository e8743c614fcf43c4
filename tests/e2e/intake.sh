#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The hold room in a real browser, with the real program. Usage: tests/e2e/intake.sh BUILD
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(cd "$1" && pwd)
PATH="$(tools/node.sh "$build"):$PATH"
export PATH
tests/e2e/install.sh "$build"
exec /usr/bin/python3 tests/e2e/intake.py "$build"
