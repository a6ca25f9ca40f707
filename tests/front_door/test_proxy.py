"""Behind a proxy that ends TLS: whose word counts, and what is still checked of the certificate (PL-01)."""

from __future__ import annotations

import socket
import stat
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from attacker import PERSONAS, Bench, check_log
from bank import Bank, Got
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from processes import wait_until
from running import open_directory
from serving import Serving
from wire import status, told

from kruispunt.attack.certificates import WRONG
from kruispunt.attack.model import NoTls
from kruispunt.cli.stage import demo_stage
from kruispunt.errors import ConfigurationError
from kruispunt.gateway.behind import prove_closed_behind
from kruispunt.identifiers.ticket import Ticket

PATH = "/ForeignerSituationService/v1/consult"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with open_directory() as directory:
        yield directory


@pytest.fixture(scope="module")
def proxied(bank: Bank, folder: Path) -> Iterator[Bank]:
    """A server on a Unix socket."""
    with Serving.behind(bank, folder / "unix", proxy_socket=folder / "gateway.sock", workers=2) as serving:
        yield serving


@pytest.fixture
def unserved(bank: Bank, proxied: Bank) -> Iterator[Bank]:
    """What is sent in the test reaches no pipeline, and the server goes on."""
    before = proxied.metric("kruispunt_exchange_seconds_count")
    yield proxied
    assert proxied.metric("kruispunt_exchange_seconds_count") == before
    assert status(ask(proxied, f"Client-Cert: :{token(bank)}:")) == 200


def connect(bank: Bank) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(30)
    connection.connect(bank.url.removeprefix("unix:"))
    return connection


def ask(bank: Bank, *lines: str) -> bytes:
    """The answer to a request for the contract, as a proxy would send it."""
    return say(connect(bank), "GET", f"{PATH}?wsdl", *lines)


def say(connection: socket.socket, method: str, target: str, *lines: str, body: bytes = b"") -> bytes:
    given = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close", *lines, "", ""]
    with connection:
        connection.sendall("\r\n".join(given).encode("latin-1") + body)
        return told(connection)


def token(bank: Bank, name: str = "onem") -> str:
    """A certificate as HAProxy writes it: base64 of DER."""
    return text(x509.load_pem_x509_certificate((bank.pki / f"{name}.pem").read_bytes()))


def text(certificate: x509.Certificate) -> str:
    return b64encode(certificate.public_bytes(Encoding.DER)).decode()


def post(bench: Bench, bank: Bank, message: bytes, *lines: str) -> Got:
    victim = bench.victim
    answer = say(
        connect(bank),
        "POST",
        victim.service.path,
        "Content-Type: text/xml",
        f'SOAPAction: "http://kszbcss.fgov.be/{victim.service.name}/{victim.operation.name}"',
        f"Content-Length: {len(message)}",
        *lines,
        body=message,
    )
    return Got(status(answer), {}, answer.partition(b"\r\n\r\n")[2])


# What is served.


@pytest.mark.parametrize("form", [":{}:", "{}"], ids=["rfc-9440", "haproxy"])
def test_a_certificate_in_the_header(bench: Bench, proxied: Bank, form: str) -> None:
    victim, message = bench.victim, bench.message()
    header = f"Client-Cert: {form.format(token(proxied, victim.client))}"
    got = post(bench, proxied, message, header, "X-Forwarded-For: 2001:db8::7")
    assert (got.status, got.code) == (200, "MSG00000")
    incoming, _ = proxied.logged(Ticket(got.ticket))
    certificate = x509.load_pem_x509_certificate((proxied.pki / f"{victim.client}.pem").read_bytes())
    from cryptography.hazmat.primitives.hashes import SHA256

    assert incoming.facts["tls_client"] == certificate.fingerprint(SHA256()).hex()
    assert incoming.facts["peer"] == "2001:db8::7"


def test_each_request_has_its_own_certificate(bank: Bank, proxied: Bank) -> None:
    """A proxy sends requests of many clients over one connection."""
    with connect(proxied) as connection:
        for lines, expected in ((f"Client-Cert: :{token(bank)}:\r\n", b"200"), ("", b"403")):
            connection.sendall(f"GET {PATH}?wsdl HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode())
            answer = b""
            while b"</wsdl:definitions>" not in answer and b" 403 " not in answer:
                answer += connection.recv(65536)
            assert answer[9:12] == expected


def test_trusted_is_not_registered(bench: Bench, bank: Bank, proxied: Bank) -> None:
    message = bench.message()
    got = post(bench, proxied, message, f"Client-Cert: :{token(bank, 'stranger')}:")
    assert (got.status, got.code, got.information["reason"]) == (500, "MSG00015", "registration")
    check_log(proxied.logged(got.ticket), message, got, "registration.tls")


# What is not.


BAD: dict[str, Callable[[str], list[str]]] = {
    "none": lambda _: [],
    "another-header": lambda t: [f"X-Client-Cert: {t}"],
    "underscore": lambda t: [f"Client_Cert: {t}"],
    "empty": lambda _: ["Client-Cert:"],
    "blank": lambda _: ["Client-Cert:  "],
    "colons": lambda _: ["Client-Cert: ::"],
    "one-colon": lambda _: ["Client-Cert: :"],
    "only-first-colon": lambda t: [f"Client-Cert: :{t}"],
    "only-last-colon": lambda t: [f"Client-Cert: {t}:"],
    "parameters": lambda t: [f"Client-Cert: :{t}:;a=b"],
    "list": lambda t: [f"Client-Cert: :{t}:, :{t}:"],
    "twice": lambda t: [f"Client-Cert: :{t}:", f"Client-Cert: :{t}:"],
    "twice-one-empty": lambda t: ["Client-Cert:", f"Client-Cert: :{t}:"],
    "twice-in-capitals": lambda t: [f"client-cert: :{t}:", f"CLIENT-CERT: :{t}:"],
    "no-base64": lambda _: ["Client-Cert: :no base64:"],
    "base64-of-nothing": lambda _: ["Client-Cert: :AAAA:"],
    "latin": lambda _: ["Client-Cert: :é:"],
    "cut-off": lambda t: [f"Client-Cert: :{t[: len(t) // 2 // 4 * 4]}:"],
    "more-behind": lambda t: [f"Client-Cert: :{t}AAAA:"],
    "url-encoded-pem": lambda t: [f"Client-Cert: -----BEGIN%20CERTIFICATE-----%0A{t}%0A-----END%20CERTIFICATE-----"],
    "huge": lambda _: ["Client-Cert: :" + "A" * 30_000 + ":"],
    "two-addresses": lambda t: [f"Client-Cert: :{t}:", "X-Forwarded-For: 192.0.2.1, 192.0.2.2"],
    "address-twice": lambda t: [f"Client-Cert: :{t}:", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2"],
    "no-address": lambda t: [f"Client-Cert: :{t}:", "X-Forwarded-For: <script>"],
}


@pytest.mark.parametrize("name", BAD)
def test_headers_that_are_refused(bank: Bank, unserved: Bank, name: str) -> None:
    target, extra = PATH, ["Content-Type: text/xml", "Content-Length: 0"]
    answer = say(connect(unserved), "POST", target, *extra, *BAD[name](token(bank)))
    assert status(answer) == 403
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"connection: close\r\n" in answer


@pytest.mark.parametrize("kind", [name for name, wrong in WRONG.items() if wrong.tls == NoTls()])
def test_certificates_that_a_proxy_should_have_refused(bank: Bank, unserved: Bank, kind: str) -> None:
    """The proxy's own check is not what counts: path, validity, use and key are judged here, as in a handshake."""
    made = text(WRONG[kind].make(demo_stage(bank.directory).bench.ground))
    for form in (":{}:", "{}"):
        assert status(ask(unserved, f"Client-Cert: {form.format(made)}")) == 403


@pytest.mark.parametrize("name", ["server", "ca"])
def test_certificates_that_are_no_clients(bank: Bank, unserved: Bank, name: str) -> None:
    assert status(ask(unserved, f"Client-Cert: :{token(bank, name)}:")) == 403


def test_a_certificate_behind_the_body(bank: Bank, unserved: Bank) -> None:
    """A proxy strips headers, and may pass on trailers: a certificate there is no header's."""
    trailer = f"0\r\nClient-Cert: :{token(bank)}:\r\n\r\n".encode()
    lines = ("Content-Type: text/xml", "Transfer-Encoding: chunked")
    assert status(say(connect(unserved), "POST", PATH, *lines, body=trailer)) == 400


def test_the_header_has_the_name_of_the_setting(bank: Bank, folder: Path) -> None:
    path = folder / "named.sock"
    with Serving.behind(bank, folder / "named", proxy_socket=path, proxy_header="X-SSL-Client-DER") as named:
        assert status(ask(named, f"X-Ssl-Client-Der: {token(bank)}")) == 200
        assert status(ask(named, f"Client-Cert: :{token(bank)}:")) == 403


# Where it listens.


def test_the_socket_is_for_owner_and_group(bank: Bank, folder: Path) -> None:
    """It is gone after the stop; one that was left behind is replaced, one that is served is not."""
    path = folder / "own.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with Serving.behind(bank, folder / "own", proxy_socket=path) as own:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert own.url == f"unix:{path}"
        told_ = Serving.behind(bank, folder / "second", proxy_socket=path).refused()
        assert f"another server listens on {path}" in told_
        assert status(ask(own, f"Client-Cert: :{token(bank)}:")) == 200
    assert not path.exists()
    path.write_text("a file")
    assert "is no socket" in Serving.behind(bank, folder / "file", proxy_socket=path).refused()
    assert path.read_text() == "a file"


def test_only_listed_addresses_are_served(bank: Bank, folder: Path) -> None:
    """Everybody else is cut off before a byte is read, with the right header as well; and is counted."""
    with Serving.behind(bank, folder / "tcp", proxy_addresses=["127.0.0.9", "::1"]) as behind:
        port = int(behind.url.removeprefix("http://localhost:"))
        header = f"Client-Cert: :{token(bank)}:"

        def asked(source: str) -> bytes:
            connection = socket.create_connection(("127.0.0.1", port), 30, (source, 0))
            try:
                return say(connection, "GET", f"{PATH}?wsdl", header)
            except ConnectionError:
                return b""

        before = behind.metric("kruispunt_connections_refused_total")
        assert status(asked("127.0.0.9")) == 200
        assert asked("127.0.0.1") == b""
        wait_until(
            lambda: behind.metric("kruispunt_connections_refused_total") == before + 1, "the refusal to be counted"
        )
        assert behind.metric("kruispunt_exchange_seconds_count") == 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"proxy_addresses": ["127.0.0.1"], "host": "0.0.0.0"}, "plain HTTP, which may not be offered on 0.0.0.0"),
        ({"proxy_addresses": ["192.0.2.1"], "host": "::"}, "plain HTTP, which may not be offered on ::"),
        ({"proxy_addresses": ["127.0.0.1"], "host": "192.0.2.7"}, "may not be offered on 192.0.2.7"),
        ({"proxy_addresses": ["127.0.0.1"], "host": "localhost"}, "must be an address"),
        ({"proxy_addresses": ["proxy.example"]}, "proxy_addresses"),
        ({"proxy_addresses": ["127.0.0.1"], "proxy_socket": "/tmp/x"}, "either proxy_socket or proxy_addresses"),
        ({"proxy_socket": "/nowhere/x.sock"}, "cannot listen on /nowhere/x.sock"),
        ({"proxy_socket": "/tmp/" + "x" * 120}, "longer than 100 bytes"),
        ({"proxy_socket": "/tmp/x", "proxy_header": "no header"}, "proxy_header"),
        ({}, "tls_certificate: Value error, must be given, unless a proxy ends TLS"),
    ],
)
def test_settings_that_do_not_serve(bank: Bank, tmp_path: Path, changed: dict[str, object], said: str) -> None:
    assert said in Serving.behind(bank, tmp_path / "x", **changed).refused()


# The proof at the start.


@pytest.mark.parametrize("answers", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 404 Not Found\r\n\r\n", b"anything"])
@pytest.mark.parametrize("first", [True, False], ids=["to-nobody", "to-a-forger"])
def test_a_server_that_answers_strangers_does_not_start(answers: bytes, first: bool) -> None:
    said = [answers] if first else [b"HTTP/1.1 403 Forbidden\r\n\r\n", answers]
    with pytest.raises(ConfigurationError, match="refusing to start"):
        prove_closed_behind(lambda: _answering(said.pop(0)), "Client-Cert")


def test_a_server_that_refuses_strangers_starts() -> None:
    prove_closed_behind(lambda: _answering(b"HTTP/1.1 403 Forbidden\r\n\r\n"), "Client-Cert")
    prove_closed_behind(lambda: _answering(b""), "Client-Cert")


def _answering(answer: bytes) -> socket.socket:
    """A connection to somebody who says one thing."""
    ours, theirs = socket.socketpair()

    def work() -> None:
        with theirs:
            theirs.recv(65536)
            theirs.sendall(answer)

    threading.Thread(target=work).start()
    return ours


def test_the_demo_personas_come_through_a_proxy(bank: Bank, proxied: Bank) -> None:
    """Another service, and the exchange as a whole: the same answer as over direct TLS."""
    persona = PERSONAS["echo"]
    direct = bank.call(persona)
    bench = Bench(proxied, replace(persona))
    got = post(bench, proxied, bank.message(persona), f"Client-Cert: :{token(bank, persona.client)}:")
    assert got.status == direct.status == 200
    assert got.payload.findtext(".//echo") == direct.payload.findtext(".//echo")
