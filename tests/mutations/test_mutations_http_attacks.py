"""Attacks on the files of subscriptions, through a running gateway: who, where, how (PL-08, PL-30, RP-18)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fetching import STRANGER, Gateway, Got, everywhere, gateway
from file_rows import digest

CONTENT = b"<mutations>" + b"x" * 5_000 + b"</mutations>"
BASE = "/mutations/v1/subscriptions"
FILES = f"{BASE}/one/files"
RIGHT = json.dumps({"sha256": digest(CONTENT)})


@pytest.fixture(scope="module")
def bank(server: Any, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    home = tmp_path_factory.mktemp("gateway")
    with server.database(template) as dsn, gateway(home, dsn) as running:
        running.subscribe("one")
        running.publish("one", 1, CONTENT)
        running.subscribe("of-beta", "beta")
        running.publish("of-beta", 1, b"beta alone")
        yield running


def steady(got: Got) -> tuple[int, dict[str, str], bytes]:
    """An answer without its ticket."""
    ticket = got.ticket
    headers = {name: value for name, value in got.headers.items() if name != "belgov-trace-id"}
    return got.status, headers, got.body.replace(ticket.encode(), b"TICKET")


# Whose it is


@pytest.mark.parametrize(
    "last", ["/files", "/files/1", "/files/1/voucher", "/files/1/acknowledgement", "/files/1/request"]
)
def test_what_is_somebody_elses_is_answered_as_what_does_not_exist(bank: Gateway, last: str) -> None:
    """The same bytes, so that nobody learns which codes and numbers there are."""
    method = {"acknowledgement": "PUT", "request": "POST"}.get(last.rpartition("/")[2], "GET")
    body = RIGHT if method == "PUT" else None
    headers = {"Content_Type": "application/json"} if method == "PUT" else {}
    with bank.as_("alpha") as alpha:
        foreign = alpha.ask(method, f"{BASE}/of-beta{last}", body, **headers)
        absent = alpha.ask(method, f"{BASE}/nothing{last}", body, **headers)
    assert foreign.status == 404
    assert steady(foreign) == steady(absent)
    row = bank.row("of-beta", 1)
    assert (row["collected"], row["asked"]) == (None, None)


def test_a_number_that_was_not_given_is_answered_likewise(bank: Gateway) -> None:
    absent = steady(bank.get("alpha", f"{BASE}/nothing/files/1"))
    for number in ("2", "999999999999999"):
        assert steady(bank.get("alpha", f"{FILES}/{number}")) == absent


# Who it is


def test_strangers_and_other_applications(bank: Gateway) -> None:
    for name, rule in ((STRANGER, "registration.tls"), ("no-service", "registration.service")):
        for path in (BASE, f"{FILES}/1", "/mutations/anything"):
            got = bank.get(name, path)
            assert (got.status, got.headers["content-type"]) == (403, "application/problem+json")
            assert got.headers["connection"] == "close"
            assert bank.logged(got.ticket)[1].facts["rule"] == rule


def test_a_revoked_certificate_is_refused_on_the_connection_that_it_has(bank: Gateway) -> None:
    with bank.as_("alpha-two") as kept:
        assert kept.get(f"{FILES}/1").status == 200
        bank.revoke("alpha-two", number=2)
        everywhere(lambda: bank.get("alpha-two", f"{FILES}/1").status == 403)
        refused = kept.get(f"{FILES}/1")
        assert refused.status == 403
        assert "revoked" in refused.json["detail"]
    assert bank.get("alpha", f"{FILES}/1").status == 200
    bank.revoke(number=3)
    everywhere(lambda: bank.get("alpha-two", f"{FILES}/1").status == 200)


def test_rights_that_are_taken_away_end_at_once(bank: Gateway) -> None:
    """The service, the organisation, the whole registration; on connections that are open as well."""
    with bank.as_("both") as kept:
        assert kept.get(f"{BASE}/of-beta/files/1").status == 200
        bank.register(both=("alpha", ("alpha",), ("Mutations",)))
        everywhere(lambda: bank.get("both", f"{BASE}/of-beta/files/1").status == 404)
        assert kept.get(f"{BASE}/of-beta/files/1").status == 404
        assert kept.get(f"{FILES}/1").status == 200
        bank.register(both=("alpha", ("alpha", "beta"), ("TestConnectionService",)))
        everywhere(lambda: bank.get("both", f"{FILES}/1").status == 403)
        bank.register(both=None)
        everywhere(lambda: bank.get("both", BASE).status == 403)
    bank.register()
    everywhere(lambda: bank.get("both", f"{BASE}/of-beta/files/1").status == 200)


# Where


@pytest.mark.parametrize(
    "path",
    [
        "/mutations/",
        "/mutations/v1",
        "/mutations/v2/subscriptions",
        "/mutations/v1/subscriptions/",
        f"{BASE}/one",
        f"{FILES}/",
        f"{FILES}/1/",
        f"{FILES}/0",
        f"{FILES}/01",
        f"{FILES}/+1",
        f"{FILES}/-1",
        f"{FILES}/1.0",
        f"{FILES}/1e0",
        f"{FILES}/%31",
        f"{FILES}/1%00",
        f"{FILES}/1%0A",
        f"{FILES}/1;x=1",
        f"{FILES}/1,2",
        f"{FILES}/" + "9" * 16,
        f"{FILES}/" + "1" * 3_000,
        f"{FILES}/%D9%A1",
        f"{FILES}/1/../1",
        f"{FILES}/../../of-beta/files/1",
        f"{FILES}/%2e%2e/%2e%2e/of-beta/files/1",
        f"{FILES}/..%2f..%2fof-beta%2ffiles%2f1",
        f"{FILES}/1%2fvoucher",
        f"{FILES}/1/voucher/x",
        f"{FILES}/1/Voucher",
        f"{FILES}/one-0000000001.xml",
        f"{BASE}/ONE/files/1",
        f"{BASE}/one%2ffiles/1",
        f"{BASE}/%6fne/files/1",
        f"{BASE}/one./files/1",
        f"{BASE}/../one/files/1",
        f"{BASE}/one\\files\\1",
        f"{BASE}//one/files/1",
        f"{BASE}/one//files/1",
        f"{BASE}/{'a' * 65}/files/1",
        f"{BASE}/-one/files/1",
        f"{BASE}/'or'1'='1/files/1",
        "/%6dutations/v1/subscriptions",
        "/mutations%2fv1/subscriptions",
    ],
)
def test_an_address_has_one_spelling(bank: Gateway, path: str) -> None:
    answer = bank.raw("alpha", f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 "), head
    assert json.loads(body)["type"] == "urn:problem-type:belgif:resourceNotFound"
    assert b"secret" not in body


def test_beside_the_prefix_everything_is_soap(bank: Gateway) -> None:
    for path in ("/mutations", "//mutations/v1/subscriptions", "/Mutations/v1/subscriptions", "/x/../mutations/v1"):
        answer = bank.raw("alpha", f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 404 ")
        assert b"No service here." in answer


@pytest.mark.parametrize("what", ["link", "link to another's", "pipe", "folder", "larger", "folder that is a link"])
def test_what_was_planted_in_the_folder_is_never_sent(bank: Gateway, what: str) -> None:
    """The account of a subscriber may be able to write in its own folder."""
    code = f"planted-{what.replace(' ', '-').replace(chr(39), '')}"
    bank.subscribe(code)
    path = bank.publish(code, 1, b"secret secret")
    secret = bank.home / "secret"
    secret.write_bytes(b"secret secret")
    path.unlink()
    match what:
        case "link":
            path.symlink_to(secret)
        case "link to another's":
            path.symlink_to("../of-beta/of-beta-0000000001.xml")
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "larger":
            path.write_bytes(b"secret secret secret")
        case "folder that is a link":
            (bank.home / "elsewhere").mkdir()
            (bank.home / "elsewhere" / path.name).write_bytes(b"secret secret")
            path.parent.rmdir()
            path.parent.symlink_to(bank.home / "elsewhere")
    got = bank.get("alpha", f"{BASE}/{code}/files/1")
    assert got.status == 410
    assert b"secret" not in got.body
    told = [line for line in bank.said if line.get("code") == "mutations.file" and line["subscription"] == code]
    assert len(told) == 1
    assert told[0]["sequence"] == 1


# How


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", BASE, {}, 405),
        ("DELETE", f"{FILES}/1", {}, 405),
        ("PUT", f"{FILES}/1", {}, 405),
        ("GET", f"{FILES}/1/acknowledgement", {}, 405),
        ("GET", f"{FILES}/1/request", {}, 405),
        ("OPTIONS", FILES, {}, 405),
        ("TRACE", FILES, {}, 405),
        ("GET", BASE, {"Accept": "application/xml"}, 406),
        ("GET", f"{FILES}/1", {"Accept": "application/json"}, 406),
        ("GET", f"{FILES}/1", {"Accept": "*/*;q=0"}, 406),
        ("GET", f"{FILES}/1", {"Accept": "application/xml;q=0.000, */*"}, 406),
        ("GET", f"{FILES}/1", {"Accept": ""}, 406),
        ("GET", f"{FILES}?after=x", {}, 400),
        ("GET", f"{FILES}?after=-1", {}, 400),
        ("GET", f"{FILES}?after=01", {}, 400),
        ("GET", f"{FILES}?after=1&after=2", {}, 400),
        ("GET", f"{FILES}?limit=0", {}, 400),
        ("GET", f"{FILES}?limit=1001", {}, 400),
        ("GET", f"{FILES}?limit=" + "9" * 3_000, {}, 400),
        ("GET", f"{FILES}?order=desc", {}, 400),
        ("GET", f"{FILES}?after=%31", {}, 400),
        ("GET", f"{FILES}?after", {}, 400),
        ("GET", f"{FILES}?&", {}, 400),
        ("GET", f"{BASE}?code=one", {}, 400),
        ("GET", f"{FILES}/1?after=1", {}, 400),
    ],
)
def test_requests_that_are_none(bank: Gateway, method: str, path: str, headers: dict[str, str], status: int) -> None:
    with bank.as_("alpha") as alpha:
        got = alpha.ask(method, path, **headers)
        assert (got.status, got.headers["content-type"]) == (status, "application/problem+json")
        assert ("allow" in got.headers) == (status == 405)
        assert set(got.json) == {"type", "title", "status", "detail", "instance"}
        assert alpha.get(BASE).status == 200  # the connection goes on


@pytest.mark.parametrize(
    "accept", ["*/*", "application/*", "application/xml", "text/html, */*;q=0.1", "APPLICATION/XML;q=1"]
)
def test_what_accepts_the_file(bank: Gateway, accept: str) -> None:
    assert bank.get("alpha", f"{FILES}/1", Accept=accept).status == 200


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (RIGHT, "text/plain", 415),
        (RIGHT, "", 415),
        (RIGHT, "application/json; charset=utf-16", 415),
        (RIGHT, "application/x-www-form-urlencoded", 415),
        ("", "application/json", 400),
        ("[]", "application/json", 400),
        ("null", "application/json", 400),
        ("{}", "application/json", 400),
        ("[" * 1_000, "application/json", 400),
        (RIGHT[:-1], "application/json", 400),
        (RIGHT.upper(), "application/json", 400),
        (json.dumps({"sha256": digest(CONTENT).upper()}), "application/json", 400),
        (json.dumps({"sha256": digest(CONTENT), "more": 1}), "application/json", 400),
        (RIGHT[:-1] + "," + RIGHT[1:], "application/json", 400),
        (json.dumps([["sha256", digest(CONTENT)]]), "application/json", 400),
        (RIGHT.encode("utf-16"), "application/json", 400),
        (b"\xff" + RIGHT.encode(), "application/json", 400),
        (" " * 2_000 + RIGHT, "application/json", 413),
    ],
)
def test_acknowledgements_that_are_none(bank: Gateway, body: bytes | str, kind: str, status: int) -> None:
    with bank.as_("beta") as beta:
        path = f"{BASE}/of-beta/files/1/acknowledgement"
        assert beta.ask("PUT", path, body, Content_Type=kind).status == status
    assert bank.row("of-beta", 1)["collected"] is None


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode() + body


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request(f"GET {FILES}/1", "Content-Length: 5", "Connection: close", body=b"hello"), 400),
        (request(f"POST {FILES}/1/request", "Content-Length: 2", "Connection: close", body=b"{}"), 400),
        (request(f"PUT {FILES}/1/acknowledgement", "Content-Length: 1", "Transfer-Encoding: chunked"), 400),
        (request(f"GET {FILES}/1", "Content-Length: 0", "Content-Length: 5"), 400),
        (request(f"GET https://localhost{FILES}/1"), 400),
        (request(f"GET {FILES}/1#x"), 400),
        (request(f"GET {FILES}/1", "Transfer-Encoding: gzip, chunked"), 501),
        (request(f"PUT {FILES}/1/acknowledgement", "Expect: something"), 417),
        (request(f"CONNECT {FILES}/1"), 405),
    ],
)
def test_requests_that_two_servers_could_read_differently(bank: Gateway, data: bytes, status: int) -> None:
    answer = bank.raw("alpha", data)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer[:200]
    assert answer.count(b"HTTP/1.1 ") == 1
    assert CONTENT not in answer


def test_a_second_request_behind_the_first_is_never_read(bank: Gateway) -> None:
    one = request(f"GET {FILES}/1")
    answer = bank.raw("alpha", one + request(f"PUT {BASE}/one/files/1/acknowledgement", "Content-Length: 0"))
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_content_in_chunks_without_end_is_cut_short(bank: Gateway) -> None:
    data = request(f"PUT {FILES}/1/acknowledgement", "Transfer-Encoding: chunked", "Content-Type: application/json")
    answer = bank.raw("alpha", data + b"400\r\n" + b" " * 1024 + b"\r\n400\r\n" + b" " * 1024 + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer


def test_repeated_headers_are_read_as_one_list(bank: Gateway) -> None:
    several = request(f"GET {FILES}/1", "Range: bytes=0-1", "Range: bytes=2-3", "Connection: close")
    assert bank.raw("alpha", several).startswith(b"HTTP/1.1 200 ")
    twice = request(
        f"GET {FILES}/1", f'If-Range: "{digest(CONTENT)}"', 'If-Range: "x"', "Range: bytes=0-1", "Connection: close"
    )
    assert bank.raw("alpha", twice).startswith(b"HTTP/1.1 200 ")


def test_a_problem_repeats_nothing_that_was_sent(bank: Gateway) -> None:
    got = bank.get("alpha", f"{BASE}/none/files/1?%3Cscript%3E=1")
    assert re.search(rb"script|%3C|none", got.body) is None


# Nothing without a trace


def test_nothing_is_delivered_that_cannot_be_logged(bank: Gateway) -> None:
    """PL-30: neither the entry in nor the entry out may be missing."""

    def now(statement: str) -> None:
        bank.ask(lambda d: d.execute(statement))

    def refused(check: Callable[[], Got]) -> None:
        got = check()
        assert (got.status, got.headers["content-type"]) == (503, "application/problem+json")
        assert CONTENT not in got.body

    now("create function away() returns trigger language plpgsql as $$ begin raise exception 'away'; end $$")
    for kind in (0, 1):
        now(
            "create trigger away before insert on log_entry for each row "
            f"when (new.kind = {kind}) execute function away()"
        )
        try:
            refused(lambda: bank.get("alpha", f"{FILES}/1"))
            refused(lambda: bank.get("alpha", f"{FILES}/1/voucher"))
            refused(lambda: bank.get("alpha", BASE))
        finally:
            now("drop trigger away on log_entry")
    now("drop function away()")
    assert bank.get("alpha", f"{FILES}/1").body == CONTENT
