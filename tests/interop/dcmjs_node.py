#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Starts the node and lets npm's dcmjs-dimse talk to it (tests/e2e/dcmjs-dimse.mjs), as client and as server of a C-MOVE, plain
and over TLS. Ends with "N passed, N failed, N skipped". Usage: dcmjs_node.py --build BUILD"""
import argparse
import json
import os
import subprocess
import sys

import lib_images as images
import lib_peers as peers

UID = images.ROOT_UID
CODECS = peers.SAMPLES / "codecs" / "j2k-lossless-90" / "CT1_J2KR"


def node_folder(build):
    """The folder of a new enough node, with the packages installed; None when there is none."""
    found = subprocess.run([str(peers.ROOT / "tools" / "node.sh"), build], capture_output=True, text=True)
    if found.returncode != 0:
        return None
    folder = found.stdout.strip()
    subprocess.run([str(peers.ROOT / "tests" / "e2e" / "install.sh"), build], check=True,
                   env={**os.environ, "PATH": folder + ":" + os.environ["PATH"]})
    return folder


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    build = os.path.abspath(parser.parse_args().build)
    programs = node_folder(build)
    if programs is None:
        print("skipped: no node.js\n0 passed, 0 failed, 1 skipped")
        return 77
    listen = peers.free_port()
    with peers.Node({"DCMJS": listen}, tls=True) as node:
        folder = os.path.join(node.folder, "files")
        first = images.study(folder, 1, series=2, instances=3)
        second = images.study(folder, 2, series=1, instances=12)
        setup = {"port": node.port, "called": node.aet, "listen": listen, "files": first, "more": second, "study": UID + "1",
                 "series": [UID + "1.1", UID + "1.2"], "imagesOfFirst": 3, "images": 6, "studies": 2,
                 "instances": sorted(peers.meta(f)[1] for f in first)}
        if CODECS.is_file():
            node.import_files(CODECS)
            about = peers.meta(CODECS)
            setup["compressed"] = peers.study_of(about[3], about[2])[0]
        if node.tls_port:
            setup["tls"] = {"port": node.tls_port, "key": node.at("peer.key"), "certificate": node.at("peer.pem"),
                            "authority": node.at("authority.pem")}
        run = subprocess.run([programs + "/node", str(peers.ROOT / "tests" / "e2e" / "dcmjs-dimse.mjs"), json.dumps(setup)],
                             timeout=150)
        return run.returncode


if __name__ == "__main__":
    sys.exit(main())
