#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What OsiriX and Horos ask of an archive, replayed: their queries of studies, series and images with the keys that they send
and the filters that their users set, in the character set that they name; their ways of retrieving by C-MOVE and C-GET (a study, a
series, a list of images with and without the series), with the transfer syntaxes that they propose and the order in which their
own server prefers them. Ends with "N passed, N failed, N skipped"."""
import os

import lib_dimse as dimse
import lib_images as images
import lib_peers as peers

UID = images.ROOT_UID
FIND, MOVE, GET = dimse.STUDY_ROOT + dimse.FIND, dimse.STUDY_ROOT + dimse.MOVE, dimse.STUDY_ROOT + dimse.GET
PROPOSED = [dimse.EXPLICIT_LE, dimse.IMPLICIT_LE, dimse.EXPLICIT_BE, "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91",
            "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.5",
            "1.2.840.10008.1.2.4.100"]
STUDY_KEYS = [0x00100010, 0x00100020, 0x00080050, 0x00100030, 0x00081030, 0x00080020, 0x00080030, 0x0020000D, 0x00200010,
              0x00201208, 0x00080080, 0x00080090, 0x00081050, 0x00324000, 0x40080212, 0x00080061]
SERIES_KEYS = [0x0008103E, 0x00080021, 0x00080031, 0x0020000E, 0x00200011, 0x00201209, 0x00080060, 0x00080090, 0x00081050,
               0x00080080, 0x00324000, 0x40080212]
IMAGE_KEYS = [0x00080012, 0x00080013, 0x00080018, 0x00200013, 0x00204000]
CHARSET = "ISO_IR 100"


def ask(a, level, keys, **filled):
    """Data sets that match; every key must be answered."""
    request = {0x00080005: CHARSET, 0x00080052: level, **dict.fromkeys(keys, "")}
    request.update({int(k[1:], 16): v for k, v in filled.items()})
    found, final = a.find(FIND, request)
    assert final.status == 0, "final status %04x" % final.status
    answers = [peers.read(data, dimse.IMPLICIT_LE) for data in found]
    for d in answers:
        missing = ["%08X" % k for k in keys if k not in d]
        assert not missing, "asked for, not in the answer: %s" % missing
        assert d.QueryRetrieveLevel == level and d.SpecificCharacterSet == CHARSET, d
        d.decode()
    return answers


def numbers(answers):
    return sorted(int(str(d.StudyInstanceUID)[len(UID):]) for d in answers)


def queries(tally, a):
    with tally("a blank query"):
        assert numbers(ask(a, "STUDY", STUDY_KEYS)) == [1, 2, 3]
    filters = [("name with a wildcard", dict(_00100010="Adams*"), [1, 2]), ("name in another case", dict(_00100010="adams*"), [1, 2]),
               ("ID", dict(_00100020="P1"), [1, 2]), ("accession", dict(_00080050="A101"), [2]),
               ("birth date", dict(_00100030="19500203"), [1, 2]), ("birth date from", dict(_00100030="19600101-"), [3]),
               ("birth date up to", dict(_00100030="-19591231"), [1, 2]), ("description", dict(_00081030="CT*"), [1, 3]),
               ("referring physician", dict(_00080090="House*"), [1]), ("institution", dict(_00080080="St. Else*"), [1]),
               ("comments", dict(_00324000="teach*"), [1]),
               ("date range", dict(_00080020="20240101-20240131"), [1]), ("date and time", dict(_00080020="20240105",
                                                                                              _00080030="070000-090000"), [1]),
               ("modalities", dict(_00080061="MR\\PT"), [2]), ("one modality", dict(_00080061="CT"), [1, 3]),
               ("study UID", dict(_0020000D=UID + "3"), [3]), ("study ID", dict(_00200010="2"), [2]),
               ("an accented name", dict(_00100010="Müller*".encode("latin-1")), [3])]
    for name, filled, expected in filters:
        with tally("studies by " + name):
            found = numbers(ask(a, "STUDY", STUDY_KEYS, **filled))
            assert found == expected, "%s, expected %s" % (found, expected)
    with tally("Modality instead of ModalitiesInStudy"):
        keys = [k for k in STUDY_KEYS if k != 0x00080061] + [0x00080060]
        assert numbers(ask(a, "STUDY", keys, _00080060="MR")) == [2]
    with tally("values of a study"):
        d, = ask(a, "STUDY", STUDY_KEYS, _0020000D=UID + "1")
        assert (d.PatientName, d.StudyDescription, int(d.NumberOfStudyRelatedInstances), d.InstitutionName) == \
            ("Adams^Anna", "CT head", 6, "St. Elsewhere"), d
        assert d.ModalitiesInStudy in ("CT", ["CT"]), d.ModalitiesInStudy
    with tally("series of a study"):
        found = ask(a, "SERIES", SERIES_KEYS, _0020000D=UID + "1")
        assert sorted((int(d.SeriesNumber), d.SeriesDescription, int(d.NumberOfSeriesRelatedInstances)) for d in found) == \
            [(1, "Series 1", 3), (2, "Series 2", 3)], found
    with tally("images of a series"):
        found = ask(a, "IMAGE", IMAGE_KEYS, _0020000D=UID + "1", _0020000E=UID + "1.2")
        assert sorted(int(d.InstanceNumber) for d in found) == [1, 2, 3], found
    with tally("images with only the study filled, as before a WADO retrieval"):
        found = ask(a, "IMAGE", IMAGE_KEYS + [0x0020000E], _0020000D=UID + "1")
        assert len(found) == 6, len(found)


RETRIEVALS = [("a study", {0x00080052: "STUDY", 0x0020000D: UID + "1"}, 6),
              ("a series", {0x00080052: "SERIES", 0x0020000D: UID + "1", 0x0020000E: UID + "1.2"}, 3),
              ("a list of images", {0x00080052: "IMAGE", 0x0020000D: UID + "1", 0x0020000E: UID + "1.2",
                                    0x00080018: UID + "1.2.1\\" + UID + "1.2.3"}, 2),
              ("a list of images without the series", {0x00080052: "IMAGE", 0x0020000D: UID + "1",
                                                      0x00080018: UID + "1.1.1\\" + UID + "1.2.3"}, 2)]


def retrievals(tally, node, sink, sent):
    for name, keys, count in RETRIEVALS:
        with tally("C-MOVE of " + name):
            sink.forget()
            a = dimse.Association(node.port, "OSIRIX", node.aet, [(MOVE, PROPOSED[:3])])
            _, final, _ = a.move(MOVE, keys, "OSIRIX")
            a.release()
            assert final.status == 0 and final.counts[1] == count, ("%04x" % final.status, final.counts)
            assert {s.sop_instance: s.data for s in sink.stored}.items() <= sent.items() and len(sink.stored) == count
            first = sink.stored[0].command
            assert first.text(0x1030) == "OSIRIX" and first.number(0x1031) == 1, "move originator"
        with tally("C-GET of " + name):
            a = dimse.Association(node.port, "OSIRIX", node.aet, [(GET, PROPOSED[:3])] +
                                  [(c, PROPOSED, True) for c in (images.CT, images.MR, images.SC)])
            got, _, final = a.get(GET, keys)
            a.release()
            assert final.status == 0 and len(got) == count and {i: d for _, i, _, d in got}.items() <= sent.items(), final.counts
    with tally("the node asks and retrieves at a station as it is asked itself"):
        a = dimse.Association(sink.port, node.aet, "OSIRIX", [(dimse.VERIFICATION, [dimse.IMPLICIT_LE])])
        assert a.echo() == 0
        a.release()


def main():
    tally = peers.Tally()
    sink = dimse.Sink("OSIRIX", syntaxes=PROPOSED)
    with peers.Node({"OSIRIX": sink.port}) as node:
        folder = os.path.join(node.folder, "files")
        common = dict(series=2)
        files = images.study(folder, 1, **common, PatientName="Adams^Anna", PatientID="P1", PatientBirthDate="19500203",
                             StudyDate="20240105", StudyTime="080000", StudyDescription="CT head", AccessionNumber="A100",
                             InstitutionName="St. Elsewhere", ReferringPhysicianName="House^G", StudyComments="teaching")
        files += images.study(folder, 2, **common, PatientName="Adams^Anna", PatientID="P1", PatientBirthDate="19500203",
                              StudyDate="20240220", StudyDescription="MR spine", AccessionNumber="A101", modality="MR",
                              sop_class=images.MR)
        files += images.study(folder, 3, **common, PatientName="Müller^Jörg", PatientID="P2", PatientBirthDate="19610310",
                              StudyDate="20240301", StudyDescription="CT abdomen", AccessionNumber="A102")
        a = dimse.Association(node.port, "OSIRIX", node.aet, [(c, PROPOSED) for c in (images.CT, images.MR)])
        sent = {}
        for sop_class, uid, syntax, data in map(peers.meta, files):
            assert a.store(sop_class, uid, syntax, data).status == 0
            sent[uid] = data
        a.release()
        node.holds(sent)
        a = dimse.Association(node.port, "OSIRIX", node.aet, [(FIND, [dimse.IMPLICIT_LE])])
        queries(tally, a)
        a.release()
        retrievals(tally, node, sink, sent)
    sink.close()
    tally.close()


main()
