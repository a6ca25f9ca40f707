"""One cell of each kind of the access matrix, through the running bank (PL-14). All: tests/access/test_matrix.py."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from bank import Bank

from kruispunt.demo.personas import Numbers, load_personas
from kruispunt.services.discovery import discover

PERSONAS = {p.id: p for p in load_personas(discover(), Numbers.BAND)}
ASKER = {"onem": "two-cards-and-a-permit", "vdab": "legal-context-with-blank", "limited": "cards-only-authorised"}
"""A client, and somebody about whom it may ask."""
BOTH = {"employmentCards": True, "workPermits": True}
CARDS = {"employmentCards": True, "workPermits": False}


@pytest.mark.parametrize(
    ("client", "organisation", "operation", "context", "criteria", "code"),
    [
        ("onem", "onem", "consultEmploymentInfos", "NEO:UNEMPLOYMENT", BOTH, "MSG00000"),
        ("onem", "18/0", "consultEmploymentInfos", "NEO:UNEMPLOYMENT", BOTH, "MSG00000"),
        ("vdab", "vdab", "consultEmploymentInfos", "VDAB :DOSSIER_MANAGEMENT", BOTH, "MSG00000"),
        ("limited", "limited", "consultEmploymentInfos", "VDAB:DOSSIER_MANAGEMENT", CARDS, "MSG00000"),
        ("limited", "limited", "consultEmploymentInfos", "VDAB:DOSSIER_MANAGEMENT", BOTH, "REG00101"),
        ("limited", "limited", "consultSpecialInfos", "VDAB:DOSSIER_MANAGEMENT", {}, "MSG00013"),
        ("onem", "onem", "consultEmploymentInfos", "NEO:SOCIAL_INSPECTION", BOTH, "MSG00013"),
        ("onem", "onem", "consultSpecialInfos", "NEO:OTHER", {}, "MSG00013"),
        ("onem", "vdab", "consultEmploymentInfos", "VDAB:DOSSIER_MANAGEMENT", BOTH, "MSG00014"),
        ("vdab", "onem", "consultSpecialInfos", "NEO:UNEMPLOYMENT", {}, "MSG00014"),
        ("limited", "vdab", "consultEmploymentInfos", "VDAB:DOSSIER_MANAGEMENT", CARDS, "MSG00014"),
        ("tester", "999/1", "consultEmploymentInfos", "NEO:UNEMPLOYMENT", BOTH, "MSG00015"),
    ],
)
def test_a_cell(
    bank: Bank, client: str, organisation: str, operation: str, context: str, criteria: dict[str, Any], code: str
) -> None:
    victim = PERSONAS[ASKER.get(client, "two-cards-and-a-permit")]
    asked = victim.service.operation(operation)
    assert asked is not None
    body = bank.body(
        victim.service, asked, organisation=organisation, legal_context=context, ssin=victim.ssin, **criteria
    )
    before = bank.supplier_calls
    got = bank.send(victim.service, asked, bank.signer(client).envelope(body, datetime.now(UTC)), client=client)
    assert got.code == code
    bank.verify(got.raw)
    assert bank.supplier_calls - before == (1 if code == "MSG00000" else 0)
    assert (got.payload.find("result") is not None) is (code == "MSG00000")
