#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Orthanc and the node, both ways. Orthanc as client: echo, store, query at each level, retrieval (C-MOVE to itself), storage
commitment, also over TLS. Orthanc as PACS: `maclab echo`, `store`, `find`, `get`, `move` and `commit` against it, and C-MOVE from it
to the node. Ends with "N passed, N failed, N skipped"."""
import json
import os
import urllib.error

import lib_images as images
import lib_peers as peers

peers.need("Orthanc", samples=True)
UID = images.ROOT_UID
CT_FOLDER = peers.SAMPLES / "ct" / "philips-skull-phantom-study" / "S21570" / "S2010"


def load(orthanc, files):
    """Orthanc's own identifiers of the instances."""
    found = []
    for path in files:
        with open(path, "rb") as f:
            found.append(orthanc.ask("POST", "/instances", f.read())["ID"])
    return found


def clear(orthanc):
    for patient in orthanc.ask("GET", "/patients"):
        orthanc.ask("DELETE", "/patients/" + patient)


def held(orthanc):
    """{SOP Instance UID: Orthanc's identifier}."""
    return {i["MainDicomTags"]["SOPInstanceUID"]: i["ID"] for i in orthanc.ask("GET", "/instances?expand")}


def query(orthanc, level, **keys):
    """(path of the query, [answers])."""
    made = orthanc.ask("POST", "/modalities/maclab/query", {"Level": level, "Query": keys})
    path = made["Path"]
    return path, [orthanc.ask("GET", "%s/answers/%s/content?simplify" % (path, n))
                  for n in orthanc.ask("GET", path + "/answers")]


def as_client(tally, node, orthanc, files):
    with tally("Orthanc's C-ECHO"):
        orthanc.ask("POST", "/modalities/maclab/echo", {})
    own = load(orthanc, files)
    with tally("Orthanc stores to the node"):
        told = orthanc.ask("POST", "/modalities/maclab/store", own)
        assert told["InstancesCount"] == len(own) and told["FailedInstancesCount"] == 0, told
        node.counts(len(files))
    with tally("Orthanc stores again"):
        told = orthanc.ask("POST", "/modalities/maclab/store", own)
        assert told["FailedInstancesCount"] == 0, told
        node.counts(len(files))
    clear(orthanc)
    with tally("Orthanc asks for studies"):
        _, answers = query(orthanc, "Study", PatientID="T1", PatientName="", StudyDescription="",
                           NumberOfStudyRelatedInstances="")
        assert [(a["PatientName"], a["StudyDescription"], a["NumberOfStudyRelatedInstances"]) for a in answers] == \
            [("Test^Person", "Study 1", "4")], answers
    with tally("Orthanc asks for patients, series, instances"):
        _, answers = query(orthanc, "Patient", PatientID="T*")
        assert sorted(a["PatientID"] for a in answers) == ["T1", "T2"], answers
        _, answers = query(orthanc, "Series", StudyInstanceUID=UID + "1", Modality="")
        assert sorted(a["SeriesInstanceUID"] for a in answers) == [UID + "1.1", UID + "1.2"], answers
        _, answers = query(orthanc, "Instance", StudyInstanceUID=UID + "1", SeriesInstanceUID=UID + "1.2", InstanceNumber="")
        assert sorted(a["SOPInstanceUID"] for a in answers) == [UID + "1.2.1", UID + "1.2.2"], answers
    for level, keys, count in (("Study", {"PatientID": "T1"}, 4), ("Series", {"StudyInstanceUID": UID + "2"}, 4),
                               ("Instance", {"StudyInstanceUID": UID + "1", "SeriesInstanceUID": UID + "1.1"}, 2)):
        with tally("Orthanc retrieves, " + level):
            path, _ = query(orthanc, level, **keys)
            told = orthanc.ask("POST", path + "/retrieve", {"TargetAet": orthanc.aet, "Synchronous": True})
            assert told.get("Description") == "REST API" or "Query" in told, told
            assert peers.until(lambda: len(held(orthanc)) == count), "%d arrived, expected %d" % (len(held(orthanc)), count)
        clear(orthanc)
    with tally("what Orthanc got is what was sent"):
        path, _ = query(orthanc, "Study", PatientID="T2")
        orthanc.ask("POST", path + "/retrieve", {"TargetAet": orthanc.aet, "Synchronous": True})
        got = held(orthanc)
        for file in files:
            about = peers.meta(file)
            if about[1] in got:
                stored = os.path.join(node.folder, "from-orthanc")
                with open(stored, "wb") as f:
                    f.write(orthanc.ask("GET", "/instances/%s/file" % got[about[1]]))
                assert peers.read(*reversed(peers.meta(stored)[2:])) == peers.read(*reversed(about[2:])), about[1]
        assert len(got) == 4


def commitment(tally, node, orthanc, files):
    def asked(references):
        made = orthanc.ask("POST", "/modalities/maclab/storage-commitment", {"DicomInstances": references, "Timeout": 10})
        state = {}

        def done():
            state.update(orthanc.ask("GET", made["Path"]))
            return state["Status"] != "Pending"
        assert peers.until(done), "no report"
        return state
    about = [peers.meta(f)[:2] for f in files]
    references = [{"SOPClassUID": c, "SOPInstanceUID": i} for c, i in about]
    with tally("storage commitment for what the node has"):
        state = asked(references)
        assert state["Status"] == "Success" and len(state["Success"]) == len(references) and not state["Failures"], state
    with tally("storage commitment for what it has not"):
        state = asked(references[:2] + [{"SOPClassUID": images.CT, "SOPInstanceUID": UID + "77.7.7"}])
        assert state["Status"] == "Failure" and len(state["Success"]) == 2, state
        assert [f["SOPInstanceUID"] for f in state["Failures"]] == [UID + "77.7.7"], state
        assert state["Failures"][0]["FailureReason"] == 0x0112, state
    with tally("storage commitment under another SOP class"):
        state = asked([{"SOPClassUID": images.MR, "SOPInstanceUID": about[0][1]}])
        assert state["Status"] == "Failure" and state["Failures"][0]["FailureReason"] == 0x0119, state


def as_pacs(tally, node, orthanc, files):
    """Orthanc is asked over DIMSE to send to the node."""
    real = [p for p in sorted(CT_FOLDER.rglob("*")) if p.is_file() and peers.meta(p) and peers.meta(p)[0] == images.CT][:10]
    load(orthanc, real)
    before = node.instances()
    with tally("C-MOVE from Orthanc to the node, asked with movescu"):
        study = peers.study_of(*reversed(peers.meta(real[0])[2:]))[0]
        peers.tool("movescu", "-S", "-aet", "TESTER", "-aec", orthanc.aet, "-aem", node.aet, "-k", "0008,0052=STUDY", "-k",
                   "0020,000D=" + study, "127.0.0.1", orthanc.port)
        node.counts(before + len(real))
        node.holds(peers.meta(p)[1] for p in real)


def own_tools(tally, node, orthanc, report_port):
    """The user side of MacLab against Orthanc as PACS."""
    peer = "%s@127.0.0.1:%d" % (orthanc.aet, orthanc.port)
    folder = os.path.join(node.folder, "own")
    files = images.study(folder, 5, series=2, instances=2)
    uids = {peers.meta(f)[1] for f in files}
    clear(orthanc)

    def run(command, *words, status=0):
        return peers.tool(peers.MACLAB, command, "--calling", "TESTER", *words, status=status)
    with tally("maclab echo"):
        assert json.loads(run("echo", "--json", "-n", "3", peer))["status"] == 0
    with tally("maclab store"):
        run("store", peer, folder)
        assert uids <= set(held(orthanc)), sorted(uids - set(held(orthanc)))
    with tally("maclab find"):
        told = run("find", "--json", "-k", "PatientID=T5", "-k", "StudyInstanceUID", peer)
        assert UID + "5" in told, told
    with tally("maclab get"):
        inbox = os.path.join(node.folder, "got")
        run("get", "-o", inbox, peer, UID + "5")
        got = {peers.meta(os.path.join(inbox, n))[1] for n in os.listdir(inbox)}
        assert got == uids, got
    with tally("maclab move to the node"):
        before = node.instances()
        run("move", "--to", node.aet, peer, UID + "5")
        node.counts(before + len(uids))
    with tally("maclab commit"):
        run("commit", "--port", report_port, peer, folder)
    with tally("maclab commit of what Orthanc has not"):
        other = os.path.join(node.folder, "never")
        images.study(other, 9, instances=1)
        told = run("commit", "--port", report_port, peer, other, status=1)
        assert "refused" in told, told
    with tally("maclab move to a receiving side of its own"):
        inbox = os.path.join(node.folder, "moved")
        run("move", "--receive", inbox, "--port", report_port, peer, UID + "5")
        assert {peers.meta(os.path.join(inbox, n))[1] for n in os.listdir(inbox)} == uids
    with tally("maclab store over four associations"):
        clear(orthanc)
        run("store", "-P", 4, peer, folder, CT_FOLDER, status=None)
        assert uids <= set(held(orthanc)) and len(held(orthanc)) > len(uids) + 5, len(held(orthanc))


def main():
    tally = peers.Tally()
    orthanc_port, report_port = peers.free_port(), peers.free_port()
    with peers.Node({peers.Orthanc.aet: orthanc_port}) as node:
        files = [f for n in (1, 2) for f in images.study(os.path.join(node.folder, "files"), n, series=2, instances=2)]
        with peers.Orthanc({"maclab": (node.aet, node.port), "self": (peers.Orthanc.aet, orthanc_port),
                            "tester": ("TESTER", report_port)},
                           port=orthanc_port) as orthanc:
            for part in (lambda: as_client(tally, node, orthanc, files), lambda: commitment(tally, node, orthanc, files),
                         lambda: as_pacs(tally, node, orthanc, files), lambda: own_tools(tally, node, orthanc, report_port)):
                try:
                    part()
                except urllib.error.HTTPError as fault:
                    with tally(part.__code__.co_names[0]):
                        raise AssertionError(fault.read().decode(errors="replace")[:500])
    tally.close()


main()
