#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The browser application's types and markup, no error and no warning. Usage: tools/check-web.sh BUILD
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$(tools/node.sh "$1"):$PATH"
export PATH
cd web
[ -d node_modules ] || npm ci --no-audit --no-fund --loglevel=error
npm run --silent check
