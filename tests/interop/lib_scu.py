# SPDX-License-Identifier: Apache-2.0
"""What the steps of MacLab's user-side tools (scu_*.py) share: running them, reading their answers, peers that misbehave."""
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import lib_dimse as dimse
import lib_peers as peers


class Ran:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def json(self):
        return json.loads(self.out)

    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]

    def __repr__(self):
        return "status %d, %r, %r" % (self.status, self.out[-600:], self.err[-600:])


def run(*words, status=0, timeout=90, stdin=None):
    """`maclab WORDS`; `status`: expected exit status, None: any."""
    done = subprocess.run([peers.MACLAB, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=timeout, stdin=subprocess.DEVNULL if stdin is None else stdin)
    ran = Ran(done.returncode, done.stdout, done.stderr)
    assert status is None or ran.status == status, "maclab %s: %r" % (" ".join(map(str, words[:8])), ran)
    assert "Sanitizer" not in ran.err and "runtime error" not in ran.err, ran.err[-3000:]
    return ran


def start(*words):
    return subprocess.Popen([peers.MACLAB, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def folder():
    return tempfile.TemporaryDirectory(prefix="maclab-scu-")


def files_in(path):
    return sorted(p for p in pathlib.Path(path).rglob("*") if p.is_file())


def data_sets(paths):
    """{SOP Instance UID: (class, syntax, data set)} of Part 10 files."""
    return {about[1]: (about[0], about[2], about[3]) for about in map(peers.meta, paths)}


def copies(count, to, source=None, study="1.2.3.77"):
    """Copies of a small CT under UIDs of their own, in two series."""
    import pydicom
    made = []
    ds = pydicom.dcmread(source or peers.SAMPLES / "codecs" / "explicit-le" / "ctimage.explicit-le.dcm")
    for i in range(count):
        ds.StudyInstanceUID, ds.SeriesInstanceUID = study, "%s.%d" % (study, i % 2 + 1)
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "%s.%d.%d" % (study, i % 2 + 1, i)
        ds.InstanceNumber = i
        path = os.path.join(to, "%04d.dcm" % i)
        ds.save_as(path)
        made.append(path)
    return made


class Rude:
    """Listens and, for each connection, calls script(connection, number): a peer that breaks the rules."""

    def __init__(self, script):
        self.script, self.number = script, 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.number += 1
            threading.Thread(target=self._one, args=(connection, self.number), daemon=True).start()

    def _one(self, connection, number):
        try:
            self.script(connection, number)
        except OSError:
            pass
        connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


def reject(result, source, reason):
    def script(connection, _):
        connection.recv(65536)
        connection.sendall(struct.pack(">BBIBBBB", 3, 0, 4, 0, result, source, reason))
        time.sleep(0.2)
    return script


def abort(connection, _):
    connection.recv(65536)
    connection.sendall(struct.pack(">BBIBBBB", 7, 0, 4, 0, 0, 2, 1))
    time.sleep(0.2)


def silent(connection, _):
    while connection.recv(65536):
        pass


def nonsense(connection, _):
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    time.sleep(0.2)


def interrupt(process, after):
    """SIGINT once `after` seconds have gone by; (status, out, err)."""
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err
