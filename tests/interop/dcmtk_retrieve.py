#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""movescu and getscu against the node: every level, lists of UIDs, own port and registered storescp, destinations that refuse,
abort, do not answer or take only one transfer syntax; pixels of what arrives against GDCM and DCMTK.
Ends with "N passed, N failed, N skipped"."""
import os
import re

import lib_dimse as dimse
import lib_images as images
import lib_peers as peers
import lib_pixels as pixels

peers.need("movescu", "getscu", "storescp", "storescu", samples=True)
UID = images.ROOT_UID
CODECS = [a for a in peers.archived_samples() if a[0].startswith("codecs/")]
# Those that DCMTK 3.6.7 does not take over the network.
UNKNOWN_TO_DCMTK = {"1.2.840.10008.1.2.8.1", "1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55", "1.2.840.10008.1.2.4.57"}
# What a peer that takes only this may be sent.
NATIVE = {"+xi": {dimse.IMPLICIT_LE}, "+x=": {dimse.EXPLICIT_LE, dimse.IMPLICIT_LE, dimse.EXPLICIT_BE}}


def keys(level, **more):
    names = {"patient": "0010,0020", "study": "0020,000D", "series": "0020,000E", "instance": "0008,0018"}
    return [w for k in ["0008,0052=" + level] + ["%s=%s" % (names[n], v) for n, v in more.items()] for w in ("-k", k)]


def received(folder_or_scp):
    """{SOP Instance UID: (class, syntax, data set)} of the files, which are removed."""
    folder = getattr(folder_or_scp, "inbox", folder_or_scp)
    found = {}
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        about = peers.meta(path)
        assert about is not None, "%s has no meta information" % name
        found[about[1]] = (about[0], about[2], about[3])
        os.unlink(path)
    return found


def move(node, destination, *words, root="S", calling="TESTER", options=(), status=0):
    return peers.tool("movescu", "-d", "-" + root, "-aet", calling, "-aec", node.aet, "-aem", destination, *options, *words,
                      "127.0.0.1", node.port, status=status)


def final(told):
    """(status, completed, failed, warning) of the last response that movescu tells of."""
    part = told.rsplit("Received Final Move Response", 1)[1]

    def number(name):
        found = re.search(name + r"\s*: (\w+)", part)
        return int(found.group(1), 16 if "Status" in name else 10) if found and found.group(1) != "none" else None
    return (number("DIMSE Status"), number("Completed Suboperations"), number("Failed Suboperations"),
            number("Warning Suboperations"))


def levels(tally, node, scp, sent):
    one, two = UID + "1", UID + "2"
    ways = [("a study", "S", keys("STUDY", study=one), 6), ("two studies", "S", keys("STUDY", study=one + "\\" + two), 12),
            ("a series", "S", keys("SERIES", study=one, series=one + ".2"), 3),
            ("two series", "S", keys("SERIES", study=one, series=one + ".1\\" + one + ".2"), 6),
            ("an image", "S", keys("IMAGE", study=one, series=one + ".1", instance=one + ".1.2"), 1),
            ("images of a list", "S", keys("IMAGE", study=one, series=one + ".1", instance="%s.1.1\\%s.1.3" % (one, one)), 2),
            ("images of a list without their series", "S", keys("IMAGE", study=one, instance="%s.1.1\\%s.2.3" % (one, one)), 2),
            ("a patient", "P", keys("PATIENT", patient="T1"), 6),
            ("a patient's study", "P", keys("STUDY", patient="T1", study=one), 6),
            ("a patient's series", "P", keys("SERIES", patient="T1", study=one, series=one + ".1"), 3),
            ("a patient's image", "P", keys("IMAGE", patient="T1", study=one, series=one + ".1", instance=one + ".1.1"), 1)]
    for name, root, words, count in ways:
        with tally("C-MOVE of " + name):
            told = move(node, "STORESCP", *words, root=root)
            got = received(scp)
            assert final(told)[0] == 0 and final(told)[1] == count and len(got) == count, (final(told), len(got))
            assert all(sent[u] == about for u, about in got.items()), "other bytes"
        with tally("C-GET of " + name):
            inbox = os.path.join(node.folder, "inbox")
            os.makedirs(inbox, exist_ok=True)
            peers.tool("getscu", "-v", "-" + root, "+B", "-aet", "TESTER", "-aec", node.aet, "-od", inbox, *words, "127.0.0.1",
                       node.port)
            got = received(inbox)
            assert len(got) == count and all(sent[u] == about for u, about in got.items()), len(got)
    with tally("nothing that matches"):
        told = move(node, "STORESCP", *keys("STUDY", study=UID + "77"))
        assert final(told)[0] == 0 and not received(scp), final(told)
    with tally("the second responses count down"):
        told = move(node, "STORESCP", *keys("STUDY", study=one))
        remaining = [int(n) for n in re.findall(r"Remaining Suboperations\s*: (\d+)", told)]
        assert remaining and remaining == sorted(remaining, reverse=True) and max(remaining) <= 6, remaining
        received(scp)


def own_port(tally, node, port, sent):
    inbox = os.path.join(node.folder, "own")
    os.makedirs(inbox, exist_ok=True)
    with tally("C-MOVE to movescu's own port"):
        told = move(node, "MOVESCU", *keys("STUDY", study=UID + "1"), calling="MOVESCU", options=("+P", port, "-od", inbox))
        got = received(inbox)
        assert final(told)[:2] == (0, 6) and set(got) == {u for u in sent if u.startswith(UID + "1.")}, final(told)
    with tally("C-MOVE cancelled by movescu"):
        move(node, "MOVESCU", *keys("STUDY", study=UID + "1"), calling="MOVESCU", status=None,
             options=("+P", port, "-od", inbox, "--cancel", "1"))
        received(inbox)
        assert peers.echo(node.port, "TESTER", node.aet) == 0


def failures(tally, node, ports):
    words = keys("STUDY", study=UID + "1")
    with tally("an unknown destination"):
        assert final(move(node, "NOBODY", *words, status=None))[0] == 0xA801
    with tally("a destination where nobody listens"):
        status, completed, failed, _ = final(move(node, "DEAF", *words, status=None))
        assert status & 0xF000 in (0xA000, 0xB000, 0xC000) and not completed and failed in (6, None), (status, completed, failed)
    for option in ("--refuse", "--abort-after", "--abort-during"):
        with tally("a destination that does " + option):
            with peers.Storescp(option, aet="BROKEN", port=ports["BROKEN"], wait=False) as broken:
                told = move(node, "BROKEN", *words, status=None)
                status, completed, failed, _ = final(told)
                assert status in (0xA702, 0xB000) and (completed or 0) + (failed or 6) == 6 and failed, final(told)
                broken.forget()
    with tally("the node is well after all that"):
        assert final(move(node, "STORESCP", *words))[:2] == (0, 6)


def restricted(tally, node, ports):
    """Everything compressed to peers that take no compression, and to one that takes everything."""
    for option in ("+xi", "+x=", "+xa"):
        with peers.Storescp("+B", option, aet="PLAIN", port=ports["PLAIN"]) as scp:
            got, finals = {}, []
            with tally("C-MOVE of every codec to storescp " + option):
                for study in sorted({peers.study_of(a[4], a[3])[0] for a in CODECS}):
                    finals.append(final(move(node, "PLAIN", *keys("STUDY", study=study), status=None)))
                got = received(scp)
            for name, sop_class, uid, syntax, data in CODECS:
                with tally("%s to %s" % (name, option)):
                    if option == "+xa":
                        if syntax in UNKNOWN_TO_DCMTK:
                            assert uid in got, "did not arrive"
                        else:
                            assert uid in got and got[uid] == (sop_class, syntax, peers.even(data)), got.get(uid, "nothing")[:2]
                        continue
                    assert uid in got, "did not arrive; %s" % [f for f in finals if f[0] or f[2]]
                    assert got[uid][1] in NATIVE[option], got[uid][1]
                    arrived = peers.read(got[uid][2], got[uid][1])
                    arrived.is_little_endian = got[uid][1] != dimse.EXPLICIT_BE
                    path = str(peers.SAMPLES / name)
                    wrong = pixels.difference(path, arrived) or pixels.header_difference(path, arrived)
                    assert wrong is None, wrong


def main():
    tally = peers.Tally()
    ports = {name: peers.free_port() for name in ("DEAF", "BROKEN", "PLAIN", "MOVESCU")}
    with peers.Storescp("+B", "+xa") as scp, peers.Node({**ports, "STORESCP": scp.port}) as node:
        files = [f for n in (1, 2) for f in images.study(os.path.join(node.folder, "files"), n, series=2)]
        peers.tool("storescu", "-R", "-aet", "TESTER", "-aec", scp.aet, "127.0.0.1", scp.port, *files)
        sent = received(scp)
        peers.tool("storescu", "-R", "-aet", "TESTER", "-aec", node.aet, "127.0.0.1", node.port, *files)
        node.counts(len(files))
        levels(tally, node, scp, sent)
        own_port(tally, node, ports["MOVESCU"], sent)
        failures(tally, node, ports)
        node.import_files(*(peers.SAMPLES / a[0] for a in CODECS))
        restricted(tally, node, ports)
    tally.close()


main()
