#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Starts MacLab on a fresh archive and free loopback ports, runs a command against it and ends it.
In the command, @URL@ is the server's address, @DICOM@ the port of its DICOM node, @DATA@ its data folder.
Usage: with_server.py [--samples] [--demo N] [--peer AET[=PORT]]… -- COMMAND…
--samples imports ../shared/dicom-samples, --demo makes N synthetic cases; with both, the synthetic cases stand in where
the samples are absent. --peer registers a DICOM peer on this machine, which may call, and is sent to at PORT."""
import argparse
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
MACLAB = os.environ.get("MACLAB", str(ROOT / "build" / "maclab"))
SAMPLES = pathlib.Path(os.environ.get("MACLAB_SAMPLES", ROOT.parent / "shared" / "dicom-samples"))
START_SECONDS = 30


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def fill(data, options):
    if options.samples and SAMPLES.is_dir():
        # Some of the samples are refused by design: exit status 1.
        run = subprocess.run([MACLAB, "import", "--data", data, str(SAMPLES)], stdout=subprocess.DEVNULL)
        if run.returncode not in (0, 1):
            sys.exit("import of the samples ended with status %d" % run.returncode)
        return
    if options.samples:
        print("samples skipped: %s is not there" % SAMPLES)
    if options.demo:
        subprocess.run([MACLAB, "demo", "--data", data, "--cases", str(options.demo)], check=True,
                       stdout=subprocess.DEVNULL)


def register(data, peers):
    for peer in peers:
        aet, _, port = peer.partition("=")
        subprocess.run([MACLAB, "peer", "add", "--data", data, aet, "127.0.0.1:" + (port or "9")], check=True,
                       stdout=subprocess.DEVNULL)


def wait_for(url, server):
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            urllib.request.urlopen(url + "/healthz", timeout=1).read()
            return True
        except OSError:
            time.sleep(0.05)
    return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", action="store_true")
    parser.add_argument("--demo", type=int, default=0)
    parser.add_argument("--peer", action="append", default=[])
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="maclab-test-") as folder:
        data = folder + "/data"
        fill(data, options)
        register(data, options.peer)
        port, dicom = free_port(), free_port()
        url = "http://127.0.0.1:%d" % port
        log_path = folder + "/server.log"
        with open(log_path, "wb") as log:
            server = subprocess.Popen([MACLAB, "serve", "--data", data, "--http", "127.0.0.1:%d" % port, "--dicom",
                                       "127.0.0.1:%d" % dicom], stdout=log, stderr=log)
        try:
            if not wait_for(url, server):
                print(open(log_path, errors="replace").read())
                sys.exit("the server did not start")
            command = [w.replace("@URL@", url).replace("@DICOM@", str(dicom)).replace("@DATA@", data) for w in options.command]
            status = subprocess.run(command, cwd=ROOT).returncode
        finally:
            server.terminate()
            try:
                ended = server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                ended = -9
        if ended != 0:
            print(open(log_path, errors="replace").read()[-4000:])
            print("the server ended with status %d" % ended)
        sys.exit(status or (1 if ended != 0 else 0))


main()
