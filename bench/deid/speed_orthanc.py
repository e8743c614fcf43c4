#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""speed_orthanc.py FOLDER WORK: files a second of Orthanc's /instances/{id}/anonymize on what lies in FOLDER.

Loading is not measured: each instance is stored first, then anonymised and fetched by two threads.
"""
import concurrent.futures
import json
import pathlib
import subprocess
import sys
import time
import urllib.request

PORT = 21510
BASE = f"http://127.0.0.1:{PORT}"


def call(path, data=None, kind="application/json"):
    request = urllib.request.Request(BASE + path, data=data, headers={"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


def wait():
    for _ in range(100):
        try:
            return call("/system")
        except OSError:
            time.sleep(0.1)
    raise SystemExit("Orthanc does not answer")


def main():
    files = sorted(pathlib.Path(sys.argv[1]).glob("*.dcm"))[:200]
    work = pathlib.Path(sys.argv[2])
    work.mkdir(parents=True)
    settings = {"StorageDirectory": str(work / "s"), "IndexDirectory": str(work / "i"), "HttpPort": PORT, "DicomServerEnabled": False,
                "RemoteAccessAllowed": False, "AuthenticationEnabled": False, "Plugins": []}
    (work / "orthanc.json").write_text(json.dumps(settings))
    server = subprocess.Popen(["Orthanc", str(work / "orthanc.json")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait()
        ids = [json.loads(call("/instances", f.read_bytes(), "application/dicom"))["ID"] for f in files]

        def anonymise(one):
            return len(call(f"/instances/{one}/anonymize", b'{"Force": true}'))

        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(anonymise, ids))
        print(f"Orthanc anonymize, from and to memory: {len(ids) / (time.monotonic() - start):.0f} files/s")
    finally:
        server.terminate()
        server.wait()


main()
