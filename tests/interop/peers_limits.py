#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Crowds at the node: forty associations that retrieve at once are all served, within 300 MB; of more associations than there is room
for the late ones get a transient rejection and the others do not notice; peers that stall, flood, half-close or talk nonsense are
ended while others go on; peers that are called and stay silent hold up neither others nor the server's end. Ends with "N passed, N failed, N skipped"."""
import os
import random
import socket
import struct
import threading
import time

import lib_dimse as dimse
import lib_images as images
import lib_peers as peers

UID = images.ROOT_UID
GET = dimse.STUDY_ROOT + dimse.GET
STATIONS, MEMORY_MB, IMAGES = 40, 300, 60


def retrieve(node, failures, counts, barrier):
    try:
        a = dimse.Association(node.port, "TESTER", node.aet, [(GET, [dimse.IMPLICIT_LE]),
                                                              (images.CT, [dimse.EXPLICIT_LE], True)], timeout=60)
        barrier.wait(30)
        seen = []
        _, _, final = a.get(GET, {0x00080052: "STUDY", 0x0020000D: UID + "1"}, take=lambda c, d: seen.append(len(d)) or 0)
        a.release()
        if final.status != 0 or len(seen) != IMAGES:
            failures.append("status %04x, %d images" % (final.status, len(seen)))
        counts.append(len(seen))
    except Exception as fault:
        failures.append(repr(fault))


def crowd(tally, node):
    most = [0]
    over = threading.Event()

    def watch():
        while not over.wait(0.05):
            most[0] = max(most[0], peers.memory_mb(node.pid)[1])
    watcher = threading.Thread(target=watch)
    watcher.start()
    failures, counts = [], []
    barrier = threading.Barrier(STATIONS)
    began = time.monotonic()
    threads = [threading.Thread(target=retrieve, args=(node, failures, counts, barrier)) for _ in range(STATIONS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    took = time.monotonic() - began
    over.set()
    watcher.join()
    print("%d associations, %d images in %.1f s, at most %.0f MB with workers" % (STATIONS, sum(counts), took, most[0]))
    with tally("%d associations retrieve at once" % STATIONS):
        assert not failures, failures[:3]
    with tally("below %d MB" % MEMORY_MB):
        assert 0 < most[0] < MEMORY_MB, "%.0f MB" % most[0]


def echo_wants():
    return [(dimse.VERIFICATION, [dimse.IMPLICIT_LE])]


def too_many(tally, room):
    """A node with room for `room` associations."""
    with peers.Node(config={"dicom": {"limits": {"associations": room}}}) as node:
        open_ones, rejected = [], []
        with tally("more associations than there is room for"):
            for _ in range(room + 8):
                try:
                    open_ones.append(dimse.Association(node.port, "TESTER", node.aet, echo_wants()))
                except dimse.Rejected as answer:
                    rejected.append((answer.result, answer.source, answer.reason))
            assert len(open_ones) == room and len(rejected) == 8, "%d open, %d rejected" % (len(open_ones), len(rejected))
            assert set(rejected) <= {(2, 3, 1), (2, 3, 2)}, "not transient: %s" % set(rejected)
        with tally("those that are up go on"):
            assert [a.echo() for a in open_ones] == [0] * len(open_ones)
        for a in open_ones:
            a.release()
        with tally("and there is room again"):
            assert peers.until(lambda: accepted(node))


def impatient(tally):
    """A node whose patience is a second."""
    limits = {"artim_seconds": 1, "stall_seconds": 1, "idle_seconds": 2}
    with peers.Node(config={"dicom": {"limits": limits}}) as node:
        with tally("a connection that says nothing is closed"):
            assert Raw(node).answer() is not None
        with tally("an association that falls silent is aborted"):
            ended(dimse.Association(node.port, "TESTER", node.aet, echo_wants()), lambda a: None)
        with tally("a message that stops in the middle is aborted"):
            ended(dimse.Association(node.port, "TESTER", node.aet, echo_wants()),
                  lambda a: a.socket.sendall(struct.pack(">BBIIBB", 4, 0, 106, 102, 1, 3) + bytes(10)))
        with tally("a peer that does not read is given up, others are served"):
            files = images.study(os.path.join(node.folder, "files"), 3, instances=40, rows=512, columns=512)
            a = dimse.Association(node.port, "TESTER", node.aet, [(images.CT, [dimse.EXPLICIT_LE])])
            assert {a.store(*peers.meta(f)).status for f in files} == {0}
            a.release()
            node.counts(len(files))
            deaf = dimse.Association(node.port, "TESTER", node.aet, [(GET, [dimse.IMPLICIT_LE]), (images.CT, [dimse.EXPLICIT_LE], True)])
            deaf.send(1, {0x0002: dimse.uid(GET), 0x0100: dimse.us(dimse.GET_RQ), 0x0110: dimse.us(1), 0x0700: dimse.us(0)},
                      dimse.identifier({0x00080052: "STUDY", 0x0020000D: UID + "3"}))
            time.sleep(3)
            assert peers.echo(node.port, "TESTER", node.aet) == 0
            got = 0
            while True:
                try:
                    piece = deaf.file.read1(1 << 20)
                except OSError:
                    break
                if not piece:
                    break
                got += len(piece)
            assert got < 40 * 512 * 512 * 2, "all of it was sent to a peer that did not read"


def ended(a, act):
    began = time.monotonic()
    act(a)
    try:
        a.socket.settimeout(10)
        kind, _ = a.read_pdu()
        raise AssertionError("PDU of type %d" % kind)
    except dimse.Aborted as fault:
        assert time.monotonic() - began < 6 and fault.source in (0, 2, None), fault
    a.close()


class Deaf:
    """Accepts connections, and with `polite` associations too, and says nothing more."""

    def __init__(self, polite):
        self.polite, self.calls, self.held = polite, 0, []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            connection, _ = self.listener.accept()
            self.held.append(connection)
            self.calls += 1
            if self.polite:
                threading.Thread(target=self.accept, args=(connection,), daemon=True).start()

    @staticmethod
    def accept(connection):
        link = dimse.Link(connection)
        try:
            _, body = link.read_pdu()
        except dimse.Aborted:
            return
        answer = b""
        for kind, value in dimse.items(body[68:]):
            if kind == 0x20:
                syntax = next(v for k, v in dimse.items(value[4:]) if k == 0x40)
                answer += dimse.item(0x21, struct.pack("BBBB", value[0], 0, 0, 0) + dimse.item(0x40, syntax))
        user = dimse.item(0x51, struct.pack(">I", 16384)) + dimse.item(0x52, b"2.25.170105182211823")
        link.send_pdu(2, body[:68] + dimse.item(0x10, b"1.2.840.10008.3.1.1.1") + answer + dimse.item(0x50, user))


def move_to(node, destination, study):
    """Asks for a study to be moved, and does not wait for it."""
    model = dimse.STUDY_ROOT + dimse.MOVE
    a = dimse.Association(node.port, "TESTER", node.aet, [(model, [dimse.IMPLICIT_LE])])
    a.send(1, {0x0002: dimse.uid(model), 0x0100: dimse.us(dimse.MOVE_RQ), 0x0110: a.next_id(), 0x0600: destination,
               0x0700: dimse.us(0)}, dimse.identifier({0x00080052: "STUDY", 0x0020000D: study}))
    return a


def silent(tally):
    """Peers that the node calls and that do not answer: others get what is theirs, and the server ends in time."""
    mute, polite, sink = Deaf(False), Deaf(True), dimse.Sink("SINK")
    with peers.Node(peers={"MUTE": mute.port, "POLITE": polite.port, "SINK": sink.port}) as node:
        files = images.study(os.path.join(node.folder, "files"), 4)
        a = dimse.Association(node.port, "TESTER", node.aet, [(images.CT, [dimse.EXPLICIT_LE])])
        assert {a.store(*peers.meta(f)).status for f in files} == {0}
        a.release()
        node.counts(len(files))
        references = [(images.CT, peers.meta(f)[1]) for f in files]
        for number, aet in enumerate(("MUTE", "MUTE", "MUTE", "SINK")):
            a = dimse.Association(node.port, aet, node.aet, [(dimse.COMMITMENT, [dimse.IMPLICIT_LE])])
            assert a.commit(UID + "4.77.%d" % number, references).status == 0
            a.release()
        with tally("storage commitment: requests of a peer that does not answer do not hold up another's"):
            assert sink.wait(lambda s: len(s.events) == 1, 40), "no report in 40 s"
        asking = [move_to(node, "MUTE", UID + "4"), move_to(node, "POLITE", UID + "4")]
        with tally("a C-MOVE to a destination that falls silent holds up nobody"):
            assert peers.until(lambda: polite.calls == 1)
            assert peers.echo(node.port, "TESTER", node.aet) == 0
        with tally("and not the server's end"):
            began = time.monotonic()
            node.process.terminate()
            assert node.process.wait(20) == 0
            assert time.monotonic() - began < 15, "%.1f s" % (time.monotonic() - began)
        for a in asking:
            a.close()
    sink.close()


def accepted(node):
    try:
        dimse.Association(node.port, "TESTER", node.aet, echo_wants()).release()
        return True
    except dimse.Rejected:
        return False


class Raw:
    """A socket that says what it is told to."""

    def __init__(self, node):
        self.socket = socket.create_connection(node.address, timeout=10)

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # ended already: what is wanted

    def finish(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def answer(self, seconds=10):
        """What comes until the node ends it: bytes; None when it does not."""
        got = b""
        self.socket.settimeout(seconds)
        try:
            while True:
                piece = self.socket.recv(65536)
                if not piece:
                    return got
                got += piece
        except socket.timeout:
            return None
        except OSError:
            return got


def nonsense(tally, node):
    """A well-behaved association is up all the while."""
    witness = dimse.Association(node.port, "TESTER", node.aet, echo_wants())
    rng = random.Random(7)
    request = struct.pack(">HH", 1, 0) + b"MACLAB".ljust(16) + b"TESTER".ljust(16) + bytes(32)
    talks = [("an HTTP request", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), ("a TLS hello", bytes.fromhex("160301020001000001fc0303")),
             ("a PDU of 4 GiB", struct.pack(">BBI", 1, 0, 0xFFFFFFFF) + bytes(64)),
             ("an unknown PDU", struct.pack(">BBI", 0x42, 0, 4) + bytes(4)),
             ("P-DATA before an association", struct.pack(">BBI", 4, 0, 6) + struct.pack(">IBB", 2, 1, 3)),
             ("a release before an association", struct.pack(">BBI", 5, 0, 4) + bytes(4)),
             ("A-ASSOCIATE-AC from a requestor", struct.pack(">BBI", 2, 0, len(request)) + request),
             ("an A-ASSOCIATE-RQ with items cut", struct.pack(">BBI", 1, 0, len(request) + 6) + request + b"\x10\0\0\xff\0\0"),
             ("noise", rng.randbytes(4096))]
    for name, data in talks:
        with tally("ended: " + name):
            raw = Raw(node)
            raw.send(data)
            if name in ("an HTTP request", "a TLS hello", "noise"):
                raw.finish()  # it may be the beginning of a long PDU
            got = raw.answer()
            assert got is not None, "still up after 10 s"
            assert got[:1] in (b"", b"\7", b"\3"), got[:20]
            assert witness.echo() == 0
    after = [("an unknown PDU", struct.pack(">BBI", 0x42, 0, 4) + bytes(4)),
             ("a second A-ASSOCIATE-RQ", struct.pack(">BBI", 1, 0, len(request)) + request),
             ("a PDV of a context that was not accepted", struct.pack(">BBIIBB", 4, 0, 6, 2, 99, 3)),
             ("a PDV longer than its PDU", struct.pack(">BBIIBB", 4, 0, 6, 2000, 1, 3)),
             ("a PDU longer than was offered", struct.pack(">BBI", 4, 0, 0x7FFFFFFF) + bytes(64)),
             ("a command set of noise", struct.pack(">BBIIBB", 4, 0, 106, 102, 1, 3) + rng.randbytes(100)),
             ("a data set without a command", struct.pack(">BBIIBB", 4, 0, 16, 12, 1, 2) + bytes(10))]
    for name, data in after:
        with tally("aborted: " + name):
            a = dimse.Association(node.port, "TESTER", node.aet, echo_wants())
            a.socket.sendall(data)
            try:
                kind, _ = a.read_pdu()
                raise AssertionError("PDU of type %d" % kind)
            except dimse.Aborted as fault:
                assert fault.source in (0, 2), "closed without A-ABORT"
            a.close()
            assert witness.echo() == 0
    with tally("half-closed after the request"):
        a = dimse.Association(node.port, "TESTER", node.aet, echo_wants())
        a.socket.shutdown(socket.SHUT_WR)
        assert a.socket.recv(100) is not None
        a.close()
        assert witness.echo() == 0
    with tally("a store that breaks off leaves nothing"):
        before = node.instances()
        a = dimse.Association(node.port, "TESTER", node.aet, [(images.CT, [dimse.EXPLICIT_LE])])
        data = bytes(100000)
        command = dimse.command_set({0x0002: dimse.uid(images.CT), 0x0100: dimse.us(1), 0x0110: dimse.us(1), 0x0700: dimse.us(0),
                                     0x0800: dimse.us(1), 0x1000: dimse.uid(UID + "9.9.9")})
        a.socket.sendall(struct.pack(">BBIIBB", 4, 0, len(command) + 6, len(command) + 2, 1, 3) + command +
                         struct.pack(">BBIIBB", 4, 0, 50006, 50002, 1, 0) + data[:50000])
        a.close()
        assert witness.echo() == 0
        time.sleep(0.3)
        assert node.instances() == before
    with tally("the witness was never disturbed"):
        assert witness.echo() == 0
        witness.release()


def stalled(tally, node):
    """Connections that say nothing do not keep others out."""
    silent = [Raw(node) for _ in range(20)]
    with tally("twenty silent connections"):
        began = time.monotonic()
        assert peers.echo(node.port, "TESTER", node.aet) == 0 and time.monotonic() - began < 2
    for raw in silent:
        raw.socket.close()


def main():
    tally = peers.Tally()
    with peers.Node() as node:
        files = images.study(os.path.join(node.folder, "files"), 1, instances=IMAGES, rows=256, columns=256)
        a = dimse.Association(node.port, "TESTER", node.aet, [(images.CT, [dimse.EXPLICIT_LE])])
        for path in files:
            about = peers.meta(path)
            assert a.store(*about).status == 0
        a.release()
        node.counts(IMAGES)
        crowd(tally, node)
        nonsense(tally, node)
        stalled(tally, node)
    too_many(tally, 12)
    impatient(tally)
    silent(tally)
    tally.close()


main()
