#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Prints the folder of OHIF's prebuilt viewer (npm @ohif/app, MIT), fetched once into BUILD/ohif and held against
# its known digest. Only its files are wanted, so npm installs none of its dependencies. Usage: tests/e2e/ohif.sh BUILD
set -euo pipefail
version=3.13.2
sha512=WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA==
home=$1/ohif/$version
if [ ! -f "$home/dist/index.html" ]; then
    mkdir -p "$home"
    archive=$(cd "$home" && npm pack --silent "@ohif/app@$version")
    found=$(openssl dgst -sha512 -binary "$home/$archive" | base64 -w 0)
    [ "$found" = "$sha512" ] || { echo "ohif.sh: $archive has not the known digest" >&2; exit 1; }
    tar -xzf "$home/$archive" -C "$home" --strip-components=1
    rm "$home/$archive"
fi
echo "$home/dist"
