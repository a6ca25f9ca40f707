"""What PersonService decides when a number ends between its controls and the change, and other rare ways."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from lxml import etree

from kruispunt.errors import BusinessRefusal, Rule
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Kind
from kruispunt.pipeline.service import Call, Outcome
from kruispunt.registers.amending import Refused
from kruispunt.registers.legal_data import Birth, Dossier, LegalData, Name, Origin, Unreadable
from kruispunt.registers.resembling import MOST, Resembling
from kruispunt.services.person import codes, handler
from kruispunt.services.person.asked import BySsin, Existing, Registration, Replacement, Update
from kruispunt.services.person.messages import read_name

TODAY = date(2025, 6, 15)
BIRTH = date(1985, 7, 30)
SSIN = ssins.compute(BIRTH, 901, kind=Kind.BIS)
OTHER = ssins.compute(BIRTH, 903, kind=Kind.BIS)
LEGAL = LegalData(Name("Voorbeeld"), Birth(PartialDate.of(BIRTH)))
FIELDS = {"name": {"lastName": "Voorbeeld"}, "birth": {"date": "1985-07-30"}}


class Registers:
    """Answers every change alike, and remembers the last one."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: dict[str, Any] = {}

    async def _any(self, *_args: Any, **named: Any) -> Any:
        self.asked = named
        return self.answer

    register = amend = replace = cancel = _any


def call(criteria: Any, *, final: Any = SSIN, test_numbers: bool = True) -> Call:
    return Call(
        criteria, final, frozenset(), TODAY, "CN=test", application="urn:a", ticket="t", test_numbers=test_numbers
    )


def run(coroutine: Any) -> Outcome:
    """Nothing here waits."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: Outcome = done.value
        return result
    raise AssertionError("it waited")


CHANGES = (
    (handler.update, Update(SSIN, FIELDS, ())),
    (handler.replace, Replacement(SSIN, OTHER)),
    (handler.cancel, BySsin(SSIN)),
)


@pytest.mark.parametrize(("handle", "criteria"), CHANGES)
@pytest.mark.parametrize(
    ("refused", "code"),
    [
        (Refused.NOT_OURS, codes.NOT_OF_CBSS),
        (Refused.REPLACED, codes.SSIN_REPLACED),
        (Refused.OTHER_ENDED, codes.NOT_ACTIVE),
    ],
)
def test_refusals_of_the_registers_have_codes(handle: Any, criteria: Any, refused: Refused, code: Any) -> None:
    outcome = run(handle(call(criteria), Registers(refused)))
    assert (outcome.code, outcome.result, outcome.subjects) == (code, None, ())


@pytest.mark.parametrize(("handle", "criteria"), CHANGES)
@pytest.mark.parametrize(
    ("refused", "rule"),
    [
        (Refused.UNKNOWN, Rule.SSIN_UNKNOWN),
        (Refused.OTHER_UNKNOWN, Rule.SSIN_UNKNOWN),
        (Refused.CANCELLED, Rule.SSIN_CANCELLED),
    ],
)
def test_what_tells_of_existence_counts_as_probing(handle: Any, criteria: Any, refused: Refused, rule: Rule) -> None:
    """PL-16: these are refusals of the platform, which counts them."""
    with pytest.raises(BusinessRefusal) as raised:
        run(handle(call(criteria), Registers(refused)))
    assert raised.value.business_rule is rule


@pytest.mark.parametrize(("handle", "criteria"), CHANGES)
def test_a_number_that_was_replaced_is_not_changed(handle: Any, criteria: Any) -> None:
    registers = Registers(None)
    outcome = run(handle(call(criteria, final=OTHER), registers))
    assert (outcome.code, outcome.information) == (codes.SSIN_REPLACED, (("newSSIN", OTHER),))
    assert registers.asked == {}


def test_the_number_that_comes_in_its_place_is_held_to_the_rules() -> None:
    with pytest.raises(BusinessRefusal) as raised:
        run(handler.replace(call(Replacement(SSIN, "85473090100")), Registers(None)))
    assert raised.value.business_rule is Rule.SSIN_STRUCTURE
    itself = run(handler.replace(call(Replacement(SSIN, SSIN)), Registers(None)))
    assert itself.code is codes.RULE_BROKEN


def test_more_than_fifty_who_resemble_are_too_many() -> None:
    for count, code in ((MOST, codes.EXISTING_PERSONS), (MOST + 1, codes.TOO_MANY)):
        people = tuple(Dossier(SSIN, Origin.KSZ, LEGAL) for _ in range(count))
        outcome = run(handler.register(call(Registration(FIELDS, ())), Registers(Resembling(people, ()))))
        assert outcome.code is code
        assert (outcome.result is None) == (code is codes.TOO_MANY)


@pytest.mark.parametrize(("test_numbers", "first"), [(True, 900), (False, 1)])
def test_counters_begin_at_900_outside_production(test_numbers: bool, first: int) -> None:
    registers = Registers(Resembling((), (SSIN,)))
    run(handler.register(call(Registration(FIELDS, (OTHER,)), test_numbers=test_numbers), registers))
    assert registers.asked["first_counter"] == first
    assert registers.asked["set_aside"] == {OTHER}
    assert "sees_all" not in registers.asked


def test_a_change_of_data_that_cannot_be_read_tells_nothing_of_them() -> None:
    legal = LegalData(LEGAL.name, LEGAL.birth, unreadable=(Unreadable.EVERYTHING,))
    outcome = run(handler.update(call(Update(SSIN, FIELDS, ())), Registers(legal)))
    assert (outcome.code, outcome.result) == (codes.DATA_FOUND, None)


def test_numbers_with_thousands_of_zeros_are_read() -> None:
    """The schema admits them."""
    maximum = "0" * 5_000 + "7"
    xml = (
        "<request><criteria><name><lastName>X</lastName></name><birth><birthDate>1985-07-30</birthDate>"
        f"<variation> +03 </variation></birth><maximumResultCount>{maximum}</maximumResultCount></criteria></request>"
    )
    asked = read_name(etree.fromstring(xml))
    assert (asked.variation, asked.maximum, asked.gender) == (3, 7, None)


def test_an_update_that_says_nothing_is_refused() -> None:
    assert run(handler.update(call(Update(SSIN, {}, ())), Registers(LEGAL))).code is codes.RULE_BROKEN


def test_rp10_who_is_not_inscribed_is_left_out_of_a_search() -> None:
    known, other = (Dossier(ssin, Origin.KSZ, LEGAL) for ssin in (SSIN, OTHER))
    found = Outcome(codes.DATA_FOUND, Existing((known, other)), subjects=(known.ssin, other.ssin))
    assert handler.people_found(found) == (known.ssin, other.ssin)
    left = handler.withhold(found, frozenset({other.ssin}))
    assert (left.code, left.result, left.subjects) == (codes.DATA_FOUND, Existing((known,)), (known.ssin,))
    assert left.information == (("people not inscribed", "true"),)
    assert handler.withhold(found, frozenset(found.subjects)) == Outcome(codes.NOT_INTEGRATED)
