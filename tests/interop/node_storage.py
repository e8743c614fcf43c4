#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Storage as the person who runs the node sees it: verdicts after the acknowledgement and `maclab inbox`, the backlog's limit, what
is delivered through an import that runs meanwhile, custody in the audit log; `maclab peer` beside a running server; configuration
files and addresses that are refused. Ends with "N passed, N failed, N skipped"."""
import json
import os
import pathlib
import resource
import re
import signal
import subprocess
import threading
import time

import lib_dimse as dimse
import lib_images as images
import lib_peers as peers

UID = images.ROOT_UID
CT, MR = images.CT, images.MR
WANTS = [(CT, [dimse.EXPLICIT_LE]), (MR, [dimse.EXPLICIT_LE]), (dimse.VERIFICATION, [dimse.IMPLICIT_LE])]
PRIVATE = "1.3.46.670589.5.0.11"


def data_set(path):
    with open(path, "rb") as f:
        data = f.read()
    return data[144 + int.from_bytes(data[140:144], "little"):]


def run(*words, status=0):
    done = subprocess.run([peers.MACLAB, *map(str, words)], capture_output=True, text=True, timeout=60)
    assert done.returncode == status, "%s: status %d\n%s%s" % (words, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def inbox(node, *words):
    return [json.loads(line) for line in run("inbox", "list", "--json", "--data", node.data, *words).splitlines()]


def settled(node):
    assert peers.until(lambda: node.api("/api/network")["inbox"]["backlog"] == 0), "still waiting"
    return inbox(node)


def store(node, path, sop_class=CT, instance=None, calling="TESTER"):
    a = dimse.Association(node.port, calling, node.aet, WANTS)
    data = data_set(path)
    uid = instance or peers.meta(path)[1]
    status = a.store(sop_class, uid, dimse.EXPLICIT_LE, data).status
    a.release()
    return status


def verdicts(tally, node):
    folder = node.at("files")
    good, other = images.study(folder, 1, instances=2)
    changed = images.write(images.image(1, 1, 1, StudyDescription="Another"), os.path.join(folder, "changed.dcm"))
    cut = os.path.join(folder, "cut.dcm")
    with open(good, "rb") as f, open(cut, "wb") as g:
        g.write(f.read()[:-100])
    with tally("acknowledged, then released"):
        assert store(node, good) == 0
        node.holds([UID + "1.1.1"])
        assert settled(node) == []
        assert inbox(node, "--all")[0]["state"] == "released"
    with tally("sent again it is a success, too"):
        assert store(node, good) == 0 and settled(node) == []
    with tally("other content under its UID is kept aside"):
        assert store(node, changed) == 0
        row, = settled(node)
        assert (row["state"], row["reason"], row["peer"]) == ("conflict", "conflict", "TESTER"), row
    with tally("another instance than the command names"):
        assert store(node, other, instance=UID + "9.9.9") == 0
        assert [r["reason"] for r in settled(node)] == ["mismatch", "conflict"], settled(node)
        assert store(node, other, sop_class=MR) == 0
        assert sum(r["reason"] == "mismatch" for r in settled(node)) == 2
    with tally("pixels cut short"):
        assert store(node, cut, instance=UID + "1.1.1") == 0
        assert any(r["reason"] in ("pixels-cut", "truncated") for r in settled(node)), settled(node)
    with tally("nothing of it can be found"):
        assert set(node.places()) == {UID + "1.1.1"}
    with tally("a value of the data set is in no line"):
        told = node.told() + json.dumps(inbox(node))
        assert "Another" not in told and "Person" not in told
    with tally("disposed of and tried again"):
        rows = {r["reason"]: r["number"] for r in settled(node)}
        run("inbox", "dispose", rows["mismatch"], "--data", node.data)
        run("inbox", "retry", rows["conflict"], "--data", node.data)
        assert peers.until(lambda: {r["number"]: r["state"] for r in inbox(node, "--all")}[rows["mismatch"]] == "disposed")
        assert peers.until(lambda: {r["number"]: r["state"] for r in inbox(node)}[rows["conflict"]] == "conflict")
        run("inbox", "dispose", 987654, "--data", node.data, status=1)
        run("inbox", "dispose", "first", "--data", node.data, status=2)
    with tally("one line a delivery in the audit log"):
        a = dimse.Association(node.port, "TESTER", node.aet, WANTS)
        for n in range(8):
            assert a.store(CT, UID + "1.1.2", dimse.EXPLICIT_LE, data_set(other)).status == 0
        a.release()
        lines = [json.loads(line) for line in run("audit", "show", "--json", "--data", node.data).splitlines()]
        deliveries = [line["what"] for line in lines if line.get("action") == "node.receive"]
        assert len(deliveries) == len(set(deliveries)) > 5 and deliveries[-1].startswith("delivery-"), deliveries
        assert {line["where"] for line in lines if line.get("action") == "node.receive"} == {"dicom C-STORE"}
        assert any(line.get("action") == "inbox.manage" and line["what"].startswith("inbox-dispose/") for line in lines)
        run("audit", "verify", "--data", node.data)


def beside_imports(tally, node):
    """Sweeps of other processes leave what is acknowledged alone."""
    paths = images.study(node.at("many"), 7, series=4, instances=25)
    over = threading.Event()
    faults = []

    def imports():
        while not over.is_set():
            try:
                run("import", "-q", "--data", node.data, node.at("files"), status=1)  # some are refused
            except AssertionError as fault:
                faults.append(fault)

    helper = threading.Thread(target=imports)
    helper.start()
    with tally("a hundred instances while imports come and go"):
        try:
            a = dimse.Association(node.port, "TESTER", node.aet, WANTS)
            for path in paths:
                assert a.store(CT, peers.meta(path)[1], dimse.EXPLICIT_LE, data_set(path)).status == 0
            a.release()
        finally:
            over.set()
            helper.join()
        assert not faults, faults[:1]
        node.holds([peers.meta(path)[1] for path in paths])
    with tally("the folder verifies"):
        settled(node)
        run("verify", "--data", node.data)


def live_peers(tally, node):
    def echo(calling):
        a = dimse.Association(node.port, calling, node.aet, WANTS)
        status = a.echo()
        a.release()
        return status

    def rejected(calling):
        try:
            echo(calling)
        except dimse.Rejected as why:
            return (why.result, why.source, why.reason)
        return None
    with tally("a stranger is turned away, with the command that lets him in"):
        assert rejected("NEWCOMER") == (1, 1, 3)
        advice = re.search(r"to let it in: maclab (peer add .*)$", node.told(), re.M).group(1)
        assert advice == "peer add --data '%s' 'NEWCOMER' 127.0.0.1:11112" % node.data, advice
    with tally("let in while the server runs, and out again"):
        run("peer", "add", "--data", node.data, "NEWCOMER", "127.0.0.1:11112", "--may", "query")
        assert echo("NEWCOMER") == 0
        assert store(node, images.study(node.at("more"), 3, instances=1)[0], calling="NEWCOMER") == 0x0124
        run("peer", "add", "--data", node.data, "NEWCOMER", "192.0.2.7")
        assert rejected("NEWCOMER") == (1, 1, 3)
        run("peer", "remove", "--data", node.data, "NEWCOMER")
        assert rejected("NEWCOMER") == (1, 1, 3)
        run("peer", "remove", "--data", node.data, "NEWCOMER", status=1)
    with tally("the list as JSON"):
        rows = [json.loads(line) for line in run("peer", "list", "--json", "--data", node.data).splitlines()]
        assert [r["aet"] for r in rows] == ["TESTER"] and rows[0]["seen"] is not None, rows
    with tally("words that make no sense"):
        for words in (("add",), ("add", "X"), ("add", "X", "127.0.0.1:99999"), ("add", "SEVENTEEN-LETTERS", "127.0.0.1"),
                      ("add", "X", "127.0.0.1", "--may", "steal"), ("add", "X", "127.0.0.1", "--certificate", "/nowhere"),
                      ("drop", "X"), (), ("list", "X")):
            run("peer", *words, "--data", node.data, status=2)


def waits(node):
    """How often threads of the server have waited for something: the disk, each other."""
    tasks = pathlib.Path("/proc/%d/task" % node.pid).glob("*/status")
    return sum(int(re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", t.read_text()).group(1)) for t in tasks)


def limits(tally):
    folder = None
    with peers.Node(config={"dicom": {"limits": {"backlog": 5}, "private_classes": [PRIVATE]}}) as node:
        folder = images.study(node.at("files"), 1, instances=12)
        with tally("over the backlog's limit: out of resources, and the association goes on"):
            # While the judge is stopped with the rest of the server's children nothing is decided.
            children = subprocess.run(["pgrep", "-P", str(node.pid)], capture_output=True, text=True).stdout.split()
            for child in children:
                os.kill(int(child), signal.SIGSTOP)
            a = dimse.Association(node.port, "TESTER", node.aet, WANTS)
            statuses = [a.store(CT, peers.meta(path)[1], dimse.EXPLICIT_LE, data_set(path)).status for path in folder]
            for child in children:
                os.kill(int(child), signal.SIGCONT)
            assert statuses[:5] == [0] * 5 and statuses[5:] == [0xA700] * 7, ["%04x" % s for s in statuses]
            settled(node)
            assert a.store(CT, peers.meta(folder[-1])[1], dimse.EXPLICIT_LE, data_set(folder[-1])).status == 0
            a.release()
        with tally("an instance that the disk does not take: a failure that names no place, and the next is taken"):
            large = peers.meta(images.write(images.image(6, 1, 1, rows=512, columns=512), node.at("large.dcm")))
            before = resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (400000, resource.RLIM_INFINITY))
            a = dimse.Association(node.port, "TESTER", node.aet, WANTS)
            answer = a.store(*large)
            resource.prlimit(node.pid, resource.RLIMIT_FSIZE, before)
            assert answer.status == 0x0110, "%04x" % answer.status
            assert "/" not in answer.text(0x0902) and answer.text(0x0902), answer.text(0x0902)
            assert "inbox" in node.told() and "too large" in node.told(), "the log does not say what is wrong"
            assert a.store(*large).status == 0
            a.release()
            node.holds([large[1]])
        with tally("a private storage class that the configuration names"):
            path = images.write(images.image(5, 1, 1, sop_class=PRIVATE), node.at("private.dcm"))
            a = dimse.Association(node.port, "TESTER", node.aet, [(PRIVATE, [dimse.EXPLICIT_LE]), (PRIVATE + ".1", [dimse.EXPLICIT_LE])])
            assert a.results == {1: 0, 3: 3}, a.results
            assert a.store(PRIVATE, UID + "5.1.1", dimse.EXPLICIT_LE, data_set(path)).status == 0
            a.release()
            node.holds([UID + "5.1.1"])


def no_descriptors(tally):
    with peers.Node() as node:
        with tally("no descriptor for another file: nobody spins, and what was taken is judged when there is one again"):
            more = [peers.meta(path) for path in images.study(node.at("more"), 7, instances=60)]
            a = dimse.Association(node.port, "TESTER", node.aet, WANTS)
            assert a.store(*more[0]).status == 0
            settled(node)
            before = resource.prlimit(node.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(node.pid, resource.RLIMIT_NOFILE, (8, before[1]))
            taken = [m[1] for m in more[1:] if a.store(*m).status == 0]
            rests = waits(node)
            time.sleep(2)
            rests = waits(node) - rests
            resource.prlimit(node.pid, resource.RLIMIT_NOFILE, before)
            assert taken and rests < 150, "%d taken, a thread waited for something %d times in 2 s" % (len(taken), rests)
            a.release()
            node.holds(taken)


def refused_settings(tally, folder):
    config, port = os.path.join(folder, "bad.json"), peers.free_port()

    def serve(*words):
        return run("serve", "--data", os.path.join(folder, "none"), "--http", "127.0.0.1:0", *words, status=2)
    cases = (('{\n "dicom": {\n  "aet": 5 } }', ":3: dicom.aet: a text is expected"),
             ('{\n "dicom": {\n  "aett": "X" } }', ":3: dicom.aett: not a field of this file"),
             ('{"dicom": {"limits": {"backlog": 0}}}', ":1: dicom.limits.backlog: a whole number from 1"),
             ('{"dicom": {"limits": {"pdu_bytes": 1e9}}}', ":1: dicom.limits.pdu_bytes: a whole number"),
             ('{"dicom": {"private_classes": "1.2"}}', "dicom.private_classes: a list of texts"),
             ('{"dicom": {"private_classes": ["1.2.840.10008.1"]}}', "is no private UID"),
             ('{"dicom": {"off": 1}}', "dicom.off: true or false"),
             ('{"dicom": []}', ":1: dicom: an object is expected"),
             ('{"workers": 4\n "web": ""}', ":2: "), ("[]", ":1: an object is expected"), ("", ":1: "),
             ('{"dicom": {"tls": {"certificate": "c.pem"}}}', "needs its key"),
             ('{"dicom": {"tls": {"listen": "127.0.0.1:0"}}}', "--tls-certificate"),
             ('{"dicom": {"aet": "SEVENTEEN LETTERS"}}', "is no AE title"))
    for text, says in cases:
        with tally("a configuration file is refused: " + says):
            with open(config, "w", encoding="utf-8") as f:
                f.write(text)
            told = serve("--config", config, "--dicom", "127.0.0.1:%d" % port)
            assert says in told, told
    with tally("in clear on the network: refused with its clause"):
        told = serve("--dicom", "0.0.0.0:%d" % port)
        assert "C1b" in told and "--dicom-tls" in told, told
    with tally("no such address"):
        assert "numeric" in serve("--dicom", "pacs.example:104")
        serve("--config", os.path.join(folder, "nowhere.json"))


def main():
    tally = peers.Tally()
    with peers.Node() as node:
        verdicts(tally, node)
        beside_imports(tally, node)
        live_peers(tally, node)
        refused_settings(tally, node.folder)
    limits(tally)
    no_descriptors(tally)
    tally.close()


main()
