#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A room of stations reading at once: each lists the catalogue, opens one study after another, fetches its
metadata and every frame, and checks each answer's length. Bounded in time. Prints latencies, failures and the
server's memory, and closes with "N passed, N failed".
Usage: load.py BASE_URL STATIONS SECONDS SERVER_PID"""
import http.client
import json
import sys
import threading
import time
import urllib.parse

BASE, STATIONS, SECONDS, PID = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
HOST = urllib.parse.urlparse(BASE).netloc
OCTETS = {"Accept": 'multipart/related; type="application/octet-stream"; transfer-syntax=*'}


def value(item, tag):
    return (item.get(tag, {}).get("Value") or [None])[0]


class Station(threading.Thread):
    def __init__(self, number, until):
        super().__init__()
        self.number, self.until = number, until
        self.latencies = {"catalogue": [], "metadata": [], "frame": []}
        self.failures = []
        self.frames = 0
        self.connection = http.client.HTTPConnection(HOST, timeout=30)

    def get(self, kind, path, headers=None):
        began = time.monotonic()
        self.connection.request("GET", path, headers=headers or {})
        answer = self.connection.getresponse()
        body = answer.read()
        self.latencies[kind].append(time.monotonic() - began)
        if answer.status != 200:
            raise RuntimeError("%s: %d" % (path, answer.status))
        return body

    def read_series(self, study, series):
        path = "/dicom-web/studies/%s/series/%s" % (study, series)
        for item in json.loads(self.get("metadata", path + "/metadata")):
            if "7FE00010" not in item:
                continue
            expected = value(item, "00280010") * value(item, "00280011") * value(item, "00280002") * \
                value(item, "00280100") // 8
            syntax = item.get("00083002") or item.get("00020010")
            body = self.get("frame", "%s/instances/%s/frames/1" % (path, value(item, "00080018")), OCTETS)
            if syntax is None and len(body) < min(expected, 64):
                raise RuntimeError("short frame")
            self.frames += 1
            if time.monotonic() > self.until:
                return

    def run(self):
        try:
            studies = json.loads(self.get("catalogue", "/api/studies?limit=100"))["studies"]
            turn = self.number
            while time.monotonic() < self.until and studies:
                study = studies[turn % len(studies)]["study_uid"]
                turn += 1
                for series in json.loads(self.get("catalogue", "/api/studies/" + study))["series"]:
                    self.read_series(study, series["series_uid"])
        except Exception as e:
            self.failures.append("station %d: %s" % (self.number, e))


def memory_mb():
    with open("/proc/%d/status" % PID) as f:
        fields = dict(line.split(":", 1) for line in f)
    return int(fields["VmRSS"].split()[0]) / 1024, int(fields["VmHWM"].split()[0]) / 1024


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(q * len(values)))] * 1000 if values else 0


def main():
    until = time.monotonic() + SECONDS
    stations = [Station(n, until) for n in range(STATIONS)]
    for s in stations:
        s.start()
    for s in stations:
        s.join()
    for kind in ("catalogue", "metadata", "frame"):
        times = [t for s in stations for t in s.latencies[kind]]
        print("%-10s %7d answers, p50 %.1f ms, p99 %.1f ms" % (kind, len(times), quantile(times, .5),
                                                               quantile(times, .99)))
    failures = [f for s in stations for f in s.failures]
    print("\n".join(failures[:10]))
    print("server memory %.0f MB, at most %.0f MB" % memory_mb())
    failed = len({f.split(":")[0] for f in failures})
    print("%d passed, %d failed" % (STATIONS - failed, failed))
    return 1 if failures or not any(s.frames for s in stations) else 0


sys.exit(main())
