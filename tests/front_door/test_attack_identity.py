"""What a refusal tells of who asked, and what the log keeps of what was said (PL-13, PL-14, PL-30).

The attacks themselves are those of the suite: test_attack_suite.py.
"""

from __future__ import annotations

import pytest
from attacker import Bench
from bank import Bank

from kruispunt.attack.edit import CERTIFICATE
from kruispunt.attack.injection import PAYLOADS
from kruispunt.wss.trust import token_of
from signed_messages import edited, one


@pytest.mark.parametrize("context", ["NEO:SOCIAL_INSPECTION", "neo:unemployment"])
def test_a_legal_context_that_is_not_the_clients(bank: Bank, context: str) -> None:
    """PL-13: what may not be asked is not even looked up, and MSG00013 tells who asked what."""
    bench = Bench(bank)
    got = bench.refused(bench.around(bench.body(legal_context=context)), "MSG00013", rule="legal-context.operation")
    assert got.information == {
        "operation": "consultEmploymentInfos",
        "legalContext": context,
        "cbeNumber": "0206737484",
        "authenticated client": "urn:kruispunt:demo:onem",
        "URI": "/ForeignerSituationService/v1/consult",
    }


@pytest.mark.parametrize("text", PAYLOADS.values(), ids=PAYLOADS)
def test_injection_into_what_is_stored_and_repeated(bench: Bench, text: str) -> None:
    """The client's reference and the legal context are values everywhere: in the log, in the reply, in SQL."""
    got = bench.answered(bench.around(bench.body(ticket=text)))
    assert got.payload.findtext("informationCustomer/ticket") == text
    refused = bench.refused(bench.around(bench.body(legal_context=text)), "MSG00004")
    for entry in bench.bank.logged(got.ticket):
        assert entry.facts["client_reference"] == text
    for entry in bench.bank.logged(refused.ticket):
        assert entry.facts["legal_context"] == text


def test_the_platforms_own_certificate_as_signer(bench: Bench) -> None:
    """Everybody has it: each reply holds it. It is trusted, and nobody's."""
    token = token_of(bench.bank.signer("signing").certificate)
    message = edited(bench.message(), lambda tree: setattr(one(tree, CERTIFICATE), "text", token))
    bench.refused(message, "MSG00015", "registration", rule="registration.signer")
