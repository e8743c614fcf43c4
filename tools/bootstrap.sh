#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what the build (`build`) or the tests (`test`) need on Debian 12: packages that are missing, by
# apt-get, as root or through sudo. Asks nothing and does nothing when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
while read -r package; do
    [ -n "$package" ] || continue
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done < "tools/packages-$1.txt"

# A newer node than Debian's may be there already, under its own name.
keep=()
for package in "${missing[@]}"; do
    case $package in
        nodejs|npm) command -v "${package/nodejs/node}" > /dev/null || keep+=("$package") ;;
        *) keep+=("$package") ;;
    esac
done
[ ${#keep[@]} -gt 0 ] || exit 0

echo "installing: ${keep[*]}"
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -q
"${as_root[@]}" apt-get install -y -q --no-install-recommends "${keep[@]}"
