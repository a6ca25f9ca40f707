"""Files of subscriptions over HTTPS, through a running gateway with two workers (RP-18, PL-30)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from fetching import CLIENTS, Gateway, gateway
from file_rows import day_of, digest

from kruispunt.files.voucher import voucher_of
from kruispunt.securitylog.entry import Kind

CONTENT = bytes(range(256)) * 4_000
"""A million bytes: more than one piece."""
SMALL = b"<mutations>small</mutations>"
BASE = "/mutations/v1/subscriptions"
FILES = f"{BASE}/one/files"


@pytest.fixture(scope="module")
def bank(server: Any, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    home = tmp_path_factory.mktemp("gateway")
    with server.database(template) as dsn, gateway(home, dsn) as running:
        running.subscribe("one")
        running.subscribe("two", kinds=[], stream="dimona", active_only=False)
        running.subscribe("of-beta", "beta")
        for sequence, content in ((1, CONTENT), (2, SMALL), (3, SMALL * 2)):
            running.publish("one", sequence, content)
        running.publish("of-beta", 1, SMALL)
        yield running


def test_subscriptions_are_listed(bank: Gateway) -> None:
    got = bank.get("alpha", BASE)
    assert (got.status, got.headers["content-type"]) == (200, "application/json")
    assert got.json == {
        "items": [
            {
                "code": "one",
                "legalContext": "TEST:CONTEXT",
                "kinds": ["address"],
                "stream": None,
                "activeOnly": True,
                "lastSequence": 3,
            },
            {
                "code": "two",
                "legalContext": "TEST:CONTEXT",
                "kinds": [],
                "stream": "dimona",
                "activeOnly": False,
                "lastSequence": 0,
            },
        ]
    }
    assert [item["code"] for item in bank.get("beta", BASE).json["items"]] == ["of-beta"]
    assert [item["code"] for item in bank.get("both", BASE).json["items"]] == ["of-beta", "one", "two"]


def test_files_are_listed_in_order_and_in_pages(bank: Gateway) -> None:
    items = bank.get("alpha", FILES).json["items"]
    assert [item["sequence"] for item in items] == [1, 2, 3]
    first = items[0]
    assert re.fullmatch(r"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first.pop("published"))
    assert first == {
        "sequence": 1,
        "day": str(day_of(1)),
        "name": "one-0000000001.xml",
        "records": 1,
        "size": len(CONTENT),
        "sha256": digest(CONTENT),
        "collected": None,
    }

    def sequences(query: str) -> list[int]:
        return [item["sequence"] for item in bank.get("alpha", FILES + query).json["items"]]

    assert sequences("?after=1") == [2, 3]
    assert sequences("?after=1&limit=1") == [2]
    assert sequences("?limit=2") == [1, 2]
    assert sequences("?after=3") == []
    assert sequences("?after=999999999999999") == []
    assert bank.get("alpha", f"{BASE}/two/files").json == {"items": []}


def test_a_file_that_was_not_made_yet_is_not_told(bank: Gateway) -> None:
    bank.subscribe("unmade")
    bank.publish("unmade", 1, SMALL)
    bank.ask(
        lambda d: d.execute(
            "update mutation_file set records = null, size = null, sha256 = null, voucher = null, published = null "
            "where code = 'unmade'"
        )
    )
    assert bank.get("alpha", f"{BASE}/unmade/files").json == {"items": []}
    assert bank.get("alpha", f"{BASE}/unmade/files/1").status == 404
    bank.ask(lambda d: d.execute("delete from mutation_file where code = 'unmade'"))
    bank.ask(lambda d: d.execute("delete from subscription where code = 'unmade'"))


def test_a_file_and_its_voucher_are_the_bytes_that_were_written(bank: Gateway) -> None:
    got = bank.get("alpha", f"{FILES}/1")
    assert got.status == 200
    assert got.body == CONTENT
    assert got.headers["etag"] == f'"{digest(CONTENT)}"'
    assert got.headers["accept-ranges"] == "bytes"
    assert got.headers["content-type"] == "application/xml"
    assert got.headers["content-length"] == str(len(CONTENT))
    assert got.headers["cache-control"] == "no-store"
    assert got.headers["content-disposition"] == 'attachment; filename="one-0000000001.xml"'
    voucher = bank.get("alpha", f"{FILES}/1/voucher")
    assert voucher.status == 200
    assert voucher.body == bank.row("one", 1)["voucher"]
    assert digest(CONTENT).encode() in voucher.body
    assert not voucher_of(bank.folder / "one" / "one-0000000001.xml").exists()  # it comes from the row


def test_a_connection_stays_right_after_parts_refusals_and_heads(bank: Gateway) -> None:
    """HTTP/1.1 keep-alive: every answer has exactly the content that its head tells."""
    with bank.as_("alpha") as alpha:
        for _ in range(3):
            part = alpha.get(f"{FILES}/1", Range="bytes=300-999")
            assert (part.status, part.body) == (206, CONTENT[300:1000])
            assert part.headers["content-range"] == f"bytes 300-999/{len(CONTENT)}"
            beyond = alpha.get(f"{FILES}/1", Range=f"bytes={len(CONTENT)}-")
            assert (beyond.status, beyond.headers["content-range"]) == (416, f"bytes */{len(CONTENT)}")
            head = alpha.ask("HEAD", f"{FILES}/1")
            assert (head.status, head.body) == (200, b"")
            assert head.headers["content-length"] == str(len(CONTENT))
            assert head.headers["etag"] == f'"{digest(CONTENT)}"'
            assert alpha.get(f"{FILES}/2").body == SMALL
            assert alpha.get(f"{FILES}/99").status == 404
            known = alpha.get(f"{FILES}/1", If_None_Match=f'"{digest(CONTENT)}"')
            assert (known.status, known.body, known.headers["etag"]) == (304, b"", f'"{digest(CONTENT)}"')
            assert alpha.ask("HEAD", FILES).body == b""
            end = alpha.get(f"{FILES}/1", Range="bytes=-7")
            assert (end.status, end.body) == (206, CONTENT[-7:])
            assert end.headers["content-length"] == "7"
            assert alpha.ask("HEAD", f"{FILES}/1", Range="bytes=0-1").status == 200  # ranges are GET's
        assert alpha.get(f"{FILES}/1").body == CONTENT


def test_parts_are_of_the_file_that_was_begun(bank: Gateway) -> None:
    """A resumed download joins to the whole; one of another file starts anew (RFC 9110, If-Range)."""
    tag = f'"{digest(CONTENT)}"'
    rest = bank.get("alpha", f"{FILES}/1", Range="bytes=600000-", If_Range=tag)
    assert (rest.status, CONTENT[:600_000] + rest.body) == (206, CONTENT)
    for other in ('"another"', f"W/{tag}", "Sat, 31 Jan 2026 00:00:00 GMT"):
        whole = bank.get("alpha", f"{FILES}/1", Range="bytes=600000-", If_Range=other)
        assert (whole.status, whole.body) == (200, CONTENT)
    assert bank.get("alpha", f"{FILES}/1", If_Match=tag).status == 200
    refused = bank.get("alpha", f"{FILES}/1", If_Match='"another"')
    assert (refused.status, refused.json["status"]) == (412, 412)
    assert bank.get("alpha", f"{FILES}/1", Range="bytes=0-1,4-5").status == 200
    assert bank.get("alpha", f"{FILES}/1", Range="bytes=5-4").status == 200


def test_an_acknowledgement_counts_once_also_when_several_come_together(bank: Gateway) -> None:
    path, right = f"{FILES}/2/acknowledgement", json.dumps({"sha256": digest(SMALL)})
    assert bank.row("one", 2)["collected"] is None

    def acknowledge(name: str) -> int:
        with bank.as_(name) as subscriber:
            return subscriber.ask("PUT", path, right, Content_Type="application/json").status

    with bank.as_("alpha") as alpha:
        wrong = json.dumps({"sha256": digest(CONTENT)})
        refused = alpha.ask("PUT", path, wrong, Content_Type="application/json")
        assert refused.status == 409
        assert "fetch the file again" in refused.json["detail"]
    assert bank.row("one", 2)["collected"] is None
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(acknowledge, ["alpha", "alpha-two"] * 8)) == {204}
    row = bank.row("one", 2)
    assert row["collected"] is not None
    assert row["collector"] in {"urn:test:alpha", "urn:test:alpha-two"}
    assert acknowledge("alpha" if row["collector"].endswith("two") else "alpha-two") == 204
    again = bank.row("one", 2)
    assert (again["collected"], again["collector"]) == (row["collected"], row["collector"])
    assert bank.get("alpha", FILES).json["items"][1]["collected"] is not None


def test_a_file_can_be_asked_for_again(bank: Gateway) -> None:
    path = bank.publish("one", 4, SMALL * 3)
    path.unlink()
    with bank.as_("alpha") as alpha:
        gone = alpha.get(f"{FILES}/4")
        assert gone.status == 410
        assert f"POST {FILES}/4/request" in gone.json["detail"]
        assert alpha.get(f"{FILES}/4/voucher").status == 200
        for _ in range(2):
            told = alpha.ask("POST", f"{FILES}/4/request")
            assert (told.status, told.json["name"]) == (202, "one-0000000004.xml")
            assert told.json["pushed"] is False
    first = bank.row("one", 4)["asked"]
    assert first is not None
    path.write_bytes(SMALL * 3)  # as a turn of the distribution does
    assert bank.get("alpha", f"{FILES}/4").body == SMALL * 3


def test_a_file_that_is_older_than_files_are_kept_is_not_promised(bank: Gateway) -> None:
    """`mutation_retention_days` is 400."""
    bank.subscribe("old")
    for sequence, days in ((1, 402), (2, 399)):
        bank.publish("old", sequence, SMALL, day_of(0) + timedelta(days=30 - days)).unlink()
    with bank.as_("alpha") as alpha:
        for ask in ("GET {}/1", "POST {}/1/request"):
            method, _, path = ask.format(f"{BASE}/old/files").partition(" ")
            refused = alpha.ask(method, path)
            assert refused.status == 410
            assert "cannot be made again" in refused.json["detail"]
        assert bank.row("old", 1)["asked"] is None
        assert alpha.get(f"{BASE}/old/files/1/voucher").body == bank.row("old", 1)["voucher"]
        assert alpha.ask("POST", f"{BASE}/old/files/2/request").status == 202


def test_a_file_that_was_pushed_is_pushed_again_while_its_messages_are_kept(bank: Gateway) -> None:
    """RP-15: it is never in the folder, and no turn of the distribution puts it there."""
    bank.subscribe("pushed")
    bank.publish("pushed", 1, SMALL, day_of(-200)).unlink()
    bank.ask(lambda database: database.execute("update distribution set day = null where day = $1", day_of(-200)))
    id_ = bank.row("pushed", 1)["id"]
    bank.ask(lambda database: database.execute("insert into outgoing_lane (code, number) values ('pushed', 1)"))
    piece = "insert into outgoing (code, number, file, part, body) values ('pushed', 1, $1, 'voucher', '')"
    bank.ask(lambda database: database.execute(piece, id_))
    file = f"{BASE}/pushed/files/1"
    with bank.as_("alpha") as alpha:
        for method in ("GET", "HEAD"):
            assert alpha.ask(method, file).status == 410
        detail = alpha.get(file).json["detail"]
        assert f"POST {file}/request" in detail
        assert "pushed again" in detail
        assert "folder any more" not in detail
        told = alpha.ask("POST", f"{file}/request")
        assert (told.status, told.json["pushed"]) == (202, True)
        assert bank.row("pushed", 1)["asked"] is not None
        bank.ask(lambda database: database.execute("delete from outgoing"))
        bank.ask(lambda database: database.execute("update mutation_file set asked = null where id = $1", id_))
        for refused in (alpha.get(file), alpha.ask("POST", f"{file}/request")):
            assert refused.status == 410
            assert "cannot be pushed again" in refused.json["detail"]
        assert bank.row("pushed", 1)["asked"] is None
        assert alpha.get(f"{file}/voucher").status == 200


def test_every_request_is_logged_in_and_out_and_a_file_by_its_voucher(bank: Gateway) -> None:
    """PL-30."""
    got = bank.get("alpha", f"{FILES}/1", Range="bytes=5-9")
    incoming, outgoing = bank.logged(got.ticket)
    assert (incoming.kind, outgoing.kind) == (Kind.INCOMING, Kind.OUTGOING)
    assert incoming.message is not None
    assert incoming.message.data == f"GET {FILES}/1 HTTP/1.1\r\nrange: bytes=5-9\r\n\r\n".encode()
    assert outgoing.message is not None
    assert outgoing.message.data == bank.row("one", 1)["voucher"]
    facts = outgoing.facts
    assert facts["operation"] == "Mutations/fetchFile"
    assert facts["outcome"] == "206"
    assert facts["application"] == "urn:test:alpha"
    assert facts["organisation"] == "0999999922"
    assert facts["legal_context"] == "TEST:CONTEXT"
    assert facts["path"] == f"{FILES}/1"
    assert facts["size"] == 5
    assert dict(outgoing.message.notes)["answer"].startswith("one-0000000001.xml, bytes 5 to 9 of 1024000")
    operations = {
        f"{BASE}": "listSubscriptions",
        FILES: "listFiles",
        f"{FILES}/1/voucher": "fetchVoucher",
    }
    for path, operation in operations.items():
        _, out = bank.logged(bank.get("alpha", path).ticket)
        assert (out.facts["operation"], out.facts["outcome"]) == (f"Mutations/{operation}", "200")
    with bank.as_("alpha") as alpha:
        body = json.dumps({"sha256": digest(SMALL)})
        told = alpha.ask("PUT", f"{FILES}/2/acknowledgement", body, Content_Type="application/json")
        entry_in, entry_out = bank.logged(told.ticket)
        assert entry_in.message is not None
        assert entry_in.message.data.endswith(body.encode())
        assert (entry_out.facts["operation"], entry_out.facts["outcome"]) == ("Mutations/acknowledge", "204")


def test_the_commands_of_an_operator_tell_what_became_of_a_request(bank: Gateway) -> None:
    fetched, refused = bank.get("alpha", f"{FILES}/2"), bank.get("alpha", f"{BASE}/of-beta/files/1")
    shown = bank.command("log", "show", fetched.ticket, "--messages")
    assert "Mutations/fetchFile" in shown
    assert "numberOfRecords" in shown
    why = json.loads(bank.command("why", refused.ticket, "--json"))
    assert (why["outcome"], why["stopped"]["rule"]) == ("404", "mutations.unknown")
    assert refused.json["instance"] == f"urn:uuid:{refused.ticket}"


def test_who_is_refused_at_the_door_is_logged_too(bank: Gateway) -> None:
    got = bank.get("no-service", f"{FILES}/1")
    assert got.status == 403
    assert "not registered for Mutations" in got.json["detail"]
    assert got.json["detail"].endswith("for the application and the service Mutations.")
    incoming, outgoing = bank.logged(got.ticket)
    assert incoming.message is None
    assert outgoing.facts["rule"] == "registration.service"


def test_volume_is_counted_as_for_every_other_request(bank: Gateway) -> None:
    """PL-16: five requests a day were agreed."""
    statuses = [bank.get("few", BASE).status for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2
    refused = bank.get("few", BASE)
    assert int(refused.headers["retry-after"]) > 0
    assert refused.json["type"] == "urn:problem-type:belgif:tooManyRequests"


def test_files_stay_those_of_the_organisation_that_they_were_made_for(bank: Gateway) -> None:
    """Also when the code goes over to another one, or the subscription ends."""
    bank.subscribe("moved", "alpha")
    bank.publish("moved", 1, SMALL)
    bank.subscribe("moved", "beta")
    bank.publish("moved", 2, SMALL * 2)
    path = f"{BASE}/moved/files"
    assert [i["sequence"] for i in bank.get("alpha", path).json["items"]] == [1]
    assert [i["sequence"] for i in bank.get("beta", path).json["items"]] == [2]
    assert (bank.get("alpha", f"{path}/2").status, bank.get("beta", f"{path}/1").status) == (404, 404)
    assert bank.get("alpha", f"{path}/1").body == SMALL
    last = {i["code"]: i["lastSequence"] for i in bank.get("beta", BASE).json["items"]}
    assert last["moved"] == 2
    bank.ask(lambda d: d.execute("update subscription set ended = clock_timestamp() where code = 'moved'"))
    assert "moved" not in {i["code"] for i in bank.get("beta", BASE).json["items"]}
    assert bank.get("beta", f"{path}/2").body == SMALL * 2


def test_the_clients_of_the_tests_are_those_of_the_table(bank: Gateway) -> None:
    """Everybody who is registered for it is served; so what is refused elsewhere is refused for its own reason."""
    served = {name for name in CLIENTS if name != "few" and bank.get(name, BASE).status == 200}
    assert served == {"alpha", "alpha-two", "beta", "both"}
