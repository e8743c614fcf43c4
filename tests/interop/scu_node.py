#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""MacLab's user-side tools against MacLab's own node: everything once, plain and by TLS, peers called by name. Ends with
"N passed, N failed, N skipped"."""
import os

import lib_peers as peers
import lib_scu as scu
from lib_scu import run

peers.need("openssl", samples=True)
tally = peers.Tally()


def check(node, peer, words, port, name, study):
    with scu.folder() as files, scu.folder() as out:
        made = scu.copies(30, files, study=study)
        uids = {peers.meta(p)[1] for p in made}
        with tally(name + ": echo"):
            run("echo", *words, peer)
        with tally(name + ": store"):
            r = run("store", "-P", 2, *words, peer, files)
            assert "30 stored (0 with warnings), 0 skipped, 0 failed" in r.out, r
            node.holds(uids)
        with tally(name + ": find"):
            j = run("find", "--json", *words, peer, "StudyInstanceUID=" + study).json()
            assert len(j) == 1 and j[0]["00201208"]["Value"] == [30], j
            assert len(run("find", "--series", "--json", *words, peer, "StudyInstanceUID=" + study).json()) == 2
            assert len(run("find", "--image", "--json", "--relational", *words, peer, "StudyInstanceUID=" + study).json()) == 30
        with tally(name + ": store --skip-present"):
            r = run("store", "--skip-present", *words, peer, files)
            assert "0 stored (0 with warnings), 30 skipped" in r.out, r
        with tally(name + ": get, again, and what is missing"):
            j = run("get", "--json", "-o", out, *words, peer, study).json()
            assert (j["status"], j["completed"], j["files"]) == (0, 30, 30), j
            got = scu.data_sets(scu.files_in(out))
            for path in made:
                about = peers.meta(path)
                assert got[about[1]] == (about[0], about[2], about[3]), path
            assert run("get", "--json", "-o", out, *words, peer, study).json()["present"] == 30
            os.unlink(os.path.join(out, sorted(uids)[0] + ".dcm"))
            assert run("get", "--json", "-o", out, *words, peer, study).json()["files"] == 1
        with tally(name + ": get of a series and of instances"):
            for options, count in ((("--series", "-k", "StudyInstanceUID=" + study, peer, study + ".1"), 15),
                                   (("--image", "-k", "StudyInstanceUID=" + study, "-k", "SeriesInstanceUID=" + study + ".2", peer,
                                     study + ".2.1", study + ".2.3"), 2)):
                with scu.folder() as other:
                    assert run("get", "--json", "-o", other, *words, *options).json()["files"] == count
        with scu.folder() as moved, tally(name + ": move"):
            j = run("move", "--json", "--receive", moved, "--port", port, *words, peer, study).json()
            assert (j["status"], j["completed"], j["files"]) == (0, 30, 30), j
            assert set(scu.data_sets(scu.files_in(moved))) == uids
        with tally(name + ": commit"):
            r = run("commit", *words, peer, files)
            assert "30 committed, 0 refused, 0 open" in r.out, r
            r = run("commit", *words, peer, files, "1.2.840.10008.5.1.4.1.1.2:1.2.3.99999", status=1)
            assert "30 committed, 1 refused, 0 open" in r.out, r


port = peers.free_port()
with peers.Node({"MACLAB": port}, tls=True) as node:
    plain = "MACLAB@127.0.0.1:%d" % node.port
    check(node, plain, (), port, "plain", "1.2.3.501")
    secure = ("--certificate", node.at("peer.pem"), "--key", node.at("peer.key"), "--trust", node.at("authority.pem"))
    check(node, "MACLAB@127.0.0.1:%d" % node.tls_port, secure, port, "TLS", "1.2.3.502")
    with tally("a calling AE title that is not registered"):
        r = run("echo", "-c", "STRANGER", plain, status=1)
        assert "calling AE title" in r.err, r
        with scu.folder() as files:
            assert "0 stored" in run("store", "-c", "STRANGER", plain, *scu.copies(1, files), status=1).out
    with tally("a called AE title that is not ours"):
        assert "called AE title" in run("echo", "OTHER@127.0.0.1:%d" % node.port, status=1).err
    with tally("a peer by its name"):
        node.peer_add("ITSELF", node.port)
        r = run("echo", "--data", node.data, "--called", "MACLAB", "ITSELF")
        assert "MACLAB@127.0.0.1:%d answers" % node.port in r.out, r
        assert run("echo", "--data", node.data, "NOSUCHPEER.invalid", status=1).err
    with tally("every sample has a verdict"):
        r = run("store", "--json", "-P", 4, plain, peers.SAMPLES, status=1)
        files = [f for f in r.lines()[:-1] if f["verdict"] == "stored"]
        assert len(files) > 200, r.lines()[-1]
tally.close()
