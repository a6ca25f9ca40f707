"""Below SOAP, where a look at the server is needed: memory, the log, what is served (PL-01, PL-02).

The other attacks of the kind are the family `http` of test_attack_suite.py.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from attacker import Bench
from bank import Bank, Got
from lxml import etree
from processes import workers
from serving import Serving
from wire import dial, head, say, status, told

from kruispunt.cli import main
from kruispunt.client.transport import Connection

SIZE = 128 * 1024
NS_WSDL = {"soap": "http://schemas.xmlsoap.org/wsdl/soap/", "xsd": "http://www.w3.org/2001/XMLSchema"}
PATH = "/ForeignerSituationService/v1/consult"


# Sizes.


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


def test_a_method_that_is_not_served_is_told_which_are(untouched: Bench) -> None:
    reply = say(untouched.bank, head(PATH, "Content-Length: 0", method="PUT"))
    assert status(reply) == 405
    assert b"\r\nallow: GET, HEAD, POST\r\n" in reply


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


def test_refusals_of_one_source_are_limited_in_number(bank: Bank, tmp_path: Path) -> None:
    """A flood of rubbish fills no disk: it is counted, and answered all the same."""
    most = 5
    with Serving(bank, tmp_path / "serve", refusals_logged=most) as limited:
        with limited.connect("signing") as connection:
            tickets = [_rubbish(connection) for _ in range(4 * most)]
        logged = [ticket for ticket, entries in limited.logged_all(tickets).items() if entries]
        assert logged[:most] == tickets[:most]
        # A minute may end meanwhile.
        assert len(logged) <= 2 * most
        assert limited.metric("kruispunt_refusals_suppressed_total") == len(tickets) - len(logged)


def _rubbish(connection: Connection) -> str:
    """The ticket of the refusal of what is no request."""
    got = Got(*connection.post("/", "x", b"<x/>"))
    assert (got.status, got.code in ("MSG00004", "MSG00052")) == (500, True)
    return got.ticket


def test_a_kept_connection_survives_a_fault(bench: Bench) -> None:
    victim = bench.victim
    with bench.bank.connect(victim.client) as connection:
        assert connection.post(victim.service.path, "x", b"<x/>")[0] == 500
        first = connection._connection.sock
        assert connection.post(victim.service.path, "x", b"<x/>")[0] == 500
        assert connection._connection.sock is first
