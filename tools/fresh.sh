#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Proves that a bare Debian 12 is enough: debootstrap into DIR, a clone of this repository, `make test`
# and `make run` inside. The machine's package sources and certificates are used, nothing else of it.
# Usage: tools/fresh.sh DIR [run|test|all]
set -euo pipefail
cd "$(dirname "$0")/.."
here=$PWD
mkdir -p "$1"
root=$(cd "$1" && pwd)
what=${2:-all}
[ "$(id -u)" = 0 ] || { echo "tools/fresh.sh: root is needed for a chroot" >&2; exit 2; }
command -v debootstrap > /dev/null || apt-get install -y -q --no-install-recommends debootstrap

mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1)
[ -n "$mirror" ] || mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
[ -x "$root/bin/bash" ] || debootstrap --variant=minbase --include=ca-certificates bookworm "$root" "$mirror"
for path in etc/apt/sources.list etc/apt/sources.list.d etc/apt/apt.conf.d etc/apt/trusted.gpg.d \
            usr/share/keyrings etc/ssl/certs usr/local/share/ca-certificates etc/resolv.conf etc/hosts; do
    [ -e "/$path" ] || continue
    rm -rf "${root:?}/$path"
    mkdir -p "$(dirname "$root/$path")"
    cp -aL "/$path" "$root/$path" 2>/dev/null || true
done
home=$root/root
npm config get userconfig 2>/dev/null | xargs -r -I{} cp {} "$home/.npmrc" 2>/dev/null || true

mounted=()
cleanup() { for ((i = ${#mounted[@]} - 1; i >= 0; i--)); do umount -l "${mounted[i]}" || true; done; }
trap cleanup EXIT
mount -t proc proc "$root/proc" && mounted+=("$root/proc")
mount --rbind /dev "$root/dev" && mount --make-rslave "$root/dev" && mounted+=("$root/dev")
mount --rbind /sys "$root/sys" && mount --make-rslave "$root/sys" && mounted+=("$root/sys")
if [ -d "$here/../shared" ]; then
    mkdir -p "$root/src/shared"
    mount --bind "$here/../shared" "$root/src/shared" && mounted+=("$root/src/shared")
fi
rm -rf "$root/src/maclab"
mkdir -p "$root/src"
git clone -q "$here" "$root/src/maclab"

environment=(env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    LANG=C.UTF-8 TERM="${TERM:-dumb}")
for name in ${!npm_config_*} ${!NPM_CONFIG_*} http_proxy https_proxy no_proxy NODE_EXTRA_CA_CERTS SSL_CERT_FILE; do
    [ -z "${!name-}" ] || environment+=("$name=${!name}")
done
inside() { chroot "$root" "${environment[@]}" bash -c "cd /src/maclab && $1"; }

inside 'apt-get update -q && apt-get install -y -q --no-install-recommends make git'
if [ "$what" != test ]; then
    inside 'HTTP=127.0.0.1:8099; (make run HTTP=$HTTP & echo $! > /tmp/run.pid; wait) &
        for i in $(seq 1200); do
            if (exec 3<> /dev/tcp/127.0.0.1/8099) 2> /dev/null; then echo "fresh: make run answers"; ok=1; break; fi
            sleep 1
        done
        pkill -TERM -f "maclab serve .*$HTTP" || true
        [ "${ok:-0}" = 1 ]'
fi
if [ "$what" != run ]; then
    inside 'make test'
fi
