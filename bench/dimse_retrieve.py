#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Retrieval of studies of 100 CT of 530 kB from Orthanc, dcmqrscp and MacLab in turn: C-GET by getscu and by a client that throws
away what it gets (dimse_peer), C-MOVE to a receiver that does so, `maclab get` (which syncs what it writes, and with --no-sync) and `maclab move`. Then forty associations at once
and what memory they take. Everything is in the page cache; TCP_NODELAY=1 for who leaves Nagle's algorithm on.
Usage: dimse_retrieve.py BUILD [STUDIES [ROUNDS]]        BENCH_WORK: where the corpus lies"""
import collections
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading

import dimse_lib as bench

BUILD = sys.argv[1]
STUDIES, ROUNDS = (int(sys.argv[n]) if len(sys.argv) > n else usual for n, usual in ((2, 3), (3, 5)))
WORK = bench.setup(BUILD)

import lib_peers as peers  # noqa: E402  (after the paths are set)

SINK, OWN = "SINK", "OWNTOOL"
own_port = peers.free_port()
STATIONS = 40


def study_of(path):
    about = peers.meta(path)
    return peers.study_of(about[3], about[2])[0]


def name_of(server):
    return "%s@127.0.0.1:%d" % (server.aet, server.port)


class Inbox:
    """An empty folder for what a client writes."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(dir=WORK)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def count(self):
        return sum(1 for p in pathlib.Path(self.path).rglob("*") if p.is_file())


def by_getscu(server, study):
    with Inbox() as inbox:
        run = bench.Timed("getscu", "+B", "-S", "-pdu", "131072", "-aet", "TESTER", "-aec", server.aet, "-od", inbox.path, "-k",
                          "0008,0052=STUDY", "-k", "0020,000D=" + study, "127.0.0.1", server.port,
                          environment=peers.ENVIRONMENT)
        return inbox.count(), run.wall


def by_client(server, study):
    run = bench.client(BUILD, "get", server.port, server.aet, 1, study)
    return run.images, run.wall


def by_move(server, study):
    run = bench.client(BUILD, "move", server.port, server.aet, SINK, study)
    return 100 if run.failures == 0 else 0, run.wall


def by_maclab_get(server, study, *options):
    with Inbox() as inbox:
        run = bench.Timed(peers.MACLAB, "get", *options, "--calling", "TESTER", "-o", inbox.path, name_of(server), study)
        return (inbox.count() if run.status == 0 else 0), run.wall


def by_unsynced_get(server, study):
    return by_maclab_get(server, study, "--no-sync")


def by_maclab_move(server, study):
    with Inbox() as inbox:
        run = bench.Timed(peers.MACLAB, "move", "--calling", OWN, "--receive", inbox.path, "--port", own_port, name_of(server),
                          study)
        return (inbox.count() if run.status == 0 else 0), run.wall


CLIENTS = [("C-GET by getscu", by_getscu), ("C-GET by dimse_peer", by_client), ("C-MOVE to dimse_peer", by_move),
           ("C-GET by `maclab get`", by_maclab_get), ("the same with --no-sync", by_unsynced_get),
           ("C-MOVE by `maclab move`", by_maclab_move)]


def measure(servers, studies):
    """{(client, server): [images/s]}, processor ms an image of the server."""
    rates, cpu = collections.defaultdict(list), collections.defaultdict(list)
    for turn in range(ROUNDS):
        for what, run in CLIENTS:
            for name, server in servers.items():
                before = peers.cpu_seconds(server.pid)
                try:
                    count, wall = run(server, studies[turn % len(studies)])
                except RuntimeError as fault:
                    print("%s from %s: %s" % (what, name, fault))
                    continue
                if count != 100:
                    print("%s from %s: %d of 100 images" % (what, name, count))
                    continue
                rates[what, name].append(count / wall)
                cpu[what, name].append((peers.cpu_seconds(server.pid) - before) / count * 1e3)
    return rates, cpu


class Watch(threading.Thread):
    """The most that a server and its children had resident while it ran."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.most, self.over = pid, 0, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.05):
            self.most = max(self.most, peers.memory_mb(self.pid)[1])

    def stop(self):
        self.over.set()
        self.join()
        return self.most


def crowd(servers, studies):
    print("# %d associations at once, a study each" % STATIONS)
    for name, server in servers.items():
        if name == "dcmqrscp":
            continue
        watch = Watch(server.pid)
        try:
            run = bench.client(BUILD, "get", server.port, server.aet, STATIONS, studies[0])
            told = "%d images, %d failures, %.0f images/s" % (run.images, run.failures, run.rate)
        except RuntimeError as fault:
            told = str(fault)
        print("%-10s %s, at most %.0f MB with its workers%s" % (name, told, watch.stop(),
                                                               " (asked: below 300)" if name == "MacLab" else ""))


def main():
    paths = bench.corpus(WORK, max(2000, STUDIES * 100))[:STUDIES * 100]
    studies = sorted({study_of(p) for p in paths[::100]})
    port = peers.free_port()
    sink = subprocess.Popen([str(pathlib.Path(BUILD).resolve() / "bench" / "dimse_peer"), "sink", str(port)])
    listed = WORK / "list-retrieve"
    listed.write_text("".join("%s\n" % p for p in paths))
    try:
        with peers.Orthanc({"sink": (SINK, port), "own": (OWN, own_port)}) as orthanc, peers.Dcmqrscp({SINK: port, OWN: own_port}) as qrscp, \
                peers.Node({SINK: port, OWN: own_port}) as node:
            servers = {"Orthanc": orthanc, "dcmqrscp": qrscp, "MacLab": node}
            for server in servers.values():
                bench.client(BUILD, "send", server.port, server.aet, 1, listed)
            node.counts(len(paths))
            rates, cpu = measure(servers, studies)
            print("# 100 CT, %d rounds, images/s: median (least-most); processor ms an image" % ROUNDS)
            for (what, name), values in rates.items():
                print("%-26s %-10s %-20s %.2f ms" % (what, name, bench.spread(values), bench.median(cpu[what, name])))
            for what, _ in CLIENTS[:3]:
                for peer in ("Orthanc", "dcmqrscp"):
                    bench.bar("%s: MacLab / %s" % (what, peer), rates[what, "MacLab"], rates[what, peer], 1.5)
            # getscu does not wait for the disk.
            for what in ("C-GET by `maclab get`", "the same with --no-sync"):
                bench.bar("%s from MacLab / getscu from Orthanc" % what, rates[what, "MacLab"],
                          rates["C-GET by getscu", "Orthanc"], 3)
            crowd(servers, studies)
    finally:
        sink.terminate()
        sink.wait()


main()
