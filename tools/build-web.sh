#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds the browser application into BUILD/web when its sources are newer. Usage: tools/build-web.sh BUILD
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "$1"
build=$(cd "$1" && pwd)
stamp=$build/web.stamp
if [ -f "$stamp" ] && [ -z "$(find web -path web/node_modules -prune -o -newer "$stamp" -type f -print -quit)" ]; then
    exit 0
fi
PATH="$(tools/node.sh "$build"):$PATH"
export PATH
cd web
npm ci --no-audit --no-fund --loglevel=error
npm run --silent build -- --outDir "$build/web" --emptyOutDir
touch "$stamp"
