# SPDX-License-Identifier: Apache-2.0
"""A DICOM upper layer and the DIMSE services on plain sockets (PS3.7, PS3.8), written for the tests alone and after the
standard alone, so that what src/dimse believes is not what holds it to account. One thread an association; whole messages
in memory. Client: Association. Server: Sink, which takes what it is sent and remembers it."""
import collections
import contextlib
import socket
import ssl
import struct
import threading

IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED_LE = "1.2.840.10008.1.2.1.99"
UNCOMPRESSED = (EXPLICIT_LE, IMPLICIT_LE)
VERIFICATION = "1.2.840.10008.1.1"
COMMITMENT, COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
PATIENT_ROOT, STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.1.", "1.2.840.10008.5.1.4.1.2.2."
WORKLIST = "1.2.840.10008.5.1.4.31"
FIND, MOVE, GET = "1", "2", "3"  # after PATIENT_ROOT, STUDY_ROOT
STORE_RQ, GET_RQ, FIND_RQ, MOVE_RQ, ECHO_RQ, CANCEL_RQ = 0x0001, 0x0010, 0x0020, 0x0021, 0x0030, 0x0FFF
EVENT_RQ, ACTION_RQ, RESPONSE = 0x0100, 0x0130, 0x8000
NO_DATA_SET = 0x0101
PENDING = (0xFF00, 0xFF01)
PDU_MAX = 131072


class Rejected(Exception):
    """A-ASSOCIATE-RJ: result, source, reason."""

    def __init__(self, result, source, reason):
        super().__init__("rejected: result %d, source %d, reason %d" % (result, source, reason))
        self.result, self.source, self.reason = result, source, reason


class Aborted(Exception):
    """A-ABORT: source, reason; or the connection was closed (source None)."""

    def __init__(self, source=None, reason=None):
        super().__init__("the connection was closed" if source is None else
                         "aborted: source %d, reason %d" % (source, reason))
        self.source, self.reason = source, reason


def item(kind, body):
    return struct.pack(">BBH", kind, 0, len(body)) + body


def items(body):
    at = 0
    while at < len(body):
        kind, _, length = struct.unpack_from(">BBH", body, at)
        yield kind, body[at + 4:at + 4 + length]
        at += 4 + length


def element(tag, value):
    """Implicit VR Little Endian. Texts are padded with a space, UIDs (bytes given) by the caller."""
    value = value.encode() if isinstance(value, str) else value
    value += b" " * (len(value) & 1)
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value


def uid(text):
    return text.encode() + b"\0" * (len(text) & 1)


def identifier(keys, syntax=IMPLICIT_LE):
    """{0x00100020: "X1"} as a data set in implicit or explicit VR little endian; values of sequences are lists of such
    dictionaries."""
    from pydicom.datadict import dictionary_VR
    out = b""
    for tag, value in sorted(keys.items()):
        if isinstance(value, list):
            parts = [identifier(i, syntax) for i in value]
            value = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(i)) + i for i in parts)
        elif isinstance(value, str) and value[:2] in ("1.", "2."):
            value = uid(value)
        if syntax == IMPLICIT_LE:
            out += element(tag, value)
            continue
        value = element(tag, value)[8:]
        vr = dictionary_VR(tag).encode()[:2]
        length = struct.pack("<HI", 0, len(value)) if vr in (b"SQ", b"UT", b"UN", b"OB") else struct.pack("<H", len(value))
        out += struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr) + length + value
    return out


def us(number):
    return struct.pack("<H", number)


def command_set(fields):
    body = b"".join(element(number, value) for number, value in sorted(fields.items()))
    return element(0, struct.pack("<I", len(body))) + body


def read_command(body):
    fields, at = {}, 0
    while at < len(body):
        group, number, length = struct.unpack_from("<HHI", body, at)
        assert group == 0, "group %04x in a command set" % group
        fields[number] = body[at + 8:at + 8 + length]
        at += 8 + length
    assert struct.unpack("<I", fields.pop(0))[0] + 12 == len(body), "Command Group Length"
    return Command(fields)


class Command(dict):
    def number(self, element_number, default=None):
        value = self.get(element_number)
        return default if value is None else struct.unpack("<H", value)[0]

    def text(self, element_number):
        return self.get(element_number, b"").rstrip(b"\0 ").decode("ascii")

    field = property(lambda self: self.number(0x0100))
    status = property(lambda self: self.number(0x0900))
    counts = property(lambda self: tuple(self.number(n) for n in (0x1020, 0x1021, 0x1022, 0x1023)))


class Link:
    """PDUs of one association, either side."""

    def __init__(self, connection):
        self.socket = connection
        self.file = connection.makefile("rb")
        self.peer_pdu = 0
        self.contexts = {}  # accepted: id -> (abstract syntax, transfer syntax)
        self.piece = None   # PDVs longer than this are split

    def send_pdu(self, kind, body):
        self.socket.sendall(struct.pack(">BBI", kind, 0, len(body)) + body)

    def read_pdu(self):
        try:
            head = self.file.read(6)
            kind, _, length = struct.unpack(">BBI", head)
            body = self.file.read(length)
        except (OSError, struct.error):
            raise Aborted() from None
        if len(body) != length:
            raise Aborted()
        if kind == 7:
            raise Aborted(body[2], body[3])
        return kind, body

    def send(self, context, fields, data=None):
        fields = {**fields, 0x0800: us(NO_DATA_SET if data is None else 1)}
        limit = min(self.peer_pdu or PDU_MAX, PDU_MAX) - 6
        limit = min(limit, self.piece or limit) & ~1
        out = []
        for bytes_, control in ((command_set(fields), 1), (data, 0)):
            view = memoryview(bytes_ or b"")
            for at in range(0, len(view), limit):
                part = view[at:at + limit]
                last = 2 if at + limit >= len(view) else 0
                out += [struct.pack(">BBIIBB", 4, 0, len(part) + 6, len(part) + 2, context, control | last), part]
        self.socket.sendall(b"".join(out))

    def receive(self):
        """(context, Command, data set or None), or None: the peer asked for release (and was answered)."""
        command, parts, context = None, [], None
        while True:
            kind, body = self.read_pdu()
            if kind == 5:
                self.send_pdu(6, bytes(4))
                return None
            assert kind == 4, "PDU of type %d among messages" % kind
            at = 0
            while at < len(body):
                length, number, control = struct.unpack_from(">IBB", body, at)
                assert context in (None, number), "two contexts in one message"
                context = number
                parts.append(body[at + 6:at + 4 + length])
                at += 4 + length
                if control & 2 and control & 1:
                    command, parts = read_command(b"".join(parts)), []
                    if command.number(0x0800) == NO_DATA_SET:
                        return context, command, None
                elif control & 2:
                    return context, command, b"".join(parts)

    def close(self):
        self.file.close()
        self.socket.close()


class Association(Link):
    """wants: [(abstract syntax, [transfer syntaxes]) or (abstract syntax, [transfer syntaxes], True: we are SCP, too)]."""

    def __init__(self, port, calling, called, wants, host="127.0.0.1", tls=None, identity=None, window=None,
                 extended=(), max_pdu=PDU_MAX, timeout=30, before=lambda link: None):
        connection = socket.create_connection((host, port), timeout=timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            connection = tls.wrap_socket(connection, server_hostname=host)
        super().__init__(connection)
        self.message_id, self.calling, self.called = 0, calling, called
        before(self)
        contexts, proposed = b"", {}
        for n, want in enumerate(wants):
            proposed[2 * n + 1] = want
            syntaxes = b"".join(item(0x40, s.encode()) for s in want[1])
            contexts += item(0x20, struct.pack("BBBB", 2 * n + 1, 0, 0, 0) + item(0x30, want[0].encode()) + syntaxes)
        user = item(0x51, struct.pack(">I", max_pdu)) + item(0x52, b"2.25.170105182211823") + item(0x55, b"MACLAB-TEST")
        if window is not None:
            user += item(0x53, struct.pack(">HH", *window))
        for want in {w[0]: w for w in wants if len(w) > 2 and w[2]}.values():
            user += item(0x54, struct.pack(">H", len(want[0])) + want[0].encode() + b"\1\1")
        for abstract, bits in extended:
            user += item(0x56, struct.pack(">H", len(abstract)) + abstract.encode() + bits)
        if identity is not None:  # (type, response wanted, primary, secondary)
            user += item(0x58, struct.pack(">BBH", identity[0], identity[1], len(identity[2])) + identity[2] +
                         struct.pack(">H", len(identity[3])) + identity[3])
        self.send_pdu(1, struct.pack(">HH", 1, 0) + called.encode().ljust(16) + calling.encode().ljust(16) +
                      bytes(32) + item(0x10, b"1.2.840.10008.3.1.1.1") + contexts + item(0x50, user))
        self.results, self.user = {}, collections.defaultdict(list)
        try:
            self._answer(proposed)
        except Exception:
            self.close()
            raise

    def _answer(self, proposed):
        kind, body = self.read_pdu()
        if kind == 3:
            raise Rejected(*body[1:4])
        assert kind == 2, "PDU of type %d as an answer" % kind
        for number, value in items(body[68:]):
            if number == 0x21:
                self.results[value[0]] = value[2]
                if value[2] == 0:
                    syntax = next(v for k, v in items(value[4:]) if k == 0x40).rstrip(b"\0").decode()
                    self.contexts[value[0]] = (proposed[value[0]][0], syntax)
            elif number == 0x50:
                for sub, content in items(value):
                    self.user[sub].append(content)
        self.peer_pdu = struct.unpack(">I", self.user[0x51][0])[0]
        assert set(self.results) == set(proposed), "contexts answered: %r" % self.results

    def context(self, abstract, syntax=None):
        for number, (a, s) in self.contexts.items():
            if a == abstract and syntax in (None, s):
                return number
        raise LookupError("no context for %s in %s" % (abstract, syntax))

    def next_id(self):
        self.message_id = self.message_id % 65535 + 1
        return us(self.message_id)

    def keys(self, context, keys):
        return identifier(keys, self.contexts[context][1])

    def answer(self, number):
        context, command, data = self.receive() or (None, None, None)
        assert command is not None, "released in the middle of an operation"
        return context, command, data

    def echo(self):
        context = self.context(VERIFICATION)
        self.send(context, {0x0002: uid(VERIFICATION), 0x0100: us(ECHO_RQ), 0x0110: self.next_id()})
        return self.answer(ECHO_RQ)[1].status

    def store_request(self, sop_class, sop_instance, syntax, data):
        self.send(self.context(sop_class, syntax),
                  {0x0002: uid(sop_class), 0x0100: us(STORE_RQ), 0x0110: self.next_id(), 0x0700: us(0),
                   0x1000: uid(sop_instance)}, data)
        return self.message_id

    def store(self, sop_class, sop_instance, syntax, data):
        """The response's Command."""
        self.store_request(sop_class, sop_instance, syntax, data)
        return self.answer(STORE_RQ)[1]

    def find(self, model, keys, cancel_after=None):
        """([identifiers as bytes], final Command)."""
        context = self.context(model)
        number = self.next_id()
        self.send(context, {0x0002: uid(model), 0x0100: us(FIND_RQ), 0x0110: number, 0x0700: us(0)}, self.keys(context, keys))
        found = []
        while True:
            _, command, data = self.answer(FIND_RQ)
            if command.status not in PENDING:
                return found, command
            found.append(data)
            if len(found) == cancel_after:
                self.send(context, {0x0100: us(CANCEL_RQ), 0x0120: number})

    def move(self, model, keys, destination):
        """([pending Commands], final Command, final data set)."""
        context = self.context(model)
        self.send(context, {0x0002: uid(model), 0x0100: us(MOVE_RQ), 0x0110: self.next_id(), 0x0600: destination,
                            0x0700: us(0)}, self.keys(context, keys))
        pending = []
        while True:
            _, command, data = self.answer(MOVE_RQ)
            if command.status not in PENDING:
                return pending, command, data
            pending.append(command)

    def get(self, model, keys, take=None):
        """([(class, instance, transfer syntax, data set)], [pending Commands], final Command). take(command, data), when
        given, sees each instead and answers a status."""
        context = self.context(model)
        self.send(context, {0x0002: uid(model), 0x0100: us(GET_RQ), 0x0110: self.next_id(), 0x0700: us(0)},
                  self.keys(context, keys))
        got, pending = [], []
        while True:
            context, command, data = self.answer(GET_RQ)
            if command.field == STORE_RQ:
                status = 0
                if take is not None:
                    status = take(command, data)
                else:
                    got.append((command.text(2), command.text(0x1000), self.contexts[context][1], data))
                self.send(context, {0x0002: command[2], 0x0100: us(STORE_RQ | RESPONSE), 0x0120: command[0x0110],
                                    0x0900: us(status), 0x1000: command[0x1000]})
            elif command.status in PENDING:
                pending.append(command)
            else:
                return got, pending, command

    def commit(self, transaction, references):
        """N-ACTION of Storage Commitment for [(class, instance)]; the response's Command."""
        sequence = [{0x00081150: c, 0x00081155: i} for c, i in references]
        context = self.context(COMMITMENT)
        self.send(context,
                  {0x0003: uid(COMMITMENT), 0x0100: us(ACTION_RQ), 0x0110: self.next_id(),
                   0x1001: uid(COMMITMENT_INSTANCE), 0x1008: us(1)},
                  self.keys(context, {0x00081195: transaction, 0x00081199: sequence}))
        return self.answer(ACTION_RQ)[1]

    def release(self):
        self.send_pdu(5, bytes(4))
        kind, _ = self.read_pdu()
        self.close()
        assert kind == 6, "PDU of type %d as an answer to release" % kind

    def abort(self):
        self.send_pdu(7, bytes(4))
        self.close()


class Sink:
    """A server that accepts what `syntaxes` allow, in its own order of preference, and keeps what it is sent: stored
    (Received; not with keep=False), events (data sets of N-EVENT-REPORT with their type). answer(command) may choose another
    status."""

    Received = collections.namedtuple("Received", "sop_class sop_instance syntax data command calling")

    def __init__(self, aet, syntaxes=UNCOMPRESSED, port=0, tls=None, answer=lambda command: 0, keep=True):
        self.keep = keep
        self.aet, self.syntaxes, self.tls, self.answer_status = aet, syntaxes, tls, answer
        self.stored, self.events, self.faults, self.associations = [], [], [], 0
        self.changed = threading.Condition()
        self.listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            connection.settimeout(60)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
            link = Link(connection)
            calling = self._accept(link)
            while self._message(link, calling):
                pass
            link.close()
        except Exception as fault:  # told by whoever looks at what came
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            with self.changed:
                self.faults.append(repr(fault))
                self.changed.notify_all()

    def _accept(self, link):
        kind, body = link.read_pdu()
        assert kind == 1, "PDU of type %d at the start" % kind
        answer, user = b"", item(0x51, struct.pack(">I", PDU_MAX)) + item(0x52, b"2.25.170105182211823")
        for number, value in items(body[68:]):
            if number == 0x20:
                answer += self._context(link, value)
            elif number == 0x50:
                for sub, content in items(value):
                    if sub == 0x51:
                        link.peer_pdu = struct.unpack(">I", content)[0]
                    if sub == 0x54:
                        user += item(0x54, content)
        link.send_pdu(2, body[:68] + item(0x10, b"1.2.840.10008.3.1.1.1") + answer + item(0x50, user))
        with self.changed:
            self.associations += 1
        return body[20:36].decode().strip()

    def _context(self, link, value):
        parts = list(items(value[4:]))
        abstract = next(v for k, v in parts if k == 0x30).rstrip(b"\0").decode()
        offered = [v.rstrip(b"\0").decode() for k, v in parts if k == 0x40]
        syntax = next((s for s in self.syntaxes if s in offered), None)
        if abstract in (VERIFICATION, COMMITMENT):
            syntax = syntax or offered[0]
        if syntax is not None:
            link.contexts[value[0]] = (abstract, syntax)
        return item(0x21, struct.pack("BBBB", value[0], 0, 0 if syntax else 4, 0) + item(0x40, (syntax or offered[0]).encode()))

    def _message(self, link, calling):
        message = link.receive()
        if message is None:
            return False
        context, command, data = message
        status = self.answer_status(command)
        with self.changed:
            if command.field == STORE_RQ and status == 0 and self.keep:
                self.stored.append(self.Received(command.text(2), command.text(0x1000), link.contexts[context][1], data,
                                                 command, calling))
            elif command.field == EVENT_RQ:
                self.events.append((command.number(0x1002), data, link.contexts[context][1]))
            self.changed.notify_all()
        reply = {0x0002: command.get(2), 0x0100: us(command.field | RESPONSE), 0x0120: command[0x0110],
                 0x0900: us(status), 0x1000: command.get(0x1000), 0x1002: command.get(0x1002)}
        link.send(context, {k: v for k, v in reply.items() if v is not None})
        return True

    def wait(self, true, seconds=20):
        """Whether true(self) became true."""
        with self.changed:
            return self.changed.wait_for(lambda: true(self), seconds)

    def forget(self):
        with self.changed:
            self.stored, self.events, self.faults = [], [], []

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def tls_client(authority=None, certificate=None, key=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if authority else ssl.CERT_NONE
    if authority:
        context.load_verify_locations(authority)
    if certificate:
        context.load_cert_chain(certificate, key)
    return context


def tls_server(certificate, key, authority=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if authority:
        context.load_verify_locations(authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
