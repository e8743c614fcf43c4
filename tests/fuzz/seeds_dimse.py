#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the seed corpora of fuzz_dimse_pdu, fuzz_dimse_command and fuzz_dimse_association.

usage: seeds_dimse.py CORPUS_FOLDER
"""
import os
import struct
import sys

IMPLICIT = b"1.2.840.10008.1.2"
EXPLICIT = b"1.2.840.10008.1.2.1"
ECHO = b"1.2.840.10008.1.1"
CT = b"1.2.840.10008.5.1.4.1.1.2"


def item(kind, value):
    return struct.pack(">BBH", kind, 0, len(value)) + value


def counted(value):
    return struct.pack(">H", len(value)) + value


def pdu(kind, body):
    return struct.pack(">BBI", kind, 0, len(body)) + body


def associate(kind):
    rq = kind == 1
    body = struct.pack(">HH", 1, 0) + b"MACLAB".ljust(16) + b"CALLER".ljust(16) + bytes(32)
    body += item(0x10, b"1.2.840.10008.3.1.1.1")
    for number, (abstract, syntaxes) in enumerate([(ECHO, [IMPLICIT]), (CT, [IMPLICIT, EXPLICIT])]):
        parts = item(0x30, abstract) if rq else b""
        parts += b"".join(item(0x40, s) for s in (syntaxes if rq else syntaxes[:1]))
        body += item(0x20 if rq else 0x21, bytes([2 * number + 1, 0, 0, 0]) + parts)
    user = item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3.4") + item(0x53, struct.pack(">HH", 4, 1))
    user += item(0x54, counted(CT) + b"\1\1") + item(0x55, b"SEED") + item(0x56, counted(CT) + b"\1\0\1")
    if rq:
        user += item(0x57, counted(CT) + counted(b"1.2.840.10008.4.2") + counted(b""))
        user += item(0x58, b"\2\1" + counted(b"me") + counted(b"secret"))
    else:
        user += item(0x59, counted(b""))
    return pdu(kind, body + item(0x50, user))


def element(tag, value):
    value += b"\0" if len(value) % 2 else b""
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value


def us(tag, value):
    return element(tag, struct.pack("<H", value))


def command(field, data_set=False, extra=b"", sop_class=CT):
    answers = field & 0x8000 or field == 0x0FFF
    body = element(0x0002, sop_class) if field != 0x0FFF else b""
    body += us(0x0100, field) + us(0x0120 if answers else 0x0110, 1)
    body += us(0x0800, 1 if data_set else 0x0101)
    body += us(0x0900, 0) if field & 0x8000 else b""
    body += extra
    return element(0x0000, struct.pack("<I", len(body))) + body


def data(context, control, content):
    return pdu(4, struct.pack(">IBB", len(content) + 2, context, control) + content)


STORE = command(1, True, element(0x1000, b"1.2.3"))
ECHO_RQ = command(0x30, sop_class=ECHO)
RELEASE = pdu(5, bytes(4))
COMMANDS = [STORE, ECHO_RQ, command(0x8001), command(0x0FFF), command(0x20, True),
            command(0x21, True, element(0x0600, b"STATION")),
            command(0x8021, False, b"".join(us(t, 1) for t in (0x1020, 0x1021, 0x1022, 0x1023))),
            command(0x0130, True, element(0x1001, b"1.2.3") + us(0x1008, 1)),
            command(0x8110, False, element(0x0901, b"\x10\0\x10\0") + element(0x0902, b"why"))]
WHOLE = (data(1, 3, ECHO_RQ) + data(3, 1, STORE[:20]) + data(3, 3, STORE[20:]) + data(3, 0, bytes(100)) +
         data(3, 2, bytes(50)) + data(3, 3, command(0x0FFF)))
SEEDS = {
    "dimse_pdu": [b"\0" + associate(1)[6:], b"\1" + associate(2)[6:], b"\2\0\1\1\3", b"\6\0\0\2\6",
                  b"\3\0\0\0\x20\0\0\0\x1C\1\3"],
    "dimse_command": COMMANDS,
    "dimse_association": [b"\0\0" + associate(1) + WHOLE + RELEASE, b"\2\1" + WHOLE + RELEASE,
                          b"\2\7" + WHOLE + pdu(7, bytes(4)), b"\6\0" + data(3, 2, bytes(10)) + RELEASE,
                          b"\1\0" + associate(2) + data(3, 3, command(0x8001)) + RELEASE,
                          b"\x0B\3" + data(1, 3, command(0x8030, sop_class=ECHO)) + RELEASE + pdu(6, bytes(4)),
                          b"\x0A\0" + RELEASE + pdu(6, bytes(4)), b"\1\0" + pdu(3, b"\0\1\1\3")],
}

for name, seeds in SEEDS.items():
    folder = os.path.join(sys.argv[1], name)
    os.makedirs(folder, exist_ok=True)
    for number, seed in enumerate(seeds):
        with open(os.path.join(folder, "seed-%02d" % number), "wb") as f:
            f.write(seed)
