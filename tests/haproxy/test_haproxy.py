"""docs/how-to/behind-haproxy.md: its file, the real HAProxy, and calls through it."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

import pytest
import requests
import zeep
from attacker import PERSONAS, Bench, issued
from bank import Bank
from cryptography.hazmat.primitives.serialization import Encoding
from processes import wait_until
from running import open_directory
from serving import Serving
from wire import dial, head, say, status, told

from documentation import ROOT, blocks
from kruispunt.client.zeep_plugin import KruispuntSignature
from kruispunt.identifiers.ticket import Ticket
from signed_messages import rsa_key

PAGE = ROOT / "docs" / "how-to" / "behind-haproxy.md"
PATH = "/TestConnectionServiceService/sendTestMessage"
HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


@pytest.fixture(scope="session")
def gateway(bank: Bank) -> Iterator[Bank]:
    """On a Unix socket, with the setting of the page."""
    with (
        open_directory() as folder,
        Serving.behind(bank, folder / "serve", proxy_socket=folder / "gateway.sock", workers=2) as serving,
    ):
        yield serving


@pytest.fixture(scope="session")
def proxy(bank: Bank, gateway: Bank) -> Iterator[Bank]:
    """The bank as clients see it: through HAProxy, with the page's file and other places and ports."""
    assert HAPROXY, "install haproxy: apt install haproxy"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with open_directory() as folder:
        pem = folder / "kruispunt.pem"
        pem.write_bytes((bank.pki / "server.pem").read_bytes() + (bank.pki / "server.key").read_bytes())
        (block,) = blocks(PAGE, "haproxy")
        text = block.text
        for said, instead in {
            "0.0.0.0:4520": f"127.0.0.1:{port}",
            "/etc/haproxy/kruispunt.pem": str(pem),
            "/etc/kruispunt/issuer.pem": str(bank.pki / "ca.pem"),
            "/run/kruispunt/gateway.sock": gateway.url.removeprefix("unix:"),
            "port 4521": "port " + gateway.local_url.rsplit(":", 1)[1],
        }.items():
            assert said in text, said
            text = text.replace(said, instead)
        file = folder / "haproxy.cfg"
        file.write_text(text)
        checked = subprocess.run([HAPROXY, "-c", "-f", str(file)], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert "[WARNING]" not in checked.stderr, checked.stderr
        with (
            (folder / "said.log").open("w") as said_log,
            subprocess.Popen([HAPROXY, "-db", "-f", str(file)], stdout=said_log, stderr=said_log) as running,
        ):
            try:
                wait_until(lambda: _answers(port), "HAProxy to listen")
                yield replace(gateway, url=f"https://localhost:{port}")
            finally:
                running.terminate()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True


def token(bank: Bank, name: str) -> str:
    return b64encode(ssl.PEM_cert_to_DER_cert((bank.pki / f"{name}.pem").read_text())).decode()


def test_a_call_with_data(proxy: Bank) -> None:
    """Signed and verified by the client library; logged with the client's certificate and address."""
    bench = Bench(proxy)
    got = bench.answered(bench.message())
    incoming, _ = proxy.logged(Ticket(got.ticket))
    der = ssl.PEM_cert_to_DER_cert((proxy.pki / f"{bench.victim.client}.pem").read_text())
    assert incoming.facts["tls_client"] == sha256(der).hexdigest()
    assert incoming.facts["peer"] == "127.0.0.1"


def test_every_client_is_itself(proxy: Bank) -> None:
    """Connections to the gateway are shared by clients: none is taken for the one before."""
    personas = [PERSONAS[name] for name in ("echo", "two-cards-and-a-permit", "cards-only-authorised")]
    for _ in range(3):
        for persona in personas:
            assert proxy.call(persona).status == 200
        stranger = proxy.send(personas[1].service, personas[1].operation, proxy.message(personas[1]), client="stranger")
        assert (stranger.code, stranger.information["reason"]) == ("MSG00015", "registration")


def test_zeep(proxy: Bank) -> None:
    """The WSDL names HAProxy's address, so a toolkit needs nothing more."""
    session = requests.Session()
    session.trust_env = False
    cert, key = proxy.pki / "onem.pem", proxy.pki / "onem.key"
    session.cert, session.verify = (str(cert), str(key)), str(proxy.pki / "ca.pem")
    client = zeep.Client(
        f"{proxy.url}{PATH}?wsdl",
        transport=zeep.Transport(session=session),
        wsse=KruispuntSignature(key, cert, trusted=proxy.pki / "signing.pem"),
    )
    assert "through HAProxy" in str(client.service.sendTestMessage(echo="through HAProxy"))


def test_no_certificate(proxy: Bank) -> None:
    context = ssl.create_default_context(cafile=proxy.pki / "ca.pem")
    assert say(proxy, head(f"{PATH}?wsdl", method="GET"), context) == b""


def test_a_forged_header_counts_for_nothing(proxy: Bank) -> None:
    """HAProxy takes it away: the client stays who the handshake says, and a second header is none."""
    persona = PERSONAS["echo"]
    message = proxy.message(persona)
    action = f'SOAPAction: "http://kszbcss.fgov.be/{persona.service.name}/{persona.operation.name}"'
    forged = [f"Client-Cert: :{token(proxy, 'onem')}:", f"client-cert: :{token(proxy, 'onem')}:"]
    lines = ["Content-Type: text/xml", action, *forged, "X-Forwarded-For: 192.0.2.1", f"Content-Length: {len(message)}"]
    answer = say(proxy, head(persona.service.path, *lines) + message, proxy.tls("stranger"))
    assert status(answer) == 500
    assert b"MSG00015" in answer
    assert b"registration" in answer
    wsdl = say(proxy, head(f"{PATH}?wsdl", *forged, method="GET"), proxy.tls("onem"))
    assert status(wsdl) == 200


def test_a_forged_trailer_is_refused(proxy: Bank) -> None:
    trailer = f"0\r\nClient-Cert: :{token(proxy, 'onem')}:\r\n\r\n".encode()
    lines = ["Content-Type: text/xml", "Transfer-Encoding: chunked"]
    answer = say(proxy, head(PATH, *lines) + trailer, proxy.tls("stranger"))
    assert status(answer) == 400
    assert answer.endswith(b"Trailers are not accepted.\n"), answer


def test_the_same_header_sent_past_haproxy(bank: Bank, gateway: Bank) -> None:
    """To the gateway's own socket, with a certificate that nobody issued; and with none."""
    made = b64encode(issued("onem", rsa_key()).public_bytes(Encoding.DER)).decode()
    for lines in ([f"Client-Cert: :{made}:"], []):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(gateway.url.removeprefix("unix:"))
            connection.sendall(head(f"{PATH}?wsdl", *lines, method="GET"))
            assert status(told(connection)) == 403
    # Over direct mutual TLS the header never counts.
    with dial(bank, bank.tls("stranger")) as direct:
        message = bank.message(PERSONAS["echo"])
        lines = [f"Client-Cert: :{token(bank, 'onem')}:", "Content-Type: text/xml", f"Content-Length: {len(message)}"]
        direct.sendall(head(PATH, *lines, 'SOAPAction: "x"') + message)
        assert b"<code>" not in told(direct)


def test_requests_that_are_read_in_two_ways(proxy: Bank) -> None:
    """Whatever HAProxy makes of them, one answer comes back, and no request hides behind it."""
    hidden = f"GET {PATH}?wsdl HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    for lines in (
        ["Content-Length: 4", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: xchunked"],
        ["Content-Length: 1", "Content-Length: 2"],
        ["Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMA", "Content-Length: 0"],
    ):
        answer = say(proxy, head(PATH, "Content-Type: text/xml", *lines) + b"0\r\n\r\n" + hidden)
        assert answer.count(b"HTTP/1.1 ") == 1, answer
        assert b"definitions" not in answer
