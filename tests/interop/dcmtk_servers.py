#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The user side, `maclab echo`, `store`, `find`, `get` and `move`, against DCMTK's servers: storescp that takes everything, only
Implicit VR Little Endian, refuses or aborts; dcmqrscp as an archive. What arrives is what was sent, or has its pixels. Ends with
"N passed, N failed, N skipped"."""
import json
import os

import lib_dimse as dimse
import lib_images as images
import lib_peers as peers
import lib_pixels as pixels

peers.need("storescp", "dcmqrscp", samples=True)
UID = images.ROOT_UID
CODECS = [a for a in peers.archived_samples() if a[0].startswith("codecs/")]
# Those that DCMTK 3.6.7 does not take over the network.
UNKNOWN_TO_DCMTK = {"1.2.840.10008.1.2.8.1", "1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55", "1.2.840.10008.1.2.4.57"}


def maclab(command, *words, status=0, calling="TESTER"):
    return peers.tool(peers.MACLAB, command, "--calling", calling, *words, status=status)


def name(server):
    return "%s@127.0.0.1:%d" % (server.aet, server.port)


def arrived(scp):
    found = {about[1]: about for about in map(peers.meta, scp.files())}
    scp.forget()
    return found


def echoes(tally, scp):
    with tally("echo"):
        told = json.loads(maclab("echo", "--json", "-n", 20, name(scp)))
        assert told["status"] == 0 and told["count"] == 20, told
    with tally("echo where nobody listens"):
        told = maclab("echo", "NOBODY@127.0.0.1:%d" % peers.free_port(), status=1)
        assert "127.0.0.1" in told, told
    with tally("echo to a server that refuses associations"), peers.Storescp("--refuse", wait=False) as refusing:
        told = maclab("echo", name(refusing), status=1)
        assert "reject" in told.lower() or "refus" in told.lower(), told


def stores(tally, everything, files):
    taken = [a for a in CODECS if a[3] not in UNKNOWN_TO_DCMTK]
    paths = [peers.SAMPLES / a[0] for a in taken]
    for words in ((), ("-P", 4), ("-w", 1)):
        with tally("store every codec " + " ".join(map(str, words))):
            maclab("store", *words, name(everything), *paths)
            got = arrived(everything)
            wrong = [a[0] for a in taken if got.get(a[2], (0, 0, 0, 0))[2:] != (a[3], peers.even(a[4]))]
            assert not wrong, "other bytes or syntax: %s" % wrong
    for option, syntaxes in (("+xi", {dimse.IMPLICIT_LE}), ("+xe", {dimse.EXPLICIT_LE, dimse.EXPLICIT_BE})):
        with peers.Storescp("+B", option) as plain:
            with tally("store every codec to storescp " + option):
                maclab("store", name(plain), *(peers.SAMPLES / a[0] for a in CODECS))
            got = arrived(plain)
        for file, _, uid, _, _ in CODECS:
            with tally("%s to storescp %s" % (file, option)):
                assert uid in got and got[uid][2] in syntaxes, got.get(uid, "nothing")[:3]
                data = peers.read(got[uid][3], got[uid][2])
                data.is_little_endian = got[uid][2] != dimse.EXPLICIT_BE
                path = str(peers.SAMPLES / file)
                wrong = pixels.difference(path, data) or pixels.header_difference(path, data)
                assert wrong is None, wrong
    with tally("store, resumed"):
        journal = os.path.join(everything.folder, "journal")
        maclab("store", "--resume", journal, name(everything), *files[:3])
        assert len(arrived(everything)) == 3
        maclab("store", "--resume", journal, name(everything), *files)
        assert len(arrived(everything)) == len(files) - 3
    for option in ("--abort-after", "--abort-during"):
        with tally("store to a server that does " + option), peers.Storescp(option, wait=False) as broken:
            told = maclab("store", "--retries", 0, name(broken), files[0], status=1)
            assert "failed" in told, told


def archive(tally, files):
    port = peers.free_port()
    with peers.Dcmqrscp({"RECEIVER": port}) as archive_, peers.Storescp("+B", "+xa", aet="RECEIVER", port=port) as receiver:
        sent = {about[1]: about for about in map(peers.meta, files)}
        with tally("dcmqrscp: store"):
            maclab("store", name(archive_), *files)
        with tally("dcmqrscp: find"):
            told = json.loads(maclab("find", "--json", name(archive_), "PatientID=T1", "StudyInstanceUID"))
            assert [d["0020000D"]["Value"] for d in told] == [[UID + "1"]], told
            told = json.loads(maclab("find", "--json", "--series", name(archive_), "StudyInstanceUID=" + UID + "1",
                                     "SeriesInstanceUID"))
            assert sorted(d["0020000E"]["Value"][0] for d in told) == [UID + "1.1", UID + "1.2"], told
        with tally("dcmqrscp: find nothing"):
            assert json.loads(maclab("find", "--json", name(archive_), "PatientID=NOBODY", status=1)) == []
        with tally("dcmqrscp: get"):
            inbox = os.path.join(archive_.folder, "got")
            maclab("get", "-o", inbox, name(archive_), UID + "1")
            got = {about[1]: about[3] for about in (peers.meta(os.path.join(inbox, n)) for n in os.listdir(inbox))}
            assert set(got) == {u for u in sent if u.startswith(UID + "1.")}, sorted(got)
        with tally("dcmqrscp: get again fetches nothing"):
            before = {n: os.stat(os.path.join(inbox, n)).st_mtime_ns for n in os.listdir(inbox)}
            maclab("get", "-o", inbox, name(archive_), UID + "1")
            assert before == {n: os.stat(os.path.join(inbox, n)).st_mtime_ns for n in os.listdir(inbox)}
        with tally("dcmqrscp: get one series, one image"):
            inbox = os.path.join(archive_.folder, "part")
            maclab("get", "-o", inbox, "--series", "-k", "StudyInstanceUID=" + UID + "1", name(archive_), UID + "1.2")
            assert len(os.listdir(inbox)) == 2
            maclab("get", "-o", inbox, "--image", "-k", "StudyInstanceUID=" + UID + "1", "-k", "SeriesInstanceUID=" + UID + "1.1",
                   name(archive_), UID + "1.1.1")
            assert len(os.listdir(inbox)) == 3
        with tally("dcmqrscp: move to a third"):
            maclab("move", "--to", "RECEIVER", name(archive_), UID + "1", UID + "2")
            assert set(arrived(receiver)) == set(sent)
        with tally("dcmqrscp: move to an unknown third"):
            told = maclab("move", "--to", "NOBODY", name(archive_), UID + "1", status=1)
            assert "A801" in told.upper(), told


def main():
    tally = peers.Tally()
    with peers.Storescp("+B", "+xa", "-pm") as everything:
        files = [f for n in (1, 2) for f in images.study(os.path.join(everything.folder, "files"), n, series=2, instances=2)]
        echoes(tally, everything)
        stores(tally, everything, files)
        archive(tally, files)
    tally.close()


main()
