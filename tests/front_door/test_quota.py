"""Quota and probing at the front door, on two workers: refused, told, logged, slowed; nobody else touched (PL-16)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bank import Bank, Got
from identify import ask_document, document, request
from processes import kill, wait_until, workers
from running import Running, check_ordinary_log, open_directory

from kruispunt.cli import main
from kruispunt.clock import BELGIUM
from kruispunt.demo.personas import Numbers, Persona, load_personas
from kruispunt.pipeline.chain import STEPS
from kruispunt.pipeline.steps.limit_volume import limit_volume
from kruispunt.pipeline.steps.log_incoming import log_incoming
from kruispunt.securitylog.entry import Kind
from kruispunt.services.discovery import discover
from kruispunt.settings import Settings
from kruispunt.xml.namespaces import SOAP_ACTION

PERSONAS = {p.id: p for p in load_personas(discover(), Numbers.BAND)}
KNOWN, VDAB, INSPECTION, LIMITED, SECONDARY, UNKNOWN = (
    PERSONAS[name]
    for name in (
        "two-cards-and-a-permit",
        "legal-context-with-blank",
        "closed-line-inspection",
        "cards-only-authorised",
        "secondary-network",
        "unknown-number",
    )
)
OVER = "a client asks more than was agreed"
VOLUME = 20
"""Below 32, blocks are of one request: then workers hold nothing back, and the count is exact."""


pytestmark = pytest.mark.usefixtures("within_a_day")
"""A new day would give a new volume in the middle of a test."""


@pytest.fixture(scope="module")
def own_bank(server: Any) -> Iterator[Bank]:
    """A bank whose access files and counts these tests may change."""
    with open_directory() as directory:
        with Running(directory / "demo", server) as bank:
            yield bank
        check_ordinary_log(bank.said)


def post(bank: Bank, persona: Persona, message: bytes) -> Got:
    """Over a connection of its own: to either worker."""
    return bank.send(persona.service, persona.operation, message, client=persona.client)


def answers(bank: Bank, persona: Persona, times: int) -> list[Got]:
    return [bank.call(persona) for _ in range(times)]


def reasons(got: list[Got]) -> list[str]:
    """Of each refusal by fault its reason; an empty text for an answer."""
    return [one.information.get("reason", "") for one in got]


def give_volume(bank: Bank, client: str, volume: str) -> None:
    """Applies a volume, and waits until every worker has taken it over: each says so in the server's log."""
    file = bank.directory / "access" / "certificates.toml"
    name = f'urn = "urn:kruispunt:demo:{client}"\n'
    text = re.sub(rf"{re.escape(name)}(volume = .*\n)?", f"{name}volume = {volume}\n", file.read_text())
    file.write_text(text)
    before = bank.said.count("another access table is in force")
    words = ["access", "apply", "--reason", "volume", "--config", str(bank.directory / "kruispunt.toml")]
    assert not main.app(words, standalone_mode=False)
    wait_until(
        lambda: bank.said.count("another access table is in force") >= before + 2,
        "the volume to reach both workers",
    )


def lines(bank: Bank, event: str) -> list[dict[str, Any]]:
    return [entry for entry in map(json.loads, bank.said.splitlines()) if entry["event"] == event]


def test_stands_behind_the_log_and_before_the_schema() -> None:
    assert STEPS.index(limit_volume) == STEPS.index(log_incoming) + 1


def test_two_workers_let_in_the_volume_and_no_more(own_bank: Bank) -> None:
    give_volume(own_bank, "vdab", f"{{ per_day = {VOLUME} }}")
    message = own_bank.message(VDAB)
    assert reasons([post(own_bank, VDAB, message) for _ in range(10)]) == [""] + ["replay"] * 9
    today = datetime.now(BELGIUM).date()
    got = answers(own_bank, VDAB, VOLUME + 15)
    assert reasons(got) == [""] * (VOLUME - 1) + ["quota"] * 16, "replays are not counted"
    refused = got[-1]
    assert (refused.status, refused.code) == (500, "MSG00015")
    again = datetime.now(UTC) + timedelta(seconds=int(refused.headers["retry-after"]))
    assert again.astimezone(BELGIUM).date() == today + timedelta(days=1)
    own_bank.verify(refused.raw)
    incoming, outgoing = own_bank.logged(refused.ticket)
    assert (incoming.kind, outgoing.kind) == (Kind.INCOMING, Kind.OUTGOING)
    assert incoming.message is not None
    assert outgoing.message is not None
    assert outgoing.message.data == refused.raw
    assert outgoing.facts["rule"] == "volume.day"
    assert incoming.facts["organisation"]
    assert own_bank.metric("kruispunt_volume_refusals_total") == 16
    (line,) = lines(own_bank, OVER)
    assert (line["client"], line["exceeded"]) == ("urn:kruispunt:demo:vdab", "day")
    assert own_bank.call(KNOWN).code == "MSG00000"


def test_workers_that_are_killed_give_nothing_back(own_bank: Bank) -> None:
    give_volume(own_bank, "onem-inspection", f"{{ per_day = {VOLUME} }}")
    assert reasons(answers(own_bank, INSPECTION, VOLUME - 3)) == [""] * (VOLUME - 3)
    supervisor = own_bank.process.pid
    old = workers(supervisor)
    kill(old)
    wait_until(
        lambda: len(set(workers(supervisor)) - set(old)) == 2 and own_bank.local("/health/ready")[0] == 200,
        "two new workers",
    )
    assert reasons(answers(own_bank, INSPECTION, 10)) == [""] * 3 + ["quota"] * 7
    give_volume(own_bank, "onem-inspection", f"{{ per_day = {VOLUME + 3} }}")
    assert reasons(answers(own_bank, INSPECTION, 8)) == [""] * 3 + ["quota"] * 5
    told = [line for line in lines(own_bank, OVER) if line["client"] == "urn:kruispunt:demo:onem-inspection"]
    assert len(told) == 1


def test_burst_is_refused_for_a_moment_only(own_bank: Bank) -> None:
    give_volume(own_bank, "limited", "{ per_day = 1000000, burst = 1 }")
    over: list[Got] = []

    def ask() -> Got:
        got = own_bank.call(LIMITED)
        over.extend([got] if got.code == "MSG00015" else [])
        return got

    wait_until(lambda: bool([ask() for _ in range(5)]) and bool(over), "a request that comes too early")
    assert over[0].headers["retry-after"] == "1"
    assert own_bank.logged(over[0].ticket)[1].facts["rule"] == "volume.second"
    wait_until(lambda: ask().code == "MSG00000", "a request that is let in again")


def test_who_probes_is_noticed_and_slowed_and_others_are_not(own_bank: Bank) -> None:
    """With the settings as they ship, over one connection: so on one worker, which has half of the threshold."""
    enough = Settings.model_fields["probing_refusals"].default // 2
    action = f"{SOAP_ACTION}{UNKNOWN.service.name}/{UNKNOWN.operation.name}"
    with own_bank.connect(UNKNOWN.client) as connection:

        def ask() -> Got:
            return Got(*connection.post(UNKNOWN.service.path, action, own_bank.message(UNKNOWN)))

        assert {ask().code for _ in range(enough)} == {"MSG00005"}
        assert own_bank.metric("kruispunt_probing_noticed_total") == 1
        assert own_bank.metric("kruispunt_probing_slowed_total") == 0
        got = ask()
    assert got.code == "MSG00005"
    assert own_bank.metric("kruispunt_probing_slowed_total") == 1
    outgoing = own_bank.logged(got.ticket)[1].message
    assert outgoing is not None
    assert "held up for 0.05 seconds" in dict(outgoing.notes)["limit_volume"]
    (line,) = lines(own_bank, "many numbers of one client were refused; its answers are held up")
    assert (line["client"], line["refused"]) == ("urn:kruispunt:demo:onem", enough)
    assert {one.code for one in answers(own_bank, SECONDARY, 10)} == {"MSG00000"}
    assert own_bank.metric("kruispunt_probing_slowed_total") == 1


def test_who_guesses_at_names_is_noticed_and_slowed(own_bank: Bank) -> None:
    """RP-02: a line that tells that a name differs answers a guess, and a request has up to a thousand."""
    give_volume(own_bank, "vdab", "{ per_day = 1000000 }")
    persona = PERSONAS["register-identified"]
    enough = Settings.model_fields["probing_refusals"].default // 2
    body = own_bank.body(
        persona.service,
        persona.operation,
        organisation=persona.organisation,
        legal_context=persona.legal_context,
        **{**persona.values, "lastName": "Elders"},
    )
    start, end = body.index("<line>"), body.index("</lines>")
    noticed, slowed = (own_bank.metric(f"kruispunt_probing_{what}_total") for what in ("noticed", "slowed"))
    with own_bank.connect(persona.client) as connection:

        def ask(guesses: int) -> Got:
            guessed = body[:start] + body[start:end] * guesses + body[end:]
            message = own_bank.signer(persona.client).envelope(guessed, datetime.now(UTC))
            return Got(*connection.post(persona.service.path, f"{SOAP_ACTION}RegisterService/inscribe", message))

        assert ask(enough - 1).code == "REG00203"
        assert own_bank.metric("kruispunt_probing_noticed_total") == noticed
        assert ask(1).code == "REG00203"
        assert own_bank.metric("kruispunt_probing_noticed_total") == noticed + 1
        assert own_bank.metric("kruispunt_probing_slowed_total") == slowed
        assert ask(1).code == "REG00203"
        assert own_bank.metric("kruispunt_probing_slowed_total") == slowed + 1


def test_each_service_request_of_a_message_counts(own_bank: Bank) -> None:
    """SSDN: what is beyond the volume is told in its own service reply, and the rest is answered."""
    give_volume(own_bank, "onem-ecdsa", "{ per_day = 3 }")
    asked = [request("bySSIN", ssin=PERSONAS["identify-by-number"].ssin)] * 5
    reply = ask_document(own_bank, document(*asked), "onem-ecdsa")
    assert [answer.codes for answer in reply.answers] == [[], [], [], ["MSG00015"], ["MSG00015"]]
    assert reply.answers[-1].information == [("reason", "quota")]
    assert len(reply.answers[0].people) == 1
    again = ask_document(own_bank, document(asked[0]), "onem-ecdsa")
    assert (again.context.codes, again.answers) == (["MSG00015"], [])
