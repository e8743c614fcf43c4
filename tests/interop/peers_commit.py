#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Storage Commitment of the node, asked message by message (PS3.4 J): the report comes on the association that asked, or on a new
one to the peer's own port; what is there, what is not, what has another SOP class; a report that nobody takes is tried again, also by a
server that was killed in between. Then `maclab commit`. Ends with "N passed, N failed, N skipped"."""
import os
import signal
import time

import lib_dimse as dimse
import lib_images as images
import lib_peers as peers

UID = images.ROOT_UID
WANTS = [(dimse.COMMITMENT, [dimse.IMPLICIT_LE])]


def read_report(data, syntax=dimse.IMPLICIT_LE):
    """(transaction, {instance: class} committed, {instance: reason} failed)"""
    d = peers.read(data, syntax)
    good = {str(i.ReferencedSOPInstanceUID): str(i.ReferencedSOPClassUID) for i in d.get("ReferencedSOPSequence", [])}
    bad = {str(i.ReferencedSOPInstanceUID): int(i.FailureReason) for i in d.get("FailedSOPSequence", [])}
    return str(d.TransactionUID), good, bad


def report_here(a):
    """The N-EVENT-REPORT that comes on this association, answered."""
    context, command, data = a.answer(dimse.EVENT_RQ)
    assert command.field == dimse.EVENT_RQ, "command %04x" % command.field
    a.send(context, {0x0002: command[2], 0x0100: dimse.us(0x8100), 0x0120: command[0x0110], 0x0900: dimse.us(0),
                     0x1000: command[0x1000], 0x1002: command[0x1002]})
    return command.number(0x1002), read_report(data, a.contexts[context][1])


def ask(node, transaction, references, calling="TESTER"):
    """Asks and releases; the response's status."""
    a = dimse.Association(node.port, calling, node.aet, WANTS)
    status = a.commit(transaction, references).status
    a.release()
    return status


def reports(tally, node, sink, references):
    def come(n=1):
        assert sink.wait(lambda s: len(s.events) >= n, 30), "no report; %s" % sink.faults[:2]
        kind, data, syntax = sink.events[-1]
        return (kind, *read_report(data, syntax))
    with tally("all of it is there"):
        assert ask(node, "2.25.1001", references, "STATION") == 0
        kind, transaction, good, bad = come()
        assert (kind, transaction, bad) == (1, "2.25.1001", {}) and good == {i: c for c, i in references}, (kind, good, bad)
    sink.forget()
    with tally("some of it is not there"):
        assert ask(node, "2.25.1002", references[:1] + [(images.CT, UID + "77.1.1")], "STATION") == 0
        kind, transaction, good, bad = come()
        assert (kind, bad) == (2, {UID + "77.1.1": 0x0112}) and list(good) == [references[0][1]], (kind, good, bad)
    sink.forget()
    with tally("under another SOP class"):
        assert ask(node, "2.25.1003", [(images.MR, references[0][1])], "STATION") == 0
        kind, _, good, bad = come()
        assert kind == 2 and not good and bad == {references[0][1]: 0x0119}, (kind, good, bad)
    sink.forget()
    with tally("refused: no transaction, no references, another action"):
        a = dimse.Association(node.port, "STATION", node.aet, WANTS)
        context = a.context(dimse.COMMITMENT)
        for keys, action in (({0x00081199: [{0x00081150: images.CT, 0x00081155: UID + "1.1.1"}]}, 1),
                             ({0x00081195: "2.25.1004"}, 1), ({0x00081195: "2.25.1005", 0x00081199: []}, 9)):
            a.send(context, {0x0003: dimse.uid(dimse.COMMITMENT), 0x0100: dimse.us(dimse.ACTION_RQ), 0x0110: a.next_id(),
                             0x1001: dimse.uid(dimse.COMMITMENT_INSTANCE), 0x1008: dimse.us(action)}, dimse.identifier(keys))
            status = a.answer(dimse.ACTION_RQ)[1].status
            assert status not in (0, 0xFF00), "%04x" % status
        a.release()
        assert not sink.wait(lambda s: s.events, 1), "a report for a request that was refused"


def on_the_same(tally, node, references):
    with tally("the report comes on the association that asked"):
        a = dimse.Association(node.port, "TESTER", node.aet, [(dimse.COMMITMENT, [dimse.IMPLICIT_LE], False)])
        assert a.commit("2.25.2001", references).status == 0
        kind, (transaction, good, bad) = report_here(a)
        assert (kind, transaction, len(good), bad) == (1, "2.25.2001", len(references), {}), (kind, good, bad)
        a.release()


def survives(tally, node, references):
    """The peer is away when the report is due, and the server dies meanwhile."""
    port = node_ports["LATE"]
    with tally("a report survives a kill of the server and an absent peer"):
        assert ask(node, "2.25.3001", references, "LATE") == 0
        time.sleep(0.2)
        os.kill(node.pid, signal.SIGKILL)
        node.process.wait()
        sink = dimse.Sink("LATE", port=port)
        try:
            node.start()
            assert sink.wait(lambda s: s.events, 40), "no report; %s" % sink.faults[:2]
            kind, data, syntax = sink.events[0]
            transaction, good, bad = read_report(data, syntax)
            assert (kind, transaction, len(good), bad) == (1, "2.25.3001", len(references), {}), (kind, good, bad)
        finally:
            sink.close()


def own_tool(tally, node, folder):
    with tally("maclab commit"):
        peers.tool(peers.MACLAB, "commit", "--calling", "TESTER", "%s@127.0.0.1:%d" % (node.aet, node.port), folder)
    with tally("maclab commit of what was never sent"):
        other = os.path.join(node.folder, "never")
        images.study(other, 9, instances=1)
        peers.tool(peers.MACLAB, "commit", "--calling", "TESTER", "%s@127.0.0.1:%d" % (node.aet, node.port), other, status=1)


node_ports = {"LATE": peers.free_port()}


def main():
    tally = peers.Tally()
    sink = dimse.Sink("STATION")
    with peers.Node({"STATION": sink.port, **node_ports}) as node:
        folder = os.path.join(node.folder, "files")
        about = [peers.meta(f) for f in images.study(folder, 1, instances=5)]
        a = dimse.Association(node.port, "TESTER", node.aet, [(images.CT, [dimse.EXPLICIT_LE])])
        assert {a.store(*one).status for one in about} == {0}
        a.release()
        references = [(c, i) for c, i, _, _ in about]
        reports(tally, node, sink, references)
        on_the_same(tally, node, references)
        own_tool(tally, node, folder)
        survives(tally, node, references)
    sink.close()
    tally.close()


main()
