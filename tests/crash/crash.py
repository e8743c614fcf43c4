# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments of an import, of STOW-RS and of C-STORE over several associations, many times. After each kill:
every instance that was acknowledged is in the archive with the bytes that were sent, none is half there,
`maclab verify` finds nothing but what a dead intake leaves, and nothing at all after the next start. What C-STORE acknowledged is
found by C-FIND once a server has run again, each instance once, also when an import came between.
Needs the standard library only. Prints a line a failure; its last line is "N passed, N failed"."""
import argparse
import pathlib
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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import lib_dimse as dimse  # noqa: E402

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
    def __init__(self, program, seed, port, dicom_port):
        self.dicom_port = dicom_port
        self.program = os.path.abspath(program)
        self.rng = random.Random(seed)
        self.port = port
        self.root = tempfile.mkdtemp(prefix="maclab-crash-")
        self.data = os.path.join(self.root, "data")
        self.span = 0.5  # of a whole import; learnt
        self.acknowledged = self.kills_in_work = 0
        self.disorder = []

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

    def start_server(self, *options):
        options = options or ("--no-dicom",)
        child = subprocess.Popen((self.program, "serve", "--data", self.data, "--http",
                                  "127.0.0.1:%d" % self.port, *options),
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

    # --- C-STORE

    def start_node(self):
        return self.start_server("--dicom", "127.0.0.1:%d" % self.dicom_port)

    def associate(self, window=None):
        return dimse.Association(self.dicom_port, "CRASH", "MACLAB", [
            (CT, [dimse.EXPLICIT_LE]), (dimse.STUDY_ROOT + dimse.FIND, [dimse.EXPLICIT_LE])],
            window=window)

    def send_one_by_one(self, instances, acknowledged):
        try:
            a = self.associate()
            for uid, data, path in instances:
                if a.store(CT, uid, dimse.EXPLICIT_LE, data).status == 0:
                    acknowledged.append((uid, path))
        except (OSError, dimse.Aborted, dimse.Rejected):
            pass  # the server was killed

    # Several requests outstanding; responses come in their order.
    def send_ahead(self, instances, acknowledged):
        waiting = []
        try:
            a = self.associate(window=(8, 1))
            for uid, data, path in instances:
                a.store_request(CT, uid, dimse.EXPLICIT_LE, data)
                waiting.append((uid, path))
                if len(waiting) == 8:
                    self.take_response(a, waiting, acknowledged)
            while waiting:
                self.take_response(a, waiting, acknowledged)
        except (OSError, dimse.Aborted, dimse.Rejected):
            pass

    def take_response(self, a, waiting, acknowledged):
        _, command, _ = a.receive()
        uid, path = waiting.pop(0)
        if command.text(0x1000) != uid:
            self.disorder.append("the response for %s came where that for %s was due" % (command.text(0x1000), uid))
        if command.status == 0:
            acknowledged.append((uid, path))

    def found(self):
        """How often each SOP Instance UID is found at the image level."""
        a = self.associate()
        context = dimse.STUDY_ROOT + dimse.FIND
        counts = {}
        studies, _ = a.find(context, {0x00080052: "STUDY", 0x0020000D: ""})
        for study in studies:
            uid = read_element(study, 0x0020, 0x000D)
            images, _ = a.find(context, {0x00080052: "IMAGE", 0x0020000D: uid, 0x00080018: ""})
            for image in images:
                instance_uid = read_element(image, 0x0008, 0x0018)
                counts[instance_uid] = counts.get(instance_uid, 0) + 1
        a.release()
        return counts

    # The next server takes up what the killed one acknowledged.
    def check_found(self, acknowledged):
        server = self.start_node()
        try:
            for _ in range(600):
                left = self.run("inbox", "list", "--data", self.data, "--json")
                rows = [json.loads(line) for line in left.stdout.splitlines()]
                if not any(row["state"] == "waiting" for row in rows):
                    break
                time.sleep(0.05)
            counts = {}
            for _ in range(100):  # rows come a moment after receipts
                counts = self.found()
                if all(uid in counts for uid, _ in acknowledged):
                    break
                time.sleep(0.1)
            missing = [uid for uid, _ in acknowledged if uid not in counts]
            if missing or rows:
                raise Trouble("%d acknowledged and not found (%s); %s" % (len(missing), missing[:2], rows[:2]))
            twice = [uid for uid, n in counts.items() if n != 1]
            if twice:
                raise Trouble("found more than once: %s" % twice[:3])
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()

    def trial_store(self, trial):
        _, paths = self.make_files(trial, 120)
        instances = []
        for path in paths:
            with open(path, "rb") as f:
                data = f.read()
            start = data.index(b"\x08\x00\x18\x00UI") + 8
            uid = data[start:start + struct.unpack_from("<H", data, start - 2)[0]].rstrip(b"\0").decode()
            meta = 144 + struct.unpack_from("<I", data, 140)[0]
            instances.append((uid, data[meta:], path))
        self.run("peer", "add", "--data", self.data, "CRASH", "127.0.0.1")
        server = self.start_node()
        acknowledged = []
        threads = [threading.Thread(target=self.send_ahead if k == 2 else self.send_one_by_one,
                                    args=(instances[k::3], acknowledged)) for k in range(3)]
        for t in threads:
            t.start()
        enough = self.rng.randrange(len(paths))
        while len(acknowledged) < enough and any(t.is_alive() for t in threads):
            time.sleep(0.001)
        time.sleep(self.rng.uniform(0, 0.03) if self.rng.random() < 0.8 else self.rng.uniform(0, 1))
        server.send_signal(signal.SIGKILL)
        server.wait()
        for t in threads:
            t.join()
        self.kills_in_work += 0 < len(acknowledged) < len(paths)
        if self.rng.random() < 0.5:  # it sweeps, and leaves the inbox alone
            self.run("import", "--data", self.data, "--json", os.devnull)
        if self.disorder:
            raise Trouble(self.disorder.pop())
        self.check_found(acknowledged)
        self.check([path for _, path in acknowledged])

    def all(self, trials):
        failed = 0
        for trial in range(trials):
            if trial % TRIALS_A_FOLDER == 0:
                shutil.rmtree(self.data, ignore_errors=True)
            kind = (self.trial_store, self.trial_import, self.trial_store, self.trial_stow)[trial % 4]
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


def read_element(data, group, number):
    """The text of an element of an identifier in explicit VR little endian without sequences."""
    at = 0
    while at < len(data):
        g, e, vr, length = struct.unpack_from("<HH2sH", data, at)
        at += 8
        if vr in (b"OB", b"OW", b"UN", b"SQ", b"UT"):
            length, = struct.unpack_from("<I", data, at)
            at += 4
        if (g, e) == (group, number):
            return data[at:at + length].rstrip(b"\0 ").decode()
        at += length
    return ""


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
    return 1 if Crash(given.program, seed, free_port(), free_port()).all(given.trials) else 0


if __name__ == "__main__":
    sys.exit(main())
