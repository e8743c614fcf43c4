#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""C-STORE of 2,000 CT of 530 kB (1 GB) over one and over four associations to storescp, Orthanc, dcmqrscp and MacLab in turn, an
empty server each time, the same sender (dimse_peer) for all; `maclab store` to MacLab; and what the disk does with as many
synced files in the same round. MacLab and Orthanc (SyncStorageArea) answer when the image is on disk; storescp and dcmqrscp
never sync. TCP_NODELAY=1 for who leaves Nagle's algorithm on; PDUs of 131072 everywhere, and storescp also with the 16384 that it
takes unasked, with which the bars were measured.
Usage: dimse_store.py BUILD [FILES [ROUNDS]]        BENCH_WORK: where the corpus lies"""
import collections
import os
import shutil
import sys
import tempfile

import dimse_lib as bench

BUILD = sys.argv[1]
FILES, ROUNDS = (int(sys.argv[n]) if len(sys.argv) > n else usual for n, usual in ((2, 2000), (3, 2)))
WORK = bench.setup(BUILD)

import lib_peers as peers  # noqa: E402  (after the paths are set)


class Figures:
    def __init__(self):
        self.rate, self.cpu, self.memory, self.faults = [], [], [], []


def servers():
    """Name, how it starts, associations that it is asked for."""
    yield "storescp +B (no sync)", lambda: peers.Storescp("+B", "--fork"), (1, 4)
    yield "storescp +B -pdu 131072 (no sync)", lambda: peers.Storescp("+B", "--fork", "-pdu", "131072"), (1, 4)
    yield "Orthanc", lambda: peers.Orthanc(), (1, 4)
    yield "dcmqrscp (no sync)", lambda: peers.Dcmqrscp(), (1,)
    yield "MacLab", lambda: peers.Node(), (1, 4)


def one(name, start, associations, listed, figures):
    os.sync()
    with start() as server:
        before = peers.cpu_seconds(server.pid)
        try:
            run = bench.client(BUILD, "send", server.port, server.aet, associations, listed)
        except RuntimeError as fault:
            figures.faults.append(str(fault))
            return
        if run.failures:
            figures.faults.append("%d of %d failed" % (run.failures, run.failures + run.images))
            return
        if name == "MacLab":
            server.counts(run.images)
        figures.rate.append(run.rate)
        figures.cpu.append((peers.cpu_seconds(server.pid) - before) / run.images * 1e3)
        figures.memory.append(max(peers.memory_mb(server.pid, peak=True)[0], peers.memory_mb(server.pid)[1]))


def own_sender(folder, associations, rates):
    os.sync()
    with peers.Node() as node:
        run = bench.Timed(peers.MACLAB, "store", "-q", "--calling", "TESTER", "-P", associations,
                          "%s@127.0.0.1:%d" % (node.aet, node.port), folder)
        if run.status != 0:
            print("maclab store: status %d: %s" % (run.status, run.output[-300:]))
            return
        node.counts(FILES)
        rates.append(FILES / run.wall)


def disk(rates):
    os.sync()
    folder = tempfile.mkdtemp(dir=WORK)
    try:
        rates.append(bench.client(BUILD, "disk", folder, min(FILES, 1000), 530618).rate)
    finally:
        shutil.rmtree(folder)


def main():
    paths = bench.corpus(WORK, FILES)
    listed = WORK / "list"
    listed.write_text("".join("%s\n" % p for p in paths))
    table = collections.defaultdict(Figures)
    synced, own = [], {1: [], 4: []}
    for _ in range(ROUNDS):
        disk(synced)
        for associations in (1, 4):
            for name, start, counts in servers():
                if associations in counts:
                    one(name, start, associations, listed, table[name, associations])
            own_sender(WORK / "ct", associations, own[associations])
    print("# C-STORE of %d CT, %d rounds, images/s: median (least-most); processor ms an image; memory at most" % (FILES, ROUNDS))
    for (name, associations), f in table.items():
        print("%-34s %d assoc.  %-18s %s" % (name, associations, bench.spread(f.rate), "; ".join(f.faults) or
                                             "%.2f ms  %.0f MB" % (bench.median(f.cpu), max(f.memory))))
    for associations, rates in own.items():
        print("%-34s %d assoc.  %s" % ("MacLab from `maclab store`", associations, bench.spread(rates)))
    print("%-34s           %s" % ("the disk, a file synced at a time", bench.spread(synced)))
    for associations, asked in ((1, 3), (4, 2.5)):
        ours = table["MacLab", associations].rate
        bench.bar("MacLab / Orthanc, %d association(s)" % associations, ours, table["Orthanc", associations].rate, asked)
        bench.bar("MacLab / storescp, %d association(s)" % associations, ours,
                  table["storescp +B (no sync)", associations].rate, 1)
    bench.bar("MacLab from `maclab store` / the disk's synced files", max(own.values(), key=bench.median), synced, 0.7)


main()
