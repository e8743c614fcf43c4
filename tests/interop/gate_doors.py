#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every way into the archive goes through the gate: import, STOW-RS and C-STORE get instances of invented people, whose
identities must then be nowhere in the data folder, raw bytes of the quarantine included; what is held is decided on over
the API; a repeated run changes nothing; a killed server loses nothing that it acknowledged or held.
Environment: MACLAB the program (the real one)."""
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

try:
    import numpy
    import pydicom
    from pydicom.dataset import FileDataset, FileMetaDataset, Dataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid
except ImportError:
    print("gate doors skipped: pydicom is not there")
    print("0 passed, 0 failed, 1 skipped")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[2]
MACLAB = os.environ.get("MACLAB", str(ROOT / "build" / "maclab"))
CT = "1.2.840.10008.5.1.4.1.1.2"
PLANTED = ["ZQXSURNAME", "WVUTREFERRER", "9434765919", "QACC77812", "Zebracrest", "19580214", "JKLOPERATOR"]
QUIET = 2
passed, failed = [], []


def check(name, good, more=""):
    (passed if good else failed).append(name)
    if not good:
        print("FAILED %s %s" % (name, more))


def instance(number, study, pixels=None, **more):
    """A CT slice of a round body, of an invented person, with identities in the places that everybody knows."""
    d = Dataset()
    d.SOPClassUID, d.SOPInstanceUID = CT, generate_uid()
    d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = study, study + ".1", study + ".9"
    d.PatientName, d.PatientID, d.PatientBirthDate, d.PatientSex = "ZQXSURNAME^HARRIET", "9434765919", "19580214", "F"
    d.ReferringPhysicianName, d.OperatorsName = "WVUTREFERRER^A", "JKLOPERATOR^B"
    d.InstitutionName, d.AccessionNumber = "Zebracrest Infirmary", "QACC77812"
    d.StudyDate = d.ContentDate = "20240311"
    d.StudyTime = d.ContentTime = "101112"
    d.StudyDescription, d.StudyID, d.Modality, d.Manufacturer = "CT abdomen", "S1", "CT", "Acme"
    d.SeriesNumber, d.InstanceNumber, d.AcquisitionNumber = 1, number, 1
    d.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    d.ImagePositionPatient, d.ImageOrientationPatient = [0, 0, number * 5.0], [1, 0, 0, 0, 1, 0]
    d.PixelSpacing, d.SliceThickness, d.PositionReferenceIndicator = [0.8, 0.8], 5, ""
    d.RescaleIntercept, d.RescaleSlope, d.KVP = -1024, 1, "120"
    d.SamplesPerPixel, d.PhotometricInterpretation, d.Rows, d.Columns = 1, "MONOCHROME2", 256, 256
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 12, 11, 0
    if pixels is None:
        # Noise and nothing else: no edge that a detector of text could take for a stroke.
        pixels = 1000 + numpy.random.default_rng(number).normal(0, 60, (256, 256))
    d.PixelData = numpy.clip(pixels, 0, 4095).astype("<u2").tobytes()
    for name, value in more.items():
        setattr(d, name, value)
    return d


def save(d, path):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = d.SOPClassUID, d.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path.parent.mkdir(parents=True, exist_ok=True)
    FileDataset(str(path), d, file_meta=meta, preamble=bytes(128)).save_as(str(path), write_like_original=False)
    return path


def port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, data):
        self.data, self.http, self.dicom = data, port(), port()
        config = data.parent / "config.json"
        config.write_text(json.dumps({"gate": {"quiet_seconds": QUIET}}))
        subprocess.run([MACLAB, "peer", "add", "--data", data, "SENDER", "127.0.0.1:9"], check=True, stdout=subprocess.DEVNULL)
        self.log = open(data.parent / "server.log", "ab")
        self.process = subprocess.Popen([MACLAB, "serve", "--data", data, "--config", config, "--http", "127.0.0.1:%d" % self.http,
                                         "--dicom", "127.0.0.1:%d" % self.dicom], stdout=self.log, stderr=self.log)
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                if self.ask("GET", "/healthz")[0] == 200:
                    return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("the server did not start")

    def ask(self, method, path, body=None, **fields):
        c = http.client.HTTPConnection("127.0.0.1", self.http, timeout=120)
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            fields["Content-Type"] = "application/json"
        c.request(method, path, body, {k.replace("_", "-"): v for k, v in fields.items()})
        answer = c.getresponse()
        text = answer.read()
        return answer.status, (json.loads(text) if answer.getheader("Content-Type", "").endswith("json") and text else text)

    def stow(self, files):
        parts = b"".join(b"--B\r\nContent-Type: application/dicom\r\n\r\n" + f.read_bytes() + b"\r\n" for f in files)
        return self.ask("POST", "/dicom-web/studies", parts + b"--B--\r\n",
                        Content_Type='multipart/related; type="application/dicom"; boundary=B')

    def stop(self, kill=False):
        self.process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        return self.process.wait(30)


def leaks(folder):
    """Files below the folder that hold a planted value, in any of the usual encodings."""
    found = []
    needles = [v.encode(c) for v in PLANTED for c in ("ascii", "utf-16-le")]
    needles += [v.lower().encode() for v in PLANTED]
    for path in folder.rglob("*"):
        if path.is_file():
            text = path.read_bytes()
            found += ["%s: %s" % (path.relative_to(folder), n) for n in needles if n in text or n.decode("latin-1") in path.name]
    return found


def until(what, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = what()
        if value:
            return value
        time.sleep(0.2)
    return what()


def imports(work):
    data, source = work / "data", work / "in"
    files = [save(instance(n, "1.2.826.0.1.99.1"), source / ("ZQXSURNAME %d.dcm" % n)) for n in range(1, 5)]
    first = subprocess.run([MACLAB, "import", "--json", "-d", data, source], capture_output=True, text=True)
    lines = [json.loads(line) for line in first.stdout.splitlines()]
    check("import stores what is clean", lines[-1]["stored"] == 4, first.stdout + first.stderr)
    check("import leaves no identity", leaks(data) == [], leaks(data))
    check("a decided delivery has no key", list((data / "keys").glob("delivery-*")) == [])
    again = subprocess.run([MACLAB, "import", "--json", "-d", data, source], capture_output=True, text=True)
    sums = json.loads(again.stdout.splitlines()[-1])
    check("a repeated import changes nothing", sums["duplicate"] == 4 and again.returncode == 0, again.stdout)
    for f in files:  # another container around the same pixels: recognised by the pixels
        d = pydicom.dcmread(f)
        d.PatientComments = "again"
        save(d, work / "other" / f.name)
    other = subprocess.run([MACLAB, "import", "--json", "-d", data, work / "other"], capture_output=True, text=True)
    reasons = [json.loads(line).get("reason") for line in other.stdout.splitlines()[:-1] if line.startswith("{")]
    check("the same pixels under another identity are for the curator", reasons == ["same-pixels"] * 4, other.stdout)
    check("what is held is encrypted", len(list((data / "held").iterdir())) == 4 and leaks(data) == [], leaks(data))
    return data


def holds(server):
    status, queue = server.ask("GET", "/api/holds")
    check("the queue", status == 200 and queue["total"] == 4 and queue["reasons"][0]["code"] == "same-pixels", queue)
    one = queue["holds"][0]["id"]
    status, detail = server.ask("GET", "/api/holds/" + one)
    check("a hold", status == 200 and detail["siblings"] and detail["version"] == "0", detail)
    status, png = server.ask("GET", "/api/holds/%s/frames/1/source?width=64" % one)
    check("a picture as it came", status == 200 and png[:4] == b"\x89PNG", png)
    status, png = server.ask("GET", "/api/holds/%s/frames/1/result" % one)
    check("a picture as it would be stored", status == 200 and png[:4] == b"\x89PNG", png)
    status, diff = server.ask("GET", "/api/holds/%s/header?values=masked" % one)
    check("a masked header", status == 200 and diff["rows"] and not any(v in json.dumps(diff) for v in PLANTED), diff)
    status, diff = server.ask("GET", "/api/holds/%s/header?values=shown" % one)
    check("a shown header", status == 200 and "ZQXSURNAME" in json.dumps(diff), status)
    box = {"frame": 0, "x": 20, "y": 40, "width": 90, "height": 60, "kind": "black"}
    status, _ = server.ask("PUT", "/api/holds/%s/boxes" % one, {"boxes": [box]}, If_Match='"7"')
    check("boxes on an old version", status == 412, status)
    status, _ = server.ask("PUT", "/api/holds/%s/boxes" % one, {"boxes": [dict(box, x=400)]}, If_Match='"0"')
    check("boxes outside of the picture", status == 400, status)
    status, detail = server.ask("PUT", "/api/holds/%s/boxes" % one, {"boxes": [box], "apply": "instance"}, If_Match='"0"')
    check("boxes are kept", status == 200 and detail["version"] == "1" and detail["boxes"][-1]["by"] == "person", detail)
    status, answer = server.ask("POST", "/api/holds/%s/decision" % one, {"decision": "refuse", "person": "Ann"})
    check("a refusal needs a reason", status == 400, answer)
    status, answer = server.ask("POST", "/api/holds/%s/decision" % one, {"decision": "release", "reason": "a repeat", "person": "Ann"})
    check("a release runs the gate again", status == 200 and answer["state"] == "released", answer)
    released = detail["series"]
    status, rows = server.ask("GET", "/dicom-web/instances?SeriesInstanceUID=" + released)
    check("the released one is in the archive", status == 200 and len(rows) == 1, rows)
    study = rows[0]["0020000D"]["Value"][0] if rows else "1"
    sop = rows[0]["00080018"]["Value"][0] if rows else "1"
    status, frame = server.ask("GET", "/dicom-web/studies/%s/series/%s/instances/%s/frames/1" % (study, released, sop),
                               Accept='multipart/related; type="application/octet-stream"')
    pixels = numpy.frombuffer(frame.split(b"\r\n\r\n", 1)[1][:131072], "<u2").reshape(256, 256) if status == 200 else numpy.ones((256, 256))
    check("drawn boxes are black", int(pixels[40:100, 20:110].max() - pixels[40:100, 20:110].min()) == 0 and pixels[110:140, 100:140].std() > 0)
    rest = [h["id"] for h in queue["holds"][1:]]
    status, answer = server.ask("POST", "/api/holds/%s/decision" % rest[0], {"decision": "refuse", "reason": "a repeat", "scope": "series", "person": "Ann"})
    check("a series is refused at once", status == 200 and answer["state"] == "refused" and answer["done"] == 3, answer)
    status, answer = server.ask("POST", "/api/holds/%s/decision" % rest[0], {"decision": "release", "person": "Bob"})
    check("a decision is final", status == 409, answer)
    check("decided files are destroyed", list((server.data / "held").iterdir()) == [])
    check("the key goes with the last decision", list((server.data / "keys").glob("delivery-*")) == [])
    status, deliveries = server.ask("GET", "/api/deliveries?state=decided")
    check("deliveries", status == 200 and deliveries["total"] >= 2, deliveries)
    name = detail["delivery"]
    status, certificate = server.ask("GET", "/api/deliveries/%s/certificate.json" % name)
    check("a signed certificate", status == 200 and certificate.get("signature"), certificate)
    status, pdf = server.ask("GET", "/api/deliveries/%s/certificate.pdf" % name)
    check("the certificate as a page", status == 200 and pdf[:4] == b"%PDF", status)
    status, whole = server.ask("GET", "/api/deliveries/" + name)
    check("a delivery in detail", status == 200 and whole["tally"]["kinds"] and len(whole["decisions"]) >= 4, whole)
    log = "".join(p.read_text() for p in (server.data / "audit").glob("*.jsonl"))
    check("looks are in the log", log.count('"hold.look"') == 2 and '"what":"hold/' in log)


def stow(work, server):
    files = [save(instance(n + 20, "1.2.826.0.1.99.2"), work / "stow" / ("%d.dcm" % n)) for n in range(3)]
    sent = {str(pydicom.dcmread(f).SOPInstanceUID) for f in files}
    status, answer = server.stow(files)
    stored = answer.get("00081199", {}).get("Value", [])
    check("STOW: released with a warning", status == 202 and len(stored) == 3 and all(s["00081196"]["Value"] == [0xB000] for s in stored), answer)
    uids = {s["00081155"]["Value"][0] for s in stored}
    check("STOW: UIDs of the archive", not uids & sent and all(u.startswith("2.25.") for u in uids), uids)
    retrieve = stored[0]["00081190"]["Value"][0] if stored else "http://h/x"
    status, _ = server.ask("GET", re.sub("^http://[^/]+", "", retrieve) + "/metadata")
    check("STOW: the retrieve URL works", status == 200, status)
    more = save(instance(30, "1.2.826.0.1.99.2"), work / "stow" / "more.dcm")
    _, second = server.stow([more])
    mine = second.get("00081199", {}).get("Value", [{}])[0].get("00081190", {"Value": ["?"]})["Value"][0]
    check("STOW: requests within the quiet time share pseudonyms", retrieve.split("/instances")[0] in mine, (retrieve, mine))
    document = instance(31, "1.2.826.0.1.99.2", SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1")
    for word in ("PixelData", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel",
                 "PhotometricInterpretation"):
        delattr(document, word)
    document.EncapsulatedDocument, document.MIMETypeOfEncapsulatedDocument = b"%PDF-1.4 ZQXSURNAME", "application/pdf"
    status, answer = server.stow([save(document, work / "stow" / "document.dcm")])
    check("STOW: a document is refused", status == 409 and "00081199" not in answer, (status, answer))
    check("STOW leaves no identity", leaks(server.data) == [], leaks(server.data))


def count(server):
    status, rows = server.ask("GET", "/dicom-web/instances?limit=1000")
    return len(rows) if status == 200 else 0


def store(server, files):
    return subprocess.run(["storescu", "-aet", "SENDER", "-aec", "MACLAB", "127.0.0.1", str(server.dicom), *map(str, files)],
                          capture_output=True, text=True)


def cstore(work, server):
    if shutil.which("storescu") is None:
        print("C-STORE skipped: no storescu")
        return
    before = count(server)
    files = [save(instance(n + 50, "1.2.826.0.1.99.3"), work / "cstore" / ("%d.dcm" % n)) for n in range(4)]
    run = store(server, files[:2])
    check("C-STORE is acknowledged", run.returncode == 0, run.stderr)
    check("what waits is encrypted", len(list((server.data / "inbox").glob("[0-9]*"))) >= 2 and leaks(server.data) == [], leaks(server.data))
    run = store(server, files[2:])  # another association, the same delivery
    check("C-STORE is judged when its peer is quiet", until(lambda: count(server) == before + 4), count(server))
    _, rows = server.ask("GET", "/api/studies")
    listed = json.loads(subprocess.run([MACLAB, "inbox", "list", "--all", "--json", "--data", server.data],
                                       capture_output=True, text=True).stdout.splitlines()[0])
    check("custody says released", listed["state"] == "released", listed)
    check("C-STORE leaves no identity", leaks(server.data) == [], leaks(server.data))


def kills(work, server):
    if shutil.which("storescu") is None:
        return server
    before = count(server)
    total = 0
    for turn in range(3):
        files = [save(instance(100 + turn * 10 + n, "1.2.826.0.1.99.4"), work / "kill" / ("%d-%d.dcm" % (turn, n))) for n in range(3)]
        check("acknowledged before the kill", store(server, files).returncode == 0)
        total += 3
        time.sleep(turn * 1.3)  # while it waits, while it is judged, behind it
        server.stop(kill=True)
        server = Server(server.data)
    good = until(lambda: count(server) == before + total, 90)
    told = "" if good else (count(server), before + total, server.ask("GET", "/api/holds"),
                            (server.data.parent / "server.log").read_text(errors="replace")[-3000:],
                            subprocess.run([MACLAB, "inbox", "list", "--data", server.data], capture_output=True, text=True).stdout)
    check("nothing acknowledged is lost", good, told)
    until(lambda: server.ask("GET", "/api/deliveries?state=open")[1].get("total") == 0)  # else they are of the same one
    repeats = []
    for n in range(2):
        d = instance(100 + n, "1.2.826.0.1.99.5")
        repeats.append(save(d, work / "kill" / ("again-%d.dcm" % n)))
    store(server, repeats)
    held = until(lambda: server.ask("GET", "/api/holds")[1].get("total", 0) >= 2, 60)
    check("repeats are held", held, server.ask("GET", "/api/holds"))
    server.stop(kill=True)
    server = Server(server.data)
    _, queue = server.ask("GET", "/api/holds")
    check("what is held survives a kill", queue["total"] == 2, queue)
    status, png = server.ask("GET", "/api/holds/%s/frames/1/source" % queue["holds"][0]["id"])
    check("and can be looked at", status == 200, status)
    check("kills leave no identity", leaks(server.data) == [], leaks(server.data))
    return server


def main():
    work = pathlib.Path(tempfile.mkdtemp(prefix="maclab-doors-"))
    server = None
    try:
        data = imports(work)
        server = Server(data)
        holds(server)
        stow(work, server)
        cstore(work, server)
        server = kills(work, server)
        check("the server ends well", server.stop() == 0)
        run = subprocess.run([MACLAB, "verify", "--data", data], capture_output=True, text=True)
        check("verify", run.returncode == 0, run.stdout[-2000:])
        log = (work / "server.log").read_text(errors="replace")
        check("the log names nobody", not any(v in log for v in PLANTED), log[-2000:])
    finally:
        if server is not None and server.process.poll() is None:
            server.process.kill()
        shutil.rmtree(work, ignore_errors=True)
    print("%d passed, %d failed" % (len(passed), len(failed)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
