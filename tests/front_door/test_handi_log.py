"""The security log of HandiService: whoever a reply tells of is found in it, a refusal included (PL-30, HA-07)."""

from __future__ import annotations

from datetime import UTC, datetime

from attacker import PERSONAS
from bank import Bank


def test_the_new_number_that_a_refusal_tells_is_logged_as_told(bank: Bank) -> None:
    persona = PERSONAS["handi-replaced-number"]
    got = bank.call(persona)
    assert got.information == {"newSSIN": persona.final}
    incoming, outgoing = bank.logged(got.ticket)
    body = bank.body(
        persona.service,
        persona.operation,
        organisation=persona.organisation,
        legal_context=persona.legal_context,
        **{**persona.values, "ssin": persona.final},
    )
    asked_with_it = bank.send(persona.service, persona.operation, signed(bank, body), client=persona.client)
    (of_the_new_one, _) = bank.logged(asked_with_it.ticket)
    assert outgoing.facts["subjects"] == of_the_new_one.facts["subjects"]
    assert outgoing.facts["subjects"] != incoming.facts["subjects"]
    assert len(outgoing.facts["subjects"]) == 1


def test_a_refusal_that_tells_of_nobody_names_nobody(bank: Bank) -> None:
    for name in ("handi-not-inscribed", "handi-group-not-authorised", "handi-supplier-fault"):
        (incoming, outgoing) = bank.logged(bank.call(PERSONAS[name]).ticket)
        assert len(incoming.facts["subjects"]) == 1
        assert outgoing.facts["subjects"] == [], name


def signed(bank: Bank, body: str) -> bytes:
    return bank.signer("ocmw").envelope(body, datetime.now(UTC))
