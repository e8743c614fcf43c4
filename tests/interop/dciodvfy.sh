#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dciodvfy (dicom3tools) finds no error in what `maclab demo` makes: one file of every series of the first
# eight cases, which hold every kind (CT, MR, CR, DX). Warnings are printed, not counted.
# Usage: dciodvfy.sh MACLAB
set -eu
maclab=$1
if ! command -v dciodvfy >/dev/null 2>&1; then
    echo "skipped: no dciodvfy (Debian package dicom3tools)"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$maclab" demo --files "$work/files" --truth "$work/truth" --cases 8 >/dev/null
files=0
failures=0
kinds=""
for series in "$work"/files/*/*; do
    set -- "$series"/*.dcm
    said=$(dciodvfy "$1" 2>&1 || true)
    files=$((files + 1))
    kinds="$kinds $(printf '%s\n' "$said" | grep -m 1 -v '^Warning' || true)"
    if printf '%s\n' "$said" | grep -q '^Error'; then
        failures=$((failures + 1))
        echo "${series#"$work"/files/}:"
        printf '%s\n' "$said" | grep '^Error'
    fi
    printf '%s\n' "$said" | grep '^Warning' || true
done
for kind in CTImage MRImage CRImage DXImageForPresentation; do
    case "$kinds" in
    *"$kind"*) ;;
    *)
        echo "no $kind among the cases"
        failures=$((failures + 1))
        ;;
    esac
done
echo "$files series looked at, $failures with errors"
[ "$failures" -eq 0 ]
