#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""GDCM's gdcmscu against the node: echo, store, find with both roots at each level, move to its own port. What it prints and what
arrived counts, not its exit status: Debian's gdcmscu 3.0.21 works through its operation and then dies of an exception of its own
when its A-RELEASE is answered, whoever answers. Ends with "N passed, N failed, N skipped"."""
import os

import lib_images as images
import lib_peers as peers

peers.need("gdcmscu")
UID = images.ROOT_UID


def main():
    tally = peers.Tally()
    own_port = peers.free_port()
    with peers.Node({"GDCM": own_port}) as node:
        folder = os.path.join(node.folder, "files")
        files = [f for n in (1, 2) for f in images.study(folder, n, series=2, instances=2)]

        def run(*words, calling="GDCM"):
            return peers.tool("stdbuf", "-oL", "gdcmscu", "-D", "-H", "127.0.0.1", "-p", node.port, "--aetitle", calling,
                              "--call", node.aet, *words, status=None)
        with tally("echo"):
            told = run("--echo")
            assert "C-Echo was successful" in told or "(0000,0900) ?? (US) 0 " in told, told[-2000:]
        with tally("an unknown calling AE title is refused"):
            told = run("--echo", calling="STRANGER")
            assert "successful" not in told and "(0000,0900)" not in told, told[-2000:]
        with tally("store a file"):
            assert "C-Store of file %s was successful" % files[0] in run("--store", "-i", files[0])
            node.counts(1)
        with tally("store a folder"):
            assert run("--store", "-r", "-i", folder).count(" was successful") == len(files)
            node.counts(len(files))
        finds = [("--patientroot", "--patient", ["0010,0010=T*", "0010,0020"], 2),
                 ("--patientroot", "--study", ["0010,0020=T1", "0020,000d"], 1),
                 ("--studyroot", "--study", ["0020,000d", "0008,1030"], 2),
                 ("--studyroot", "--study", ["0010,0020=T2", "0020,000d"], 1),
                 ("--studyroot", "--study", ["0010,0020=T3", "0020,000d"], 0),
                 ("--studyroot", "--series", ["0020,000d=" + UID + "1", "0020,000e"], 2),
                 ("--studyroot", "--image", ["0020,000d=" + UID + "1", "0020,000e=" + UID + "1.1", "0008,0018"], 2)]
        for root, level, keys, count in finds:
            with tally("find %s %s %s" % (root, level, keys[0])):
                told = run("--find", root, level, *[w for k in keys for w in ("--key", k)])
                assert "C-Find was successful" in told, told[-2000:]
                pending = told.count("(0000,0900) ?? (US) 65280 ") + told.count("(0000,0900) ?? (US) 65281 ")
                assert pending == 2 * count, "%d answers, expected %d" % (pending // 2, count)  # each is shown twice
        for level, keys, count in (("--study", ["0020,000d=" + UID + "1"], 4),
                                   ("--series", ["0020,000d=" + UID + "1", "0020,000e=" + UID + "1.2"], 2),
                                   ("--image", ["0020,000d=" + UID + "1", "0020,000e=" + UID + "1.2",
                                                "0008,0018=" + UID + "1.2.1"], 1)):
            with tally("move " + level):
                inbox = os.path.join(node.folder, "inbox" + level)
                os.makedirs(inbox)
                words = [w for k in keys for w in ("--key", k)]
                run("--move", "--studyroot", level, *words, "-o", inbox, "--port-scp", own_port)
                got = os.listdir(inbox)
                assert len(got) == count, "%d files, expected %d" % (len(got), count)
                for name in got:
                    arrived = peers.pydicom.dcmread(os.path.join(inbox, name), force=True)
                    sent = next(f for f in files if peers.meta(f)[1] == arrived.SOPInstanceUID)
                    assert arrived.PixelData == peers.pydicom.dcmread(sent).PixelData, name
    tally.close()


main()
