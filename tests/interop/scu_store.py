#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`maclab store` and `maclab commit` against storescp, Orthanc and peers that refuse, break off, stay silent or take only
little: every sample arrives byte for byte where its syntax is taken, with the same pixels where it is not; what was stored is
not sent again. Ends with "N passed, N failed, N skipped"."""
import collections
import io
import os
import pathlib
import re
import shutil
import time

import lib_dimse as dimse
import lib_peers as peers
import lib_scu as scu
from lib_scu import run
import pydicom

peers.need("storescp", "Orthanc", "dcmqrscp", "dcmdump", samples=True)
tally = peers.Tally()
SUMS = re.compile(r"(\d+) stored \((\d+) with warnings\), (\d+) skipped, (\d+) failed, (\d+) passed over")


def sums(ran):
    return tuple(int(n) for n in SUMS.search(ran.out).groups())


def sent(ran):
    """{path: object} of the lines of --json, without the sums."""
    return {line["path"]: line for line in ran.lines()[:-1]}


def every_sample():
    """What storescp writes as it comes (+B) is what the files hold, for each syntax that it knows."""
    with peers.Storescp("+B", "+xa", "-pdu", "131072", "-pm") as scp:
        r = run("store", "--json", "STORESCP@127.0.0.1:%d" % scp.port, peers.SAMPLES, status=1)
        got = scu.data_sets(scp.files())
        files = sent(r)
        with tally("every sample has a verdict"):
            assert len(files) == len([p for p in scu.files_in(peers.SAMPLES)]), len(files)
            assert r.lines()[-1]["stored"] == sum(f["verdict"] == "stored" for f in files.values()) > 250
        with tally("damaged samples are told, with the place, and not sent"):
            for name in ("rtplan_truncated.dcm", "emri_small_jpeg_2k_lossless_too_short.dcm"):
                why = files[str(peers.SAMPLES / "broken" / name)]
                assert why["verdict"] == "failed" and why["error"] == "E_TRUNCATED", why
        with tally("what is no DICOM is passed over"):
            assert files[str(peers.SAMPLES / "README.md")]["verdict"] == "passed"
            assert files[str(peers.SAMPLES / "dicomdir" / "three-patients" / "DICOMDIR")]["verdict"] == "passed"
        last = {}  # of an instance that is there in several files the last one stays
        for path, f in files.items():
            if f["verdict"] == "stored":
                last[f["sop_instance"]] = (path, f)
        with tally("as many arrive as were stored"):
            assert set(last) == set(got), set(last) ^ set(got)
        for uid, (path, f) in last.items():
            about = peers.meta(path)
            if about is None or f["sent_as"] != f["transfer_syntax"]:
                continue
            with tally("byte for byte: " + os.path.relpath(path, peers.SAMPLES)):
                sent_set = about[3] + b"\0" * (len(about[3]) % 2)
                assert got[uid] == (f["sop_class"], f["sent_as"], sent_set), (got[uid][:2], f["sent_as"], len(sent_set))


def uncompressed_only():
    """A peer that takes implicit little endian alone: the pixels are those that DCMTK or GDCM decode."""
    import numpy
    chosen = [p for folder in ("explicit-le", "explicit-be", "deflated", "jpeg-baseline-50", "jpeg-extended-51",
                               "jpeg-lossless-sv1-70", "jpeg-ls-lossless-80", "j2k-lossless-90", "rle")
              for p in scu.files_in(peers.SAMPLES / "codecs" / folder) if p.name.startswith("ctimage")]
    assert chosen
    reference = pydicom.dcmread(peers.SAMPLES / "codecs" / "explicit-le" / "ctimage.explicit-le.dcm").pixel_array
    for path in chosen:
        with peers.Storescp("+xi") as scp, tally("sent uncompressed: " + path.name):
            r = run("store", "--json", "STORESCP@127.0.0.1:%d" % scp.port, path)
            assert sent(r)[str(path)]["sent_as"] == dimse.IMPLICIT_LE, r
            found = pydicom.dcmread(scp.files()[0])
            assert found.file_meta.TransferSyntaxUID == dimse.IMPLICIT_LE
            if "baseline" not in path.name and "extended" not in path.name:
                assert numpy.array_equal(found.pixel_array, reference)
            else:
                assert found.pixel_array.shape == reference.shape and found.LossyImageCompression == "01"
    with peers.Storescp("+xi") as scp:
        compressed = next(p for p in chosen if "90" in str(p))
        with tally("--as-stored does not decode"):
            r = run("store", "--as-stored", "STORESCP@127.0.0.1:%d" % scp.port, compressed, status=1)
            assert "does not take" in r.out and scp.files() == [], r
        with tally("corrupt pixels fail alone"):
            bad = peers.SAMPLES / "broken" / "liver_nonbyte_aligned_j2k.dcm"
            with scu.folder() as folder:
                content = bytearray(compressed.read_bytes())
                content[len(content) // 2:len(content) // 2 + 2000] = bytes(2000)
                content[-3000:-100] = b"\xff" * 2900
                cut = os.path.join(folder, "cut.dcm")
                pathlib.Path(cut).write_bytes(content)
                r = run("store", "STORESCP@127.0.0.1:%d" % scp.port, cut, compressed, bad, status=None)
                assert r.out.count("stored  ") + r.out.count("failed  ") == 3 and str(compressed) in r.out, r


def statuses():
    """Each status and its words reach the person; the rest is sent all the same."""
    with scu.folder() as folder:
        files = scu.copies(6, folder)
        answers = {}
        sink = dimse.Sink("SINK", answer=lambda command: answers.get(command.text(0x1000), 0))
        peer = "SINK@127.0.0.1:%d" % sink.port
        uids = [peers.meta(f)[1] for f in files]
        for status, words in ((0xA700, "out of resources"), (0xA900, ""), (0xC000, "cannot understand"), (0x0122, ""),
                              (0x0124, "")):
            answers.clear()
            answers[uids[2]] = status
            with tally("status %04X" % status):
                r = run("store", peer, *files, status=1)
                assert sums(r) == (5, 0, 0, 1, 0), r
                line = next(line for line in r.out.splitlines() if line.startswith("failed"))
                assert files[2] in line and "0x%04X" % status in line and words in line, line
        for status in (0xB000, 0xB006, 0xB007):
            answers.clear()
            answers[uids[1]] = status
            with tally("warning %04X is stored, and told" % status):
                r = run("store", peer, *files)
                assert sums(r) == (6, 1, 0, 0, 0) and "0x%04X" % status in r.out, r
        answers.clear()
        with tally("parallel associations, each instance once"):
            sink.forget()
            before = sink.associations
            r = run("store", "-P", 3, peer, folder)
            assert sums(r) == (6, 0, 0, 0, 0) and sink.associations - before == 3, r
            assert sorted(s.sop_instance for s in sink.stored) == sorted(uids)
        with tally("no class is taken"):
            sink.syntaxes = ("1.2.840.10008.1.2.4.100",)
            r = run("store", peer, files[0], status=1)
            assert "does not take" in r.out, r
        sink.close()


def broken_peers():
    with scu.folder() as folder:
        files = scu.copies(20, folder)
        for name, options in (("during an association", ("--abort-after",)), ("after a store", ("--abort-during",))):
            with peers.Storescp(*options) as scp, tally("storescp that aborts %s: an end, and no lies" % name):
                r = run("store", "--retries", 1, "-t", 5, "STORESCP@127.0.0.1:%d" % scp.port, *files[:3], status=1)
                assert sums(r)[3] == 3 and "aborted" in r.err, r
        held = dimse.Sink("SINK")

        def cutting(connection, number):
            """Takes four instances an association, then breaks it off in the middle of the next."""
            link = dimse.Link(connection)
            held._accept(link)
            for _ in range(4):
                if not held._message(link, "X"):
                    return
            connection.recv(1000)

        with scu.Rude(cutting) as peer, tally("associations that break are made again, nothing is lost"):
            r = run("store", "-w", 1, "127.0.0.1:%d" % peer.port, *files)
            assert sums(r) == (20, 0, 0, 0, 0) and "trying again" in r.err, r
            assert {s.sop_instance for s in held.stored} == {peers.meta(f)[1] for f in files}

        poison = peers.meta(files[7])[1]

        def allergic(connection, _):
            """Breaks off at one instance, each time."""
            link = dimse.Link(connection)
            held._accept(link)
            while True:
                message = link.receive()
                if message is None:
                    return link.close()
                if message[1].text(0x1000) == poison:
                    return None
                held._message(Once(link, message), "X")

        class Once:
            def __init__(self, link, message):
                self.link, self.message, self.contexts = link, message, link.contexts

            def receive(self):
                return self.message

            def send(self, *words):
                self.link.send(*words)

        held.forget()
        with scu.Rude(allergic) as peer, tally("one file that breaks associations costs no other"):
            r = run("store", "127.0.0.1:%d" % peer.port, *files, status=1)
            assert sums(r) == (19, 0, 0, 1, 0) and re.search("failed +" + re.escape(files[7]), r.out), r
        held.close()
        for name, script, words in (("rejects for good", scu.reject(1, 1, 3), "rejected"), ("stays silent", scu.silent, "took too long"),
                                    ("aborts", scu.abort, "aborted")):
            with scu.Rude(script) as peer, tally("a peer that %s is given up" % name):
                r = run("store", "-t", 1, "--retries", 1, "127.0.0.1:%d" % peer.port, *files[:3], status=1)
                assert sums(r) == (0, 0, 0, 3, 0) and words in r.err, r
                assert peer.number == (1 if "rejects" in name else 2), peer.number

        def busy(connection, number):
            if number < 3:
                return scu.reject(2, 3, 2)(connection, number)
            link = dimse.Link(connection)
            late._accept(link)
            while late._message(link, "X"):
                pass
            return link.close()

        late = dimse.Sink("LATE")
        with scu.Rude(busy) as peer, tally("a peer that rejects for now is asked again"):
            assert sums(run("store", "127.0.0.1:%d" % peer.port, files[0])) == (1, 0, 0, 0, 0) and peer.number == 3
        late.close()


def again():
    """The journal, and asking the peer."""
    with scu.folder() as folder, peers.Orthanc() as orthanc:
        files = scu.copies(12, folder)
        peer = "ORTHANC@127.0.0.1:%d" % orthanc.port
        with scu.folder() as other, tally("--resume sends once"):
            journal = os.path.join(other, "journal")
            assert sums(run("store", "-r", journal, peer, *files[:5])) == (5, 0, 0, 0, 0)
            assert sums(run("store", "-r", journal, peer, folder)) == (7, 0, 5, 0, 0)
            assert sums(run("store", "-r", journal, peer, folder)) == (0, 0, 12, 0, 0)
            os.utime(files[3])  # changed since: another file
            assert sums(run("store", "-r", journal, peer, folder)) == (1, 0, 11, 0, 0)
            assert run("store", "-r", journal, "OTHER@127.0.0.1:%d" % orthanc.port, folder, status=2).err
            assert run("store", "-r", files[0], peer, folder, status=2).err
        with tally("--skip-present asks the peer"):
            more = scu.copies(14, os.path.join(folder))
            assert sums(run("store", "--skip-present", peer, folder)) == (2, 0, 12, 0, 0), more
            assert sums(run("store", "--skip-present", peer, folder)) == (0, 0, 14, 0, 0)
            r = run("store", "-q", "--skip-present", peer, folder)
            assert len(r.out.splitlines()) == 1, r
    with peers.Storescp() as scp, scu.folder() as folder, tally("--skip-present, and a peer that takes no queries"):
        scu.copies(2, folder)
        r = run("store", "--skip-present", "STORESCP@127.0.0.1:%d" % scp.port, folder)
        assert sums(r) == (2, 0, 0, 0, 0) and "sending all" in r.err, r
    with scu.folder() as folder, tally("interrupted: told, and the journal goes on"):
        scu.copies(40, folder)
        slow = dimse.Sink("SLOW", answer=lambda command: time.sleep(0.1) or 0)
        journal = os.path.join(folder, "journal")
        peer = "SLOW@127.0.0.1:%d" % slow.port
        status, out, _ = scu.interrupt(scu.start("store", "-w", 1, "-r", journal, peer, folder), 1)
        first = sums(scu.Ran(status, out, ""))
        assert status == 1 and 0 < first[0] < 40 and "not sent" in out, out[-300:]
        # the journal is in the folder, and no DICOM
        assert sums(run("store", "-r", journal, peer, folder)) == (40 - first[0], 0, first[0], 0, 1)
        assert len({s.sop_instance for s in slow.stored}) == len(slow.stored) == 40
        slow.close()


def many_contexts():
    """More pairs of class and syntax than an association has room for."""
    with scu.folder() as folder, peers.Storescp("+xa") as scp, tally("more than 128 presentation contexts"):
        source = peers.SAMPLES / "codecs" / "explicit-le" / "ctimage.explicit-le.dcm"
        ds = pydicom.dcmread(source)
        classes = sorted(uid for uid, entry in pydicom.uid.UID_dictionary.items()
                         if uid.startswith("1.2.840.10008.5.1.4.1.1.") and "Storage" in entry[0] and entry[3] != "Retired")[:90]
        for i, uid in enumerate(classes):
            ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = uid
            ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3.88.%d" % i
            ds.save_as(os.path.join(folder, "%03d.dcm" % i))
        r = run("store", "STORESCP@127.0.0.1:%d" % scp.port, folder, status=None)
        stored, _, _, failed, _ = sums(r)
        assert stored + failed == len(classes) and stored > 60, r
        assert all("does not take" in line for line in r.out.splitlines() if line.startswith("failed")), r
        assert len(scp.files()) == stored


def misuse():
    with scu.folder() as folder:
        for words in ((), ("a:1",), ("-P", "0", "a:1", folder), ("-P", "99", "a:1", folder), ("-w", "x", "a:1", folder),
                      ("--nonsense", "a:1", folder)):
            with tally("misuse: maclab store " + " ".join(words[:3])):
                r = run("store", *words, status=2)
                assert r.err.startswith("maclab: ") and r.out == "", r
        with tally("nothing to send"):
            assert "nothing to send" in run("store", "a:1", folder, status=1).err
        with tally("a path that is not there"):
            assert "nothing" in run("store", "a:1", os.path.join(folder, "nothing"), status=1).err


# --- storage commitment


def reference(path):
    about = peers.meta(path)
    return about[0], about[1]


def report(references, failed, transaction):
    keys = {0x00081195: transaction}
    if references:
        keys[0x00081199] = [{0x00081150: c, 0x00081155: i} for c, i in references]
    if failed:
        keys[0x00081198] = [{0x00081150: c, 0x00081155: i, 0x00081197: dimse.us(0x0112)} for c, i in failed]
    return dimse.identifier(keys)


class Committer(dimse.Sink):
    """Storage commitment SCP: answers N-ACTION, then reports on the same association, or on one of its own to `port`; instances
    in `lost` are refused; `how` makes it rude."""

    def __init__(self, port=None, lost=(), how=""):
        self.back, self.lost, self.how = port, set(lost), how
        super().__init__("COMMITTER")

    def _message(self, link, calling):
        message = link.receive()
        if message is None:
            return False
        context, command, data = message
        if command.field != dimse.ACTION_RQ:
            return super()._message(Replay(link, message), calling)
        found = peers.read(data, link.contexts[context][1])
        wanted = [(str(i.ReferencedSOPClassUID), str(i.ReferencedSOPInstanceUID)) for i in found.ReferencedSOPSequence]
        link.send(context, {0x0002: command[0x0003], 0x0100: dimse.us(0x8130), 0x0120: command[0x0110],
                            0x0900: dimse.us(0x0110 if self.how == "refuse" else 0), 0x1000: command[0x1001]})
        if self.how in ("refuse", "forget"):
            return True
        transaction = "1.2.3.4.5" if self.how == "other" else str(found.TransactionUID)
        good, bad = [w for w in wanted if w[1] not in self.lost], [w for w in wanted if w[1] in self.lost]
        body = report(good, bad, transaction)
        fields = {0x0002: dimse.uid(dimse.COMMITMENT), 0x0100: dimse.us(dimse.EVENT_RQ), 0x0110: dimse.us(7),
                  0x1000: dimse.uid(dimse.COMMITMENT_INSTANCE), 0x1002: dimse.us(2 if bad else 1)}
        if self.back is None:
            if link.contexts[context][1] != dimse.IMPLICIT_LE:
                keys = {0x00081195: transaction}
                for tag, some in ((0x00081199, good), (0x00081198, bad)):
                    if some:
                        keys[tag] = [{0x00081150: c, 0x00081155: i, **({0x00081197: dimse.us(0x0112)} if some is bad else {})}
                                     for c, i in some]
                body = dimse.identifier(keys, link.contexts[context][1])
            link.send(context, fields, body)
            self.answers = [link.receive()[1].status]
            return True
        a = dimse.Association(self.back, "COMMITTER", "MACLAB", [(dimse.COMMITMENT, [dimse.IMPLICIT_LE], True)])
        a.send(a.context(dimse.COMMITMENT), fields, body)
        self.answers = [a.receive()[1].status]
        a.release()
        return True


class Replay:
    def __init__(self, link, message):
        self.link, self.message, self.contexts = link, message, link.contexts

    def receive(self):
        return self.message

    def send(self, *words):
        self.link.send(*words)


def commitment():
    with scu.folder() as folder:
        files = scu.copies(5, folder)
        lost = peers.meta(files[3])[1]
        for name, back in (("on the same association", None), ("to a port", peers.free_port())):
            words = () if back is None else ("--port", back, "--listen", "127.0.0.1")
            with tally("committed, reported " + name):
                scp = Committer(back)
                r = run("commit", *words, "COMMITTER@127.0.0.1:%d" % scp.port, folder)
                assert r.out.count("committed ") == 5 and "5 committed, 0 refused, 0 open" in r.out and scp.answers == [0], r
                scp.close()
            with tally("one is refused, reported " + name):
                scp = Committer(back, {lost})
                with scu.folder() as other:
                    file = os.path.join(other, "report")
                    r = run("commit", "--json", "--report", file, *words, "COMMITTER@127.0.0.1:%d" % scp.port, folder, status=1)
                    by_uid = {line["sop_instance"]: line for line in r.lines()[:-1]}
                    assert by_uid[lost]["commitment"] == "refused" and by_uid[lost]["failure_reason"] == 0x0112, by_uid[lost]
                    assert r.lines()[-1] == {"committed": 4, "refused": 1, "open": 0}, r
                    with open(file, encoding="utf-8") as f:
                        assert f.read() == "".join(r.out.splitlines(keepends=True)[:-1])
                scp.close()
        with tally("by UIDs, and with nothing but UIDs"):
            scp = Committer(None, {"1.2.3"})
            r = run("commit", "COMMITTER@127.0.0.1:%d" % scp.port, "1.2.840.10008.5.1.4.1.1.2:1.2.3",
                    "1.2.840.10008.5.1.4.1.1.2:1.2.4", status=1)
            assert "1 committed, 1 refused, 0 open" in r.out, r
            scp.close()
        for how, words in (("refuse", "answers 0x0110"), ("forget", "idle"), ("other", "idle")):
            with tally("a peer that says no, or nothing: " + how):
                scp = Committer(None, (), how)
                r = run("commit", "--wait", 1, "-t", 1, "COMMITTER@127.0.0.1:%d" % scp.port, folder, status=1)
                assert words in r.err and "5 open" in r.out, r
                scp.close()
        with tally("store --commit"):
            scp = Committer(None, {lost})
            r = run("store", "-q", "--commit", "COMMITTER@127.0.0.1:%d" % scp.port, folder, status=1)
            assert sums(r) == (5, 0, 0, 0, 0) and "4 committed, 1 refused" in r.out and lost in r.out, r
            scp.close()
        with peers.Storescp() as scp, tally("a peer without storage commitment"):
            assert "does not accept Storage Commitment" in run("commit", "STORESCP@127.0.0.1:%d" % scp.port, folder, status=1).err
        port = peers.free_port()
        with peers.Orthanc({"maclab": ("MACLAB", port)}) as orthanc:
            peer = "ORTHANC@127.0.0.1:%d" % orthanc.port
            run("store", "-q", peer, *files[:4])
            with tally("Orthanc reports to a port"):
                r = run("commit", "--port", port, peer, *files[:4])
                assert "4 committed, 0 refused, 0 open" in r.out, r
            with tally("Orthanc refuses what it has not"):
                r = run("commit", "--port", port, peer, folder, status=1)
                assert "4 committed, 1 refused, 0 open" in r.out and "no such object instance" in r.out, r


def fragments(value):
    found, at = [], 0
    while value[at:at + 4] == b"\xfe\xff\x00\xe0":
        length = int.from_bytes(value[at + 4:at + 8], "little")
        found.append(value[at + 8:at + 8 + length])
        at += 8 + length
    return found


def elements(data_set):
    """{path: value}, pixel data as its fragments without the offset table, without group lengths and padding."""
    found = {}
    for e in data_set:
        if e.tag.element == 0 or e.tag in (0xFFFCFFFC, 0x00080001):
            continue
        if e.VR == "SQ":
            found[e.tag] = [elements(i) for i in e.value]
        elif e.tag == 0x7FE00010 and e.is_undefined_length:
            found[e.tag] = b"".join(fragments(e.value)[1:])
        else:
            found[e.tag] = e.value
    return found


def same(path, content):
    """Orthanc writes a data set anew: its elements are compared."""
    return elements(pydicom.dcmread(path)) == elements(pydicom.dcmread(io.BytesIO(content)))


def orthanc_holds():
    """The bytes that Orthanc keeps are those of the files, where it takes the syntax."""
    with peers.Orthanc() as orthanc:
        r = run("store", "--json", "-P", 2, "ORTHANC@127.0.0.1:%d" % orthanc.port, peers.SAMPLES / "codecs", peers.SAMPLES / "ct",
                peers.SAMPLES / "mr", status=None)
        files = {f["sop_instance"]: (p, f) for p, f in sent(r).items() if f["verdict"] == "stored"}
        with tally("Orthanc has what was stored"):
            held = {i["MainDicomTags"]["SOPInstanceUID"]: i["ID"] for i in orthanc.ask("GET", "/instances?expand")}
            assert set(files) == set(held) and len(held) > 100, (len(files), len(held))
        several = collections.Counter(f["sop_instance"] for f in sent(r).values())
        for uid, (path, f) in files.items():
            if peers.meta(path) is None or f["sent_as"] != f["transfer_syntax"] or several[uid] > 1:
                continue  # of an image that is there in several syntaxes under one UID the first stays
            with tally("the same data set in Orthanc: " + os.path.relpath(path, peers.SAMPLES)):
                assert same(path, orthanc.ask("GET", "/instances/%s/file" % held[uid])), path


misuse()
every_sample()
uncompressed_only()
statuses()
broken_peers()
again()
many_contexts()
commitment()
orthanc_holds()
tally.close()
