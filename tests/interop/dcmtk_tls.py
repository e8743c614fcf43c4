#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TLS of the node: DCMTK's echoscu, storescu, findscu and, as destination, storescp; Orthanc both ways; C-GET and C-MOVE by the tests'
own client (getscu and movescu 3.6.7 have no TLS). A self-made authority, both sides authenticated; certificates that must be refused, pinned ones,
protocol versions and suites outside of BCP 195. Ends with "N passed, N failed, N skipped"."""
import os
import ssl
import urllib.error

import lib_dimse as dimse
import lib_images as images
import lib_peers as peers

peers.need("echoscu", "storescu", "findscu", "storescp", "openssl")
UID = images.ROOT_UID


def identity(node, name="peer", authority="authority"):
    """Options of a DCMTK tool."""
    return ("+tls", node.at(name + ".key"), node.at(name + ".pem"), "+cf", node.at(authority + ".pem"))


def run(node, program, *words, port=None, calling="TESTER", status=0):
    at = words.index("--") if "--" in words else len(words)
    return peers.tool(program, "-v", "-to", "5", "-aet", calling, "-aec", node.aet, *words[:at], "127.0.0.1",
                      port or node.tls_port, *words[at + 1:], status=status)


def refused(node, *words, port=None, calling="TESTER"):
    told = run(node, "echoscu", *words, port=port, calling=calling, status=None)
    assert "Received Echo Response" not in told, told[-800:]


def tools(tally, node, files):
    with tally("echoscu"):
        assert "Received Echo Response (Success)" in run(node, "echoscu", *identity(node))
    for profile in ("+py", "+px", "+pz"):
        with tally("echoscu with profile " + profile):
            assert "Received Echo Response (Success)" in run(node, "echoscu", *identity(node), profile)
    with tally("storescu"):
        told = run(node, "storescu", "-R", *identity(node), "--", *files)
        assert told.count("Received Store Response (Success)") == len(files), told[-800:]
        node.counts(len(files))
    with tally("findscu"):
        told = run(node, "findscu", "-S", *identity(node), "-k", "0008,0052=STUDY", "-k", "0010,0020=T1", "-k", "0020,000D")
        assert UID + "1" in told and "Received Final Find Response (Success)" in told, told[-800:]
    with tally("C-GET"):
        tls = dimse.tls_client(node.at("authority.pem"), node.at("peer.pem"), node.at("peer.key"))
        a = dimse.Association(node.tls_port, "TESTER", node.aet, [(dimse.STUDY_ROOT + dimse.GET, [dimse.IMPLICIT_LE]),
                                                                  (images.CT, [dimse.EXPLICIT_LE], True)], tls=tls)
        assert a.socket.version() == "TLSv1.3", a.socket.version()
        got, _, final = a.get(dimse.STUDY_ROOT + dimse.GET, {0x00080052: "STUDY", 0x0020000D: UID + "1"})
        a.release()
        assert final.status == 0 and {i: d for _, i, _, d in got} == {m[1]: m[3] for m in map(peers.meta, files)}


def move(tally, node, ports):
    """Asked over TLS by the tests' own client: movescu 3.6.7 has none."""
    def asked(aet):
        tls = dimse.tls_client(node.at("authority.pem"), node.at("peer.pem"), node.at("peer.key"))
        model = dimse.STUDY_ROOT + dimse.MOVE
        a = dimse.Association(node.tls_port, "TESTER", node.aet, [(model, [dimse.IMPLICIT_LE])], tls=tls)
        _, final, _ = a.move(model, {0x00080052: "STUDY", 0x0020000D: UID + "1"}, aet)
        a.release()
        return final
    for aet, name, ok in (("SECURE", "peer", True), ("FALSE", "stranger", False)):
        with tally("C-MOVE to a storescp %s" % ("over TLS" if ok else "with a certificate of nobody's")):
            with peers.Storescp("+B", *identity(node, name), aet=aet, port=ports[aet], wait=False) as scp:
                final = asked(aet)
                arrived = len(scp.files())
                assert arrived == (3 if ok else 0) and (final.status == 0) == ok, "%d arrived, %04x" % (arrived, final.status)
    with tally("a destination for TLS that answers plainly"):
        with peers.Storescp("+B", aet="SECURE", port=ports["SECURE"], wait=False) as scp:
            assert asked("SECURE").status != 0 and not scp.files()
    return asked


def refusals(tally, node):
    with tally("a certificate that no authority here vouches for"):
        refused(node, *identity(node, "stranger"))
    with tally("no certificate"):
        refused(node, "+tla", "-ic")
    with tally("a node that the client's authority does not vouch for"):
        refused(node, *identity(node, "peer", "stranger"))
    with tally("plain words to the TLS port"):
        refused(node)
    with tally("TLS to the plain port"):
        refused(node, *identity(node), port=node.port)
    with tally("an unknown calling AE title with a good certificate"):
        refused(node, *identity(node), calling="STRANGER")
    with tally("the node still answers"):
        assert "Received Echo Response (Success)" in run(node, "echoscu", *identity(node))


def pinned(tally, node):
    """PINNED may only come with other.pem, though the authority vouches for peer.pem, too."""
    with tally("a pinned AE title with its certificate"):
        assert "Received Echo Response (Success)" in run(node, "echoscu", *identity(node, "other"), calling="PINNED")
    with tally("with another certificate of the authority's"):
        refused(node, *identity(node, "peer"), calling="PINNED")
    with tally("nor does a pinned AE title come in plainly"):
        refused(node, port=node.port, calling="PINNED")
    with tally("nor one that is to come by TLS"):
        refused(node, port=node.port, calling="SECURE")
        assert "Received Echo Response (Success)" in run(node, "echoscu", *identity(node), calling="SECURE")


def pinned_alone(tally):
    """A node that trusts no authority: pinned certificates are all that counts, self-signed ones, too."""
    with peers.Node({"PINNED": 9}, tls=True, trust=False,
                    peer_options={"PINNED": ("--tls", "--certificate", "@stranger.pem")}) as node:
        with tally("without an authority: a pinned certificate"):
            assert "Received Echo Response (Success)" in run(node, "echoscu", *identity(node, "stranger"), calling="PINNED")
        with tally("without an authority: another certificate"):
            refused(node, *identity(node, "peer"), calling="PINNED")
        with tally("without an authority: an AE title that is not pinned"):
            refused(node, *identity(node, "peer"))
            refused(node, *identity(node, "stranger"))


def versions(tally, node):
    def shake(**limits):
        context = dimse.tls_client(node.at("authority.pem"), node.at("peer.pem"), node.at("peer.key"))
        context.set_ciphers(limits.pop("ciphers", "DEFAULT") + ":@SECLEVEL=0")
        for name, value in limits.items():
            setattr(context, name, value)
        a = dimse.Association(node.tls_port, "TESTER", node.aet, [(dimse.VERIFICATION, [dimse.IMPLICIT_LE])], tls=context)
        status, version, cipher = a.echo(), a.socket.version(), a.socket.cipher()[0]
        a.release()
        return status, version, cipher

    def fails(**limits):
        try:
            got = shake(**limits)
        except (OSError, dimse.Aborted):
            return
        raise AssertionError("answered: %s %s" % got[1:])
    with tally("TLS 1.2 and 1.3"):
        v2, v3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
        assert shake(minimum_version=v2, maximum_version=v2)[:2] == (0, "TLSv1.2")
        assert shake(minimum_version=v3)[:2] == (0, "TLSv1.3")
    with tally("not TLS 1.0 or 1.1"):
        for name in ("TLSv1", "TLSv1_1"):
            version = getattr(ssl.TLSVersion, name)
            fails(minimum_version=version, maximum_version=version)
    with tally("suites of BCP 195 only"):
        only = dict(maximum_version=ssl.TLSVersion.TLSv1_2)
        assert shake(ciphers="ECDHE-RSA-AES128-GCM-SHA256", **only)[0] == 0
        for weak in ("AES128-SHA", "AES256-GCM-SHA384", "ECDHE-RSA-AES128-SHA", "NULL-SHA256", "aNULL"):
            fails(ciphers=weak, **only)


def orthanc(tally, node, port, files, asked):
    settings = dict(DicomTlsEnabled=True, DicomTlsCertificate=node.at("peer.pem"), DicomTlsPrivateKey=node.at("peer.key"),
                    DicomTlsTrustedCertificates=node.at("authority.pem"))
    with peers.Orthanc({}, port=port, **settings) as other:
        other.ask("PUT", "/modalities/maclab", {"AET": node.aet, "Host": "127.0.0.1", "Port": node.tls_port, "UseDicomTls": True})
        try:
            with tally("Orthanc over TLS to the node"):
                other.ask("POST", "/modalities/maclab/echo", {})
                made = other.ask("POST", "/modalities/maclab/query", {"Level": "Study", "Query": {"PatientID": "T1"}})
                assert len(other.ask("GET", made["Path"] + "/answers")) == 1
            with tally("the node over TLS to Orthanc"):
                assert asked(other.aet).status == 0
                assert peers.until(lambda: other.ask("GET", "/statistics")["CountInstances"] == len(files))
        except urllib.error.HTTPError as fault:
            raise AssertionError(fault.read().decode(errors="replace")[:300]) from None


def own_tools(tally, node, files):
    peer = "%s@127.0.0.1:%d" % (node.aet, node.tls_port)
    good = ("--calling", "TESTER", "--tls", "--certificate", node.at("peer.pem"), "--key", node.at("peer.key"), "--trust",
            node.at("authority.pem"))
    with tally("maclab echo --tls"):
        peers.tool(peers.MACLAB, "echo", *good, peer)
    with tally("maclab echo --tls that trusts another"):
        peers.tool(peers.MACLAB, "echo", *good[:-1], node.at("stranger.pem"), peer, status=1)
    with tally("maclab get --tls"):
        inbox = os.path.join(node.folder, "got")
        peers.tool(peers.MACLAB, "get", *good, "-o", inbox, peer, UID + "1")
        assert len(os.listdir(inbox)) == len(files)


def main():
    tally = peers.Tally()
    ports = {aet: peers.free_port() for aet in ("SECURE", "FALSE", "PINNED", peers.Orthanc.aet)}
    with peers.Node(ports, tls=True, peer_options={"SECURE": ("--tls",), "FALSE": ("--tls",), peers.Orthanc.aet: ("--tls",),
                                                   "PINNED": ("--tls", "--certificate", "@other.pem")}) as node:
        files = images.study(os.path.join(node.folder, "files"), 1)
        tools(tally, node, files)
        asked = move(tally, node, ports)
        refusals(tally, node)
        pinned(tally, node)
        versions(tally, node)
        if peers.shutil.which("Orthanc"):
            orthanc(tally, node, ports[peers.Orthanc.aet], files, asked)
        own_tools(tally, node, files)
    pinned_alone(tally)
    tally.close()


main()
