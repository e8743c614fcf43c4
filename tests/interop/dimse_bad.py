#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input at the node's door, each with the A-ABORT, A-ASSOCIATE-RJ or status that PS3.7 and PS3.8 ask for: PDU fields wrong,
cut at every byte, oversized, out of state; presentation data values and commands that do not fit together; command sets with
wrong groups and missing elements; data sets that do not match. All the while one association goes on, each ending has its line
in the log with peer and reason and no value of a data set, and of what was not acknowledged nothing appears.
Ends with "N passed, N failed, N skipped"."""
import os
import socket
import struct
import time

import lib_dimse as dimse
import lib_images as images
import lib_peers as peers

SECRET = "UNSPEAKABLE^NAME"
ECHO = [(dimse.VERIFICATION, [dimse.IMPLICIT_LE])]
STORE = ECHO + [(images.CT, [dimse.EXPLICIT_LE]), ("1.2.3.4.5.6.7", [dimse.IMPLICIT_LE])]
USER, PROVIDER = 0, 2
UNRECOGNIZED, UNEXPECTED, UNEXPECTED_PARAMETER, INVALID = 1, 2, 5, 6
CLOSED = "closed"


def pdu(kind, body, length=None):
    return struct.pack(">BBI", kind, 0, len(body) if length is None else length) + body


def pdv(context, control, body, length=None):
    return struct.pack(">IBB", len(body) + 2 if length is None else length, context, control) + body


def data(*values):
    return pdu(4, b"".join(values))


def request(version=1, application=b"1.2.840.10008.3.1.1.1", calling=b"TESTER", called=b"MACLAB", contexts=None, user=b""):
    if contexts is None:
        contexts = dimse.item(0x20, b"\1\0\0\0" + dimse.item(0x30, dimse.VERIFICATION.encode()) +
                              dimse.item(0x40, dimse.IMPLICIT_LE.encode()))
    user = dimse.item(0x51, struct.pack(">I", 16384)) + dimse.item(0x52, b"1.2.3") + user
    return pdu(1, struct.pack(">HH", version, 0) + called.ljust(16) + calling.ljust(16) + bytes(32) +
               dimse.item(0x10, application) + contexts + dimse.item(0x50, user))


def outcome(connection):
    """What the node says last: ("abort", source, reason), ("reject", result, source, reason), which leave it to us to close;
    when it closes, ("PDU", type) or CLOSED."""
    connection.settimeout(10)
    got, last = b"", CLOSED
    while True:
        while len(got) >= 6 and len(got) >= 6 + struct.unpack_from(">I", got, 2)[0]:
            kind, _, length = struct.unpack_from(">BBI", got)
            body, got = got[6:6 + length], got[6 + length:]
            if kind in (3, 7):
                assert got == b"", "something behind the end"
                return ("abort", *body[2:4]) if kind == 7 else ("reject", *body[1:4])
            last = ("PDU", kind)
        try:
            part = connection.recv(65536)
        except ConnectionResetError:
            part = b""
        if not part:
            assert got == b"", "half a PDU"
            return last
        got += part


def command(field, context_class=dimse.VERIFICATION, without=(), **more):
    fields = {0x0002: dimse.uid(context_class), 0x0100: dimse.us(field), 0x0110: dimse.us(1),
              0x0800: dimse.us(dimse.NO_DATA_SET), **{int(k[1:], 16): v for k, v in more.items()}}
    return dimse.command_set({k: v for k, v in fields.items() if k not in without})


ECHO_SET = command(dimse.ECHO_RQ)
STORE_SET = command(dimse.STORE_RQ, images.CT, x0700=dimse.us(0), x0800=dimse.us(1), x1000=dimse.uid("1.2.3"))

FIRST = [  # before there is an association
    ("A-ASSOCIATE-AC", pdu(2, bytes(4)), ("abort", USER, 0)),
    ("A-ASSOCIATE-RJ", pdu(3, bytes(4)), ("abort", USER, 0)),
    ("P-DATA-TF", data(pdv(1, 3, ECHO_SET)), ("abort", USER, 0)),
    ("A-RELEASE-RQ", pdu(5, bytes(4)), ("abort", USER, 0)),
    ("A-RELEASE-RP", pdu(6, bytes(4)), ("abort", USER, 0)),
    ("A-ABORT", pdu(7, bytes(4)), CLOSED),
    ("type 0", pdu(0, bytes(4)), ("abort", USER, 0)),
    ("type 8", pdu(8, bytes(4)), ("abort", USER, 0)),
    ("HTTP", b"GET / HTTP/1.1\r\n\r\n", ("abort", USER, 0)),
    ("a request of 4 GB", pdu(1, b"", 0xFFFFFFFF), ("abort", USER, 0)),
    ("a request of nothing", pdu(1, b""), ("abort", USER, 0)),
    ("protocol version 2", request(version=2), ("reject", 1, 2, 2)),
    ("protocol versions 1 and 2", request(version=3) + pdu(7, bytes(4)), ("PDU", 2)),
    ("another application context", request(application=b"1.2.840.10008.3.1.1.2"), ("reject", 1, 1, 2)),
    ("no application context", request(application=b""), ("abort", USER, 0)),
    ("an unknown called AE title", request(called=b"NOBODY"), ("reject", 1, 1, 7)),
    ("an unknown calling AE title", request(calling=b"NOBODY"), ("reject", 1, 1, 3)),
    ("AE titles of control characters", request(calling=b"\x1B[31m\r\n\0\xFF"), ("reject", 1, 1, 3)),
    ("a context identifier twice", request(contexts=2 * dimse.item(0x20, b"\1\0\0\0" + dimse.item(0x30, b"1.2") +
                                                                  dimse.item(0x40, b"1.2"))), ("abort", USER, 0)),
    ("a context without abstract syntax", request(contexts=dimse.item(0x20, b"\1\0\0\0" + dimse.item(0x40, b"1.2"))),
     ("abort", USER, 0)),
    ("a context item of the answer", request(contexts=dimse.item(0x21, b"\1\0\0\0" + dimse.item(0x40, b"1.2"))),
     ("abort", USER, 0)),
    ("an item longer than its PDU", pdu(1, request()[6:74] + b"\x10\0\xFF\xFF" + b"1.2"), ("abort", USER, 0)),
    ("a maximum length of 3 bytes", request(user=dimse.item(0x51, b"\0\0\1")), ("abort", USER, 0)),
    ("a maximum length of 5", request(user=dimse.item(0x51, struct.pack(">I", 5))), ("abort", USER, 0)),
    ("a window of 3 bytes", request(user=dimse.item(0x53, b"\0\1\0")), ("abort", USER, 0)),
    ("a role of 7", request(user=dimse.item(0x54, b"\0\x03" b"1.2" b"\7\0")), ("abort", USER, 0)),
    ("an identity that is cut", request(user=dimse.item(0x58, b"\1\0\0\x09" b"me")), ("abort", USER, 0)),
    ("unknown items everywhere", request(user=dimse.item(0x7E, b"??"), contexts=dimse.item(0x7F, b"??") + dimse.item(
        0x20, b"\1\0\0\0" + dimse.item(0x30, b"1.2") + dimse.item(0x7D, b"?") + dimse.item(0x40, b"1.2"))) + pdu(7, bytes(4)),
     ("PDU", 2)),
]

LATER = [  # in an association with contexts 1 (Verification), 3 (CT); 5 is refused
    ("a second A-ASSOCIATE-RQ", request(), ("abort", PROVIDER, UNEXPECTED)),
    ("A-ASSOCIATE-AC", pdu(2, bytes(68)), ("abort", PROVIDER, UNEXPECTED)),
    ("A-ASSOCIATE-RJ", pdu(3, b"\0\1\1\1"), ("abort", PROVIDER, UNEXPECTED)),
    ("A-RELEASE-RP", pdu(6, bytes(4)), ("abort", PROVIDER, UNEXPECTED)),
    ("an unknown type", pdu(0x63, bytes(4)), ("abort", PROVIDER, UNRECOGNIZED)),
    ("A-RELEASE-RQ of 5 bytes", pdu(5, bytes(5)), ("abort", PROVIDER, INVALID)),
    ("A-ABORT", pdu(7, bytes(4)), CLOSED),
    ("P-DATA-TF longer than offered", pdu(4, b"", 0x7FFFFFFF), ("abort", PROVIDER, INVALID)),
    ("a PDV longer than its PDU", data(pdv(1, 3, b"", 1000)), ("abort", PROVIDER, INVALID)),
    ("a PDV of 1 byte", data(pdv(1, 3, b"", 1)), ("abort", PROVIDER, INVALID)),
    ("3 bytes behind the last PDV", data(pdv(1, 1, b""), b"\0\0\0"), ("abort", PROVIDER, INVALID)),
    ("a context that is not there", data(pdv(99, 3, ECHO_SET)), ("abort", PROVIDER, INVALID)),
    ("a context that was refused", data(pdv(5, 3, ECHO_SET)), ("abort", PROVIDER, INVALID)),
    ("a data set without a command", data(pdv(3, 2, bytes(8))), ("abort", PROVIDER, UNEXPECTED_PARAMETER)),
    ("a data set in the middle of a command", data(pdv(3, 1, STORE_SET[:20]), pdv(3, 0, bytes(8))),
     ("abort", PROVIDER, UNEXPECTED_PARAMETER)),
    ("a command in the middle of a data set", data(pdv(3, 3, STORE_SET), pdv(3, 0, bytes(8)), pdv(3, 3, STORE_SET)),
     ("abort", PROVIDER, UNEXPECTED_PARAMETER)),
    ("a data set in another context", data(pdv(3, 3, STORE_SET), pdv(1, 2, bytes(8))), ("abort", PROVIDER, INVALID)),
    ("a release in the middle of a data set", data(pdv(3, 3, STORE_SET), pdv(3, 0, bytes(8))) + pdu(5, bytes(4)),
     ("abort", PROVIDER, UNEXPECTED)),
    ("a flood of empty PDVs", data(pdv(1, 1, b"")) * 1100, ("abort", PROVIDER, INVALID)),
    ("a command of 100 KB", data(pdv(1, 1, bytes(50000))) * 2, ("abort", USER, 0)),
    ("a command of another group", data(pdv(1, 3, ECHO_SET + dimse.element(0x00100010, SECRET))), ("abort", USER, 0)),
    ("a command that is cut", data(pdv(1, 3, ECHO_SET[:-3])), ("abort", USER, 0)),
    ("a command without a field", data(pdv(1, 3, command(dimse.ECHO_RQ, without=(0x0100,)))), ("abort", USER, 0)),
    ("a command without an identifier", data(pdv(1, 3, command(dimse.ECHO_RQ, without=(0x0110,)))), ("abort", USER, 0)),
    ("a command without a SOP class", data(pdv(1, 3, command(dimse.ECHO_RQ, without=(0x0002,)))), ("abort", USER, 0)),
    ("a command without its data set's type", data(pdv(1, 3, command(dimse.ECHO_RQ, without=(0x0800,)))),
     ("abort", USER, 0)),
]


def same(got, expected, name):
    assert got == expected, "%s: %s, expected %s" % (name, got, expected)


def raw(node, sent):
    connection = socket.create_connection(node.address, timeout=10)
    name = "127.0.0.1:%d" % connection.getsockname()[1]
    connection.sendall(sent)
    last = outcome(connection)
    connection.close()
    return last, name


def associate(node, wants=None):
    return dimse.Association(node.port, "TESTER", node.aet, wants or STORE)


def at_first(tally, node, witness):
    for name, sent, expected in FIRST:
        with tally("first: " + name):
            last, peer = raw(node, sent)
            same(last, expected, name)
            assert witness.echo() == 0
            assert peers.until(lambda: expected[0] == "PDU" or ("dicom %s: " % peer) in node.told(20000)), "no line in the log"


def later(tally, node, witness):
    for name, sent, expected in LATER:
        with tally("later: " + name):
            a = associate(node)
            peer = "127.0.0.1:%d" % a.socket.getsockname()[1]
            a.socket.sendall(sent)
            same(outcome(a.socket), expected, name)
            a.close()
            assert witness.echo() == 0
            assert peers.until(lambda: ("dicom %s: " % peer) in node.told(20000)), "no line in the log"


def cut(tally, node, witness):
    """The peer goes away in the middle: nothing is said, nothing is left."""
    whole = request()
    with tally("a request cut at every byte"):
        for length in range(0, len(whole), 3):
            connection = socket.create_connection(node.address, timeout=10)
            connection.sendall(whole[:length])
            connection.shutdown(socket.SHUT_WR)
            last = outcome(connection)
            connection.close()
            assert last == CLOSED, (length, last)
        assert witness.echo() == 0
    with tally("a command cut at every byte"):
        message = data(pdv(1, 3, ECHO_SET))
        for length in range(0, len(message), 5):
            a = associate(node, ECHO)
            a.socket.sendall(message[:length])
            a.socket.shutdown(socket.SHUT_WR)
            last = outcome(a.socket)
            a.close()
            assert last == CLOSED, (length, last)
        assert witness.echo() == 0


def split(tally, node):
    """What is well formed is understood however it is cut into PDVs and PDUs."""
    with tally("a command byte by byte"):
        a = associate(node, ECHO)
        values = [pdv(1, 1, ECHO_SET[i:i + 1]) for i in range(len(ECHO_SET))]
        a.socket.sendall(data(*values) + data(pdv(1, 3, b"")))
        assert a.receive()[1].status == 0
        for value in values:
            a.socket.sendall(data(value))
        a.socket.sendall(data(pdv(1, 0xFF, b"")))  # bits that nobody looks at
        assert a.receive()[1].status == 0
        a.release()


def stores(tally, node, folder):
    """Instances: not acknowledged, not there; acknowledged, there."""
    path = images.study(folder, 7, instances=1, PatientName=SECRET)[0]
    sop_class, instance, syntax, content = peers.meta(path)

    def begin(a, length, **more):
        fields = {0x0002: dimse.uid(sop_class), 0x0100: dimse.us(dimse.STORE_RQ), 0x0110: dimse.us(9), 0x0700: dimse.us(0),
                  0x0800: dimse.us(1), 0x1000: dimse.uid(instance), **{int(k[1:], 16): v for k, v in more.items()}}
        a.socket.sendall(data(pdv(3, 3, dimse.command_set(fields))) + data(pdv(3, 0, content[:length])))

    with tally("half a data set, then gone"):
        for length in (1, 300, len(content) - 2, len(content)):
            a = associate(node)
            begin(a, length)
            a.socket.shutdown(socket.SHUT_WR)
            assert outcome(a.socket) == CLOSED
            a.close()
    with tally("half a data set, then A-ABORT"):
        a = associate(node)
        begin(a, 300)
        a.abort()
    # Success says that it lies in quarantine; the server reads nothing of it, and the gate lets nothing of it out.
    with tally("a data set that is not one"):
        a = associate(node)
        for wrong in (bytes(200), b"\xFF" * 200, content[:-40] + b"\x28\0\x10\0US\xFF\xFF", content[:301]):
            assert a.store(sop_class, instance, syntax, wrong).status == 0
        begin(a, 0)
        a.socket.sendall(data(pdv(3, 2, b"")))
        a.receive()
        assert a.echo() == 0
        a.release()
    with tally("a data set of another instance and of another class"):
        a = associate(node)
        other = content.replace(images.CT.encode(), images.CT[:-1].encode() + b"4")
        assert other != content
        assert a.store(sop_class, "1.2.3.4", syntax, content).status == 0
        assert a.store(sop_class, instance, syntax, other).status == 0
        a.release()
    with tally("a store without an instance"):
        a = associate(node)
        for name in (b"", b"1.2.x\0"):
            begin(a, 100, x1000=name)
            a.socket.sendall(data(pdv(3, 2, b"")))
            assert dimse_kind(a.receive()[1].status) == "failure"
        assert a.echo() == 0
        a.release()
    with tally("an operation that nobody has"):
        a = associate(node)
        a.send(3, {0x0002: dimse.uid(images.CT), 0x0100: dimse.us(0x0150), 0x0110: dimse.us(3), 0x1001: dimse.uid("1.2.3"),
                   0x0003: dimse.uid(images.CT)})
        answer = a.receive()[1]
        assert answer.field == 0x8150 and answer.status in (0x0211, 0x0122), "%04x" % answer.status
        assert a.echo() == 0
        a.release()
    with tally("nothing of it appears"):
        time.sleep(2)
        assert node.instances() == 0, node.instances()
    with tally("what is acknowledged is there"):
        a = associate(node)
        assert a.store(sop_class, instance, syntax, content).status == 0
        a.abort()
        node.counts(1)


def dimse_kind(status):
    return "success" if status == 0 else "warning" if status >> 12 == 0xB or status == 1 else "failure"


def main():
    tally = peers.Tally()
    with peers.Node() as node:
        witness = associate(node, ECHO)
        at_first(tally, node, witness)
        later(tally, node, witness)
        cut(tally, node, witness)
        split(tally, node)
        stores(tally, node, os.path.join(node.folder, "files"))
        with tally("the association beside all this"):
            assert witness.echo() == 0
            witness.release()
        with tally("the log has no value of a data set and no control characters"):
            told = node.told(10 ** 7)
            assert SECRET not in told
            assert all(line.isprintable() for line in told.splitlines())
    tally.close()


main()
