# SPDX-License-Identifier: Apache-2.0
"""Starts and ends MacLab's DICOM node and other people's software on free loopback ports, for the interop steps and the
benchmarks, and counts checks. Debian's DCMTK and Orthanc leave Nagle's algorithm on unless TCP_NODELAY=1 is in their
environment; without it each image waits 40 ms for a delayed acknowledgement, and nothing could be compared."""
import contextlib
import io
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
import traceback
import urllib.request
import zlib

import lib_dimse as dimse

try:
    import pydicom
except ImportError:
    print("skipped: pydicom is not installed (Debian's python3-pydicom)\n0 passed, 0 failed, 1 skipped")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLES = pathlib.Path(os.environ.get("MACLAB_SAMPLES", ROOT.parent / "shared" / "dicom-samples"))
MACLAB = os.environ.get("MACLAB", str(ROOT / "build" / "maclab"))
AET = "MACLAB"
FAULTS_SHOWN = 40
START_SECONDS = 30
ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}


class Tally:
    """Counts what holds; a `with tally("name"):` block that raises is one failure, told with its place."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.slow = []

    @contextlib.contextmanager
    def __call__(self, name):
        began = time.monotonic()
        try:
            yield
            self.passed += 1
        except Exception as fault:
            self.failed += 1
            if self.failed > FAULTS_SHOWN:
                return
            place = traceback.extract_tb(fault.__traceback__)[-1]
            print("FAILED %s: %s: %s (%s:%d)" % (name, type(fault).__name__, fault, os.path.basename(place.filename),
                                                 place.lineno), flush=True)
        if time.monotonic() - began > 5:
            self.slow.append("%s %.1f s" % (name, time.monotonic() - began))

    def skip(self, name, why):
        self.skipped += 1
        print("%s skipped: %s" % (name, why), flush=True)

    def close(self):
        """Ends the program as a step of tests/run.py ends."""
        if self.slow:
            print("took long: " + ", ".join(self.slow))
        print("%d passed, %d failed, %d skipped" % (self.passed, self.failed, self.skipped))
        sys.exit(1 if self.failed else 77 if self.passed == 0 else 0)


def need(*programs, samples=False):
    """Ends the step as skipped when a program or the sample files are not there."""
    for program in programs:
        if shutil.which(program) is None:
            print("skipped: %s is not installed\n0 passed, 0 failed, 1 skipped" % program)
            sys.exit(77)
    if samples and not SAMPLES.is_dir():
        print("skipped: no sample files at %s\n0 passed, 0 failed, 1 skipped" % SAMPLES)
        sys.exit(77)


_used = set()


def free_port():
    while True:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        if port not in _used:
            _used.add(port)
            return port


def tool(*words, timeout=60, status=0):
    """Runs a program; its whole output. `status` None: any."""
    run = subprocess.run([str(w) for w in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         errors="replace", timeout=timeout, env=ENVIRONMENT)
    if status is not None and run.returncode != status:
        raise AssertionError("%s: status %d, expected %d\n%s" % (" ".join(map(str, words[:12])), run.returncode, status,
                                                                run.stdout[-1500:]))
    return run.stdout


def until(true, seconds=15):
    """Whether true() became true."""
    stop = time.monotonic() + seconds
    while not true():
        if time.monotonic() > stop:
            return False
        time.sleep(0.05)
    return True


def end(process, seconds=20):
    """Terminates a process that we started; its exit status."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return -9


def tree(pid):
    """The process and its living descendants."""
    found = [pid]
    with contextlib.suppress(OSError):
        for task in os.listdir("/proc/%d/task" % pid):
            children = pathlib.Path("/proc/%d/task/%s/children" % (pid, task)).read_text()
            for child in children.split():
                found += tree(int(child))
    return found


def cpu_seconds(pid):
    """User and system time of the process, its living and its waited-for descendants."""
    total = 0
    for one in tree(pid):
        with contextlib.suppress(OSError):
            total += sum(map(int, pathlib.Path("/proc/%d/stat" % one).read_text().rsplit(") ", 1)[1].split()[11:15]))
    return total / os.sysconf("SC_CLK_TCK")


def memory_mb(pid, peak=False):
    """(the process itself, with its living descendants), resident."""
    sizes = []
    for one in tree(pid):
        with contextlib.suppress(OSError, AttributeError):
            text = pathlib.Path("/proc/%d/status" % one).read_text()
            sizes.append(int(re.search(r"Vm%s:\s+(\d+)" % ("HWM" if peak else "RSS"), text).group(1)) / 1024)
    return (sizes[0], sum(sizes)) if sizes else (0, 0)


def echo(port, calling, called, seconds=START_SECONDS, process=None, tls=None):
    """Waits until a C-ECHO is answered."""
    until = time.monotonic() + seconds
    while True:
        try:
            a = dimse.Association(port, calling, called, [(dimse.VERIFICATION, [dimse.IMPLICIT_LE])], timeout=5, tls=tls)
            status = a.echo()
            a.release()
            return status
        except (OSError, dimse.Aborted) as fault:
            if time.monotonic() > until or (process is not None and process.poll() is not None):
                raise RuntimeError("no C-ECHO from %s on port %d: %s" % (called, port, fault)) from None
            time.sleep(0.05)


class Server:
    """A process with a folder of its own. Subclasses say how it starts."""

    aet = AET

    def __init__(self, port=None):
        self.folder = tempfile.mkdtemp(prefix="maclab-peer-")
        self.port = port or free_port()
        self.process = None

    def launch(self, *words, environment=None):
        self.log = os.path.join(self.folder, "log")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([str(w) for w in words], stdout=log, stderr=log, cwd=self.folder,
                                            stdin=subprocess.DEVNULL, env={**ENVIRONMENT, **(environment or {})})

    def told(self, last=4000):
        with open(self.log, errors="replace") as log:
            return log.read()[-last:]

    pid = property(lambda self: self.process.pid)
    address = property(lambda self: ("127.0.0.1", self.port))

    def close(self):
        status = end(self.process) if self.process is not None else 0
        shutil.rmtree(self.folder, ignore_errors=True)
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Node(Server):
    """`maclab serve` with its DICOM node. peers: {AE title: port} of who may call (port 9 when nobody is called back). tls: with a
    TLS port, too, and certificates of a self-made authority: at("node.pem"), at("peer.pem"), at("stranger.pem") …; trust=False:
    it knows no authority, only pinned certificates. config: what its configuration file says."""

    def __init__(self, peers=(), options=(), data=None, calling="TESTER", peer_options=None, tls=False, trust=True,
                 config=None):
        super().__init__()
        self.data = data or os.path.join(self.folder, "data")
        self.options, self.calling = list(options), calling
        self.http, self.tls_port = None, free_port() if tls else None
        if tls:
            certificates(self.folder)
            self.options += ["--dicom-tls", "127.0.0.1:%d" % self.tls_port, "--tls-certificate", self.at("node.pem"), "--tls-key",
                             self.at("node.key"), *(("--tls-trust", self.at("authority.pem")) if trust else ())]
        if config is not None:
            with open(self.at("config.json"), "w", encoding="utf-8") as f:
                json.dump(config, f)
            self.options += ["--config", self.at("config.json")]
        for aet, port in {calling: 9, **dict(peers)}.items():
            self.peer_add(aet, port, *(self.at(w[1:]) if w[0] == "@" else w for w in (peer_options or {}).get(aet, ())))
        self.start()

    def at(self, name):
        return os.path.join(self.folder, name)

    def peer_add(self, aet, port, *options):
        tool(MACLAB, "peer", "add", "--data", self.data, aet, "127.0.0.1:%d" % port, *options)

    def command(self):
        return [MACLAB, "serve", "--data", self.data, "--http", "127.0.0.1:%d" % self.http_port, "--dicom",
                "127.0.0.1:%d" % self.port, "--aet", self.aet, *self.options]

    def start(self):
        self.http_port = free_port()
        self.http = "http://127.0.0.1:%d" % self.http_port
        self.launch(*self.command())
        try:
            self.wait()
        except RuntimeError:
            print(self.told())
            raise

    def wait(self):
        echo(self.port, self.calling, self.aet, process=self.process)

    def import_files(self, *paths):
        """Through the command line; some of the samples are refused by design."""
        tool(MACLAB, "import", "-q", "--data", self.data, *paths, timeout=300, status=None)

    def api(self, path):
        with urllib.request.urlopen(self.http + path, timeout=30) as answer:
            return json.loads(answer.read())

    def instances(self):
        return self.api("/api/suite")["catalogue"]["instances"]

    def counts(self, expected):
        """Waits until there are so many instances: the gate may take a moment to release one."""
        assert until(lambda: self.instances() >= expected) and self.instances() == expected, \
            "%d instances, expected %d" % (self.instances(), expected)

    def places(self):
        """{SOP Instance UID: (Study, Series Instance UID)} of everything that can be found."""
        found, offset = {}, 0
        while True:
            part = self.api("/dicom-web/instances?limit=500&offset=%d" % offset)
            for i in part:
                found[i["00080018"]["Value"][0]] = (i["0020000D"]["Value"][0], i["0020000E"]["Value"][0])
            if not part:
                return found
            offset += len(part)

    def holds(self, uids):
        """Waits until all of them are there."""
        uids = set(uids)
        assert until(lambda: uids <= set(self.places())), "not there: %s" % sorted(uids - set(self.places()))[:5]

    def close(self):
        log = self.told()
        status = super().close()
        if status != 0:
            print(log)
            raise AssertionError("the server ended with status %d" % status)
        return status


class Storescp(Server):
    """DCMTK's receiver; files land in .inbox."""

    def __init__(self, *options, aet="STORESCP", port=None, wait=True):
        super().__init__(port)
        self.aet = aet
        self.inbox = os.path.join(self.folder, "inbox")
        os.mkdir(self.inbox)
        self.launch("storescp", "-aet", aet, "-od", self.inbox, *options, self.port)
        if wait:
            echo(self.port, "TESTER", aet, process=self.process)
        else:
            assert until(self.listens), "storescp does not listen"

    def listens(self):
        with socket.socket() as s:
            return s.connect_ex(self.address) == 0

    def files(self):
        return sorted(os.path.join(self.inbox, name) for name in os.listdir(self.inbox))

    def forget(self):
        for path in self.files():
            os.unlink(path)


class Dcmqrscp(Server):
    """DCMTK's archive."""

    aet = "QRSCP"

    def __init__(self, destinations=(), *options):
        super().__init__()
        os.mkdir(os.path.join(self.folder, "db"))
        destinations = dict(destinations)
        hosts = "".join("%s = (%s, 127.0.0.1, %d)\n" % (a.lower(), a, p) for a, p in destinations.items())
        with open(os.path.join(self.folder, "configuration"), "w", encoding="ascii") as f:
            f.write("NetworkTCPPort = %d\nMaxPDUSize = 131072\nMaxAssociations = 64\nHostTable BEGIN\n%s"
                    "HostTable END\nVendorTable BEGIN\nVendorTable END\nAETable BEGIN\n%s %s/db RW (20000, 100gb) ANY\n"
                    "AETable END\n" % (self.port, hosts, self.aet, self.folder))
        self.launch("dcmqrscp", "-c", os.path.join(self.folder, "configuration"), *options)
        echo(self.port, "TESTER", self.aet, process=self.process)


class Orthanc(Server):
    """modalities: {name: (AE title, port)}."""

    aet = "ORTHANC"

    def __init__(self, modalities=(), port=None, **settings):
        super().__init__(port)
        self.http_port = free_port()
        store = os.path.join(self.folder, "db")
        os.mkdir(store)
        modalities = dict(modalities)
        configuration = {
            "Name": "test", "StorageDirectory": store, "IndexDirectory": store, "HttpPort": self.http_port,
            "DicomPort": self.port, "DicomAet": self.aet, "RemoteAccessAllowed": False, "AuthenticationEnabled": False,
            "DicomAlwaysAllowEcho": True, "DicomAlwaysAllowStore": True, "DicomAlwaysAllowGet": True,
            "DicomAlwaysAllowFind": True, "DicomAlwaysAllowMove": True, "MaximumPduLength": 131072, "DicomThreadsCount": 4,
            "TcpNoDelay": True, "SyncStorageArea": True, "ConcurrentJobs": 2, "Plugins": [],
            "DicomModalities": {name: {"AET": aet, "Host": "127.0.0.1", "Port": port}
                                for name, (aet, port) in modalities.items()}, **settings}
        with open(os.path.join(self.folder, "orthanc.json"), "w", encoding="utf-8") as f:
            json.dump(configuration, f)
        self.launch(shutil.which("Orthanc") or "/usr/sbin/Orthanc", os.path.join(self.folder, "orthanc.json"))
        self._wait()

    def _wait(self):
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                return self.ask("GET", "/system")
            except OSError:
                if time.monotonic() > until or self.process.poll() is not None:
                    print(self.told())
                    raise
                time.sleep(0.05)

    def ask(self, method, path, body=None, timeout=60):
        """JSON in and out; bytes in when body is bytes, bytes out when the answer is no JSON."""
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (self.http_port, path), data=data, method=method)
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            content = answer.read()
        try:
            return json.loads(content)
        except ValueError:
            return content


# --- files


def meta(path):
    """(SOP class, SOP instance, transfer syntax, data set as bytes) of a Part 10 file, by its meta information alone; None
    for a file that has none."""
    content = pathlib.Path(path).read_bytes()
    if content[128:132] != b"DICM" or content[132:136] != b"\2\0\0\0":
        return None
    stop = 144 + int.from_bytes(content[140:144], "little")
    at, values = 144, {}
    while at < stop:
        number = int.from_bytes(content[at + 2:at + 4], "little")
        long_form = content[at + 4:at + 6] in (b"OB", b"UN", b"SQ", b"UT", b"OW")
        size, head = (4, 12) if long_form else (2, 8)
        length = int.from_bytes(content[at + head - size:at + head], "little")
        values[number] = content[at + head:at + head + length].rstrip(b"\0 ").decode("ascii", "replace")
        at += head + length
    if not all(n in values for n in (0x02, 0x03, 0x10)):
        return None
    return values[0x02], values[0x03], values[0x10], content[stop:]


def read(data, syntax, stop_when=None):
    """A pydicom data set from its bytes."""
    if syntax == dimse.DEFLATED_LE:
        data = zlib.decompressobj(-15).decompress(data)
    return pydicom.filereader.read_dataset(io.BytesIO(data), syntax == dimse.IMPLICIT_LE, syntax != dimse.EXPLICIT_BE,
                                           stop_when=stop_when)


def even(data):
    """As it goes over the network: a data set of odd length, as deflated ones may be, has a NUL behind it (PS3.5 A.5)."""
    return data + b"\0" * (len(data) & 1)


def study_of(data, syntax):
    """(Study, Series Instance UID)."""
    found = read(data, syntax, lambda tag, vr, length: tag > 0x0020000E)
    return str(found.StudyInstanceUID), str(found.SeriesInstanceUID)


def refused_samples():
    with open(ROOT / "tests" / "interop" / "samples_verdicts.tsv", encoding="utf-8") as f:
        return {line.split("\t")[0] for line in f if not line.startswith("#")}


def archived_samples():
    """[(relative path, SOP class, SOP instance, transfer syntax, data set)]: the sample files that the archive takes and that
    have proper meta information, the first of each SOP Instance UID (that of the data set: some say another in front)."""
    refused, seen, found = refused_samples(), set(), []
    for path in sorted(p for p in SAMPLES.rglob("*") if p.is_file()):
        name = str(path.relative_to(SAMPLES))
        about = None if name in refused or name.startswith("LICENCES") or "/" not in name else meta(path)
        if about is None:
            continue
        head = read(about[3], about[2], lambda tag, vr, length: tag > 0x00080018)
        uid = str(head.get("SOPInstanceUID", about[1]))
        if uid not in seen:
            seen.add(uid)
            found.append((name, about[0], uid, *about[2:]))
    return found


def certificates(folder):
    """A self-made authority with certificates for `node`, `peer` and `other`, and a `stranger` that it does not vouch for, as
    NAME.pem and NAME.key in folder (and authority.pem)."""
    def openssl(*words):
        tool("openssl", *words)

    def at(name):
        return os.path.join(folder, name)

    new = ("-newkey", "rsa:2048", "-nodes", "-sha256", "-days", "30")
    openssl("req", "-x509", *new, "-subj", "/CN=Test Authority", "-keyout", at("authority.key"), "-out", at("authority.pem"))
    openssl("req", "-x509", *new, "-subj", "/CN=stranger", "-keyout", at("stranger.key"), "-out", at("stranger.pem"))
    with open(at("names"), "w", encoding="ascii") as f:
        f.write("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
    for name in ("node", "peer", "other"):
        openssl("req", *new[:3], "-subj", "/CN=" + name, "-keyout", at(name + ".key"), "-out", at(name + ".csr"))
        openssl("x509", "-req", "-sha256", "-days", "30", "-in", at(name + ".csr"), "-CA", at("authority.pem"), "-CAkey",
                at("authority.key"), "-CAcreateserial", "-extfile", at("names"), "-out", at(name + ".pem"))
    for name in ("authority", "stranger", "node", "peer", "other"):
        os.chmod(at(name + ".key"), 0o600)
