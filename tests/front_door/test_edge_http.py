"""One spelling of HTTP, over real TLS: what two servers could read differently is answered once and reaches nobody."""

from __future__ import annotations

import re
import socket
import ssl
from base64 import b64encode

import pytest
from attacker import Bench
from wire import dial, status, told

PATH = "/ForeignerSituationService/v1/consult"
SECOND = b"GET " + PATH.encode() + b"?wsdl HTTP/1.1\r\nHost: localhost\r\n\r\n"
"""What an attacker hides behind a first request: it would be answered with 200."""


def post(*lines: str, method: str = "POST", target: str = PATH, version: str = "HTTP/1.1") -> bytes:
    """A head without `Connection: close`: whether the server closes is what is asked."""
    given = [f"{method} {target} {version}", "Host: localhost", "Content-Type: text/xml", *lines, "", ""]
    return "\r\n".join(given).encode("latin-1")


CHUNKED = post("Transfer-Encoding: chunked")

REFUSED: dict[str, tuple[int, bytes]] = {
    # Two lengths.
    "length-and-chunked": (400, post("Content-Length: 4", "Transfer-Encoding: chunked") + b"0\r\n\r\n"),
    "chunked-and-length": (400, post("Transfer-Encoding: chunked", "Content-Length: 4") + b"0\r\n\r\n"),
    "two-equal-lengths": (400, post("Content-Length: 1", "Content-Length: 1") + b"a"),
    "two-lengths": (400, post("Content-Length: 0", "Content-Length: 1") + b"a"),
    "a-list-of-lengths": (400, post("Content-Length: 1, 1") + b"a"),
    "length-with-plus": (400, post("Content-Length: +1") + b"a"),
    "negative-length": (400, post("Content-Length: -1") + b"a"),
    "hexadecimal-length": (400, post("Content-Length: 0x1") + b"a"),
    "length-with-zeros": (400, post("Content-Length: 01") + b"a"),
    "length-beyond-64-bits": (400, post("Content-Length: 18446744073709551617") + b"a"),
    "no-length": (400, post("Content-Length:")),
    "blank-in-length": (400, post("Content-Length: 1 1") + b"a"),
    "blank-before-colon": (400, post("Content-Length : 1") + b"a"),
    # Transfer codings.
    "unknown-coding": (501, post("Transfer-Encoding: xchunked") + b"0\r\n\r\n"),
    "quoted-coding": (501, post('Transfer-Encoding: "chunked"') + b"0\r\n\r\n"),
    "identity-coding": (501, post("Transfer-Encoding: identity") + b"0\r\n\r\n"),
    "coding-after-chunked": (400, post("Transfer-Encoding: chunked, gzip") + b"0\r\n\r\n"),
    "coding-before-chunked": (501, post("Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n"),
    "chunked-twice": (400, post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + b"0\r\n\r\n"),
    "vertical-tab-before-chunked": (400, post("Transfer-Encoding: \x0bchunked") + b"0\r\n\r\n"),
    "empty-coding": (400, post("Transfer-Encoding:") + b"0\r\n\r\n"),
    # Chunks.
    "bare-lf-after-chunk-size": (400, CHUNKED + b"1\nx\r\n0\r\n\r\n"),
    "bare-lf-in-chunk-extension": (400, CHUNKED + b"1;a\nb\r\nx\r\n0\r\n\r\n"),
    "bare-cr-in-chunk-extension": (400, CHUNKED + b"1;a\rb\r\nx\r\n0\r\n\r\n"),
    "bare-lf-after-chunk": (400, CHUNKED + b"1\r\nx\n0\r\n\r\n"),
    "no-end-of-chunk": (400, CHUNKED + b"1\r\nx0\r\n\r\n"),
    "prefixed-chunk-size": (400, CHUNKED + b"0x1\r\nx\r\n0\r\n\r\n"),
    "negative-chunk-size": (400, CHUNKED + b"-1\r\nx\r\n0\r\n\r\n"),
    "chunk-size-beyond-64-bits": (400, CHUNKED + b"10000000000000001\r\nx\r\n0\r\n\r\n"),
    "no-chunk-size": (400, CHUNKED + b"\r\nx\r\n0\r\n\r\n"),
    "chunk-extension-without-end": (400, CHUNKED + b"1;" + b"x" * 70_000),
    "zeros-before-chunk-size-without-end": (400, CHUNKED + b"0" * 70_000),
    "trailer": (400, CHUNKED + b"0\r\nSOAPAction: x\r\n\r\n"),
    "trailer-with-length": (400, CHUNKED + b"0\r\nContent-Length: 5\r\n\r\n"),
    # Lines.
    "folded-header": (400, post("X: a", " b", "Content-Length: 0")),
    "folded-with-tab": (400, post("X: a", "\tb", "Content-Length: 0")),
    "blank-before-first-header": (400, f"POST {PATH} HTTP/1.1\r\n Host: a\r\n\r\n".encode()),
    "bare-lf": (400, post("Content-Length: 0").replace(b"\r\n", b"\n")),
    "bare-lf-after-header": (400, post("X: a\nY: b", "Content-Length: 0")),
    "bare-cr-in-header": (400, post("X: a\rY: b", "Content-Length: 0")),
    "nul-in-header": (400, post("X: \x00", "Content-Length: 0")),
    "blank-in-header-name": (400, post("X Y: a", "Content-Length: 0")),
    "header-without-name": (400, post(": a", "Content-Length: 0")),
    "large-headers": (400, post(*("X: " + "x" * 4_000 for _ in range(17)), "Content-Length: 0")),
    "header-without-colon": (400, post("Z", "Content-Length: 0")),
    # Headers that stand there twice, or not.
    "two-hosts": (400, post("Host: other", "Content-Length: 0")),
    "no-host": (400, post("Content-Length: 0").replace(b"Host: localhost\r\n", b"")),
    "two-content-types": (400, post("Content-Type: text/xml", "Content-Length: 0")),
    "two-actions": (400, post("SOAPAction: a", "SOAPAction: b", "Content-Length: 0")),
    "two-encodings": (400, post("Content-Encoding: identity", "Content-Encoding: gzip", "Content-Length: 0")),
    # Request lines.
    "http-0.9": (400, f"GET {PATH}?wsdl\r\n".encode()),
    "http-0.9-with-number": (505, post("Content-Length: 0", version="HTTP/0.9")),
    "http-1.0": (505, post("Content-Length: 0", version="HTTP/1.0")),
    "http-1.0-chunked": (505, post("Transfer-Encoding: chunked", version="HTTP/1.0") + b"0\r\n\r\n"),
    "http-1.2": (505, post("Content-Length: 0", version="HTTP/1.2")),
    "http-2.0": (505, post("Content-Length: 0", version="HTTP/2.0")),
    "http-2-preface": (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "http-1.10": (400, post("Content-Length: 0", version="HTTP/1.10")),
    "small-letters": (400, post("Content-Length: 0", version="http/1.1")),
    "rtsp": (400, post("Content-Length: 0", version="RTSP/1.1")),
    "ice": (400, post("Content-Length: 0", version="ICE/1.1")),
    "absolute-form": (400, post("Content-Length: 0", target=f"http://localhost{PATH}")),
    "absolute-form-https": (400, post("Content-Length: 0", target=f"https://other{PATH}")),
    "asterisk-form": (400, post("Content-Length: 0", method="OPTIONS", target="*")),
    "fragment": (400, post("Content-Length: 0", target=f"{PATH}#x")),
    "blank-in-target": (400, post("Content-Length: 0", target=f"{PATH} x")),
    "two-blanks": (400, post("Content-Length: 0", target=f" {PATH}")),
    "tab-in-line": (400, post("Content-Length: 0").replace(b"POST ", b"POST\t")),
    "no-ascii-in-target": (400, post("Content-Length: 0", target="/\xe9")),
    "long-line": (400, post("Content-Length: 0", target="/" + "x" * 5_000)),
    "line-without-end": (400, b"POST /" + b"x" * 70_000),
    "blank-lines-without-end": (400, b"\r\n" * 35_000),
    "tls-in-tls": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    # Other protocols and methods.
    "upgrade-h2c": (400, post("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMA")),
    "upgrade-websocket": (400, post("Connection: Upgrade", "Upgrade: websocket", "Content-Length: 0")),
    "upgrade-alone": (400, post("Upgrade: h2c", "Content-Length: 0")),
    "upgrade-by-proxy-connection": (400, post("Proxy-Connection: upgrade", "Upgrade: x", "Content-Length: 0")),
    "connect": (400, post(method="CONNECT", target="localhost:443")),
    "connect-to-a-path": (405, post(method="CONNECT")),
    "trace": (405, post("Content-Length: 0", method="TRACE")),
    "unknown-method": (400, post("Content-Length: 0", method="FOO")),
    # What is asked for before the body.
    "expect-something-else": (417, post("Expect: 200-ok", "Content-Length: 1")),
    "compressed": (415, post("Content-Encoding: gzip", "Content-Length: 1") + b"a"),
    "compressed-and-chunked": (415, post("Content-Encoding: deflate", "Transfer-Encoding: chunked") + b"0\r\n\r\n"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("piecewise", [False, True], ids=["at-once", "in-pieces"])
def test_refused_once_and_closed(untouched: Bench, name: str, piecewise: bool) -> None:
    """One status, no second answer to the request behind it, and the end of the connection: TLS closed in order."""
    expected, data = REFUSED[name]
    data += SECOND
    with dial(untouched.bank) as connection:
        answer = exchange(connection, data, 7 if piecewise and len(data) < 2_000 else len(data))
    assert status(answer) == expected, answer[:300]
    assert answers(answer) == 1, answer
    assert b"connection: close\r\n" in answer
    assert answer.endswith(b"\n")
    assert b"<" not in answer


def exchange(connection: ssl.SSLSocket, data: bytes, size: int) -> bytes:
    """Everything that the server says until it closes; `size` bytes are written at a time."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        for begin in range(0, len(data), size):
            connection.sendall(data[begin : begin + size])
    except OSError:
        pass  # it closed before everything was written
    return told(connection)


def answers(received: bytes) -> int:
    return len(re.findall(rb"HTTP/1\.1 [0-9]{3} ", received))


def test_a_pipelined_request_is_never_read(bench: Bench) -> None:
    """The first is answered in full, the connection ends with it, and the second leaves no trace."""
    victim = bench.victim
    message = bench.message()
    action = f'SOAPAction: "http://kszbcss.fgov.be/{victim.service.name}/{victim.operation.name}"'
    first = post(action, f"Content-Length: {len(message)}", target=victim.service.path) + message
    second = bench.message()
    also = post(action, f"Content-Length: {len(second)}", target=victim.service.path) + second
    before = bench.bank.metric("kruispunt_exchange_seconds_count")
    with dial(bench.bank, bench.bank.tls(victim.client)) as connection:
        connection.sendall(first + also)
        answer = told(connection)
    assert status(answer) == 200
    assert answers(answer) == 1
    assert b"connection: close\r\n" in answer
    assert b"<code>MSG00000</code>" in answer
    assert bench.bank.metric("kruispunt_exchange_seconds_count") == before + 1


def test_requests_one_after_the_other_are_served(untouched: Bench) -> None:
    """A kept connection, with the blank line that old clients put behind a body."""
    with dial(untouched.bank) as connection:
        for _ in range(3):
            connection.sendall(SECOND)
            answer = whole(connection)
            assert status(answer) == 200
            assert b"connection: close" not in answer
            connection.sendall(b"\r\n")


def whole(connection: socket.socket) -> bytes:
    """One answer, by its Content-Length."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    begin = received.index(b"\r\n\r\n") + 4
    match = re.search(rb"content-length: ([0-9]+)", received)
    assert match
    while len(received) < begin + int(match[1]):
        received += connection.recv(65536)
    return received


@pytest.mark.parametrize(
    ("lines", "expected"),
    [((f"Content-Length: {128 * 1024 + 1}",), 413), (("Content-Encoding: gzip", "Content-Length: 10"), 415)],
)
def test_expect_is_answered_with_the_refusal(untouched: Bench, lines: tuple[str, ...], expected: int) -> None:
    """Who asks before sending is told at once, and no byte of the body is asked for."""
    with dial(untouched.bank) as connection:
        connection.sendall(post("Expect: 100-continue", *lines))
        answer = told(connection)
    assert status(answer) == expected
    assert answers(answer) == 1


def test_expect_is_answered_with_continue(bench: Bench) -> None:
    victim, message = bench.victim, bench.message()
    action = f'SOAPAction: "http://kszbcss.fgov.be/{victim.service.name}/{victim.operation.name}"'
    asked = post("Expect: 100-Continue", action, f"Content-Length: {len(message)}", target=victim.service.path)
    with dial(bench.bank, bench.bank.tls(victim.client)) as connection:
        connection.sendall(asked)
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(message)
        answer = whole(connection)
    assert status(answer) == 200
    assert b"<code>MSG00000</code>" in answer


def test_a_certificate_in_a_header_counts_for_nothing(bench: Bench) -> None:
    """On direct mutual TLS the handshake alone says who it is: `stranger` stays unregistered with onem's certificate
    in the header."""
    der = ssl.PEM_cert_to_DER_cert((bench.bank.pki / "onem.pem").read_text())
    token = b64encode(der).decode()
    victim, message = bench.victim, bench.message()
    action = f'SOAPAction: "http://kszbcss.fgov.be/{victim.service.name}/{victim.operation.name}"'
    lines = (f"Client-Cert: :{token}:", f"X-Client-Cert: {token}", action, f"Content-Length: {len(message)}")
    with dial(bench.bank, bench.bank.tls("stranger")) as connection:
        connection.sendall(post(*lines, "Connection: close", target=victim.service.path) + message)
        answer = told(connection)
    assert status(answer) == 500
    assert b"MSG00015" in answer
    assert b"registration" in answer
