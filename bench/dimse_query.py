#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""C-FIND of studies with the keys that OsiriX sends, one filled, by one small client (dimse_peer): a generated catalogue of many
studies behind MacLab, then the same small files in MacLab and Orthanc. And what a view costs: C-GET and C-FIND of a peer whose
name, ID and description of each study are replaced, against one who sees the archive as it is.
Usage: dimse_query.py BUILD [STUDIES [BOTH [ROUNDS]]]        BENCH_WORK: where catalogues and corpus lie"""
import collections
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import urllib.request

import dimse_lib as bench

BUILD = sys.argv[1]
STUDIES, BOTH, ROUNDS = (int(sys.argv[n]) if len(sys.argv) > n else usual for n, usual in ((2, 100000), (3, 10000), (4, 5)))
WORK = bench.setup(BUILD)

import lib_peers as peers  # noqa: E402  (after the paths are set)

ASKED_P99_MS, ASKED_RATIO = 5, 30


class Found:
    """What `dimse_peer find` printed."""

    def __init__(self, line):
        matches, failures, self.bytes, wall, _, median, p99 = line.split()
        self.matches, self.failures, self.wall = int(matches), int(failures), float(wall)
        self.median, self.p99 = float(median), float(p99)


def find(server, listed):
    program = pathlib.Path(BUILD).resolve() / "bench" / "dimse_peer"
    run = subprocess.run([str(program), "find", str(server.port), server.aet, str(listed)], capture_output=True, text=True,
                         timeout=600)
    if run.returncode != 0:
        raise RuntimeError(run.stderr.strip())
    return Found(run.stdout)


def lists(studies, count, few):
    """{what: file of queries}: exact keys `count` times, others `few` times. The same on every run."""
    rng = random.Random(5)
    kinds = {
        "AccessionNumber exact": ["00080050 A%08d" % rng.randrange(studies) for _ in range(count)],
        "PatientID exact": ["00100020 C%07d" % rng.randrange(60000) for _ in range(count)],
        "StudyInstanceUID exact": ["0020000D 2.25.1%010d" % rng.randrange(studies) for _ in range(count)],
        "one month": ["00080020 %d%02d01-%d%02d31" % (y, m, y, m) for y, m in
                      ((rng.randint(2010, 2025), rng.randint(1, 12)) for _ in range(few))],
        "name with a wildcard": ["00100010 %s*" % rng.choice(("Abbott", "Baker", "Castro")) for _ in range(few)],
    }
    made = {}
    for what, lines in kinds.items():
        path = WORK / ("find-%d-%d-%s" % (studies, count, what.split()[0]))
        path.write_text("\n".join(lines) + "\n")
        made[what] = path
    return made


def made_once(name, stamp, make):
    """A folder that is made anew when its stamp is not that."""
    folder, mark = WORK / name, WORK / (name + ".made")
    if not mark.exists() or mark.read_text() != stamp:
        shutil.rmtree(folder, ignore_errors=True)
        make(folder)
        mark.write_text(stamp)
    return folder


def alone():
    program = str(pathlib.Path(BUILD).resolve() / "bench" / "bench_catalogue")
    large = made_once("large", str(STUDIES), lambda at: subprocess.run([program, "make", str(at), str(STUDIES)], check=True))
    print("# %d studies in MacLab, one association" % STUDIES)
    with peers.Node(data=str(large)) as node:
        for what, listed in lists(STUDIES, 5000, 10).items():
            found = find(node, listed)
            exact = "exact" in what
            print("%-24s median %8.3f ms  p99 %8.3f ms  %8.0f matches/s%s" % (
                what, found.median, found.p99, found.matches / found.wall,
                "  (p99 asked: below %d ms)%s" % (ASKED_P99_MS, "" if found.p99 < ASKED_P99_MS else "  BELOW") if exact else ""))


def both():
    def files(at):
        subprocess.run([sys.executable, str(bench.HERE / "peers" / "make_small.py"), str(at), str(BOTH), str(WORK / "lists")],
                       check=True)
    small = made_once("small", str(BOTH), files)
    data = made_once("small-data", str(BOTH), lambda at: subprocess.run(
        [peers.MACLAB, "import", "-q", "--data", str(at), str(small)], check=True, stdout=subprocess.DEVNULL))
    with peers.Orthanc() as orthanc, peers.Node(data=str(data)) as node:
        for path in sorted(p for p in small.rglob("*") if p.is_file()):
            with urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:%d/instances" % orthanc.http_port,
                                                               data=path.read_bytes(), method="POST")) as answer:
                answer.read()
        print("# %d studies in both, one association: queries/s, median and p99 in ms" % BOTH)
        kinds = lists(BOTH, 100, 2)
        for what, listed in kinds.items():
            rates, lines = collections.defaultdict(list), {}
            for _ in range(ROUNDS):
                for server in (orthanc, node):
                    found = find(server, listed)
                    count = len(listed.read_text().splitlines())
                    rates[server].append(count / found.wall)
                    lines[server] = found
            if lines[orthanc].matches != lines[node].matches:
                print("%s: Orthanc has %d matches, MacLab %d" % (what, lines[orthanc].matches, lines[node].matches))
            for name, server in (("Orthanc", orthanc), ("MacLab", node)):
                print("%-24s %-8s %-24s %8.3f %8.3f" % (what, name, bench.spread(rates[server]), lines[server].median,
                                                        lines[server].p99))
            bench.bar("%s: MacLab / Orthanc" % what, rates[node], rates[orthanc], ASKED_RATIO)


def put_view(data, studies):
    """Every study of the corpus with an alias, bound to the AE title of dimse_peer."""
    catalogue = sqlite3.connect(pathlib.Path(data) / "catalogue.db", timeout=30)
    with catalogue:
        view = catalogue.execute("INSERT INTO view (name, whole) VALUES ('bench', 0)").lastrowid
        for n, study in enumerate(studies):
            catalogue.execute("INSERT INTO view_study VALUES (?, ?)", (view, study))
            for tag, value in ((0x00100010, "Exam^Case %d" % n), (0x00100020, "E%04d" % n), (0x00081030, "Examination"),
                               (0x00324000, "read it"), (0x00080090, "")):
                catalogue.execute("INSERT INTO view_attribute VALUES (?, ?, ?, ?)", (view, study, tag, value))
        catalogue.execute("INSERT INTO view_peer VALUES ('TESTER', ?)", (view,))
    return catalogue


def views():
    paths = bench.corpus(WORK, 2000)[:300]
    uids = sorted({peers.study_of(peers.meta(p)[3], peers.meta(p)[2])[0] for p in paths[::100]})
    listed = WORK / "find-views"
    listed.write_text("00080061 CT\n" * 200)
    with peers.Node() as node:
        node.import_files(*paths)
        rates = collections.defaultdict(list)
        catalogue = None
        bench.client(BUILD, "get", node.port, node.aet, 1, *uids)  # warm
        for turn in range(2 * ROUNDS):
            if turn % 2 == 1:
                catalogue = put_view(node.data, uids)
            what = "view" if turn % 2 else "plain"
            run = bench.client(BUILD, "get", node.port, node.aet, 1, *uids)
            if run.images != len(paths) or run.failures:
                print("C-GET: %d of %d images" % (run.images, len(paths)))
            rates["get", what].append(run.rate)
            rates["find", what].append(200 / find(node, listed).wall)
            if turn % 2 == 1:
                with catalogue:
                    for table in ("view_peer", "view_attribute", "view_study", "view"):
                        catalogue.execute("DELETE FROM " + table)
                catalogue.close()
        print("# a view of %d studies with 5 attributes replaced in each, %d rounds" % (len(uids), ROUNDS))
        for kind, unit in (("get", "images/s by C-GET"), ("find", "C-FIND/s")):
            print("%-20s as stored %-24s through the view %-24s ratio %.2f" % (
                unit, bench.spread(rates[kind, "plain"]), bench.spread(rates[kind, "view"]),
                bench.median(rates[kind, "view"]) / bench.median(rates[kind, "plain"])))


def main():
    alone()
    if shutil.which("Orthanc"):
        both()
    else:
        print("Orthanc is not here")
    views()


main()
