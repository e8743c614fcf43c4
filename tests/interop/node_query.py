#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the DICOM node shows of the archive: a peer that is bound to a view, seen with DCMTK and with the tests' own upper layer, in
queries, retrievals and every sample file; the modality worklist; WADO-URI as OsiriX retrieves by it after its query of images. Ends
with "N passed, N failed, N skipped"."""
import os
import pathlib
import sqlite3
import urllib.request

import lib_dimse as dimse
import lib_images as images
import lib_peers as peers
import pydicom

peers.need("findscu", "getscu")
UID = images.ROOT_UID
FIND, GET = dimse.STUDY_ROOT + dimse.FIND, dimse.STUDY_ROOT + dimse.GET
ALIASES = {0x00100010: "Exam^Zwölf", 0x00100020: "E12", 0x00081030: "Examination", 0x00324000: "What do you see?",
           0x00080090: "", 0x40080212: "TODO"}


def database(node):
    return sqlite3.connect(os.path.join(node.data, "catalogue.db"), timeout=30, isolation_level=None)


def put_view(node, aet, studies, whole=False):
    """A view with ALIASES of each study, bound to the peer."""
    db = database(node)
    db.execute("BEGIN IMMEDIATE")
    view = db.execute("INSERT INTO view (name, whole) VALUES (?, ?)", ("view of " + aet, whole)).lastrowid
    for study in studies:
        db.execute("INSERT INTO view_study VALUES (?, ?)", (view, study))
        db.executemany("INSERT INTO view_attribute VALUES (?, ?, ?, ?)", [(view, study, t, v) for t, v in ALIASES.items()])
    db.execute("INSERT INTO view_peer VALUES (?, ?)", (aet, view))
    db.execute("COMMIT")
    db.close()


def studies_of(node, aet, **keys):
    """{Study Instance UID: identifier} as that peer finds them."""
    request = {0x00080005: "ISO_IR 192", 0x00080052: "STUDY", **dict.fromkeys((0x00100010, 0x00100020, 0x00081030, 0x00324000,
                                                                              0x0020000D, 0x40080212, 0x00080050), "")}
    request.update({int(k[1:], 16): v for k, v in keys.items()})
    a = dimse.Association(node.port, aet, node.aet, [(FIND, [dimse.EXPLICIT_LE])])
    found, final = a.find(FIND, request)
    a.release()
    assert final.status == 0, "%04x" % final.status
    answers = [peers.read(d, dimse.EXPLICIT_LE) for d in found]
    for d in answers:
        d.decode()
    return {str(d.StudyInstanceUID): d for d in answers}


def queries(tally, node):
    with tally("a peer without a view sees everything"):
        assert len(studies_of(node, "TESTER")) == 3
    with tally("a peer with one sees its studies"):
        found = studies_of(node, "VIEWER")
        assert set(found) == {UID + "1", UID + "2"}, set(found)
        d = found[UID + "1"]
        assert (str(d.PatientName), d.PatientID, d.StudyDescription, d[0x00324000].value, d[0x40080212].value) == \
            ("Exam^Zwölf", "E12", "Examination", "What do you see?", "TODO"), d
        assert d.AccessionNumber == "ACC1", d
    for name, keys, count in (("the true name", dict(_00100010="Test*"), 0), ("the true ID", dict(_00100020="T1"), 0),
                              ("the alias", dict(_00100010="exam^zwolf".encode()), 2), ("the alias' ID", dict(_00100020="E*"), 2),
                              ("the true description", dict(_00081030="Study 1"), 0), ("the status", dict(_40080212="TODO"), 2),
                              ("what is not replaced", dict(_00080050="ACC2"), 1), ("a study out of sight",
                                                                                   dict(_0020000D=UID + "3"), 0)):
        with tally("searched by " + name):
            assert len(studies_of(node, "VIEWER", **keys)) == count
    with tally("findscu through the view"):
        told = peers.tool("findscu", "-v", "-S", "-aet", "VIEWER", "-aec", node.aet, "-k", "0008,0052=SERIES", "-k",
                          "0020,000D=" + UID + "1", "-k", "0020,000E", "-k", "0010,0020", "127.0.0.1", node.port)
        assert told.count("E12") == 2 and "T1" not in told, told[-1500:]


def get(node, aet, study):
    a = dimse.Association(node.port, aet, node.aet, [(GET, [dimse.EXPLICIT_LE])] + [(c, [dimse.EXPLICIT_LE], True)
                                                                                   for c in (images.CT, images.MR)])
    got, _, final = a.get(GET, {0x00080052: "STUDY", 0x0020000D: study})
    a.release()
    return got, final


def retrievals(tally, node, files):
    with tally("C-GET through the view"):
        got, final = get(node, "VIEWER", UID + "1")
        assert final.status == 0 and len(got) == 4, (final.status, len(got))
        for _, instance, _, data in got:
            d = peers.read(data, dimse.EXPLICIT_LE)
            d.decode()
            sent = pydicom.dcmread(files[instance])
            assert (str(d.PatientName), d.PatientID, d.StudyDescription, d.SOPInstanceUID) == \
                ("Exam^Zwölf", "E12", "Examination", instance), d
            assert d.RequestAttributesSequence[0].StudyDescription == "Examination" if "RequestAttributesSequence" in d else True
            assert d.PixelData == sent.PixelData and d.AccessionNumber == sent.AccessionNumber
            assert b"Test^Person" not in data and d[0x00091001].value == sent[0x00091001].value
            changed = {int(e.tag) for e in d if e.tag not in sent or sent[e.tag] != e} | {int(e.tag) for e in sent if e.tag not in d}
            assert changed <= set(ALIASES) | {0x00080005, 0x00400275}, ["%08X" % t for t in changed]
    with tally("a study out of sight cannot be had"):
        got, final = get(node, "VIEWER", UID + "3")
        assert (final.status, got) == (0, []), (final.status, len(got))
    with tally("who is sent something sees it through his view, whoever asked"):
        model, sink = dimse.STUDY_ROOT + dimse.MOVE, dimse.Sink("VIEWER")

        def move(calling, destination, study):
            a = dimse.Association(node.port, calling, node.aet, [(model, [dimse.IMPLICIT_LE])])
            _, final, _ = a.move(model, {0x00080052: "STUDY", 0x0020000D: UID + study}, destination)
            a.release()
            return final
        node.peer_add("VIEWER", sink.port)
        node.peer_add("PLAIN", sink.port)
        node.peer_add("OTHER", sink.port)
        put_view(node, "OTHER", [UID + "1"])
        assert move("TESTER", "VIEWER", "1").counts[1:] == (4, 0, 0)
        assert len(sink.stored) == 4 and all(b"Exam^" in i.data and b"Test^Person" not in i.data for i in sink.stored)
        sink.forget()
        assert (move("TESTER", "VIEWER", "3").status, move("OTHER", "VIEWER", "1").status) == (0x0124, 0x0124)
        assert not sink.stored
        assert move("VIEWER", "VIEWER", "1").counts[1:] == (4, 0, 0) and move("VIEWER", "PLAIN", "1").counts[1:] == (4, 0, 0)
        assert len(sink.stored) == 8 and all(b"Exam^" in i.data and b"Test^Person" not in i.data for i in sink.stored)
        sink.close()
    with tally("other peers get what is stored"):
        got, final = get(node, "TESTER", UID + "1")
        for _, instance, syntax, data in got:
            assert data == peers.meta(files[instance])[3], instance
    with tally("getscu through the view"):
        folder = os.path.join(node.folder, "got")
        os.mkdir(folder)
        peers.tool("getscu", "+B", "-S", "-aet", "VIEWER", "-aec", node.aet, "-od", folder, "-k", "0008,0052=SERIES", "-k",
                   "0020,000D=" + UID + "2", "-k", "0020,000E=" + UID + "2.1", "127.0.0.1", node.port)
        got = [pydicom.dcmread(p) for p in pathlib.Path(folder).iterdir()]
        assert len(got) == 2 and all(d.PatientID == "E12" for d in got), got


def whole_archive(tally):
    """Every sample file through a view that renames everybody: the rest of each stays as it was."""
    if not peers.SAMPLES.is_dir():
        tally.skip("samples through a view", "no sample files at %s" % peers.SAMPLES)
        return
    with peers.Node({"VIEWER": 9}) as node:
        node.import_files(peers.SAMPLES)
        places = node.places()
        put_view(node, "VIEWER", sorted({study for study, _ in places.values()}))
        classes = sorted({str(row[0]) for row in database(node).execute("SELECT DISTINCT sop_class FROM instance")})
        syntaxes = sorted({str(row[0]) for row in database(node).execute("SELECT DISTINCT syntax FROM instance")})
        compared = 0
        stored = {}
        for aet in ("TESTER", "VIEWER"):
            for n in range(0, len(classes), 20):
                wants = [(GET, [dimse.EXPLICIT_LE])]
                for c in classes[n:n + 20]:  # a context a syntax, so that nothing is transcoded
                    held = [str(r[0]) for r in database(node).execute("SELECT DISTINCT syntax FROM instance WHERE sop_class = ?",
                                                                      (c,))]
                    wants += [(c, [s], True) for s in held if s != dimse.DEFLATED_LE]
                a = dimse.Association(node.port, aet, node.aet, wants, timeout=120)
                uids = [str(r[0]) for r in database(node).execute(
                    "SELECT sop_instance FROM instance WHERE syntax <> ? AND sop_class IN (%s)" %
                    ", ".join("?" * len(classes[n:n + 20])), (dimse.DEFLATED_LE, *classes[n:n + 20]))]
                got, _, final = a.get(GET, {0x00080052: "IMAGE", 0x00080018: "\\".join(uids)})
                a.release()
                with tally("%s gets all instances of %d SOP classes" % (aet, len(classes[n:n + 20]))):
                    assert final.status == 0 and len(got) == len(uids), ("%04x" % final.status, len(got), len(uids),
                                                                         final.text(0x0902))
                for _, instance, syntax, data in got:
                    if aet == "TESTER":
                        stored[instance] = (syntax, data)
                        continue
                    with tally("%s through a view" % instance):
                        compare(stored[instance], syntax, data)
                    compared += 1
        with tally("samples compared"):
            assert compared > 100, (compared, syntaxes)


def compare(stored, syntax, data):
    assert stored[0] == syntax, (stored[0], syntax)
    try:
        was = peers.read(stored[1], syntax)
    except OSError:  # broken files that pydicom cannot read as they are stored
        return
    shown = peers.read(data, syntax)
    converted = shown.get("SpecificCharacterSet") != was.get("SpecificCharacterSet")
    assert shown.PatientID == "E12", shown.get("PatientID")
    for element in was:
        if int(element.tag) in ALIASES or element.tag.element == 0 or element.tag == 0x00080005:
            continue
        assert element.tag in shown, "%s is gone" % element.tag
        text = element.VR in ("LO", "LT", "PN", "SH", "ST", "UC", "UT", "SQ")
        if not text:
            assert shown.get_item(element.tag).value == was.get_item(element.tag).value or \
                shown[element.tag].value == element.value, "%s is another" % element.tag
        elif not converted and element.VR != "SQ":
            assert shown[element.tag].value == element.value, "%s is another" % element.tag
    added = {int(e.tag) for e in shown if e.tag not in was}
    assert added <= set(ALIASES) | {0x00080005}, ["%08X" % t for t in added]


# --- worklist


def put_step(node, **values):
    db = database(node)
    columns = [(r[1], r[2]) for r in db.execute("PRAGMA table_info(worklist)") if r[1] != "id"]
    row = {name: 0 if kind == "INTEGER" else "" for name, kind in columns}
    row.update(values)
    for name, _ in columns:
        if name.endswith("_fold"):
            row[name] = row[name[:-5]].lower()
        elif name.endswith("date_key"):
            row[name] = int(row[name[:-4]] or 0)
        elif name.endswith("time_key"):
            t = row[name[:-4]]
            row[name] = (int(t[:2]) * 3600 + int(t[2:4]) * 60) * 1000000 if t else -1
    db.execute("INSERT INTO worklist (%s) VALUES (%s)" % (", ".join(row), ", ".join("?" * len(row))), list(row.values()))
    db.close()


def worklist(tally, node):
    for n, (station, day) in enumerate((("CT1", "20260105"), ("CT1", "20260106"), ("MR1", "20260105"))):
        put_step(node, step_id="S%d" % n, station_aets=station, step_date=day, step_time="0900", modality=station[:2],
                 step_description="Thorax", procedure_id="R%d" % n, procedure_description="Chest", study_uid=UID + "9%d" % n,
                 patient_name="Step^%s" % "ABC"[n], patient_id="W%d" % n, accession="A%d" % n)

    def ask(*keys):
        return peers.tool("findscu", "-v", "-W", "-aet", "TESTER", "-aec", node.aet, *[w for k in keys for w in ("-k", k)],
                          "127.0.0.1", node.port)
    step = "(0040,0100)[0]."
    for name, keys, expected in (
            ("all", [step + "0040,0009"], ["S0", "S2", "S1"]),
            ("a station", [step + "0040,0001=CT1", step + "0040,0009"], ["S0", "S1"]),
            ("a day and modality", [step + "0040,0002=20260105", step + "0008,0060=MR", step + "0040,0009"], ["S2"]),
            ("a range of dates", [step + "0040,0002=20260106-", step + "0040,0009"], ["S1"]),
            ("a patient", ["0010,0010=step^b", step + "0040,0009"], ["S1"]),
            ("nobody", ["0010,0020=W9", step + "0040,0009"], [])):
        with tally("worklist of " + name):
            told = ask(*keys)
            found = [line.split("[")[1].split("]")[0].strip() for line in told.splitlines()
                     if "(0040,0009) SH [S" in line]
            assert found == expected and "Received Final Find Response (Success)" in told, (found, told[-800:])
    with tally("what a modality reads of a step"):
        told = ask("0010,0010", "0010,0020", "0008,0050", "0020,000d", "0040,1001", "0032,1060", "0010,0030", "0010,0040",
                   step + "0040,0001=MR1", step + "0040,0003", step + "0040,0007", step + "0040,0006")
        for text in ("Step^C", "W2", "A2", UID + "92", "R2", "Chest", "MR1", "0900", "Thorax", "(0010,0030) DA (no value",
                     "(0040,0006) PN (no value"):
            assert text in told, text


# --- OsiriX by WADO-URI


def wado(tally, node, files):
    a = dimse.Association(node.port, "TESTER", node.aet, [(FIND, [dimse.IMPLICIT_LE])])
    found, final = a.find(FIND, {0x00080005: "ISO_IR 100", 0x00080012: "", 0x00080013: "", 0x00080018: "", 0x00080052: "IMAGE",
                                 0x0020000D: UID + "1", 0x0020000E: "", 0x00200013: "", 0x00204000: ""})
    a.release()
    with tally("the query of images before a WADO retrieval"):
        assert final.status == 0 and len(found) == 4, (final.status, len(found))
    for data in found:
        d = peers.read(data, dimse.IMPLICIT_LE)
        url = "%s/wado?requestType=WADO&studyUID=%s&seriesUID=%s&objectUID=%s&contentType=application/dicom" % (
            node.http, d.StudyInstanceUID, d.SeriesInstanceUID, d.SOPInstanceUID)
        stored = pathlib.Path(files[d.SOPInstanceUID]).read_bytes()
        for wish in ("&useOrig=true", "&transferSyntax=1.2.840.10008.1.2.1", ""):
            with tally("WADO of %s%s" % (d.SOPInstanceUID, wish)):
                with urllib.request.urlopen(url + wish) as answer:
                    body = answer.read()
                assert answer.headers["Content-Type"].startswith("application/dicom") and body == stored, len(body)
    with tally("WADO in a syntax that it is not stored in"):
        with urllib.request.urlopen(url + "&transferSyntax=1.2.840.10008.1.2.4.90") as answer:
            body = answer.read()
        assert body[128:132] == b"DICM" and answer.headers["Content-Type"].startswith("application/dicom")


def main():
    tally = peers.Tally()
    with peers.Node({"VIEWER": 9}) as node:
        folder = os.path.join(node.folder, "files")
        files = {}
        for n in (1, 2, 3):
            request = pydicom.Dataset()
            request.StudyDescription, request.RequestedProcedureID = "Study %d" % n, "R%d" % n
            for path in images.study(folder, n, series=2, instances=2, RequestAttributesSequence=[request]):
                d = pydicom.dcmread(path)
                d.add_new(0x00090010, "LO", "SOMEBODY")
                d.add_new(0x00091001, "LO", "Test of a private one")
                d.save_as(path)
                files[str(d.SOPInstanceUID)] = path
        node.import_files(*files.values())
        put_view(node, "VIEWER", [UID + "1", UID + "2"])
        queries(tally, node)
        retrievals(tally, node, files)
        worklist(tally, node)
        wado(tally, node, files)
    whole_archive(tally)
    tally.close()


main()
