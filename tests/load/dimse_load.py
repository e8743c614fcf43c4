#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A room of stations at the DICOM node: each keeps an association, asks for the studies, then for the series of one after the other,
and retrieves it by C-GET or, every third time, by C-MOVE to a receiver of its own; every fifth study on a new association. Bounded in
time. Prints latencies, failures and the server's memory, and closes with "N passed, N failed".
Usage: dimse_load.py DICOM_PORT STATIONS SECONDS SERVER_PID RECEIVER_PORT   (STATIONn are registered peers at RECEIVER_PORT)"""
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import lib_dimse as dimse  # noqa: E402

PORT, STATIONS, SECONDS, PID, RECEIVER = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
FIND, MOVE, GET = (dimse.STUDY_ROOT + n for n in (dimse.FIND, dimse.MOVE, dimse.GET))
CLASSES = ["1.2.840.10008.5.1.4.1.1." + n for n in ("1", "1.1", "2", "4", "7")]
MEMORY_MB = 300


def text(data, tag):
    """A value of an implicit VR identifier."""
    at = 0
    while at < len(data):
        number = int.from_bytes(data[at:at + 2], "little") << 16 | int.from_bytes(data[at + 2:at + 4], "little")
        length = int.from_bytes(data[at + 4:at + 8], "little")
        if number == tag:
            return data[at + 8:at + 8 + length].rstrip(b"\0 ").decode("ascii")
        at += 8 + length
    return None


class Station(threading.Thread):
    def __init__(self, number, until):
        super().__init__()
        self.number, self.until = number, until
        self.name_ = "STATION%d" % number
        self.latencies = {"find": [], "get": [], "move": []}
        self.images, self.failures = 0, []
        self.association = None

    def connect(self):
        if self.association is not None:
            self.association.release()
        self.association = dimse.Association(PORT, self.name_, "MACLAB", [
            (FIND, [dimse.IMPLICIT_LE]), (MOVE, [dimse.IMPLICIT_LE]), (GET, [dimse.IMPLICIT_LE]),
            *((c, [dimse.EXPLICIT_LE], True) for c in CLASSES)], timeout=60)

    def timed(self, kind, call):
        began = time.monotonic()
        result = call()
        self.latencies[kind].append(time.monotonic() - began)
        return result

    def find(self, level, **keys):
        request = {0x00080052: level, **{int(k[1:], 16): v for k, v in keys.items()}}
        found, final = self.timed("find", lambda: self.association.find(FIND, request))
        if final.status != 0:
            raise RuntimeError("C-FIND: %04x" % final.status)
        return found

    def read(self, study, turn):
        count = sum(int(text(s, 0x00201209)) for s in self.find("SERIES", _0020000D=study, _0020000E="", _00201209=""))
        keys = {0x00080052: "STUDY", 0x0020000D: study}
        if turn % 3 == 2:
            _, final, _ = self.timed("move", lambda: self.association.move(MOVE, keys, self.name_))
        else:
            _, _, final = self.timed("get", lambda: self.association.get(GET, keys, take=lambda command, data: 0))
        if final.status != 0 or final.counts[1] != count:
            raise RuntimeError("status %04x, %s of %d images" % (final.status, final.counts[1], count))
        self.images += count

    def run(self):
        try:
            self.connect()
            studies = [text(s, 0x0020000D) for s in self.find("STUDY", _0020000D="")]
            turn = self.number
            while time.monotonic() < self.until and studies:
                self.read(studies[turn % len(studies)], turn)
                turn += 1
                if turn % 5 == 0:
                    self.connect()
            self.association.release()
        except Exception as e:
            self.failures.append("station %d: %r" % (self.number, e))


def memory_mb():
    """(now, at most) of the server and its workers together."""
    sums = [0, 0]
    for task in pathlib.Path("/proc/%d/task" % PID).iterdir():
        for child in (task / "children").read_text().split():
            add(sums, int(child))
    add(sums, PID)
    return sums


def add(sums, pid):
    fields = dict(line.split(":", 1) for line in pathlib.Path("/proc/%d/status" % pid).read_text().splitlines())
    for i, name in enumerate(("VmRSS", "VmHWM")):
        sums[i] += int(fields[name].split()[0]) / 1024


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(q * len(values)))] * 1000 if values else 0


def main():
    receiver = dimse.Sink("RECEIVER", port=RECEIVER, keep=False)
    until = time.monotonic() + SECONDS
    stations = [Station(n, until) for n in range(STATIONS)]
    for s in stations:
        s.start()
    for s in stations:
        s.join()
    for kind in ("find", "get", "move"):
        times = [t for s in stations for t in s.latencies[kind]]
        print("%-5s %7d answers, p50 %.1f ms, p99 %.1f ms" % (kind, len(times), quantile(times, .5), quantile(times, .99)))
    failures = [f for s in stations for f in s.failures] + receiver.faults
    print("\n".join(failures[:10]))
    now, most = memory_mb()
    print("%d images; server memory with workers %.0f MB, at most %.0f MB" % (sum(s.images for s in stations), now, most))
    idle = sum(1 for s in stations if not s.failures and s.images == 0)
    failed = len({f.split(":")[0] for f in failures}) + idle + (most >= MEMORY_MB)
    print("%d passed, %d failed" % (STATIONS + 1 - failed, failed))
    return 1 if failed else 0


sys.exit(main())
