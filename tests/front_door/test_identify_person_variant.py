"""OCMWCPASIdentifyPerson, the variant for public centres for social welfare, through the running gateway."""

from __future__ import annotations

from typing import Any

import pytest
from attacker import PERSONAS
from bank import Bank
from identify import Answer, ask


def cpas(bank: Bank, operation: str, **values: Any) -> Answer:
    return ask(bank, operation, as_="limited", organisation="demo-limited", **values)


def test_the_variant_ignores_phonetic_criteria_beside_a_number(bank: Bank) -> None:
    """Also incomplete ones, as long as the schema takes them."""
    ssin = PERSONAS["identify-cpas-both-criteria"].ssin
    for last in ("Nergenskruis", " "):
        answer = cpas(bank, "cpasBySSIN", ssin=ssin, lastName=last, birthDate="1961-01-00")
        assert (answer.ok, answer.codes) == (("WARNING", 1), ["21007001"])
        assert answer.payload is not None


def test_the_variant_gives_extended_data_of_a_validated_identity_alone(bank: Bank) -> None:
    ssin = PERSONAS["identify-cpas-validated"].ssin
    for verify, codes, extended in (
        ({}, [], False),
        ({"verifyLastName": "centrumkruis", "verifyBirthDate": "1985-05-01"}, ["12007001"], True),
        ({"verifyLastName": "Centrumkruis", "verifyBirthDate": "1985-05-02"}, ["22007007"], False),
    ):
        answer = cpas(bank, "cpasBySSIN", ssin=ssin, **verify)
        assert answer.codes == codes
        assert answer.payload is not None
        assert (answer.payload.find(".//{*}Extended") is not None) == extended
    assert answer.information == [("Phonetic Info: Birth Date", "1985-05-02")]


@pytest.mark.parametrize("code", ["31009001", "31009002", "31009003", "32012004", "31000007", "MSG00004"])
def test_the_variant_has_the_rules_of_the_search_by_name(bank: Bank, code: str) -> None:
    persona = next(p for p in PERSONAS.values() if p.code == code and p.operation.name == "phonetic")
    assert cpas(bank, "cpasPhonetic", **persona.values).codes == [code]


def test_the_variant_by_number_refuses_as_identify_person_does(bank: Bank) -> None:
    for name, code in (
        ("identify-unknown-number", "MSG00005"),
        ("identify-wrong-check", "MSG00011"),
        ("identify-cancelled", "32012002"),
        ("identify-blocked", "32000001"),
    ):
        answer = cpas(bank, "cpasBySSIN", ssin=PERSONAS[name].ssin)
        assert (answer.ok, answer.codes, answer.payload) == (("NO", 10_000), [code], None)
