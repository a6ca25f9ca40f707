"""A client signs what it sends and trusts nothing unsigned: zeep, suds and the plain connection, over mutual TLS."""

from __future__ import annotations

import http.server
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
import suds
import suds.client
import zeep
from cryptography import x509
from lxml import etree

from kruispunt.client.signing import ClientSecurity, platform_trust
from kruispunt.client.suds_plugin import KruispuntPlugin, MutualTlsTransport
from kruispunt.client.transport import Connection
from kruispunt.client.zeep_plugin import KruispuntSignature
from kruispunt.demo.pki import DemoClient, Pki, create_pki
from kruispunt.errors import ConfigurationError, ReplyNotTrusted
from kruispunt.wss.policy import STRICT
from kruispunt.wss.sign import Signer
from kruispunt.wss.trust import TrustStore
from kruispunt.wss.verify import Signed, verify
from kruispunt.xml.build import text as escaped
from kruispunt.xml.namespaces import SOAP
from kruispunt.xml.parse import parse

WSDL = """<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
 xmlns:x="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:test:echo" targetNamespace="urn:test:echo" name="Echo">
<w:types><x:schema targetNamespace="urn:test:echo">
<x:element name="echoRequest"><x:complexType><x:sequence><x:element name="text" type="x:string"/></x:sequence>
</x:complexType></x:element>
<x:element name="echoResponse"><x:complexType><x:sequence><x:element name="text" type="x:string"/></x:sequence>
</x:complexType></x:element></x:schema></w:types>
<w:message name="echoRequest"><w:part name="p" element="t:echoRequest"/></w:message>
<w:message name="echoResponse"><w:part name="p" element="t:echoResponse"/></w:message>
<w:portType name="EchoPort"><w:operation name="echo"><w:input message="t:echoRequest"/>
<w:output message="t:echoResponse"/></w:operation></w:portType>
<w:binding name="EchoBinding" type="t:EchoPort">
<s:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
<w:operation name="echo"><s:operation soapAction="urn:test:echo/echo"/>
<w:input><s:body use="literal"/></w:input><w:output><s:body use="literal"/></w:output></w:operation></w:binding>
<w:service name="Echo"><w:port name="Echo" binding="t:EchoBinding"><s:address location="{url}/echo"/></w:port>
</w:service></w:definitions>"""

FAULT = "<soapenv:Fault><faultcode>soapenv:Client</faultcode><faultstring>refused: {}</faultstring></soapenv:Fault>"
ANSWER = '<t:echoResponse xmlns:t="urn:test:echo"><text>{}</text></t:echoResponse>'


@dataclass
class Platform:
    """A platform of one operation; `answer` makes the reply to a verified request."""

    pki: Pki
    signer: Signer
    trust: TrustStore
    url: str = ""
    answer: Callable[[Platform, Signed, str], tuple[int, bytes]] = field(default=lambda *_: (200, b""))
    connections: int = 0


def good(platform: Platform, request: Signed, text: str) -> tuple[int, bytes]:
    inner = ANSWER.format(escaped(text))
    return 200, platform.signer.envelope(inner, datetime.now(UTC), confirm=request.signature_value)


def fault(platform: Platform, request: Signed, text: str) -> tuple[int, bytes]:
    return 500, platform.signer.envelope(FAULT.format(text), datetime.now(UTC))


def unsigned(_platform: Platform, _request: Signed, text: str) -> tuple[int, bytes]:
    body = f'<s:Envelope xmlns:s="{SOAP}"><s:Header/><s:Body>{ANSWER.format(text)}</s:Body></s:Envelope>'
    return 200, body.encode()


def unsigned_fault(_platform: Platform, _request: Signed, text: str) -> tuple[int, bytes]:
    body = FAULT.format(text)
    return (
        500,
        f'<soapenv:Envelope xmlns:soapenv="{SOAP}"><soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>'.encode(),
    )


def tampered(platform: Platform, request: Signed, text: str) -> tuple[int, bytes]:
    return 200, good(platform, request, text)[1].replace(text.encode(), b"another")


def old(platform: Platform, request: Signed, text: str) -> tuple[int, bytes]:
    return 200, platform.signer.envelope(ANSWER.format(text), datetime.now(UTC) - timedelta(minutes=6))


def by_a_client(platform: Platform, request: Signed, text: str) -> tuple[int, bytes]:
    path = platform.pki.client("vdab")
    other = Signer.from_files(Pki.key_of(path), path)
    return 200, other.envelope(ANSWER.format(text), datetime.now(UTC))


def for_another_request(platform: Platform, _request: Signed, text: str) -> tuple[int, bytes]:
    return 200, platform.signer.envelope(ANSWER.format(text), datetime.now(UTC), confirm="YW5vdGhlcg==")


def wrapped(platform: Platform, request: Signed, text: str) -> tuple[int, bytes]:
    root = parse(good(platform, request, text)[1])
    signed = root[1]
    root.replace(signed, etree.fromstring(f'<s:Body xmlns:s="{SOAP}">{ANSWER.format("forged")}</s:Body>'))
    root[0].append(signed)
    return 200, etree.tostring(root)


def nothing(_platform: Platform, _request: Signed, _text: str) -> tuple[int, bytes]:
    return 200, b""


def no_soap(_platform: Platform, _request: Signed, _text: str) -> tuple[int, bytes]:
    return 503, b"no room"


UNTRUSTED = [unsigned, unsigned_fault, tampered, old, by_a_client, for_another_request, wrapped]


def handler(platform: Platform) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            platform.connections += 1
            super().setup()

        def do_GET(self) -> None:
            self.reply(200, WSDL.replace("{url}", platform.url).encode())

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["SOAPAction"] == '"urn:test:echo/echo"'
            request = verify(parse(data), platform.trust, datetime.now(UTC), lambda _: STRICT)
            self.reply(*platform.answer(platform, request, request.body.findtext(".//text") or ""))

        def reply(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/xml; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    pki = create_pki(tmp_path_factory.mktemp("client") / "pki", [DemoClient("onem"), DemoClient("vdab")])
    signer = Signer.from_files(pki.key_of(pki.signing), pki.signing)
    platform = Platform(pki, signer, TrustStore([x509.load_pem_x509_certificate(pki.ca.read_bytes())]))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.server, pki.key_of(pki.server))
    context.load_verify_locations(pki.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(platform))
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    platform.url = f"https://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield platform
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def platform(running: Platform) -> Platform:
    running.answer = good
    return running


def echo_with_zeep(platform: Platform, text: str) -> str:
    cert = platform.pki.client("onem")
    with requests.Session() as session:
        session.trust_env = False
        session.cert, session.verify = (str(cert), str(Pki.key_of(cert))), str(platform.pki.ca)
        client = zeep.Client(
            f"{platform.url}/echo?wsdl",
            transport=zeep.Transport(session=session),
            wsse=KruispuntSignature(Pki.key_of(cert), cert, trusted=platform.pki.signing),
        )
        return str(client.service.echo(text=text))


def echo_with_suds(platform: Platform, text: str) -> str:
    cert = platform.pki.client("onem")
    client = suds.client.Client(
        f"{platform.url}/echo?wsdl",
        cache=None,
        transport=MutualTlsTransport(platform.pki.ca, cert, Pki.key_of(cert)),
        plugins=[KruispuntPlugin(Pki.key_of(cert), cert, trusted=platform.pki.signing)],
    )
    return str(client.service.echo(text))


TOOLKITS = [echo_with_zeep, echo_with_suds]


@pytest.mark.parametrize("echo", TOOLKITS)
def test_a_toolkit_signs_and_verifies(platform: Platform, echo: Callable[[Platform, str], str]) -> None:
    assert echo(platform, "één <&> twee") == "één <&> twee"


@pytest.mark.parametrize("echo", TOOLKITS)
@pytest.mark.parametrize("answer", [*UNTRUSTED, nothing, no_soap])
def test_an_untrusted_reply_is_never_used(
    platform: Platform, answer: Callable[..., tuple[int, bytes]], echo: Callable[[Platform, str], str]
) -> None:
    platform.answer = answer
    allowed: tuple[type[Exception], ...] = (ReplyNotTrusted,)
    if echo is echo_with_zeep and answer in (nothing, no_soap):
        allowed = (zeep.exceptions.Error,)
    with pytest.raises(allowed):
        echo(platform, "text")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"no room\n", "no room"),
        ("één\x1b[31m\nand more".encode(), "één [31m"),
        (b"x" * 100_000, "x" * 300),
        (b"\xff", "\ufffd"),
        (b"", "nothing"),
    ],
)
def test_suds_tells_a_refusal_without_soap(platform: Platform, said: bytes, told: str) -> None:
    """The text of a 503, 413, 415 and the like: what to do stands in it."""
    platform.answer = lambda *_: (503, said)
    with pytest.raises(ReplyNotTrusted) as refused:
        echo_with_suds(platform, "text")
    assert str(refused.value) == f"the reply is no SOAP message: {told}"


def test_a_signed_fault_reaches_the_caller(platform: Platform) -> None:
    platform.answer = fault
    with pytest.raises(zeep.exceptions.Fault, match="refused: abc"):
        echo_with_zeep(platform, "abc")
    with pytest.raises(suds.WebFault, match="refused: abc"):
        echo_with_suds(platform, "abc")


def security(platform: Platform, **options: object) -> ClientSecurity:
    cert = platform.pki.client("onem")
    trust = platform_trust(platform.pki.signing)
    return ClientSecurity(Signer.from_files(Pki.key_of(cert), cert), trust, **options)  # type: ignore[arg-type]


def request_of(text: str) -> bytes:
    inner = f'<t:echoRequest xmlns:t="urn:test:echo"><text>{text}</text></t:echoRequest>'
    return f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{inner}</s:Body></s:Envelope>'.encode()


def test_a_plain_connection_is_kept(platform: Platform) -> None:
    cert = platform.pki.client("onem")
    client = security(platform, confirmed=True)
    before = platform.connections
    with Connection(platform.url, platform.pki.ca, cert, Pki.key_of(cert)) as connection:
        for text in ("a", "b", "c"):
            status, headers, content = connection.post("/echo", "urn:test:echo/echo", client.sign(request_of(text)))
            assert (status, headers["content-type"]) == (200, "text/xml; charset=utf-8")
            assert client.verify(content)[1].body.findtext(".//text") == text
        assert connection.get("/echo?wsdl")[0] == 200
    assert platform.connections == before + 1


def test_a_connection_that_was_closed_is_opened_anew(platform: Platform) -> None:
    cert = platform.pki.client("onem")
    client = security(platform)
    with Connection(platform.url, platform.pki.ca, cert, Pki.key_of(cert)) as connection:
        assert connection.get("/x")[0] == 200
        assert connection._connection.sock is not None
        connection._connection.sock.shutdown(2)
        assert connection.post("/echo", "urn:test:echo/echo", client.sign(request_of("a")))[0] == 200


def test_a_client_without_certificate_is_not_served(platform: Platform) -> None:
    context = ssl.create_default_context(cafile=platform.pki.ca)
    host, port = "localhost", int(platform.url.rsplit(":", 1)[1])
    connection = http.client.HTTPSConnection(host, port, context=context, timeout=10)

    def ask() -> None:
        connection.request("GET", "/echo?wsdl")
        connection.getresponse()

    with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
        ask()


def reply(platform: Platform, confirm: str | None = None) -> bytes:
    return platform.signer.envelope(ANSWER.format("x"), datetime.now(UTC), confirm=confirm)


def test_a_confirmation_can_be_required(platform: Platform) -> None:
    strict = security(platform, confirmed=True)
    root = parse(request_of("x"))
    strict.sign_tree(root)
    with pytest.raises(ReplyNotTrusted, match="does not confirm"):
        strict.verify(reply(platform))
    value = root.findtext(".//{http://www.w3.org/2000/09/xmldsig#}SignatureValue")
    strict.verify(reply(platform, value))


def test_concurrent_requests_confirm_each_their_own(platform: Platform) -> None:
    shared = security(platform, confirmed=True)
    barrier = threading.Barrier(4)
    failures: list[Exception] = []

    def exchange(number: int) -> None:
        try:
            root = parse(request_of(f"text {number}"))
            shared.sign_tree(root)
            barrier.wait()
            value = root.findtext(".//{http://www.w3.org/2000/09/xmldsig#}SignatureValue")
            shared.verify(reply(platform, value))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=exchange, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_platform_can_be_trusted_by_issuer_and_name(platform: Platform) -> None:
    """Every client has a certificate of the same issuer: without the name any of them could answer."""
    cert = platform.pki.client("onem")
    subject = platform.signer.certificate.subject.rfc4514_string()
    named = ClientSecurity(Signer.from_files(Pki.key_of(cert), cert), platform_trust(platform.pki.ca, subject))
    named.verify(reply(platform))
    vdab = platform.pki.client("vdab")
    other = Signer.from_files(Pki.key_of(vdab), vdab).envelope(ANSWER.format("x"), datetime.now(UTC))
    with pytest.raises(ReplyNotTrusted, match="signed by CN=vdab"):
        named.verify(other)


@pytest.mark.parametrize("inside", ["<!-- -->", "<?x?>"])
def test_a_tree_with_comments_is_not_read(platform: Platform, inside: str) -> None:
    """Another library's parser may keep comments, and then reads half a value."""
    root = etree.fromstring(reply(platform).replace(b"<text>x", f"<text>x{inside}y".encode()))
    with pytest.raises(ReplyNotTrusted, match="comments"):
        security(platform).verify_tree(root)


def test_files_that_cannot_be_used_are_named(platform: Platform, tmp_path: Path) -> None:
    absent = tmp_path / "absent.pem"
    with pytest.raises(ConfigurationError, match=r"absent\.pem"):
        platform_trust(absent)
    with pytest.raises(ConfigurationError, match=r"absent\.pem"):
        Connection("https://localhost", absent, absent, absent)
    with pytest.raises(ConfigurationError, match="no https address"):
        Connection("http://localhost", absent, absent, absent)


def test_without_suds_the_remedy_is_told() -> None:
    program = (
        "import sys; sys.modules['suds'] = sys.modules['suds.plugin'] = None\n"
        "try:\n    import kruispunt.client.suds_plugin\n"
        "except Exception as error:\n    print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("ConfigurationError suds-community is not installed")
    assert "pip install" in done.stdout


def test_the_zeep_plugin_needs_no_zeep() -> None:
    program = "import sys; sys.modules['zeep'] = None; import kruispunt.client.zeep_plugin"
    subprocess.run([sys.executable, "-c", program], check=True)
