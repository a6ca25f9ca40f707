"""`kruispunt relay` as its users have it: a process of its own, and clients that cannot sign (IP-20)."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import suds.client
import zeep
from attacker import PERSONAS
from bank import ORGANISATIONS, Bank
from identify import document, request
from lxml import etree

from kruispunt.cli.calls import arguments, request_body, soap_action
from kruispunt.client.suds_plugin import KruispuntPlugin, MutualTlsTransport
from kruispunt.client.zeep_plugin import KruispuntSignature
from kruispunt.clock import SystemClock
from kruispunt.demo.personas import Persona
from kruispunt.services.identify_person.client import connector
from kruispunt.services.identify_person.namespaces import PERSON
from kruispunt.services.identify_person.service import SERVICE as IDENTIFY
from kruispunt.xml.namespaces import SOAP, WSSE
from kruispunt.xml.soap import unsigned_envelope

RELAY = [sys.executable, "-m", "kruispunt.cli.main", "relay"]
KNOWN = PERSONAS["identify-by-number"].ssin or ""
FOREIGNER = PERSONAS["two-cards-and-a-permit"]
ECHO = PERSONAS["echo"]


@contextmanager
def relay(bank: Bank, client: str = "onem", *more: str, url: str | None = None) -> Iterator[str]:
    """Its address."""
    process = subprocess.Popen(
        [*RELAY, "--dir", str(bank.directory), "--as", client, "--port", "0", "--url", url or bank.url, *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    assert line.startswith("Relay on "), (line, process.stderr.read() if process.stderr else "")
    try:
        yield line.split()[2]
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


@pytest.fixture(scope="module")
def here(bank: Bank) -> Iterator[str]:
    with relay(bank) as address:
        yield address


def post(
    url: str, path: str, body: bytes, action: str = "", *, host: str | None = None, **headers: str
) -> tuple[int, etree._Element]:
    """Status and envelope of an answer to a plain request."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    sent = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{action}"'}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()} | ({"Host": host} if host else {})
    try:
        connection.request("POST", path, body, sent)
        response = connection.getresponse()
        return response.status, etree.fromstring(response.read())
    finally:
        connection.close()


def plain(persona: Persona) -> bytes:
    organisation = ORGANISATIONS.get(persona.organisation, "")
    now = SystemClock().now()
    body = request_body(
        persona.service, persona.operation, organisation, persona.legal_context, persona.values, "relayed", now
    )
    return unsigned_envelope(body)


def fault_of(envelope: etree._Element) -> tuple[str, str, str]:
    """faultcode, rule, faultstring."""
    (fault,) = envelope.iter(f"{{{SOAP}}}Fault")
    return fault.findtext("faultcode") or "", fault.findtext(".//rule") or "", fault.findtext("faultstring") or ""


@pytest.mark.parametrize(
    "name", ["two-cards-and-a-permit", "family-reunification", "not-inscribed", "identify-by-number", "echo"]
)
def test_ip20_a_plain_request_is_answered_for_every_service(bank: Bank, here: str, name: str) -> None:
    persona = PERSONAS[name]
    action = soap_action(persona.service, persona.operation)
    status, envelope = post(here, persona.service.path, plain(persona), action)
    assert status == 200
    assert envelope.find(f".//{{{WSSE}}}Security") is None
    text = etree.tostring(envelope).decode()
    assert (persona.code or ("sslCertificate" if persona is ECHO else "SSDNReply")) in text


def test_a_fault_of_the_platform_comes_through(bank: Bank, here: str) -> None:
    persona = PERSONAS["malformed-number"]
    status, envelope = post(here, persona.service.path, plain(persona), soap_action(persona.service, persona.operation))
    assert status == 500
    assert [n.text for n in envelope.iter("reasonCode")] == ["MSG00004"]
    status, envelope = post(here, persona.service.path, plain(persona), "http://example.org/other")
    assert [n.text for n in envelope.iter("reasonCode")] == ["MSG00051"]


def test_a_kept_connection_is_used_again(here: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(here).netloc, timeout=30)
    action = soap_action(FOREIGNER.service, FOREIGNER.operation)
    for _ in range(3):
        connection.request(
            "POST", FOREIGNER.service.path, plain(FOREIGNER), {"Content-Type": "text/xml", "SOAPAction": action}
        )
        response = connection.getresponse()
        assert (response.status, b"MSG00000" in response.read()) == (200, True)
    connection.close()


ASKED = document(request("bySSIN", ssin=KNOWN))


def read(reply: Any) -> str:
    """The last name in a reply of the connector, as a client parses it."""
    assert isinstance(reply, str)
    return etree.fromstring(reply).findtext(f".//{{{PERSON}}}LastName") or ""


def test_ip20_zeep_calls_the_connector_from_its_wsdl(bank: Bank, here: str) -> None:
    """Signing itself, and unsigned through the relay, whose WSDL names the relay."""
    session = requests.Session()
    session.trust_env = False
    cert, key = bank.pki / "onem.pem", bank.pki / "onem.key"
    session.cert, session.verify = (str(cert), str(key)), str(bank.pki / "ca.pem")
    signing = zeep.Client(
        f"{bank.url}{IDENTIFY.path}?wsdl",
        transport=zeep.Transport(session=session),
        wsse=KruispuntSignature(key, cert, trusted=bank.pki / "signing.pem"),
    )
    assert read(signing.service.sendXML(ASKED)) == "D'Kruispunt-Voorbeeld"
    plain_session = requests.Session()
    plain_session.trust_env = False
    through = zeep.Client(f"{here}{IDENTIFY.path}?wsdl", transport=zeep.Transport(session=plain_session))
    (port,) = (p for s in through.wsdl.services.values() for p in s.ports.values())
    assert port.binding_options["address"] == f"{here}{IDENTIFY.path}"
    assert read(through.service.sendXML(ASKED)) == "D'Kruispunt-Voorbeeld"


def test_ip20_suds_calls_the_connector_from_its_wsdl(bank: Bank, here: str) -> None:
    cert, key = bank.pki / "onem.pem", bank.pki / "onem.key"
    signing = suds.client.Client(
        f"{bank.url}{IDENTIFY.path}?wsdl",
        cache=None,
        transport=MutualTlsTransport(bank.pki / "ca.pem", cert, key, timeout=30),
        plugins=[KruispuntPlugin(key, cert, trusted=bank.pki / "signing.pem")],
    )
    assert read(str(signing.service.sendXML(ASKED))) == "D'Kruispunt-Voorbeeld"
    through = suds.client.Client(f"{here}{IDENTIFY.path}?wsdl", cache=None)
    assert read(str(through.service.sendXML(ASKED))) == "D'Kruispunt-Voorbeeld"


@pytest.mark.parametrize("toolkit", ["zeep", "suds"])
def test_ip20_toolkits_call_the_newer_services_through_it(here: str, toolkit: str) -> None:
    criteria = {"ssin": FOREIGNER.ssin, "dataGroups": {"employmentCards": True, "workPermits": True}}
    customer = {"customerIdentification": {"cbeNumber": "0206737484"}}
    url = f"{here}{FOREIGNER.service.path}?wsdl"
    if toolkit == "zeep":
        session = requests.Session()
        session.trust_env = False
        service = zeep.Client(url, transport=zeep.Transport(session=session)).service
        reply = service.consultEmploymentInfos(customer, legalContext="NEO:UNEMPLOYMENT", criteria=criteria)
    else:
        service = suds.client.Client(url, cache=None).service
        reply = service.consultEmploymentInfos(customer, None, "NEO:UNEMPLOYMENT", criteria)
    assert reply.status.code == "MSG00000"


@pytest.mark.parametrize(
    ("body", "headers", "rule"),
    [
        (b"not xml", {}, "xml.well-formed"),
        (b"<!DOCTYPE a><a/>", {}, "xml.doctype"),
        (b"<a/>", {}, "relay.envelope"),
        (b"x" * (1024 * 1024 + 1), {}, "relay.size"),
        (b"<a/>", {"Content_Type": "application/json"}, "relay.content-type"),
        (b"<a/>", {"Origin": "https://example.org"}, "relay.origin"),
        (b"<a/>", {"host": "example.org"}, "relay.host"),
        (b"<a/>", {"host": "127.0.0.1.example.org"}, "relay.host"),
        (b"<a/>", {"Transfer_Encoding": "identity"}, "relay.length"),
    ],
)
def test_what_the_relay_refuses_itself(here: str, body: bytes, headers: dict[str, str], rule: str) -> None:
    status, envelope = post(here, IDENTIFY.path, body, **headers)
    assert status == 500
    side, told, text = fault_of(envelope)
    assert (side, told) == ("soapenv:Client", rule)
    assert text.endswith(".")


@pytest.mark.parametrize(("verb", "status"), [("POST", 500), ("GET", 403)])
def test_a_path_that_is_no_ascii_is_refused_for_what_it_is(here: str, verb: str, status: int) -> None:
    """http.client could not send it on, and would say that the platform did not answer."""
    parts = urlsplit(here)
    head = f"{verb} /caf\u00e9 HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: text/xml\r\nContent-Length: 4\r\n\r\n"
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30) as connection:
        connection.sendall(head.encode() + b"<a/>")
        reply = http.client.HTTPResponse(connection, method=verb)
        reply.begin()
        told = reply.read().decode()
    assert reply.status == status
    assert "the path holds something else than ASCII characters" in told.replace("The path", "the path")
    assert "did not answer" not in told
    assert verb == "GET" or "relay.path" in told


def test_a_message_that_is_signed_already_is_not_signed_again(bank: Bank, here: str) -> None:
    signed = bank.signer().envelope(connector(ASKED), SystemClock().now())
    assert fault_of(post(here, IDENTIFY.path, signed)[1])[1] == "relay.envelope"


def test_other_methods_are_none(here: str) -> None:
    for method in ("PUT", "OPTIONS", "CONNECT"):
        connection = http.client.HTTPConnection(urlsplit(here).netloc, timeout=30)
        connection.request(method, IDENTIFY.path)
        assert connection.getresponse().status == 501
        connection.close()


def test_a_page_in_a_browser_gets_no_contract(here: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(here).netloc, timeout=30)
    connection.request("GET", f"{IDENTIFY.path}?wsdl", headers={"Host": "rebound.example.org"})
    assert connection.getresponse().status == 403
    connection.close()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_no_platform_is_told_with_what_to_do(bank: Bank) -> None:
    with relay(bank, url=f"https://localhost:{free_port()}") as address:
        side, rule, text = fault_of(post(address, IDENTIFY.path, plain(ECHO))[1])
    assert (side, rule) == ("soapenv:Server", "relay.platform")
    assert "did not answer" in text


def test_a_certificate_that_is_not_registered_gets_the_platforms_fault(bank: Bank) -> None:
    with relay(bank, "stranger") as address:
        status, envelope = post(address, ECHO.service.path, plain(ECHO), soap_action(ECHO.service, ECHO.operation))
    assert status == 500
    assert [n.text for n in envelope.iter("reasonCode")] == ["MSG00015"]


class _Forger(BaseHTTPRequestHandler):
    """A platform with the right TLS certificate whose replies somebody else made."""

    reply = b""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(self.reply)))
        self.end_headers()
        self.wfile.write(self.reply)

    def log_message(self, *_: Any) -> None: ...


@pytest.mark.parametrize("forgery", ["unsigned", "by another", "altered"])
def test_a_reply_that_is_not_the_platforms_is_not_passed_on(bank: Bank, forgery: str) -> None:
    body = connector("<ssdn:SSDNReply xmlns:ssdn='http://www.ksz-bcss.fgov.be/XSD/SSDN/Service'/>")
    now = SystemClock().now()
    if forgery == "unsigned":
        _Forger.reply = unsigned_envelope(body)
    elif forgery == "by another":
        _Forger.reply = bank.signer("vdab").envelope(body, now)
    else:
        with bank.connect() as connection:
            message = bank.signer().envelope(connector(ASKED), now)
            action = soap_action(IDENTIFY, IDENTIFY.operations[0])
            _Forger.reply = connection.post(IDENTIFY.path, action, message)[2].replace(b"Kruispunt", b"Kruisbeeld")
    server = HTTPServer(("localhost", 0), _Forger)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bank.pki / "server.pem", bank.pki / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with relay(bank, url=f"https://localhost:{server.server_port}") as address:
            status, envelope = post(address, IDENTIFY.path, plain(PERSONAS["identify-by-number"]))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    side, rule, _ = fault_of(envelope)
    assert (status, side, rule) == (500, "soapenv:Server", "relay.reply")
    assert b"SSDNReply" not in etree.tostring(envelope)


def test_it_listens_on_loopback_alone_unless_told(bank: Bank, tmp_path: Path) -> None:
    command = [*RELAY, "--dir", str(bank.directory), "--url", bank.url, "--port", "0"]
    for host in ("0.0.0.0", "::"):
        done = subprocess.run([*command, "--host", host], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2
        assert "--anywhere" in done.stderr
    with relay(bank, "onem", "--host", "0.0.0.0", "--anywhere") as address:
        port = urlsplit(address).port
        status, _ = post(
            f"http://127.0.0.1:{port}",
            FOREIGNER.service.path,
            plain(FOREIGNER),
            soap_action(FOREIGNER.service, FOREIGNER.operation),
            host="gateway.example.org",
        )
        assert status == 200
    with relay(bank, "onem", "--host", "localhost") as address:
        assert urlsplit(address).hostname in {"127.0.0.1", "::1"}


def test_missing_files_and_bad_options_are_told(bank: Bank, tmp_path: Path) -> None:
    command = [*RELAY, "--dir", str(bank.directory), "--port", "0"]
    for option, told in (
        (["--certificate", str(tmp_path / "none.pem")], "--certificate"),
        (["--url", "http://localhost:1"], "no https address"),
        (["--host", "no.such.host.invalid"], "no such address"),
    ):
        done = subprocess.run([*command, *option], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2, done.stderr
        assert told in done.stderr
        assert "Traceback" not in done.stderr


def test_help_shows_an_example() -> None:
    done = subprocess.run([*RELAY, "--help"], capture_output=True, text=True, timeout=60, check=True)
    assert "Example: kruispunt relay" in done.stdout


@pytest.mark.parametrize(
    "name", ["identify-by-number", "identify-by-name", "identify-by-address", "identify-cpas-validated"]
)
def test_kruispunt_call_asks_the_connector(bank: Bank, name: str) -> None:
    """The same commands as for every service: `by-ssin`, `phonetic`, `by-address`."""
    persona = PERSONAS[name]
    words = [sys.executable, "-m", "kruispunt.cli.main", "call", *arguments(persona)]
    done = subprocess.run(
        [*words, "--dir", str(bank.directory), "--url", bank.url, "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["kind"], told["value"], told["code"] or "") == ("response", "YES", persona.code)
    assert len(told["ticket"]) == 15
