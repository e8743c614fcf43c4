#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every sample that the archive takes travels: sent as it is by one association with a context for each SOP class and transfer
syntax; got back by C-GET in the stored syntax, the data set byte for byte; got by peers that take only Implicit VR Little Endian,
only Explicit VR Little Endian, with the pixels that GDCM or DCMTK decode of the file and the same attributes; and sent by storescu, got
back by getscu. Ends with "N passed, N failed, N skipped"."""
import os
import time

import lib_dimse as dimse
import lib_peers as peers
import lib_pixels as pixels

peers.need("storescu", "getscu", samples=True)
GET = dimse.STUDY_ROOT + dimse.GET
# (file, syntax asked for): why it does not travel so.
UNTRANSCODED = {("broken/JPEG2000-embedded-sequence-delimiter.dcm", syntax): "bytes of its header were overwritten"
                for syntax in dimse.UNCOMPRESSED}
# Attributes or pixels that differ, and why that is right. Those of tests/interop/transcode.py hold here, too.
KNOWN = {
    **{("broken/GH177_D_CLUNIE_CT1_IVRLE_BigEndian_undefined_length.dcm", syntax): "pydicom cannot read the file itself"
       for syntax in dimse.UNCOMPRESSED},
    ("cr-dx/dx_image.dcm", dimse.IMPLICIT_LE): "the original's odd length is padded where it is written anew",
    ("cr-dx/dx_image.dcm", dimse.EXPLICIT_LE): "the original's odd length is padded where it is written anew",
}


def get_all(node, samples, where, contexts):
    """{SOP Instance UID: (class, syntax, data set)} by one C-GET a study."""
    a = dimse.Association(node.port, "TESTER", node.aet, [(GET, [dimse.IMPLICIT_LE])] + contexts, timeout=60)
    got, finals = {}, {}
    for study in sorted({where[s[2]][0] for s in samples}):
        received, _, final = a.get(GET, {0x00080052: "STUDY", 0x0020000D: study})
        got.update({i: (c, s, d) for c, i, s, d in received})
        finals[study] = (final.status, final.counts)
    a.release()
    return got, finals


def send(tally, node, samples):
    wanted = sorted({(s[1], s[3]) for s in samples})
    a = None
    for name, sop_class, uid, syntax, data in samples:
        with tally("send " + name):
            a = a or dimse.Association(node.port, "TESTER", node.aet, [(c, [s]) for c, s in wanted])
            try:
                status = a.store(sop_class, uid, syntax, peers.even(data)).status
            except dimse.Aborted:
                a = None
                raise
            assert status == 0, "status %04x" % status
    a.release()
    with tally("all are there"):
        node.holds(s[2] for s in samples)


def as_stored(tally, node, samples, where):
    contexts = [(c, [s], True) for c, s in sorted({(s[1], s[3]) for s in samples})]
    got, finals = get_all(node, samples, where, contexts)
    for name, sop_class, uid, syntax, data in samples:
        with tally("as stored " + name):
            assert uid in got, "not sent: %s" % (finals[where[uid][0]],)
            assert got[uid][:2] == (sop_class, syntax), "as %s in %s" % got[uid][:2]
            assert got[uid][2] == peers.even(data), "other bytes (%d for %d)" % (len(got[uid][2]), len(data))


def uncompressed(tally, node, samples, where, only):
    contexts = [(c, [only], True) for c in sorted({s[1] for s in samples})]
    got, finals = get_all(node, samples, where, contexts)
    for name, _, uid, syntax, _ in samples:
        label = "%s to %s" % (name, only)
        if (name, only) in UNTRANSCODED:
            with tally(label):
                assert uid not in got, "travels after all: %s" % UNTRANSCODED[name, only]
            continue
        if uid in got and syntax != only:
            try:
                wrong = compare(name, peers.read(got[uid][2], only), only)
            except LookupError as why:
                tally.skip(label, why)
                continue
            except Exception as fault:
                wrong = "%s: %s" % (type(fault).__name__, fault)
        else:
            wrong = None if uid in got else "not sent: %s" % (finals[where[uid][0]],)
        with tally(label):
            assert wrong is None or (name, only) in KNOWN, wrong


def compare(name, arrived, only):
    path = str(peers.SAMPLES / name)
    arrived.is_little_endian, arrived.is_implicit_VR = True, only == dimse.IMPLICIT_LE
    return pixels.difference(path, arrived) or pixels.header_difference(path, arrived)


def by_dcmtk(tally, node, samples, where):
    """storescu writes data sets its own way: getscu gets what a storescp would have got."""
    chosen = [s for s in samples if s[3] in (dimse.EXPLICIT_LE, dimse.IMPLICIT_LE) and not s[0].startswith("broken/")][::6]
    files = [peers.SAMPLES / s[0] for s in chosen]
    inbox = os.path.join(node.folder, "inbox")
    os.mkdir(inbox)
    with tally("storescu and getscu"), peers.Storescp("+B", "+x=") as scp, peers.Node() as other:
        words = ("storescu", "-xe", "-R", "-nh", "-aet", "TESTER")
        peers.tool(*words, "-aec", scp.aet, "127.0.0.1", scp.port, *files)
        sent = {about[1]: about[3] for about in map(peers.meta, scp.files())}
        peers.tool(*words, "-aec", other.aet, "127.0.0.1", other.port, *files)
        other.holds(sent)
        for study in sorted({where[s[2]][0] for s in chosen}):
            peers.tool("getscu", "+B", "+xe", "-S", "-aet", "TESTER", "-aec", other.aet, "-od", inbox, "-k", "0008,0052=STUDY", "-k",
                       "0020,000D=" + study, "127.0.0.1", other.port)
        got = {about[1]: about[3] for about in (peers.meta(os.path.join(inbox, n)) for n in os.listdir(inbox))}
        assert set(got) == set(sent), "%d of %d" % (len(got), len(sent))
        assert got == sent, "other bytes: %s" % [u for u in sent if got[u] != sent[u]][:3]


def main():
    tally = peers.Tally()
    samples = peers.archived_samples()
    began = time.monotonic()
    with peers.Node() as node:
        send(tally, node, samples)
        where = node.places()
        as_stored(tally, node, samples, where)
        print("sent and got as stored after %.1f s" % (time.monotonic() - began))
        for only in (dimse.IMPLICIT_LE, dimse.EXPLICIT_LE):
            uncompressed(tally, node, samples, where, only)
            print("%s after %.1f s" % (only, time.monotonic() - began))
        by_dcmtk(tally, node, samples, where)
    tally.close()


main()
