#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""MacLab's user-side tools over TLS against storescp of DCMTK, Orthanc and a server of Python's ssl: authorities, pinned
certificates, names, both sides authenticated, what must be refused is refused before anything is said. Ends with "N passed,
N failed, N skipped"."""
import hashlib
import os
import ssl
import stat
import warnings

import lib_dimse as dimse
import lib_peers as peers
import lib_scu as scu
from lib_scu import run

peers.need("storescp", "Orthanc", "openssl", samples=True)
tally = peers.Tally()
warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.1 is asked for to be refused


def fingerprint(path):
    with open(path, encoding="ascii") as f:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(f.read())).hexdigest()


def tools(at):
    own = ("--certificate", at("peer.pem"), "--key", at("peer.key"))
    trust = (*own, "--trust", at("authority.pem"))
    server = ("+tls", at("node.key"), at("node.pem"), "+cf", at("authority.pem"), "-rc")
    with peers.Storescp(*server, "+xa", "+B", wait=False) as scp, scu.folder() as folder:
        port = scp.port
        peer = "STORESCP@127.0.0.1:%d" % port
        with tally("echo, trusted by an authority"):
            j = run("echo", "--json", *trust, peer).json()
            assert j["tls"] and j["status"] == 0, j
        with tally("echo, pinned by certificate and by fingerprint"):
            digits = fingerprint(at("node.pem"))
            colons = ":".join(digits[i:i + 2] for i in range(0, 64, 2)).upper()
            for pin in (at("node.pem"), digits, colons):
                run("echo", *own, "--pin", pin, peer)
        with tally("store, the bytes arrive"):
            files = scu.copies(20, folder)
            run("store", "-P", 2, *trust, peer, *files)
            got = scu.data_sets(scp.files())
            for path in files:
                about = peers.meta(path)
                assert got[about[1]] == (about[0], about[2], about[3]), path
        refused = [
            ("a server that is not vouched for", (*own, "--trust", at("stranger.pem"))),
            ("a server that is not the pinned one", (*own, "--pin", at("peer.pem"))),
            ("another name in the certificate", (*trust, "--tls-name", "elsewhere.example")),
            ("no certificate of our own", ("--trust", at("authority.pem"))),
            ("a certificate that the server does not know",
             ("--certificate", at("stranger.pem"), "--key", at("stranger.key"), "--trust", at("authority.pem"))),
            ("no TLS at all", ()),
        ]
        for name, words in refused:
            with tally("refused: " + name):
                r = run("echo", "-t", 3, *words, peer, status=1)
                assert r.err.startswith("maclab: ") and "answers" not in r.out, r
        with tally("the name that the certificate has"):
            run("echo", *trust, "--tls-name", "localhost", peer)
            run("echo", *own, "--trust", at("authority.pem"), "--any-name", peer)
        with tally("refused: a key that others may read"):
            os.chmod(at("peer.key"), 0o644)
            r = run("echo", *trust, peer, status=2)
            assert "peer.key" in r.err, r
            os.chmod(at("peer.key"), stat.S_IRUSR | stat.S_IWUSR)
        with tally("misuse: files that are not there, or no certificate"):
            for words in (("--trust", at("nothing.pem")), ("--trust", at("node.key")), (*own[:2], "--trust", at("authority.pem")),
                          ("--tls",), ("--certificate", at("node.pem"), "--key", at("peer.key"), "--trust", at("authority.pem"))):
                r = run("echo", *words, peer, status=2)
                assert r.err.startswith("maclab: "), (words, r)


def plain_server(at):
    with peers.Storescp() as scp, tally("TLS to a server without it"):
        r = run("echo", "-t", 3, "--trust", at("authority.pem"), "STORESCP@127.0.0.1:%d" % scp.port, status=1)
        assert r.err.startswith("maclab: "), r


def old_versions(at):
    """TLS 1.1 is not spoken, 1.2 and 1.3 are."""
    for name, version, status in (("TLS 1.2", ssl.TLSVersion.TLSv1_2, 0), ("TLS 1.3", ssl.TLSVersion.TLSv1_3, 0),
                                  ("TLS 1.1", ssl.TLSVersion.TLSv1_1, 1)):
        context = dimse.tls_server(at("node.pem"), at("node.key"))
        try:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
        except (ValueError, ssl.SSLError):
            tally.skip(name, "this Python does not speak it")
            continue
        sink = dimse.Sink("TLS", tls=context)
        with tally(name + (" is spoken" if status == 0 else " is not")):
            run("echo", "-t", 3, "--trust", at("authority.pem"), "TLS@127.0.0.1:%d" % sink.port, status=status)
        sink.close()


def archive(at):
    """Everything with Orthanc over TLS; Debian's dcmqrscp has none. Its C-MOVE goes to a receiving side over TLS."""
    trust = ("--certificate", at("peer.pem"), "--key", at("peer.key"), "--trust", at("authority.pem"))
    port = peers.free_port()
    modality = {"AET": "MACLAB", "Host": "127.0.0.1", "Port": port, "UseDicomTls": True}
    with peers.Orthanc(DicomTlsEnabled=True, DicomTlsCertificate=at("node.pem"), DicomTlsPrivateKey=at("node.key"),
                       DicomTlsTrustedCertificates=at("authority.pem"), DicomTlsRemoteCertificateRequired=True,
                       DicomModalities={"maclab": modality}) as orthanc, scu.folder() as files, scu.folder() as out:
        peer = "ORTHANC@127.0.0.1:%d" % orthanc.port
        made = scu.copies(10, files)
        uids = {peers.meta(p)[1] for p in made}
        with tally("Orthanc by TLS: store, find, get"):
            run("store", *trust, peer, files)
            assert len(run("find", "--json", *trust, peer).json()) == 1
            run("get", "-o", out, *trust, peer, "1.2.3.77")
            assert set(scu.data_sets(scu.files_in(out))) == uids
        with tally("Orthanc by TLS: move to a receiving side by TLS"):
            moved = os.path.join(out, "moved")
            j = run("move", "--json", "--receive", moved, "--receive-tls", "--port", port, *trust, peer, "1.2.3.77").json()
            assert j["files"] == 10 and set(scu.data_sets(scu.files_in(moved))) == uids, j
        with tally("Orthanc by TLS: without a certificate nothing"):
            assert run("find", "-t", 3, "--trust", at("authority.pem"), peer, status=1).out == ""


with scu.folder() as top:
    peers.certificates(top)
    tools(lambda name: os.path.join(top, name))
    plain_server(lambda name: os.path.join(top, name))
    old_versions(lambda name: os.path.join(top, name))
    archive(lambda name: os.path.join(top, name))
tally.close()
