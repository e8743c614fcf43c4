#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""DCMTK as user of the node's Verification and Storage: echoscu with every kind of proposal and with names that the node does
not know; storescu with each transfer syntax, PDU size and way of proposing that it has; dcmsend over every sample. What the
node holds afterwards is, byte for byte, what a storescp was sent. Ends with "N passed, N failed, N skipped"."""
import os
import pathlib
import re

import lib_dimse as dimse
import lib_peers as peers

peers.need("echoscu", "storescu", "storescp", "dcmsend", samples=True)
CODECS = peers.SAMPLES / "codecs"
# Option of storescu, the syntax that it proposes, folder of the samples in it.
SYNTAXES = [("-xe", dimse.EXPLICIT_LE, "explicit-le"), ("-xi", dimse.IMPLICIT_LE, "implicit-le"),
            ("-xb", dimse.EXPLICIT_BE, "explicit-be"), ("-xd", "1.2.840.10008.1.2.1.99", "deflated"),
            ("-xs", "1.2.840.10008.1.2.4.70", "jpeg-lossless-sv1-70"), ("-xy", "1.2.840.10008.1.2.4.50", "jpeg-baseline-50"),
            ("-xx", "1.2.840.10008.1.2.4.51", "jpeg-extended-51"), ("-xv", "1.2.840.10008.1.2.4.90", "j2k-lossless-90"),
            ("-xw", "1.2.840.10008.1.2.4.91", "j2k-91"), ("-xt", "1.2.840.10008.1.2.4.80", "jpeg-ls-lossless-80"),
            ("-xu", "1.2.840.10008.1.2.4.81", "jpeg-ls-near-81"), ("-xr", "1.2.840.10008.1.2.5", "rle")]
DEFLATED_FRAME = "1.2.840.10008.1.2.8.1"  # younger than DCMTK 3.6.7
SHARED_UID = b"1.2.840.113619.2.30.1.1762295590.1623.978668950.109"
# It finds no SOP Class UID where that is written as UN, and sends none.
NOT_BY_DCMTK = {"broken/explicit_VR-UN.dcm", "rt/rtdose_rle.dcm"}
REFUSED = peers.refused_samples()


def files_of(node, folder):
    """The samples of one syntax. One image is there in every syntax under one UID: copies of it get others of equal length."""
    found = {}
    for path in sorted((CODECS / folder).iterdir()):
        if str(path.relative_to(peers.SAMPLES)) in REFUSED:
            continue
        if path.name.startswith("ctimage"):
            if folder == "deflated":  # its UID cannot be seen in the bytes
                continue
            content = path.read_bytes().replace(SHARED_UID, SHARED_UID[:-3] + b"%03d" % len(os.listdir(node.folder)))
            path = pathlib.Path(node.at("ctimage." + folder))
            path.write_bytes(content)
        found.setdefault(peers.meta(path)[1], path)
    return list(found.values())


def reference(words, files):
    """{SOP Instance UID: (class, syntax, data set)} that a storescp gets from the same command."""
    with peers.Storescp("+B", "+xa", "-pm", "-pdu", "131072") as scp:
        peers.tool(*words, "-aec", scp.aet, "127.0.0.1", scp.port, *files)
        return {about[1]: (about[0], about[2], about[3]) for about in map(peers.meta, scp.files())}


def fetch(node, about):
    """{SOP Instance UID: (class, syntax, data set)} of the instances named, in the syntax that they were sent in."""
    wanted = sorted({(c, s) for c, s, _ in about.values()})
    a = dimse.Association(node.port, "TESTER", node.aet, [(dimse.STUDY_ROOT + dimse.GET, [dimse.IMPLICIT_LE])] +
                          [(c, [s], True) for c, s in wanted])
    got = {}
    for uid, (_, _, data) in about.items():
        study, series = peers.study_of(data, about[uid][1])
        received, _, final = a.get(dimse.STUDY_ROOT + dimse.GET, {0x00080052: "IMAGE", 0x0020000D: study, 0x0020000E: series,
                                                                  0x00080018: uid})
        assert final.status == 0, "C-GET of %s: status %04x, %r" % (uid, final.status, final)
        got.update({i: (c, s, d) for c, i, s, d in received})
    a.release()
    return got


def same(node, about):
    node.holds(about)
    got = fetch(node, about)
    for uid, (sop_class, syntax, data) in about.items():
        assert uid in got, "%s was not sent" % uid
        assert got[uid][:2] == (sop_class, syntax), "%s came as %r" % (uid, got[uid][:2])
        assert got[uid][2] == data, "%s: other bytes (%d for %d)" % (uid, len(got[uid][2]), len(data))


def echoes(tally, node):
    def run(*words, status=0):
        return peers.tool("echoscu", "-v", "-aec", node.aet, "-aet", "TESTER", *words, "127.0.0.1", node.port, status=status)
    with tally("echoscu"):
        assert "Received Echo Response (Success)" in run()
    with tally("echoscu repeated"):
        assert run("--repeat", "50").count("Received Echo Response (Success)") == 50
    with tally("echoscu with 38 transfer syntaxes and 128 contexts"):
        run("-pts", "38", "-ppc", "128")
    with tally("echoscu with the smallest and the largest PDU"):
        run("-pdu", "4096")
        run("-pdu", "131072")
    with tally("echoscu aborts"):
        run("--abort")
        run()
    with tally("an unknown called AE title is refused"):
        told = peers.tool("echoscu", "-v", "-aet", "TESTER", "-aec", "NOBODY", "127.0.0.1", node.port, status=1)
        assert "Called AE Title Not Recognized" in told and "Rejected Permanent" in told, told
    with tally("an unknown calling AE title is refused"):
        told = peers.tool("echoscu", "-v", "-aet", "STRANGER", "-aec", node.aet, "127.0.0.1", node.port, status=1)
        assert "Calling AE Title Not Recognized" in told and "Rejected Permanent" in told, told


def stores(tally, node):
    base, seen = ("storescu", "-v", "-aet", "TESTER"), set()
    for option, syntax, folder in SYNTAXES:
        files = files_of(node, folder)
        with tally("storescu %s" % option):
            about = reference((*base, option, "-R"), files)
            assert about and {s for _, s, _ in about.values()} == {syntax}, about.keys()
            told = peers.tool(*base, option, "-R", "-aec", node.aet, "127.0.0.1", node.port, *files)
            assert told.count("Received Store Response (Success)") == len(files), told[-2000:]
            # Some are there in several syntaxes under one UID: the first stays.
            same(node, {uid: a for uid, a in about.items() if uid not in seen})
            seen |= set(about)
    sample = CODECS / "explicit-le" / "ctimage.explicit-le.dcm"
    with tally("sent again, it is a quiet success"):
        told = peers.tool(*base, "--repeat", "5", "-aec", node.aet, "127.0.0.1", node.port, sample)
        assert told.count("Received Store Response (Success)") == 5, told[-2000:]
        node.holds([SHARED_UID.decode()])
    ways = [("-R",), ("+C",), ("+C", "-xe", "-R"), ("-pdu", "4096"), ("-pdu", "131072", "--max-send-pdu", "4096"),
            ("--max-send-pdu", "131072"), ("-usr", "curator"), ("-usr", "curator", "-pwd", "not a secret")]
    for way in ways:
        with tally("storescu " + " ".join(way)):
            before = node.instances()
            told = peers.tool(*base, *way, "+II", "-aec", node.aet, "127.0.0.1", node.port, sample)
            assert told.count("Received Store Response (Success)") == 1, told[-2000:]
            node.counts(before + 1)
    with tally("storescu aborts after its image"):
        before = node.instances()
        peers.tool(*base, "--abort", "+II", "-aec", node.aet, "127.0.0.1", node.port, sample)
        node.counts(before + 1)
    with tally("a folder, recursively"):
        told = peers.tool(*base, "+sd", "+r", "-aec", node.aet, "127.0.0.1", node.port,
                          peers.SAMPLES / "ct" / "philips-skull-phantom-study" / "S21570" / "S2010", "-nh", status=None)
        assert told.count("Received Store Response (Success)") > 5, told[-2000:]


def sends_all(tally, node):
    """dcmsend over everything: it checks each response and writes a report."""
    report = os.path.join(node.folder, "report")
    with tally("dcmsend of all samples"):
        words = ("dcmsend", "-v", "-nh", "+sd", "+r", "-dn", "-nuc", "+ma", "-aet", "TESTER", "-aec", node.aet, "+crf", report)
        peers.tool(*words, "127.0.0.1", node.port, peers.SAMPLES, timeout=120, status=None)
        text = open(report, errors="replace").read()
        status = {os.path.relpath(name, peers.SAMPLES): outcome for name, outcome in
                  re.findall(r"^Filename +: (.*)$(?:\n(?!$).*)*?\nDIMSE Status +: (.*)$", text, re.M)}
        assert len(status) > 300, "%d files in the report" % len(status)
    with tally("each sample has its status"):
        taken = {a[0]: a[2] for a in peers.archived_samples() if a[3] != DEFLATED_FRAME and a[0] not in NOT_BY_DCMTK}
        faults = ["%s: %s" % (name, status.get(name)) for name in taken if status.get(name) != "0x0000 (Success)"]
        assert not faults, "%d, as %s" % (len(faults), "; ".join(faults[:5]))
    with tally("each sample is there"):
        node.holds(taken.values())


def main():
    tally = peers.Tally()
    with peers.Node() as node:
        echoes(tally, node)
        stores(tally, node)
        sends_all(tally, node)
    tally.close()


main()
