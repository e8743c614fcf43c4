#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""findscu against the node: both roots, all levels, each kind of matching (PS3.4 C.2.2.2), return keys, character sets, cancel,
queries that must fail. What comes back is held against what was stored. Ends with "N passed, N failed, N skipped"."""
import os
import shutil
import tempfile

import pydicom

import lib_dimse as dimse
import lib_images as images
import lib_peers as peers

peers.need("findscu", "storescu")
UID = images.ROOT_UID
# number: attributes of the study. Two studies of one patient; accents in two character sets; one that differs in case.
STUDIES = {
    1: dict(PatientName="Adams^Anna", PatientID="P1", PatientBirthDate="19500203", StudyDate="20240105", StudyTime="080000",
            StudyDescription="CT head", AccessionNumber="A100", PatientSex="F", InstitutionName="St. Elsewhere",
            ReferringPhysicianName="House^G", StudyComments="teaching"),
    2: dict(PatientName="Adams^Anna", PatientID="P1", PatientBirthDate="19500203", StudyDate="20240220", StudyTime="133000.5",
            StudyDescription="MR spine", AccessionNumber="A101", PatientSex="F", modality="MR", sop_class=images.MR),
    3: dict(PatientName="Müller^Jörg", PatientID="P2", PatientBirthDate="19610310", StudyDate="20240301", StudyTime="235959",
            StudyDescription="CT abdomen", AccessionNumber="A102", PatientSex="M"),
    4: dict(PatientName="ADAMSON^Bert", PatientID="P3", PatientBirthDate="20010101", StudyDate="20231231", StudyTime="000000",
            StudyDescription="Chest", AccessionNumber="B200", PatientSex="M", modality="DX",
            sop_class="1.2.840.10008.5.1.4.1.1.1.1", SpecificCharacterSet="ISO_IR 100"),
    5: dict(PatientName="Łukasz^Zażółć", PatientID="P4", PatientBirthDate="19990909", StudyDate="20240601", StudyTime="120000",
            StudyDescription="CT chest", AccessionNumber="B201", PatientSex="M"),
}


def find(node, root, level, *keys, options=()):
    """Identifiers of the matches."""
    folder = tempfile.mkdtemp(dir=node.folder)
    words = [w for key in ("0008,0052=" + level, *keys) for w in ("-k", key)]
    told = peers.tool("findscu", "-v", "-" + root, "-aet", "TESTER", "-aec", node.aet, *options, "-X", "-od", folder, *words,
                      "127.0.0.1", node.port)
    assert "Received Final Find Response (Success)" in told, told[-1500:]
    found = [pydicom.dcmread(os.path.join(folder, name), force=True) for name in sorted(os.listdir(folder))]
    shutil.rmtree(folder)
    return found


def studies(node, *keys, root="S", options=()):
    """Numbers of the studies that match."""
    found = find(node, root, "STUDY", "0020,000D", *keys, options=options)
    return sorted(int(str(d.StudyInstanceUID)[len(UID):]) for d in found)


# Keys, studies expected.
MATCHES = [
    ((), [1, 2, 3, 4, 5]),
    (("0010,0020=P1",), [1, 2]), (("0010,0020=p1",), []), (("0010,0020=P*",), [1, 2, 3, 4, 5]),
    (("0010,0020=P?",), [1, 2, 3, 4, 5]), (("0010,0020=NONE",), []),
    (("0010,0010=Adams^Anna",), [1, 2]), (("0010,0010=adams^anna",), [1, 2]), (("0010,0010=Adams*",), [1, 2, 4]),
    (("0010,0010=*ams*",), [1, 2, 4]), (("0010,0010=A?ams^Anna",), [1, 2]), (("0010,0010=*",), [1, 2, 3, 4, 5]),
    (("0008,0020=20240105",), [1]), (("0008,0020=20240101-20240229",), [1, 2]), (("0008,0020=-20240101",), [4]),
    (("0008,0020=20240301-",), [3, 5]), (("0008,0020=20240105", "0008,0030=0700-0900"), [1]),
    (("0008,0030=1200-1400",), [2, 5]),
    (("0008,0050=A100",), [1]), (("0008,0050=A*",), [1, 2, 3]), (("0008,0050=A100\\B200",), [1, 4]),
    (("0008,0061=CT",), [1, 3, 5]), (("0008,0061=CT\\MR",), [1, 2, 3, 5]), (("0008,0061=US",), []),
    (("0010,0030=19500203",), [1, 2]), (("0010,0030=19600101-20000101",), [3, 5]),
    (("0008,1030=CT*",), [1, 3, 5]), (("0008,1030=CT*", "0010,0020=P1"), [1]),
    (("0020,0010=3",), [3]), (("0020,000D=%s1\\%s4" % (UID, UID),), [1, 4]), (("0020,000D=" + UID + "77",), []),
]


def levels(tally, node):
    one, series = UID + "1", UID + "1.2"
    with tally("P: PATIENT"):
        found = find(node, "P", "PATIENT", "0010,0020", "0010,0010", "0020,1200", "0020,1204")
        assert sorted(d.PatientID for d in found) == ["P1", "P2", "P3", "P4"], found
        anna = next(d for d in found if d.PatientID == "P1")
        assert (anna.PatientName, int(anna.NumberOfPatientRelatedStudies), int(anna.NumberOfPatientRelatedInstances)) == \
            ("Adams^Anna", 2, 12), anna
    with tally("P: STUDY"):
        assert studies(node, "0010,0020=P1", root="P") == [1, 2]
    for root, above in (("S", ()), ("P", ("0010,0020=P1",))):
        with tally(root + ": SERIES"):
            found = find(node, root, "SERIES", *above, "0020,000D=" + one, "0020,000E", "0020,0011", "0008,0060", "0020,1209")
            assert sorted((str(d.SeriesInstanceUID), int(d.SeriesNumber), d.Modality, int(d.NumberOfSeriesRelatedInstances))
                          for d in found) == [(one + ".1", 1, "CT", 3), (series, 2, "CT", 3)], found
        with tally(root + ": IMAGE"):
            found = find(node, root, "IMAGE", *above, "0020,000D=" + one, "0020,000E=" + series, "0008,0018", "0020,0013",
                         "0008,0016", "0028,0010")
            assert sorted((str(d.SOPInstanceUID), int(d.InstanceNumber), str(d.SOPClassUID)) for d in found) == \
                [(series + ".%d" % n, n, images.CT) for n in (1, 2, 3)], found
        with tally(root + ": one IMAGE"):
            found = find(node, root, "IMAGE", *above, "0020,000D=" + one, "0020,000E=" + series, "0008,0018=%s.2" % series)
            assert [str(d.SOPInstanceUID) for d in found] == [series + ".2"], found
    with tally("return keys of a study"):
        d, = find(node, "S", "STUDY", "0020,000D=" + one, "0010,0010", "0010,0020", "0010,0030", "0010,0040", "0008,0020",
                  "0008,0030", "0008,0050", "0008,0061", "0008,1030", "0020,0010", "0020,1206", "0020,1208", "0008,0080",
                  "0008,0090", "0032,4000", "4008,0212", "0008,1050")
        expected = {"PatientName": "Adams^Anna", "PatientID": "P1", "PatientBirthDate": "19500203", "PatientSex": "F",
                    "StudyDate": "20240105", "StudyTime": "080000", "AccessionNumber": "A100", "ModalitiesInStudy": "CT",
                    "StudyDescription": "CT head", "StudyID": "1", "NumberOfStudyRelatedSeries": 2,
                    "NumberOfStudyRelatedInstances": 6, "InstitutionName": "St. Elsewhere",
                    "ReferringPhysicianName": "House^G", "QueryRetrieveLevel": "STUDY"}
        wrong = {k: d.get(k) for k, v in expected.items() if d.get(k) != v}
        assert not wrong, wrong
        absent = [t for t in ("StudyComments", "PerformingPhysicianName") if t not in d]
        assert not absent and pydicom.tag.Tag(0x40080212) in d, "asked for, not in the answer: %s" % absent
    with tally("nothing that was not asked for"):
        d, = find(node, "S", "STUDY", "0020,000D=" + one, "0008,0050")
        assert {int(e.tag) for e in d} <= {0x00080005, 0x00080050, 0x00080052, 0x00080054, 0x00080056, 0x0020000D,
                                           0x00880130, 0x00880140}, d


def charsets(tally, node):
    for charset in ("ISO_IR 100", "ISO_IR 192"):
        with tally("asked in " + charset):
            name = "Müller^J*".encode("latin-1" if charset == "ISO_IR 100" else "utf-8")
            a = dimse.Association(node.port, "TESTER", node.aet, [(dimse.STUDY_ROOT + dimse.FIND, [dimse.IMPLICIT_LE])])
            found, final = a.find(dimse.STUDY_ROOT + dimse.FIND, {0x00080005: charset, 0x00080052: "STUDY",
                                                                  0x00100010: name, 0x0020000D: ""})
            a.release()
            assert final.status == 0 and len(found) == 1, (final.status, len(found))
            d = peers.read(found[0], dimse.IMPLICIT_LE)
            d.decode()
            assert str(d.PatientName) == "Müller^Jörg" and d.StudyInstanceUID == UID + "3", d
            assert d.SpecificCharacterSet == charset, d.SpecificCharacterSet
    with tally("a name that the asked-for character set cannot say"):
        d, = find(node, "S", "STUDY", "0008,0005=ISO_IR 100", "0010,0020=P4", "0010,0010")
        d.decode()
        assert d.get("SpecificCharacterSet") == "ISO_IR 192" and str(d.PatientName) == "Łukasz^Zażółć" or \
            d.PatientName.family_name.endswith("ukasz"), d


def odd(tally, node):
    for option in ("-xe", "-xb", "-xi", "-xd"):
        with tally("findscu " + option):
            assert studies(node, "0010,0020=P1", options=(option,)) == [1, 2]
    with tally("with the smallest PDU"):
        assert studies(node, options=("-pdu", "4096")) == [1, 2, 3, 4, 5]
    with tally("ten times on one association"):
        told = peers.tool("findscu", "-v", "-S", "--repeat", "10", "-aet", "TESTER", "-aec", node.aet, "-k",
                          "0008,0052=STUDY", "-k", "0010,0020=P1", "127.0.0.1", node.port)
        assert told.count("Received Final Find Response (Success)") == 10, told[-1500:]
    with tally("cancel"):
        peers.tool("findscu", "-v", "-S", "--cancel", "1", "-aet", "TESTER", "-aec", node.aet, "-k", "0008,0052=STUDY",
                   "-k", "0020,000D", "127.0.0.1", node.port)
        a = dimse.Association(node.port, "TESTER", node.aet, [(dimse.STUDY_ROOT + dimse.FIND, [dimse.IMPLICIT_LE])])
        found, final = a.find(dimse.STUDY_ROOT + dimse.FIND, {0x00080052: "STUDY", 0x0020000D: ""}, cancel_after=1)
        assert final.status in (0xFE00, 0x0000), "%04x" % final.status  # a small answer may be over before
        again, final = a.find(dimse.STUDY_ROOT + dimse.FIND, {0x00080052: "STUDY", 0x0020000D: ""})
        assert (len(again), final.status) == (5, 0), "after the cancel: %d, %04x" % (len(again), final.status)
        a.release()
    bad = [("no level", {0x0020000D: ""}), ("an unknown level", {0x00080052: "WARD", 0x0020000D: ""}),
           ("PATIENT in the study root", {0x00080052: "PATIENT", 0x00100020: ""}),
           ("SERIES without its study", {0x00080052: "SERIES", 0x0020000E: ""}),
           ("IMAGE without its study", {0x00080052: "IMAGE", 0x0020000E: "", 0x00080018: ""})]
    for name, keys in bad:
        with tally("refused: " + name):
            a = dimse.Association(node.port, "TESTER", node.aet, [(dimse.STUDY_ROOT + dimse.FIND, [dimse.IMPLICIT_LE])])
            found, final = a.find(dimse.STUDY_ROOT + dimse.FIND, keys)
            assert final.status & 0xF000 in (0xA000, 0xC000) and not found, "%04x, %d matches" % (final.status, len(found))
            a.release()
    with tally("relational queries where they were negotiated"):
        model = dimse.STUDY_ROOT + dimse.FIND
        a = dimse.Association(node.port, "TESTER", node.aet, [(model, [dimse.IMPLICIT_LE])], extended=[(model, b"\1")])
        assert a.user[0x56] and a.user[0x56][0][2 + len(model):][:1] == b"\1", a.user[0x56]
        found, final = a.find(model, {0x00080052: "SERIES", 0x0020000E: "", 0x00080060: "MR"})
        assert (len(found), final.status) == (2, 0), (len(found), "%04x" % final.status)
        found, final = a.find(model, {0x00080052: "IMAGE", 0x00080018: "", 0x00100020: "P2"})
        assert (len(found), final.status) == (6, 0), (len(found), "%04x" % final.status)
        a.release()


def main():
    tally = peers.Tally()
    with peers.Node() as node:
        files = [f for n, attributes in STUDIES.items()
                 for f in images.study(os.path.join(node.folder, "files"), n, series=2, **attributes)]
        peers.tool("storescu", "-R", "-aet", "TESTER", "-aec", node.aet, "127.0.0.1", node.port, *files)
        node.counts(len(files))
        for keys, expected in MATCHES:
            with tally("S: STUDY %s" % " ".join(keys)):
                found = studies(node, *keys)
                assert found == expected, "%s, expected %s" % (found, expected)
        levels(tally, node)
        charsets(tally, node)
        odd(tally, node)
    tally.close()


main()
