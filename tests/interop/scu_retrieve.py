#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`maclab get` and `maclab move` against Orthanc and dcmqrscp, and against peers that break off: what arrives is what was sent,
as it is stored; what is there is not fetched again; failures, destinations, cancelling. Ends with "N passed, N failed, N
skipped"."""
import os
import pathlib
import socket
import struct

import lib_dimse as dimse
import lib_peers as peers
import lib_scu as scu
from lib_scu import run

peers.need("dcmqrscp", "Orthanc", "storescp", samples=True)
tally = peers.Tally()
COMPRESSED = ("j2k-lossless-90/liver_j2k.dcm", "jpeg-lossless-sv1-70/CT1_JPLL", "jpeg-ls-lossless-80/CT1_JLSL", "rle/CT1_RLE",
              "jpeg-baseline-50/SC_rgb_jpeg_dcmtk.dcm", "implicit-le/ctimage.implicit-le.dcm")


def by_study(paths):
    """{Study Instance UID: {SOP Instance UID: (path, class, syntax, data set)}}"""
    found = {}
    for path in paths:
        about = peers.meta(path)
        study, _ = peers.study_of(about[3], about[2])
        found.setdefault(study, {})[about[1]] = (path, about[0], about[2], about[3])
    return found


def pixels(data, syntax):
    e = peers.read(data, syntax)["PixelData"]
    return e.value


def check_same(folder, expected, name):
    """The files of a folder are the instances expected, each named by its UID, in the syntax that was sent, with its pixels."""
    got = {p.stem: peers.meta(p) for p in scu.files_in(folder) if p.suffix == ".dcm"}
    assert set(got) == set(expected), "%s: %s" % (name, set(got) ^ set(expected))
    for uid, (path, sop_class, syntax, data) in expected.items():
        about = got[uid]
        assert about[:3] == (sop_class, uid, syntax), (path, about[:3])
        mine, theirs = pixels(about[3], about[2]), pixels(data, syntax)
        assert mine == theirs or mine[-1000:] == theirs[-1000:], path


def retrieve(name, peer, studies, destination_port):
    count = sum(map(len, studies.values()))
    everything = {uid: v for some in studies.values() for uid, v in some.items()}
    with scu.folder() as folder:
        with tally(name + ": get, as stored"):
            j = run("get", "--json", "-o", folder, peer, *studies).json()
            assert (j["status"], j["completed"], j["failed"], j["files"]) == (0, count, 0, count), j
            check_same(folder, everything, name)
        with tally(name + ": get again fetches nothing"):
            j = run("get", "--json", "-o", folder, peer, *studies).json()
            assert (j["completed"], j["files"], j["present"]) == (0, 0, count), j
        with tally(name + ": get fetches what is missing"):
            gone = sorted(everything)[::3]
            for uid in gone:
                os.unlink(os.path.join(folder, uid + ".dcm"))
            j = run("get", "--json", "-o", folder, peer, *studies).json()
            assert (j["completed"], j["files"], j["present"]) == (len(gone), len(gone), count - len(gone)), j
            check_same(folder, everything, name)
        with tally(name + ": get --again"):
            for words in ((), ("--no-sync",)):
                assert run("get", "--json", "--again", *words, "-o", folder, peer, *studies).json()["files"] == count
                check_same(folder, everything, name)
    plain = {s: some for s, some in studies.items() if all(v[2] == dimse.EXPLICIT_LE for v in some.values())}
    with scu.folder() as folder, tally(name + ": get --blind"):
        # Orthanc 1.10 answers with a broken command set when it cannot put an instance into the one syntax that it accepted
        run("get", "--blind", "-o", folder, peer, *plain)
        check_same(folder, {uid: v for some in plain.values() for uid, v in some.items()}, name)
    study = max(studies, key=lambda s: len(studies[s]))
    path = next(iter(studies[study].values()))
    series = peers.study_of(path[3], path[2])[1]
    of_series = {u: v for u, v in studies[study].items() if peers.study_of(v[3], v[2])[1] == series}
    with scu.folder() as folder, tally(name + ": get of a series"):
        run("get", "--series", "-o", folder, "-k", "StudyInstanceUID=" + study, peer, series)
        check_same(folder, of_series, name)
    with scu.folder() as folder, tally(name + ": get of instances"):
        some = dict(list(of_series.items())[:2])
        run("get", "--image", "-o", folder, "-k", "StudyInstanceUID=" + study, "-k", "SeriesInstanceUID=" + series, peer, *some)
        check_same(folder, some, name)
    with scu.folder() as folder, tally(name + ": get of a study that is not there"):
        r = run("get", "-o", folder, peer, "1.2.3.4.5.6.7", status=None)
        assert scu.files_in(folder) == [] and "0 completed" in r.out, r
    # moving
    with scu.folder() as folder, tally(name + ": move into a folder here"):
        j = run("move", "--json", "--receive", folder, "--port", destination_port, peer, *studies).json()
        assert (j["status"], j["completed"], j["failed"], j["files"]) == (0, count, 0, count), j
        assert {p.stem for p in scu.files_in(folder)} == set(everything)
    for address in ("0.0.0.0", "::") if name == "Orthanc" else ():
        with scu.folder() as folder, tally(name + ": move to a side that listens on " + address):
            j = run("move", "--json", "--receive", folder, "--listen", address, "--port", destination_port, peer, *studies).json()
            assert j["files"] == count, j
    with scu.folder() as folder, tally(name + ": a port that is taken"):
        with socket.create_server(("127.0.0.1", destination_port)):
            r = run("move", "--receive", folder, "--port", destination_port, peer, study, status=2)
            assert "listening on port %d" % destination_port in r.err, r
    with scu.folder() as folder, tally(name + ": an address that is none"):
        assert run("move", "--receive", folder, "--listen", "here", "--port", destination_port, peer, study, status=2).err
    with scu.folder() as folder, tally(name + ": move of instances"):
        r = run("move", "--image", "--receive", folder, "--port", destination_port, "-k", "StudyInstanceUID=" + study, "-k",
                "SeriesInstanceUID=" + series, peer, *some)
        assert {p.stem for p in scu.files_in(folder)} == set(some), r
    with tally(name + ": move to a third node"):
        with peers.Storescp("+xa", "-pm", aet="THIRD", port=third) as scp:
            r = run("move", "--to", "THIRD", peer, study)
            assert "%d completed, 0 failed" % len(studies[study]) in r.out and len(scp.files()) == len(studies[study]), r
    with tally(name + ": move to a node that is not there"):
        r = run("move", "--to", "THIRD", peer, study, status=1)
        assert "completed" in r.out, r
    with tally(name + ": move to a name that is not known"):
        r = run("move", "--to", "NOWHERE", peer, study, status=1)
        assert "answers 0x" in r.err, r


def damaged():
    """Connections that break in the middle of an instance leave no file, and what was whole."""
    def script(connection, number):
        link = dimse.Link(connection)
        sink._accept(link)
        context, command, _ = link.receive()
        if command.field != dimse.GET_RQ:
            return
        storage = next(n for n, (a, s) in link.contexts.items() if a.endswith("1.1.2") and s == dimse.EXPLICIT_LE)
        about = peers.meta(peers.SAMPLES / "codecs" / "explicit-le" / "ctimage.explicit-le.dcm")
        for n in range(3):
            fields = {0x0002: dimse.uid(about[0]), 0x0100: dimse.us(1), 0x0110: dimse.us(n + 1), 0x0700: dimse.us(0),
                      0x1000: dimse.uid("1.2.3.%d" % n)}
            if n == 2 and number == 1:
                body = dimse.command_set({**fields, 0x0800: dimse.us(0)})
                link.send_pdu(4, struct.pack(">IBB", len(body) + 2, storage, 3) + body)
                link.send_pdu(4, struct.pack(">IBB", 10002, storage, 0) + about[3][:10000])
                return  # the rest never comes
            link.send(storage, fields, about[3])
            assert link.receive()[1].status == 0
        link.send(context, {0x0002: command[0x0002], 0x0100: dimse.us(0x8010), 0x0120: command[0x0110], 0x0900: dimse.us(0xB000),
                            0x1021: dimse.us(3), 0x1022: dimse.us(1), 0x1023: dimse.us(0)},
                  dimse.identifier({0x00080058: dimse.uid("1.2.3.99")}))
        link.receive()
        link.close()

    sink = dimse.Sink("BROKEN", syntaxes=(dimse.EXPLICIT_LE,))
    with scu.Rude(script) as peer, scu.folder() as folder:
        with tally("a connection that breaks in an instance: no half of it"):
            r = run("get", "--blind", "-o", folder, "127.0.0.1:%d" % peer.port, "1.2", status=1)
            assert sorted(p.name for p in pathlib.Path(folder).iterdir()) == ["1.2.3.0.dcm", "1.2.3.1.dcm"], r
        with tally("failed sub-operations are named"):
            r = run("get", "--blind", "--json", "-o", folder, "127.0.0.1:%d" % peer.port, "1.2", status=1)
            j = r.json()
            assert (j["status"], j["completed"], j["failed"], j["files"]) == (0xB000, 3, 1, 3), j
            assert j["failed_instances"] == ["1.2.3.99"], j
    sink.close()
    with tally("a folder that cannot be written"):
        assert run("get", "-o", "/proc/nothing", "a:1", "1.2", status=2).err
    for words in (("get",), ("get", "a:1"), ("get", "a:1", "no uid"), ("get", "-k", "NoKey=1", "a:1", "1.2"), ("move", "a:1", "1.2"),
                  ("move", "--to", "TOO LONG A TITLE FOR AN AE", "a:1", "1.2"), ("move", "--to", "X", "--port", "x", "a:1", "1.2"),
                  ("move", "--receive-tls", "--receive", "/tmp", "a:1", "1.2")):
        with tally("misuse: maclab " + " ".join(words)):
            r = run(*words, status=2)
            assert r.err.startswith("maclab: ") and r.out == "", r


def interrupted():
    """An interrupt is a C-CANCEL; a second run fetches the rest."""
    def script(connection, _):
        link = dimse.Link(connection)
        sink._accept(link)
        context, command, _ = link.receive()
        n = 0
        while True:
            link.send(context, {0x0002: command[0x0002], 0x0100: dimse.us(0x8021), 0x0120: command[0x0110],
                                0x0900: dimse.us(0xFF00), 0x1020: dimse.us(100), 0x1021: dimse.us(n), 0x1022: dimse.us(0),
                                0x1023: dimse.us(0)})
            n += 1
            connection.settimeout(0.05)
            try:
                if connection.recv(1, 2):
                    break
            except TimeoutError:
                pass
        connection.settimeout(10)
        heard.append(link.receive()[1].field)
        link.send(context, {0x0002: command[0x0002], 0x0100: dimse.us(0x8021), 0x0120: command[0x0110], 0x0900: dimse.us(0xFE00),
                            0x1020: dimse.us(100), 0x1021: dimse.us(n), 0x1022: dimse.us(0), 0x1023: dimse.us(0)})
        link.receive()
        link.close()

    heard, sink = [], dimse.Sink("SLOW")
    with scu.Rude(script) as peer, tally("an interrupt cancels a move"):
        status, out, _ = scu.interrupt(scu.start("move", "--to", "X", "127.0.0.1:%d" % peer.port, "1.2"), 0.5)
        assert status == 1 and "cancelled" in out and heard == [dimse.CANCEL_RQ], (status, out, heard)
    sink.close()


damaged()
interrupted()
port, third = peers.free_port(), peers.free_port()
destinations = {"MACLAB": port, "THIRD": third}
with scu.folder() as made:
    plain = by_study(scu.copies(30, made))
    mixed = by_study([peers.SAMPLES / "codecs" / name for name in COMPRESSED])
    with peers.Orthanc({"m": ("MACLAB", port), "t": ("THIRD", third)}) as orthanc:
        where = "ORTHANC@127.0.0.1:%d" % orthanc.port
        run("store", "-q", where, made, *(peers.SAMPLES / "codecs" / name for name in COMPRESSED))
        retrieve("Orthanc", where, {**plain, **mixed}, port)
    with peers.Dcmqrscp(destinations) as archive:
        where = "QRSCP@127.0.0.1:%d" % archive.port
        run("store", "-q", where, made)
        retrieve("dcmqrscp", where, plain, port)
tally.close()
