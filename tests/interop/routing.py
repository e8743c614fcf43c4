#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Prefetches: stations that are down and come up, refuse, have no room, are slow; a server that is killed in the middle; what a
station has already; TLS with a pinned certificate; orders for an hour, by the command line, called off and asked again.
Receivers: DCMTK's storescp, Orthanc, and a sink of our own whose answers the test chooses. Ends with "N passed, …"."""
import collections
import datetime
import json
import os
import ssl
import threading
import time
import urllib.error
import urllib.request

import lib_dimse as dimse
import lib_images as images
import lib_peers as peers

peers.need("storescp", "storescu")
UID = images.ROOT_UID
MANY = 60
SLOW_SECONDS = 0.03


class Station:
    """A sink that counts who came how often, and how many at once."""

    def __init__(self, aet, port=0, tls=None, slow=0.0, status=lambda uid: 0):
        self.status, self.slow = status, slow
        self.came = collections.Counter()  # SOP Instance UID: C-STORE requests
        self.order = []
        self.busy = self.most = 0
        self.lock = threading.Lock()
        self.sink = dimse.Sink(aet, port=port, tls=tls, answer=self._answer, keep=False)
        self.aet, self.port = aet, self.sink.port

    def _answer(self, command):
        if command.field != dimse.STORE_RQ:
            return 0
        uid = command.text(0x1000)
        with self.lock:
            self.came[uid] += 1
            self.order.append(uid)
            self.busy += 1
            self.most = max(self.most, self.busy)
        time.sleep(self.slow)
        with self.lock:
            self.busy -= 1
        return self.status(uid)


def send(node, method, path, body=None):
    """(status, JSON)."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(node.http + path, data=data, method=method,
                                     headers={} if body is None else {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read())


def order(node, items, *stations, **more):
    status, body = send(node, "POST", "/api/routes", {"items": list(items), "stations": list(stations), **more})
    assert status == 201, (status, body)
    return body["id"]


def tasks(node, number):
    return node.api("/api/routes/%d" % number)["tasks"]


def reaches(node, number, *states, seconds=40):
    """Waits until every task of the order is in one of the states; the tasks."""
    assert peers.until(lambda: all(t["state"] in states for t in tasks(node, number)), seconds), tasks(node, number)
    return tasks(node, number)


def sums(task):
    return task["total"], task["sent"], task["present"], task["failed"]


def study_uids(number, series=1, instances=MANY):
    return {"%s%d.%d.%d" % (UID, number, s, i) for s in range(1, series + 1) for i in range(1, instances + 1)}


def peer(node, aet, port, *options):
    peers.tool(peers.MACLAB, "peer", "add", "--data", node.data, *options, aet, "127.0.0.1:%d" % port)


def down_then_up(tally, node):
    port = peers.free_port()
    peer(node, "LATE", port)
    number = order(node, [UID + "1"], "LATE")
    with tally("a station that is down: it waits, and says why"):
        assert peers.until(lambda: tasks(node, number)[0]["attempts"] >= 1)
        task = tasks(node, number)[0]
        assert task["state"] == "waiting" and "refused" in task["message"], task
        wait = datetime.datetime.fromisoformat(task["next_at"].replace("Z", "+00:00")).timestamp() - time.time()
        assert 0 < wait < 7, "next attempt in %.1f s" % wait
    with peers.Storescp("+xa", aet="LATE", port=port) as scp:
        with tally("it comes up: everything arrives by itself, as it is stored"):
            task, = reaches(node, number, "done")
            assert sums(task) == (6, 6, 0, 0) and task["message"] == "", task
            got = {m[1]: m[3] for m in map(peers.meta, scp.files())}
            assert got == node.sent[1], "%d of %d the same" % (sum(got[u] == node.sent[1].get(u) for u in got), len(got))
        with tally("only a series"):
            scp.forget()
            task, = reaches(node, order(node, [UID + "1/" + UID + "1.2"], "LATE"), "done")
            assert sums(task) == (3, 3, 0, 0) and len(scp.files()) == 3


def refusals(tally, node):
    bad = {UID + "3.1.2", UID + "3.1.3"}
    station = Station("PICKY", status=lambda uid: 0xA900 if uid in bad else 0)
    peer(node, "PICKY", station.port)
    with tally("instances that are refused for good: the others arrive, the order says so"):
        number = order(node, [UID + "3"], "PICKY")
        task, = reaches(node, number, "failed")
        assert sums(task) == (MANY, MANY - 2, 0, 2), sums(task)
        assert "2 of %d" % MANY in task["message"] and "A900" in task["message"].upper(), task["message"]
        assert set(station.came) == study_uids(3) and set(station.came.values()) == {1}
    with tally("asked again: only those that were refused are sent again"):
        bad.clear()
        station.came.clear()
        assert send(node, "POST", "/api/routes/%d/again" % number)[0] == 200
        task, = reaches(node, number, "done")
        assert sums(task) == (MANY, MANY, 0, 0), sums(task)
        assert set(station.came) == {UID + "3.1.2", UID + "3.1.3"}, station.came
    with tally("a warning is a success"):
        warned = Station("WARNER", status=lambda uid: 0xB007)
        peer(node, "WARNER", warned.port)
        task, = reaches(node, order(node, [UID + "1"], "WARNER"), "done")
        assert sums(task) == (6, 6, 0, 0)
    with tally("no room: it comes again, and nothing that was taken is sent twice"):
        full = Station("FULL", status=lambda uid: 0xA700 if len(full.came) > 20 and full.came.total() < 24 else 0)
        peer(node, "FULL", full.port)
        task, = reaches(node, order(node, [UID + "3"], "FULL"), "done")
        assert sums(task) == (MANY, MANY, 0, 0)
        twice = [u for u, n in full.came.items() if n > 1]
        assert full.came.total() > MANY and len(twice) <= 4, "sent twice: %d" % len(twice)
    with tally("a station that takes no such class: refused in words, not tried for ever"):
        deaf = dimse.Sink("DEAF", syntaxes=())
        peer(node, "DEAF", deaf.port)
        task, = reaches(node, order(node, [UID + "1"], "DEAF"), "failed")
        assert sums(task) == (6, 0, 0, 6) and "SOP class" in task["message"], task
    with tally("a station that breaks off in the middle: it goes on where it was"):
        def breaks(uid):
            if moody.came.total() == 25:
                raise OSError("gone")
            return 0
        moody = Station("MOODY", status=breaks)
        peer(node, "MOODY", moody.port)
        task, = reaches(node, order(node, [UID + "3"], "MOODY"), "done")
        assert sums(task) == (MANY, MANY, 0, 0)
        assert set(moody.came) == study_uids(3) and moody.came.total() == MANY + 1, moody.came.total()


def killed(tally, node):
    station = Station("STEADY", slow=SLOW_SECONDS)
    peer(node, "STEADY", station.port)
    with tally("kill -9 in the middle: after the next start it goes on, and what was taken is not sent again"):
        number = order(node, [UID + "3"], "STEADY")
        later = order(node, [UID + "1"], "STEADY", not_before="2100-01-01T07:00:00Z")
        assert peers.until(lambda: station.came.total() >= 20)
        node.process.kill()
        node.process.wait()
        before = station.came.total()
        assert before < MANY, "too late to kill it"
        node.start()
        task, = reaches(node, number, "done")
        assert sums(task) == (MANY, MANY, 0, 0), sums(task)
        assert set(station.came) == study_uids(3)
        # One was on its way when the server died: it may have been answered to a dead man.
        assert station.came.total() <= MANY + 1, "%d requests for %d images" % (station.came.total(), MANY)
        assert tasks(node, later)[0]["state"] == "waiting"
        assert send(node, "DELETE", "/api/routes/%d" % later)[0] == 200
    with tally("a stop in good order is waited for by nobody, and loses nothing"):
        station.came.clear()
        number = order(node, [UID + "3"], "STEADY")
        assert peers.until(lambda: station.came.total() >= 10)
        began = time.monotonic()
        assert peers.end(node.process) == 0
        assert time.monotonic() - began < 8, "stopped after %.1f s" % (time.monotonic() - began)
        node.start()
        reaches(node, number, "done")
        assert set(station.came) == study_uids(3) and station.came.total() <= MANY + 1, station.came.total()


def turns(tally, node):
    station = Station("SLOW", slow=SLOW_SECONDS)
    peer(node, "SLOW", station.port)
    with tally("one association at a time to a station; what is urgent comes first"):
        first = order(node, [UID + "3"], "SLOW")
        low = order(node, [UID + "1"], "SLOW", priority="low")
        urgent = order(node, [UID + "2"], "SLOW", priority="urgent")
        for number in (first, low, urgent):
            reaches(node, number, "done")
        assert station.most == 1, "%d at once" % station.most
        studies = [u.removeprefix(UID).split(".")[0] for u in station.order]
        assert studies.index("2") < studies.index("1"), "the low one came first"
    with tally("called off in the middle: it ends soon; asked again, the rest follows"):
        station.came.clear()
        number = order(node, [UID + "3"], "SLOW")
        assert peers.until(lambda: station.came.total() >= 10)
        assert send(node, "DELETE", "/api/routes/%d" % number)[0] == 200
        time.sleep(1)
        came = station.came.total()
        assert came < MANY and tasks(node, number)[0]["state"] == "cancelled"
        time.sleep(0.5)
        assert station.came.total() == came, "it goes on"
        assert send(node, "POST", "/api/routes/%d/again" % number)[0] == 200
        reaches(node, number, "done")
        assert set(station.came) == study_uids(3) and set(station.came.values()) == {1}
    with tally("for an hour to come: not before"):
        station.came.clear()
        at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3)
        number = order(node, [UID + "1"], "SLOW", not_before=at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
        time.sleep(1.5)
        assert station.came.total() == 0 and tasks(node, number)[0]["state"] == "waiting"
        reaches(node, number, "done", seconds=15)
        assert datetime.datetime.now(datetime.timezone.utc) >= at
    with tally("two studies to two stations are four tasks, each to its end"):
        other = Station("OTHER")
        peer(node, "OTHER", other.port)
        station.came.clear()
        number = order(node, [UID + "1", UID + "2"], "SLOW", "OTHER")
        assert len(reaches(node, number, "done")) == 4
        assert set(station.came) == set(other.came) == set(node.sent[1]) | set(node.sent[2])
    with tally("by the command line, beside the server"):
        station.came.clear()
        told = peers.tool(peers.MACLAB, "route", "add", "--json", "--data", node.data, "SLOW", UID + "1")
        number = json.loads(told)["id"]
        reaches(node, number, "done")
        assert set(station.came) == set(node.sent[1])
        shown = json.loads(peers.tool(peers.MACLAB, "route", "list", "--json", "--data", node.data, str(number)))
        assert shown["tasks"][0]["state"] == "done" and shown["tasks"][0]["sent"] == 6, shown


def refused_orders(tally, node):
    peer(node, "CALLER", peers.free_port(), "--may", "query,retrieve")
    good = {"items": [UID + "1"], "stations": ["SLOW"]}
    for name, body, expected in [("a station that is no peer", {**good, "stations": ["NOBODY"]}, 404),
                                 ("a peer that may not be sent studies", {**good, "stations": ["CALLER"]}, 403),
                                 ("a study that is not there", {**good, "items": ["1.2.3.4"]}, 404),
                                 ("what is no UID", {**good, "items": ["CT"]}, 400),
                                 ("no study", {**good, "items": []}, 400),
                                 ("an hour that is none", {**good, "not_before": "soon"}, 400),
                                 ("a priority that is none", {**good, "priority": "high"}, 400),
                                 ("a member that is none", {**good, "when": "now"}, 400),
                                 ("a member short", {"items": [UID + "1"]}, 400)]:
        with tally("refused: " + name):
            before = len(node.api("/api/routes?limit=500")["orders"])
            status, answer = send(node, "POST", "/api/routes", body)
            assert status == expected and answer["error"]["message"], (status, answer)
            assert len(node.api("/api/routes?limit=500")["orders"]) == before
    with tally("a peer that is removed while something waits for it: it fails at once, in words"):
        peer(node, "GOING", peers.free_port())
        number = order(node, [UID + "1"], "GOING")
        assert peers.until(lambda: tasks(node, number)[0]["attempts"] >= 1)
        assert send(node, "DELETE", "/api/peers/GOING")[0] == 204
        task, = reaches(node, number, "failed")
        assert "no longer" in task["message"], task


def audited(tally, node):
    with tally("each order and each sending has its line, with the study and who gets it"):
        lines = [json.loads(line) for line in
                 peers.tool(peers.MACLAB, "audit", "show", "--json", "--data", node.data).splitlines()]
        sendings = [x for x in lines if x.get("action") == "image.send"]
        assert {x["who"] for x in sendings} >= {"LATE", "PICKY", "STEADY", "SLOW", "OTHER"}, sendings[:2]
        assert all(x["clause"] == "U1" and x["what"].startswith(UID) for x in sendings)
        orders = [x for x in lines if x.get("action") == "route.order" and x["what"].startswith(UID)]
        assert any(x["where"] == "http route to SLOW OTHER" for x in orders), [x["where"] for x in orders][:5]
        peers.tool(peers.MACLAB, "audit", "verify", "--data", node.data)


def orthanc(tally, node):
    if not (peers.shutil.which("Orthanc") or os.path.exists("/usr/sbin/Orthanc")):
        tally.skip("Orthanc as a station", "Orthanc is not installed")
        return
    with peers.Orthanc({"maclab": (node.aet, node.port)}) as station:
        peer(node, station.aet, station.port)
        half = [f for f in node.files[1] if os.path.basename(f).startswith("1-1-")]
        peers.tool("storescu", "-aet", "TESTER", "-aec", station.aet, "127.0.0.1", station.port, *half)
        with tally("Orthanc: what it has already is passed over"):
            task, = reaches(node, order(node, [UID + "1"], station.aet), "done")
            assert sums(task) == (6, 3, 3, 0), sums(task)
            assert station.ask("GET", "/statistics")["CountInstances"] == 6
        with tally("Orthanc: a second time nothing is sent"):
            task, = reaches(node, order(node, [UID + "1"], station.aet), "done")
            assert sums(task) == (6, 0, 6, 0), sums(task)
        with tally("Orthanc: a C-ECHO from here, with times"):
            status, check = send(node, "POST", "/api/peers/%s/echo" % station.aet)
            assert status == 200 and check["ok"] and check["echo_us"] > 0, check
    with tally("Orthanc is off: the check says so"):
        status, check = send(node, "POST", "/api/peers/%s/echo" % station.aet)
        assert status == 200 and not check["ok"] and "refused" in check["message"], check


def secure(tally):
    with peers.Node(tls=True) as node:
        node.import_files(*images.study(os.path.join(node.folder, "files"), 1, series=2))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(node.at("peer.pem"), node.at("peer.key"))
        context.load_verify_locations(node.at("authority.pem"))
        context.verify_mode = ssl.CERT_REQUIRED
        station = Station("SECURE", tls=context)
        peer(node, "SECURE", station.port, "--certificate", node.at("peer.pem"))
        with tally("by TLS to the certificate that is pinned"):
            task, = reaches(node, order(node, [UID + "1"], "SECURE"), "done")
            assert sums(task) == (6, 6, 0, 0) and len(station.came) == 6
        with tally("another certificate than the pinned one: nothing is sent"):
            station.came.clear()
            peer(node, "SECURE", station.port, "--certificate", node.at("other.pem"))
            number = order(node, [UID + "1"], "SECURE")
            assert peers.until(lambda: tasks(node, number)[0]["attempts"] >= 1)
            assert "certificate" in tasks(node, number)[0]["message"] and not station.came, tasks(node, number)


def main():
    tally = peers.Tally()
    with peers.Node() as node:
        node.files = {n: images.study(os.path.join(node.folder, "files"), n, series=2) for n in (1, 2)}
        node.files[3] = images.study(os.path.join(node.folder, "files"), 3, instances=MANY)
        node.sent = {n: {m[1]: m[3] for m in map(peers.meta, files)} for n, files in node.files.items()}
        node.import_files(*(f for files in node.files.values() for f in files))
        down_then_up(tally, node)
        refusals(tally, node)
        killed(tally, node)
        turns(tally, node)
        refused_orders(tally, node)
        orthanc(tally, node)
        audited(tally, node)
    secure(tally)
    tally.close()


main()
