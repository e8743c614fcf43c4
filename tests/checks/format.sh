#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every C source is laid out as .clang-format says (clang-format 14, Debian 12's).
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$(clang-format --version 2> /dev/null | grep -o 'version [0-9]*' || true)
if [ "$version" != "version 14" ]; then
    echo "skipped: clang-format 14 is not here"
    exit 77
fi
faults=0
while read -r file; do
    clang-format --dry-run -Werror "$file" > /dev/null 2>&1 || { echo "$file: not as .clang-format says"; faults=1; }
done < <(git ls-files '*.c' '*.h')
exit $faults
