#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`maclab echo` and `maclab find` against Orthanc, dcmqrscp, storescp and wlmscpfs, and against peers that reject, abort, stay
silent or talk nonsense. Ends with "N passed, N failed, N skipped"."""
import os
import shutil
import subprocess
import time

import lib_dimse as dimse
import lib_peers as peers
import lib_scu as scu
from lib_scu import run

peers.need("storescp", "dcmqrscp", "Orthanc", "storescu", "dump2dcm", samples=True)
tally = peers.Tally()
CHARSETS = peers.SAMPLES / "charsets"

WORKLIST_ITEM = """(0008,0005) CS [ISO_IR 100]
(0008,0050) SH [A%(n)d]
(0010,0010) PN [DOE^J%(n)d]
(0010,0020) LO [P%(n)d]
(0010,0030) DA [19800101]
(0010,0040) CS [F]
(0020,000d) UI [1.2.3.%(n)d]
(0032,1060) LO [CT CHEST]
(0040,0100) SQ
(fffe,e000) na
(0008,0060) CS [%(modality)s]
(0040,0001) AE [SCANNER1]
(0040,0002) DA [20261122]
(0040,0003) TM [0900]
(0040,0006) PN [SMITH]
(0040,0007) LO [CHEST]
(0040,0009) SH [S%(n)d]
(fffe,e00d) na
(fffe,e0dd) na
(0040,1001) SH [R%(n)d]
"""


def value(answer, tag):
    return answer.get(tag, {}).get("Value", [None])[0]


def echo():
    with peers.Storescp() as scp:
        peer = "STORESCP@127.0.0.1:%d" % scp.port
        with tally("echo, in words"):
            r = run("echo", peer)
            assert r.out.startswith(peer + " answers 0x0000 (success)") and " ms" in r.out, r
        with tally("echo, as JSON"):
            j = run("echo", "--json", "-n", 5, peer).json()
            assert j["status"] == 0 and j["count"] == 5 and j["fastest_ms"] <= j["mean_ms"], j
            assert j["contexts"][0]["result"] == "accepted" and not j["tls"], j
        with tally("echo, negotiated details"):
            assert "OFFIS_DCMTK" in run("echo", "-v", peer).err
        with tally("echo, calling and called AE title"):
            assert run("echo", "--called", "WHOEVER", "-c", "STATION1", "127.0.0.1:%d" % scp.port).out.startswith("WHOEVER@")
    with tally("echo, nobody there"):
        r = run("echo", "127.0.0.1:%d" % peers.free_port(), status=1)
        assert "Connection refused" in r.err, r
    with tally("echo, host that does not exist"):
        assert run("echo", "no-such-host.invalid:104", status=1).err.startswith("maclab: ")
    with peers.Dcmqrscp() as scp, tally("echo, wrong called AE title"):
        r = run("echo", "NOBODY@127.0.0.1:%d" % scp.port, status=1)
        assert "rejected" in r.err and "called AE title" in r.err, r


def rude_peers():
    for name, script, words in (
            ("rejects for good", scu.reject(1, 1, 3), "calling AE title"), ("rejects for now", scu.reject(2, 3, 2), "rejected"),
            ("rejects with nonsense", scu.reject(9, 9, 9), "maclab: "), ("aborts", scu.abort, "aborted"),
            ("stays silent", scu.silent, "took too long"), ("talks HTTP", scu.nonsense, "maclab: "),
            ("closes at once", lambda c, n: None, "maclab: ")):
        with scu.Rude(script) as peer, tally("echo, a peer that " + name):
            began = time.monotonic()
            r = run("echo", "-t", 1, "127.0.0.1:%d" % peer.port, status=1)
            assert words in r.err and r.err.count("\n") == 1 and time.monotonic() - began < 8, r


def misuse():
    for words in (("echo",), ("echo", "a:1", "b:1"), ("echo", "--nonsense", "a:1"), ("echo", "-t", "0", "a:1"),
                  ("echo", "--tls", "a:1"), ("echo", "a:0"), ("echo", "a:x"), ("find",), ("find", "a:1", "NoSuchKey=1"),
                  ("find", "a:1", "-n", "0"), ("find", "--charset", "ISO_IR 1", "a:1"), ("echo", "--passcode", "/dev/null", "a:1"),
                  ("echo", "--trust", "/nonexistent", "a:1"), ("echo", "SEVENTEENCHARACTER@a:1")):
        with tally("misuse: maclab " + " ".join(words)):
            r = run(*words, status=2)
            assert r.err.startswith("maclab: ") and r.out == "", r
    for command in ("echo", "find"):
        with tally("help of " + command):
            r = run(command, "--help")
            assert r.out.startswith("Usage: maclab " + command) and "--tls" in r.out and r.err == "", r


def find_on(name, peer):
    with tally(name + ": studies as a table"):
        lines = run("find", peer).out.splitlines()
        assert lines[0].startswith("PatientName") and "StudyInstanceUID" in lines[0] and len(lines) > 5, lines[:3]
        column = lines[0].index("StudyInstanceUID")
        assert all(line[column - 1] == " " and line[column].isdigit() for line in lines[1:] if line.isascii()), "columns"
    with tally(name + ": studies as DICOM JSON"):
        answers = run("find", "--json", peer).json()
        assert len(answers) == len(lines) - 1 and all(value(a, "0020000D") for a in answers)
    with tally(name + ": one object a line"):
        assert len(run("find", "--lines", peer).lines()) == len(answers)
    study = next(value(a, "0020000D") for a in answers if (value(a, "00201208") or 2) > 1)
    with tally(name + ": exact key, wildcard, tag, list"):
        assert len(run("find", "-j", peer, "StudyInstanceUID=" + study).json()) == 1
        assert len(run("find", "-j", peer, "0020,000D=" + study).json()) == 1
        two = "\\".join(value(a, "0020000D") for a in answers[:2])
        assert len(run("find", "-j", "-k", "StudyInstanceUID=" + two, peer).json()) == 2
        some = run("find", "-j", peer, "PatientName=C*").json()
        assert some and all(value(a, "00100010")["Alphabetic"].upper().startswith("C") for a in some)
    with tally(name + ": no answers"):
        assert run("find", "-j", peer, "PatientID=NOBODY AT ALL", status=1).json() == []
        assert run("find", peer, "PatientID=NOBODY AT ALL", status=1).out == ""
    with tally(name + ": series, then images"):
        series = run("find", "--series", "-j", peer, "StudyInstanceUID=" + study).json()
        assert series and all(value(s, "0020000E") and value(s, "00080060") for s in series)
        images = run("find", "--image", "-j", peer, "StudyInstanceUID=" + study,
                     "SeriesInstanceUID=" + value(series[0], "0020000E")).json()
        assert images and all(value(i, "00080018") for i in images)
    with tally(name + ": limit"):
        assert len(run("find", "-j", "-n", 3, peer).json()) == 3
    with tally(name + ": patients, and studies by Patient Root"):
        assert run("find", "--patient", "-j", peer, "PatientID").json()
        patient = next(a for a in answers if value(a, "00100020"))
        again = run("find", "--patient-root", "-j", peer, "PatientID=" + value(patient, "00100020")).json()
        assert value(patient, "0020000D") in [value(a, "0020000D") for a in again]
    with tally(name + ": only the keys named"):
        asked = run("find", "-j", "-o", peer, "StudyInstanceUID", "StudyDate").json()[0]
        assert "00100010" not in asked and "00080020" in asked, asked
    with tally(name + ": unsupported worklist"):
        r = run("find", "--worklist", peer, status=1)
        assert "accept" in r.err or "answers no such query" in r.err, r


def find_charsets(peer):
    with tally("names of every character set as UTF-8"):
        answers = {value(a, "00100020"): a for a in run("find", "-j", peer, "PatientName").json()}
        found = [value(a, "00100010") for a in answers.values() if value(a, "00100010")]
        assert any("Διονυσιος" in n.get("Alphabetic", "") for n in found), found
        assert any("山田" in n.get("Ideographic", "") for n in found), found
        assert any("Люкceмбypг" in n.get("Alphabetic", "") for n in found), found
    with tally("a key beyond ASCII matches"):
        assert run("find", "-j", peer, "PatientName=Διονυσιος*").json()
        assert run("find", "-j", "--charset", "ISO_IR 126", peer, "PatientName=Διονυσιος*").json()
    with tally("a key that the character set cannot say"):
        assert run("find", "--charset", "ISO_IR 100", peer, "PatientName=Διον*", status=2).err


def worklist():
    if shutil.which("wlmscpfs") is None:
        tally.skip("worklist", "wlmscpfs is not installed")
        return
    with scu.folder() as top:
        folder = os.path.join(top, "RIS")
        os.mkdir(folder)
        open(os.path.join(folder, "lockfile"), "wb").close()
        for n, modality in enumerate(("CT", "MR", "CT")):
            text = os.path.join(top, "item.dump")
            with open(text, "w", encoding="ascii") as f:
                f.write(WORKLIST_ITEM % {"n": n, "modality": modality})
            peers.tool("dump2dcm", text, os.path.join(folder, "item%d.wl" % n))
        port = peers.free_port()
        server = subprocess.Popen(["wlmscpfs", "-dfp", top, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  env=peers.ENVIRONMENT)
        try:
            peers.echo(port, "TESTER", "RIS", process=server)
            peer = "RIS@127.0.0.1:%d" % port
            with tally("worklist: all"):
                answers = run("find", "--worklist", "-j", peer).json()
                assert len(answers) == 3 and all(value(a, "00400100")["00400009"]["Value"] for a in answers), answers
            with tally("worklist: by modality"):
                found = run("find", "--worklist", "-j", peer, "ScheduledProcedureStepSequence.Modality=MR").json()
                assert [value(a, "00100020") for a in found] == ["P1"], found
            with tally("worklist: as a table with its steps"):
                out = run("find", "--worklist", peer, "ScheduledProcedureStepSequence.Modality=CT").out
                assert "ScheduledStationAETitle" in out and out.count("SCANNER1") == 2, out
        finally:
            peers.end(server)


def cancelled():
    """A peer that answers without end is stopped by a limit, and by an interrupt."""
    def endless(connection, _):
        link = dimse.Link(connection)
        sink._accept(link)
        context, command, _ = link.receive()
        n = 0
        connection.settimeout(0.01)
        while True:
            n += 1
            link.send(context, {0x0002: command[0x0002], 0x0100: dimse.us(0x8020), 0x0120: command[0x0110],
                                0x0900: dimse.us(0xFF00)}, dimse.identifier({0x0020000D: "1.2.%d" % n}))
            try:
                connection.settimeout(0.02)
                if connection.recv(1, 2):  # MSG_PEEK: something came
                    break
            except TimeoutError:
                pass
            connection.settimeout(10)
        connection.settimeout(10)
        _, cancel, _ = link.receive()
        heard.append((cancel.field, cancel.get(0x0120) == command[0x0110]))
        link.send(context, {0x0002: command[0x0002], 0x0100: dimse.us(0x8020), 0x0120: command[0x0110],
                            0x0900: dimse.us(0xFE00)})
        link.receive()
        link.close()

    sink = dimse.Sink("ENDLESS")
    with scu.Rude(endless) as peer:
        heard = []
        with tally("a limit is a C-CANCEL"):
            assert len(run("find", "-j", "-n", 4, "127.0.0.1:%d" % peer.port).json()) == 4
            assert heard == [(dimse.CANCEL_RQ, True)], heard
        heard.clear()
        with tally("an interrupt is a C-CANCEL, and what came is shown"):
            process = scu.start("find", "-o", "127.0.0.1:%d" % peer.port, "StudyInstanceUID")
            status, out, _ = scu.interrupt(process, 1)
            assert status == 1 and "1.2.1" in out and heard == [(dimse.CANCEL_RQ, True)], (status, heard)
    sink.close()


def bad_answers():
    """Answers that are no data set, and final statuses with words of the peer."""
    def script(connection, number):
        link = dimse.Link(connection)
        sink._accept(link)
        context, command, _ = link.receive()
        fields = {0x0002: command[0x0002], 0x0100: dimse.us(0x8020), 0x0120: command[0x0110]}
        if number == 1:
            link.send(context, {**fields, 0x0900: dimse.us(0xFF00)}, b"\x10\x00\x20\x00\xFF\xFF\xFF\x7Fxx")
            link.receive()
        else:
            link.send(context, {**fields, 0x0900: dimse.us(0xA900), 0x0902: "no\x1b[31m such key "})
            link.receive()
        link.close()

    sink = dimse.Sink("BAD")
    with scu.Rude(script) as peer:
        with tally("an answer that is no data set"):
            r = run("find", "-t", 3, "127.0.0.1:%d" % peer.port, status=1)
            assert "an answer of the peer" in r.err, r
        with tally("a failure status with the peer's words, made harmless"):
            r = run("find", "127.0.0.1:%d" % peer.port, status=1)
            assert "0xA900" in r.err and "no?[31m such key" in r.err, r
    sink.close()


echo()
rude_peers()
misuse()
cancelled()
bad_answers()
worklist()
with peers.Orthanc(DefaultEncoding="Utf8") as orthanc, peers.Dcmqrscp() as archive:
    for server in (orthanc, archive):
        server.peer = "%s@127.0.0.1:%d" % (server.aet, server.port)
        run("store", "-q", server.peer, CHARSETS, peers.SAMPLES / "ct", peers.SAMPLES / "codecs" / "j2k-lossless-90", status=None)
    find_on("Orthanc", orthanc.peer)
    find_on("dcmqrscp", archive.peer)
    find_charsets(orthanc.peer)
tally.close()
