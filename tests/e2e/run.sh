#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The browser tests, a foreign DICOMweb client and a foreign viewer against a server of their own, filled with the
# sample files, or with synthetic cases where they are absent. Usage: tests/e2e/run.sh BUILD [SCRIPT…]
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p "$1"
build=$(cd "$1" && pwd)
shift
scripts=("$@")
[ ${#scripts[@]} -gt 0 ] || scripts=(run dicomweb-client ohif)
PATH="$(tools/node.sh "$build"):$PATH"
export PATH MACLAB="${MACLAB:-$build/tests/maclab-as-sent}"
tests/e2e/install.sh "$build"
case " ${scripts[*]} " in
    *" ohif "*) OHIF_DIST=$(tests/e2e/ohif.sh "$build") && export OHIF_DIST ;;
esac
# shellcheck disable=SC2016
exec python3 tests/with_server.py --samples --demo 20 -- bash -c '
    status=0
    for script in "${@:2}"; do node "tests/e2e/$script.mjs" --base "$1" || status=1; done
    exit $status' e2e @URL@ "${scripts[@]}"
