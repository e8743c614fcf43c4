#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Prints the folder of a node that is new enough for Vite (20.19 or later): the one on PATH, or the npm
# package `node` put into BUILD/node. Usage: tools/node.sh BUILD
set -euo pipefail
wanted='const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
if node -e "$wanted" 2>/dev/null; then
    dirname "$(command -v node)"
    exit 0
fi
mkdir -p "$1/node"
home=$(cd "$1/node" && pwd)
if ! "$home/node_modules/.bin/node" -e "$wanted" 2>/dev/null; then
    (cd "$home" && echo '{"private":true}' > package.json &&
        npm install --no-audit --no-fund --loglevel=error node@22 >&2)
fi
echo "$home/node_modules/.bin"
