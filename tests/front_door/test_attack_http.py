"""Attacks below SOAP: HTTP, sizes, addresses (PL-01, PL-02, and the first row of platform.md's table)."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from attacker import Bench
from bank import Bank
from lxml import etree
from processes import workers
from wire import dial, head, say, status, told

from kruispunt.cli import main

SIZE = 128 * 1024
NS_WSDL = {"soap": "http://schemas.xmlsoap.org/wsdl/soap/", "xsd": "http://www.w3.org/2001/XMLSchema"}


PATH = "/ForeignerSituationService/v1/consult"


# Sizes.


def test_an_announced_length_beyond_the_limit(untouched: Bench) -> None:
    """Refused before a byte of it is read."""
    reply = say(untouched.bank, head(PATH, "Content-Type: text/xml", f"Content-Length: {SIZE + 1}"))
    assert status(reply) == 413
    assert str(SIZE).encode() in reply


def test_a_body_without_length_beyond_the_limit(untouched: Bench) -> None:
    with dial(untouched.bank) as connection:
        connection.sendall(head(PATH, "Content-Type: text/xml", "Transfer-Encoding: chunked"))
        with contextlib.suppress(OSError):
            for _ in range(40):
                connection.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        assert status(told(connection)) == 413


def test_a_message_of_just_the_allowed_length(bench: Bench) -> None:
    message = bench.message()
    bench.answered(message + b"\n" * (SIZE - len(message)))
    message = bench.message()
    got = bench.send(message + b"\n" * (SIZE - len(message) + 1))
    assert got.status == 413


@pytest.mark.parametrize(
    "lines",
    [
        [f"X-{n}: {'x' * 1000}" for n in range(100)],
        ["X: " + "x" * 100_000],
        ["A:"] * 40_000,
    ],
    ids=["many", "long", "empty"],
)
def test_headers_without_end(untouched: Bench, lines: list[str]) -> None:
    """Whoever has a certificate of the issuer could fill the memory: a hundred megabytes are not read to the end."""
    bank = untouched.bank
    held = memory(bank)
    piece = ("\r\n".join(lines) + "\r\n").encode()
    with dial(bank) as connection:
        connection.sendall(head(PATH)[:-2])
        with contextlib.suppress(OSError):
            for _ in range(100_000_000 // len(piece)):
                connection.sendall(piece)
        assert status(told(connection)) == 400
    assert memory(bank) < held + 20_000


def test_trailers_and_chunks_without_end(untouched: Bench) -> None:
    bank = untouched.bank
    start = head(PATH, "Content-Type: text/xml", "Transfer-Encoding: chunked")
    for piece in (b"1;" + b"x" * 1000 + b"\r\nx\r\n", b"X: " + b"x" * 1000 + b"\r\n"):
        with dial(bank) as connection:
            connection.sendall(start + (b"0\r\n" if piece.startswith(b"X") else b""))
            with contextlib.suppress(OSError):
                for _ in range(1_000):
                    connection.sendall(piece)
            assert status(told(connection)) in {400, 413}


def memory(bank: Bank) -> int:
    """What the workers hold, in KiB."""
    lines = (f"/proc/{worker}/status" for worker in workers(bank.process.pid))
    texts = [Path(line).read_text() for line in lines]
    return sum(int(text.split("VmRSS:")[1].split()[0]) for text in texts)


# HTTP.


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods(untouched: Bench, method: str) -> None:
    reply = say(untouched.bank, head(PATH, "Content-Length: 0", method=method))
    assert status(reply) == 405
    if method != "GET":
        assert b"\r\nallow: GET, HEAD, POST\r\n" in reply


@pytest.mark.parametrize(
    "line",
    [
        "X: no content type",
        "Content-Type: application/json",
        "Content-Type: multipart/related; type=text/xml",
        "Content-Type: text/plain",
        "Content-Type: text/xml; charset=utf-16",
        "Content-Type: text/xml; charset=iso-8859-1",
        "Content-Type: text/xml\r\nContent-Encoding: gzip",
        "Content-Type: text/xml\r\nContent-Encoding: br",
    ],
)
def test_content_that_is_not_read(untouched: Bench, line: str) -> None:
    assert status(say(untouched.bank, head(PATH, line, "Content-Length: 0"))) == 415


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: -1"],
        ["Content-Length: " + "9" * 5_000],
        ["Content-Length: 0x10"],
        ["Content-Length : 5"],
        ["X: a", " folded"],
        ["X: \x00"],
        ["X: a\rY: b"],
    ],
)
def test_requests_that_two_servers_would_read_differently(untouched: Bench, lines: list[str]) -> None:
    """No smuggling past a proxy in front."""
    assert status(say(untouched.bank, head(PATH, "Content-Type: text/xml", *lines))) == 400


@pytest.mark.parametrize(
    "data",
    [
        b"\x00" * 100,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\r\n\x16\x03\x01",
    ],
)
def test_what_is_no_http(untouched: Bench, data: bytes) -> None:
    assert status(say(untouched.bank, data)) == 400


@pytest.mark.parametrize(
    "path", ["/metrics", "/health/live", "/health/ready", "/", "/docs", "/ForeignerSituationService"]
)
def test_nothing_else_lives_at_the_front_door(untouched: Bench, path: str) -> None:
    reply = say(untouched.bank, head(path, method="GET"))
    assert status(reply) == 404
    assert b"kruispunt_" not in reply


def test_a_client_that_leaves_in_the_middle(untouched: Bench) -> None:
    with dial(untouched.bank) as connection:
        connection.sendall(head(PATH, "Content-Type: text/xml", "Content-Length: 100") + b"<half")


# The contract.


@pytest.mark.parametrize("host", ["bank.example", "bank.example:4520", "[::1]:4520", "127.0.0.1"])
def test_the_contract_names_the_host_that_the_client_used(bank: Bank, host: str) -> None:
    for target in (f"{PATH}?wsdl", f"{PATH}?WSDL"):
        got = say(bank, f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        tree = etree.fromstring(got.partition(b"\r\n\r\n")[2])
        (address,) = tree.xpath("//soap:address/@location", namespaces=NS_WSDL)
        assert address == f"https://{host}{PATH}"
        for location in tree.xpath("//xsd:import/@schemaLocation", namespaces=NS_WSDL):
            assert location.startswith(f"https://{host}/")


@pytest.mark.parametrize(
    "host", ["", 'x"><evil a="', "x/y", "user@x", "x y", "x\ty", "x:1:2", "é", "x#", "x?y", "[::1", "a" * 300]
)
def test_a_host_that_is_none_is_not_repeated(untouched: Bench, host: str) -> None:
    request = f"GET {PATH}?wsdl HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    reply = say(untouched.bank, request.encode("latin-1"))
    assert status(reply) == 400
    assert b"evil" not in reply


@pytest.mark.parametrize(
    "name",
    ["../../../../../etc/passwd", "%2e%2e%2fcodes.py", "codes.py", "service.py", "", "%00", "http://127.0.0.1:1/x"],
)
def test_schemas_are_served_by_name_only(untouched: Bench, name: str) -> None:
    target = f"{PATH}?xsd={name}"
    reply = say(untouched.bank, head(target, method="GET"))
    assert status(reply) == 404
    assert b"root:" not in reply


# The log, on a terminal.


def test_a_path_cannot_forge_or_command_what_an_operator_reads(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kruispunt log show` prints what strangers wrote: escape sequences are shown, not obeyed."""
    monkeypatch.setenv("KRUISPUNT_CONFIG", str(bench.bank.directory / "kruispunt.toml"))
    got = bench.refused(bench.message(), "MSG00052", path="/x%1b[2J%0d%0aoutcome%20MSG00000%c2%9b31m%e2%80%ae")
    for words in (
        ("log", "show", got.ticket),
        ("log", "show", got.ticket, "--json", "--messages"),
        ("why", got.ticket),
    ):
        with contextlib.suppress(SystemExit):
            main.app(list(words), standalone_mode=False)
        printed = capsys.readouterr().out
        assert "MSG00052" in printed
        assert all(c.isprintable() or c == "\n" for c in printed)
        assert not any(line.startswith("outcome MSG00000") for line in printed.splitlines())


def test_refusals_of_one_source_are_limited_in_number(bank: Bank) -> None:
    """A flood of rubbish fills no disk: it is counted, and answered all the same."""
    before = bank.metric("kruispunt_refusals_suppressed_total")
    with bank.connect("signing") as connection:
        for _ in range(130):
            code, _, content = connection.post("/", "x", b"<x/>")
            assert (code, b"MSG00004" in content or b"MSG00052" in content) == (500, True)
    assert bank.metric("kruispunt_refusals_suppressed_total") > before


def test_a_kept_connection_survives_a_fault(bench: Bench) -> None:
    victim = bench.victim
    with bench.bank.connect(victim.client) as connection:
        assert connection.post(victim.service.path, "x", b"<x/>")[0] == 500
        first = connection._connection.sock
        assert connection.post(victim.service.path, "x", b"<x/>")[0] == 500
        assert connection._connection.sock is first
