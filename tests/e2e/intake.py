#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The hold room in a real browser, with the real program: instances that the gate holds, then `node intake.mjs --base URL`.
Usage: intake.py BUILD"""
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
build = pathlib.Path(sys.argv[1]).resolve()
os.environ["MACLAB"] = str(build / "maclab")
sys.path.insert(0, str(HERE.parent / "interop"))
import gate_doors as doors  # noqa: E402  (ends with status 77 where pydicom is absent)


def fill(work):
    """Three instances that are stored and come again from elsewhere, and one of great age with a story."""
    data = work / "data"
    for n in range(1, 4):
        d = doors.instance(n, "1.2.826.0.1.99.7")
        doors.save(d, work / "first" / ("%d.dcm" % n))
        d.PatientComments = "again"
        doors.save(d, work / "again" / ("%d.dcm" % n))
    old = doors.instance(50, "1.2.826.0.1.99.8", PatientAge="103Y", PatientBirthDate="19200101", PatientID="A7654321", PatientName="ZQXSURNAME^OLWEN",
                         StudyDescription="CT chest gunshot wound prisoner conjoined twin", AdditionalPatientHistory="lion bite, gunshot, prisoner")
    doors.save(old, work / "old" / "1.dcm")
    for folder in ("first", "again", "old"):
        subprocess.run([doors.MACLAB, "import", "-q", "-d", str(data), str(work / folder)], capture_output=True)
    return data


def main():
    with tempfile.TemporaryDirectory() as work:
        data = fill(pathlib.Path(work))
        port = doors.port()
        url = "http://127.0.0.1:%d" % port
        with open(os.path.join(work, "log"), "wb") as log:
            server = subprocess.Popen([doors.MACLAB, "serve", "--data", str(data), "--http", url[7:], "--dicom", "127.0.0.1:%d" % doors.port()],
                                      stderr=log, stdout=log)
        try:
            for _ in range(200):
                try:
                    urllib.request.urlopen(url + "/healthz", timeout=1).read()
                    break
                except OSError:
                    time.sleep(0.1)
            return subprocess.run(["node", str(HERE / "intake.mjs"), "--base", url, *sys.argv[2:]]).returncode
        finally:
            server.terminate()
            server.wait(20)


if __name__ == "__main__":
    sys.exit(main())
