# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments of an import and of STOW-RS, many times. After each kill:
every instance that was acknowledged is in the archive with the bytes that were sent, none is half there,
`maclab verify` finds nothing but what a dead intake leaves, and nothing at all after the next start.
Needs the standard library only. Prints a line a failure; its last line is "N passed, N failed"."""
import argparse
import http.client
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

FILES = 240          # of one import
TRIALS_A_FOLDER = 20 # before a fresh data folder
LEFT_BY_A_KILL = {"quarantine-left", "object-unnamed"}
CT = "1.2.840.10008.5.1.4.1.1.2"


def element(group, number, vr, value):
    if isinstance(value, str):
        value = value.encode()
    if len(value) % 2:
        value += b"\0" if vr == "UI" else b" "
    head = struct.pack("<HH2s", group, number, vr.encode())
    if vr in ("OB", "OW"):
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def instance(study, series, number, rng):
    """A small CT image as a Part 10 file in explicit VR little endian, and its SOP Instance UID."""
    uid = "2.25.%d" % rng.getrandbits(100)
    side = rng.choice((8, 16, 32, 64))
    us = lambda value: struct.pack("<H", value)
    body = b"".join((
        element(8, 0x16, "UI", CT), element(8, 0x18, "UI", uid), element(8, 0x20, "DA", "20260101"),
        element(8, 0x60, "CS", "CT"), element(8, 0x1030, "LO", "crash test"),
        element(0x10, 0x10, "PN", "Crash^%d" % study), element(0x10, 0x20, "LO", "C%d" % study),
        element(0x20, 0x0D, "UI", "2.25.77%d" % study),
        element(0x20, 0x0E, "UI", "2.25.77%d.%d" % (study, series)),
        element(0x20, 0x11, "IS", str(series)), element(0x20, 0x13, "IS", str(number)),
        element(0x28, 2, "US", us(1)), element(0x28, 4, "CS", "MONOCHROME2"),
        element(0x28, 0x10, "US", us(side)), element(0x28, 0x11, "US", us(side)),
        element(0x28, 0x100, "US", us(16)), element(0x28, 0x101, "US", us(16)),
        element(0x28, 0x102, "US", us(15)), element(0x28, 0x103, "US", us(0)),
        element(0x7FE0, 0x10, "OW", rng.randbytes(side * side * 2))))
    meta = b"".join((
        element(2, 1, "OB", b"\0\1"), element(2, 2, "UI", CT), element(2, 3, "UI", uid),
        element(2, 0x10, "UI", "1.2.840.10008.1.2.1"), element(2, 0x12, "UI", "2.25.1")))
    length = element(2, 0, "UL", struct.pack("<I", len(meta)))
    return uid, b"\0" * 128 + b"DICM" + length + meta + body


class Trouble(Exception):
    pass


class Crash:
    def __init__(self, program, seed, port):
        self.program = os.path.abspath(program)
        self.rng = random.Random(seed)
        self.port = port
        self.root = tempfile.mkdtemp(prefix="maclab-crash-")
        self.data = os.path.join(self.root, "data")
        self.span = 0.5  # of a whole import; learnt
        self.acknowledged = self.kills_in_work = 0

    def run(self, *words):
        return subprocess.run((self.program,) + words, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=120)

    def make_files(self, trial, count):
        folder = os.path.join(self.root, "files")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        paths = []
        for i in range(count):
            uid, data = instance(trial * 10 + i % 3, 1 + i % 2, i, self.rng)
            paths.append(os.path.join(folder, "%04d.dcm" % i))
            with open(paths[-1], "wb") as f:
                f.write(data)
        return folder, paths

    # What must be so after a kill, whatever was killed.
    def check(self, acknowledged):
        if acknowledged or os.path.exists(os.path.join(self.data, "catalogue.db")):
            left = self.run("verify", "--data", self.data, "--json")
            problems = [json.loads(l) for l in left.stdout.splitlines() if '"problem":' in l]
            bad = [p for p in problems if p["problem"] not in LEFT_BY_A_KILL]
            if bad or left.returncode not in (0, 1):
                raise Trouble("verify after the kill: %s %s" % (bad[:3], left.stderr))
        if acknowledged:
            again = self.run("import", "--data", self.data, "--json", *acknowledged)
            for line in again.stdout.splitlines():
                answer = json.loads(line)
                if answer.get("verdict", "duplicate") not in ("duplicate",):
                    raise Trouble("acknowledged, but then: %s" % line)
        else:
            self.run("import", "--data", self.data, "--json", os.devnull)
        clean = self.run("verify", "--data", self.data)
        if clean.returncode != 0:
            raise Trouble("verify after the next start: %s%s" % (clean.stdout, clean.stderr))
        self.acknowledged += len(acknowledged)

    # After a time, or (mostly) just after so many verdicts: both reach moments that the other misses.
    def read_and_kill(self, child):
        told = []
        if self.rng.random() < 0.3:
            timer = threading.Timer(self.rng.uniform(0, self.span * 1.05), child.kill)
        else:
            for _ in range(self.rng.randrange(FILES)):
                told.append(child.stdout.readline())
            timer = threading.Timer(self.rng.uniform(0, 0.03), child.kill)
        timer.start()
        told.append(child.stdout.read())
        child.wait()
        timer.cancel()
        return "".join(told)

    def trial_import(self, trial):
        folder, _ = self.make_files(trial, FILES)
        began = time.monotonic()
        child = subprocess.Popen((self.program, "import", "--data", self.data, "--json", folder),
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        told = self.read_and_kill(child)
        if child.returncode == 0:
            self.span = 0.5 * (self.span + time.monotonic() - began)
        lines = [json.loads(l) for l in told.split("\n")[:-1]]
        stored = [l["path"] for l in lines if l.get("verdict") == "stored"]
        self.kills_in_work += 0 < len(stored) < FILES
        self.check(stored)

    def start_server(self):
        child = subprocess.Popen((self.program, "serve", "--data", self.data, "--http",
                                  "127.0.0.1:%d" % self.port),
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(400):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return child
            except OSError:
                if child.poll() is not None:
                    raise Trouble("the server ended with %s" % child.returncode)
                time.sleep(0.01)
        child.kill()
        raise Trouble("the server did not start")

    def post(self, paths, stored):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            for at in range(0, len(paths), 5):
                by_uid, parts = {}, []
                for path in paths[at:at + 5]:
                    with open(path, "rb") as f:
                        data = f.read()
                    start = data.index(b"\x08\x00\x18\x00UI") + 8
                    length = struct.unpack_from("<H", data, start - 2)[0]
                    by_uid[data[start:start + length].rstrip(b"\0").decode()] = path
                    parts.append(b"--B\r\nContent-Type: application/dicom\r\n\r\n" + data + b"\r\n")
                connection.request("POST", "/dicom-web/studies", b"".join(parts) + b"--B--\r\n", {
                    "Content-Type": 'multipart/related; type="application/dicom"; boundary=B',
                    "Accept": "application/dicom+json"})
                answer = connection.getresponse()
                body = answer.read()
                if answer.status in (200, 202):
                    for item in json.loads(body).get("00081199", {}).get("Value", []):
                        stored.append(by_uid[item["00081155"]["Value"][0]])
        except (OSError, http.client.HTTPException, ValueError):
            pass  # the server was killed
        finally:
            connection.close()

    def trial_stow(self, trial):
        _, paths = self.make_files(trial, 120)
        server = self.start_server()
        stored = []
        threads = [threading.Thread(target=self.post, args=(paths[k::3], stored)) for k in range(3)]
        for t in threads:
            t.start()
        enough = self.rng.randrange(len(paths))
        while len(stored) < enough and any(t.is_alive() for t in threads):
            time.sleep(0.002)
        time.sleep(self.rng.uniform(0, 0.03))
        server.send_signal(signal.SIGKILL)
        server.wait()
        for t in threads:
            t.join()
        self.kills_in_work += 0 < len(stored) < len(paths)
        self.check(stored)

    def all(self, trials):
        failed = 0
        for trial in range(trials):
            if trial % TRIALS_A_FOLDER == 0:
                shutil.rmtree(self.data, ignore_errors=True)
            kind = self.trial_stow if trial % 2 else self.trial_import
            try:
                kind(trial)
            except (Trouble, subprocess.TimeoutExpired) as why:
                failed += 1
                print("trial %d (%s): %s" % (trial, kind.__name__, why))
        print("%d kills in mid-work, %d instances acknowledged before a kill"
              % (self.kills_in_work, self.acknowledged))
        print("%d passed, %d failed" % (trials - failed, failed))
        shutil.rmtree(self.root, ignore_errors=True)
        return failed


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--program", required=True)
    words.add_argument("--trials", type=int, default=200)
    words.add_argument("--seed", type=int, default=None)
    given = words.parse_args()
    seed = given.seed if given.seed is not None else random.randrange(1 << 30)
    print("seed %d" % seed)
    return 1 if Crash(given.program, seed, free_port()).all(given.trials) else 0


if __name__ == "__main__":
    sys.exit(main())
