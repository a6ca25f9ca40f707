"""What HandiService decides: codes, checks of the criteria, what of a file is told (HA-02 to HA-08a)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handicap_files import PEOPLE, whole_file
from kruispunt.errors import BusinessRefusal, BusinessRule, Rule, SupplierError, SupplierFailureKind
from kruispunt.identifiers.ssin import Ssin
from kruispunt.pipeline.service import Call, Outcome, StatusValue
from kruispunt.services.handi.codes import CODES, DATA_FOUND, NO_DATA_FOUND, UNKNOWN_AT_SUPPLIER, HandiRule
from kruispunt.services.handi.criteria import (
    AskedPeriod,
    FileCriteria,
    RightsCriteria,
    check_file,
    check_reference_date,
    check_rights,
    file_groups,
)
from kruispunt.services.handi.file import (
    ALL_GROUPS,
    CardType,
    DataGroup,
    HandicapFile,
    IncomeCategory,
    NoDataReason,
    Payment,
    Right,
    SocialCard,
)
from kruispunt.services.handi.service import SERVICE
from kruispunt.services.handi.told import MOST_FILES, MOST_PAYMENTS, ToldFile, at_reference_date, over_period

PERSON, OTHER = PEOPLE[0], PEOPLE[1]
TODAY = date(2026, 11, 22)
YEAR = AskedPeriod(date(2024, 1, 1), date(2024, 12, 31))
EVERY = frozenset(g.value for g in DataGroup)
LIVING = {
    ("DATA_FOUND", "MSG00000"),
    ("NO_DATA_FOUND", "MSG00000"),
    *(("NO_RESULT", f"MSG{n:05}") for n in (5, 6, 7, 11, 12, 13, 14, 21, 30, 31, 32, 40, 50)),
}
RETIRED = {"HAN00030", "HAN00031", "HAN00032", "HAN00033", "MSG00009", "MSG00020", "MSG00025", "MSG00041"}


class Held:
    """A HandicapRegister with these files."""

    def __init__(self, *files: HandicapFile, under: Ssin | None = None) -> None:
        self._files = {under or f.ssin: f for f in files}
        self.asked: list[tuple[tuple[Ssin, ...], frozenset[DataGroup]]] = []

    async def consult(
        self, ssins: Sequence[Ssin], groups: frozenset[DataGroup] = ALL_GROUPS
    ) -> Mapping[Ssin, HandicapFile]:
        self.asked.append((tuple(ssins), groups))
        return {ssin: file for ssin, file in self._files.items() if ssin in ssins}


def asked(at: date | None = TODAY, *groups: DataGroup, payments: AskedPeriod | None = None) -> FileCriteria:
    return FileCriteria(PERSON, at, frozenset(groups), payments)


EVERYTHING = asked(TODAY, *(g for g in DataGroup if g is not DataGroup.PAYMENTS), payments=YEAR)


def consult(name: str, criteria: Any, register: Held, groups: frozenset[str] = EVERY) -> Outcome:
    operation = SERVICE.operation(name)
    assert operation is not None
    assert operation.handle is not None
    call = Call(criteria, PERSON, groups, TODAY, "CN=test")
    handle: Any = operation.handle

    async def run() -> Outcome:
        outcome: Outcome = await handle(call, register)
        return outcome

    return asyncio.run(run())


# ---- codes ----------------------------------------------------------------------------------------------------------


def test_ha08_the_living_codes_and_no_retired_one() -> None:
    assert {(c.value.value, c.code) for c in CODES} == LIVING
    assert not RETIRED & {c.code for c in CODES}


def test_ha08_nothing_of_the_service_spells_a_retired_code_but_the_docstring_that_says_so() -> None:
    """By construction: what stands in no source file cannot be sent."""
    for path in SERVICE.folder.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        code = text.split('"""', 2)[2] if path.name == "codes.py" else text
        assert not [retired for retired in RETIRED if retired in code], path


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (Rule.SSIN_UNKNOWN, "MSG00005"),
        (Rule.SSIN_REPLACED, "MSG00006"),
        (Rule.SSIN_CANCELLED, "MSG00007"),
        (Rule.SSIN_STRUCTURE, "MSG00011"),
        (Rule.NOT_INTEGRATED, "MSG00012"),
        (Rule.LEGAL_CONTEXT, "MSG00013"),
        (Rule.ORGANISATION, "MSG00014"),
        (Rule.NOTHING_ASKED, "MSG00040"),
        (Rule.DATA_GROUP, "MSG00050"),
        (HandiRule.PERIOD_LENGTH, "MSG00030"),
        (HandiRule.PERIOD_ORDER, "MSG00031"),
        (HandiRule.REFERENCE_DATE, "MSG00032"),
    ],
)
def test_ha08_each_rule_has_its_code(rule: BusinessRule, code: str) -> None:
    assert SERVICE.code_for(rule).code == code


# ---- checks of the criteria (HA-05) ---------------------------------------------------------------------------------


def refused(check: Any, *arguments: Any) -> str:
    try:
        check(*arguments)
    except BusinessRefusal as refusal:
        return SERVICE.code_for(refusal.business_rule).code
    return ""


def test_ha05_nothing_asked_or_every_flag_false() -> None:
    assert refused(check_file, asked(None)) == "MSG00040"
    assert refused(check_file, asked(TODAY)) == "MSG00040"
    assert refused(check_file, asked(None, payments=YEAR)) == ""
    assert refused(check_file, asked(TODAY, DataGroup.RIGHTS)) == ""


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [
        (date(2022, 1, 1), date(2022, 1, 1), ""),
        (date(2022, 1, 2), date(2022, 1, 1), "MSG00031"),
        (date(2022, 1, 1), date(2024, 1, 1), ""),
        (date(2022, 1, 1), date(2024, 1, 2), "MSG00030"),
        (date(2024, 2, 29), date(2026, 2, 28), ""),
        (date(2024, 2, 29), date(2026, 3, 1), "MSG00030"),
        (date(2022, 2, 28), date(2024, 2, 28), ""),
        (date(2022, 2, 28), date(2024, 2, 29), "MSG00030"),
        (date.min, date.max, "MSG00030"),
        (date(9998, 6, 1), date.max, ""),
        (date.max, date.max, ""),
    ],
)
def test_ha05_periods_of_both_operations(start: date, end: date, code: str) -> None:
    period = AskedPeriod(start, end)
    assert refused(check_file, asked(None, payments=period)) == code
    assert refused(check_rights, RightsCriteria(PERSON, period)) == code


@pytest.mark.parametrize(
    ("day", "code"),
    [
        (date(2025, 11, 22), ""),
        (date(2025, 11, 21), "MSG00032"),
        (date(2027, 11, 22), ""),
        (date(2027, 11, 23), "MSG00032"),
        (date.min, "MSG00032"),
        (date.max, "MSG00032"),
    ],
)
def test_ha05_a_date_of_consultation_more_than_a_year_away(day: date, code: str) -> None:
    assert refused(check_reference_date, asked(day, DataGroup.RIGHTS), TODAY) == code
    assert refused(check_reference_date, asked(day, payments=YEAR), TODAY) == "", "nothing is asked at that date"


@given(st.dates(), st.dates())
def test_ha05_no_check_fails_in_another_way(start: date, end: date) -> None:
    refused(check_file, asked(start, payments=AskedPeriod(start, end)))
    refused(check_reference_date, asked(start, DataGroup.RIGHTS), end)


# ---- what is told (HA-02, HA-03) ------------------------------------------------------------------------------------


def told(file: HandicapFile, criteria: FileCriteria = EVERYTHING, groups: frozenset[str] = EVERY) -> ToldFile:
    return at_reference_date(file, criteria, groups & file_groups(criteria))[0]


def test_ha03_a_block_that_the_supplier_leaves_out_is_filled() -> None:
    empty = told(HandicapFile(PERSON))
    everything = (empty.evolution, empty.recognition, empty.right, empty.cards, empty.payments)
    assert everything == (NoDataReason.NO_DATA_IN_DB,) * 5
    assert not empty.has_information


def test_ha03_what_was_not_asked_says_so_although_it_is_there() -> None:
    file = told(whole_file(), asked(TODAY, DataGroup.SOCIAL_CARDS))
    others = (file.evolution, file.recognition, file.right, file.payments)
    assert others == (NoDataReason.NOT_REQUESTED,) * 4
    assert not isinstance(file.cards, NoDataReason)


def test_ha02_identity_and_address_come_with_any_answer() -> None:
    file = whole_file()
    assert told(file, asked(TODAY, DataGroup.RIGHTS)).person is file.person
    assert over_period(file, YEAR, frozenset({"payments"}))[0].person is file.person


def test_of_several_requests_the_last_until_the_date() -> None:
    file = whole_file()
    assert told(file, asked(date(2024, 2, 3), DataGroup.EVOLUTION_OF_REQUEST)).evolution is file.requests[1]
    assert told(file, asked(date(2024, 2, 2), DataGroup.EVOLUTION_OF_REQUEST)).evolution is file.requests[0]
    before = told(file, asked(date(2020, 2, 2), DataGroup.EVOLUTION_OF_REQUEST)).evolution
    assert before is NoDataReason.NO_DATA_IN_DB


def test_of_several_recognitions_in_force_the_one_decided_last() -> None:
    first, second, *_ = whole_file().recognitions
    file = HandicapFile(PERSON, recognitions=(second, first))
    on = {day: told(file, asked(day, DataGroup.HANDICAP_RECOGNITION)).recognition for day in (first.start_date, TODAY)}
    assert on == {first.start_date: first, TODAY: second}
    both = date(2021, 1, 1)
    assert told(file, asked(both, DataGroup.HANDICAP_RECOGNITION)).recognition is second
    begun_later = replace(second, start_date=date(2022, 1, 1), decision_date=date(2019, 1, 1))
    file = HandicapFile(PERSON, recognitions=(begun_later, second))
    assert told(file, asked(TODAY, DataGroup.HANDICAP_RECOGNITION)).recognition is second
    ends = first.end_date
    assert ends is not None
    alone = HandicapFile(PERSON, recognitions=(first,))
    assert told(alone, asked(ends, DataGroup.HANDICAP_RECOGNITION)).recognition is first
    after = told(alone, asked(ends + timedelta(days=1), DataGroup.HANDICAP_RECOGNITION)).recognition
    assert after is NoDataReason.NO_DATA_IN_DB


def right(begin: date, end: date | None = None) -> Right:
    return Right(begin, end, 5, Decimal("1.00"), Decimal("1.00"), IncomeCategory.A, 1, partner_income=False)


def test_of_several_rights_in_force_the_one_that_began_last() -> None:
    old, new = right(date(2020, 1, 1)), right(date(2022, 1, 1), date(2023, 12, 31))
    file = HandicapFile(PERSON, rights=(new, old))
    assert told(file, asked(date(2023, 12, 31), DataGroup.RIGHTS)).right is new
    assert told(file, asked(date(2024, 1, 1), DataGroup.RIGHTS)).right is old
    assert told(file, asked(date(2019, 12, 31), DataGroup.RIGHTS)).right is NoDataReason.NO_DATA_IN_DB


def card(kind: CardType, delivered: date, end: date | None = None) -> SocialCard:
    return SocialCard(delivered, end, "0000000009", kind)


def test_of_each_type_of_card_the_one_delivered_last_in_the_supplier_s_order() -> None:
    held = (
        card(CardType.REDUCTION, date(2020, 1, 1)),
        card(CardType.PARKING, date(2012, 1, 1), date(2019, 12, 31)),
        card(CardType.PARKING, date(2015, 1, 1)),
        card(CardType.PARKING, date(2019, 1, 1)),
        card(CardType.REDUCTION, date(2027, 1, 1)),
    )
    assert told(HandicapFile(PERSON, cards=held), asked(TODAY, DataGroup.SOCIAL_CARDS)).cards == (held[0], held[3])


def payments(*months: date) -> tuple[Payment, ...]:
    return tuple(Payment(month, Decimal("10.00"), cancelled=False) for month in months)


def test_payments_are_those_of_the_months_that_the_period_touches() -> None:
    held = payments(*(date(2024, month, 1) for month in range(1, 7)))
    period = AskedPeriod(date(2024, 2, 29), date(2024, 4, 1))
    assert told(HandicapFile(PERSON, payments=held), asked(None, payments=period)).payments == held[1:4]


def test_more_payments_than_a_file_can_carry_are_told_from_the_last_and_counted() -> None:
    held = tuple(Payment(date(2024, 1, 1), Decimal(n), cancelled=False) for n in range(30))
    outcome = consult("consultFile", asked(None, payments=YEAR), Held(HandicapFile(PERSON, payments=held)))
    assert outcome.result[0].payments == held[-MOST_PAYMENTS:]
    assert outcome.information == (("payments", "24 of 30: ask for a shorter period"),)


# ---- rights and payments over a period ------------------------------------------------------------------------------


def test_each_right_has_a_file_with_its_payments_and_the_rest_one_without() -> None:
    first, second = right(date(2023, 5, 15), date(2024, 3, 10)), right(date(2024, 3, 11))
    held = payments(*(date(2024, m, 1) for m in (1, 3, 4)), date(2024, 12, 1))
    early = payments(date(2022, 7, 1))
    file = HandicapFile(PERSON, rights=(first, second, right(date(2030, 1, 1))), payments=early + held)
    period = AskedPeriod(date(2022, 6, 1), date(2024, 5, 31))
    assert [(f.right, f.payments) for f in over_period(file, period, EVERY)] == [
        (first, held[:2]),
        (second, held[2:3]),
        (NoDataReason.NO_DATA_IN_DB, early),
    ]


def test_a_right_with_many_payments_has_several_files() -> None:
    held = payments(*[date(2024, 1, 1)] * 50)
    one = right(date(2020, 1, 1))
    files = over_period(HandicapFile(PERSON, rights=(one,), payments=held), YEAR, EVERY)
    assert [(f.right, f.payments) for f in files] == [(one, held[:24]), (one, held[24:48]), (one, held[48:])]


def test_what_may_not_be_told_is_not_authorised_and_shows_in_nothing_else() -> None:
    """Neither the number of files nor their payments tell how many rights there are."""
    file = HandicapFile(PERSON, rights=(right(date(2020, 1, 1)),) * 5, payments=payments(date(2024, 1, 1)))
    (only,) = over_period(file, YEAR, frozenset({"payments"}))
    assert (only.right, only.payments) == (NoDataReason.NOT_AUTHORIZED, file.payments)
    told_rights = over_period(file, YEAR, frozenset({"rights"}))
    assert [f.payments for f in told_rights] == [NoDataReason.NOT_AUTHORIZED] * 5
    for files in ((only,), told_rights):
        assert {f.evolution for f in files} == {NoDataReason.NOT_REQUESTED}
        assert {f.recognition for f in files} == {f.cards for f in files} == {NoDataReason.NOT_REQUESTED}


def test_up_to_a_hundred_files_and_what_is_beyond_is_counted() -> None:
    file = HandicapFile(PERSON, rights=(right(date(2020, 1, 1)),) * 101)
    outcome = consult("consultRightsAndPayments", RightsCriteria(PERSON, YEAR), Held(file))
    assert len(outcome.result) == MOST_FILES == 100
    assert outcome.information == (("file", "100 of 101: ask for a shorter period"),)


# ---- outcomes (HA-06, HA-08a) ---------------------------------------------------------------------------------------

OPERATIONS = [("consultFile", EVERYTHING), ("consultRightsAndPayments", RightsCriteria(PERSON, YEAR))]


@pytest.mark.parametrize(("name", "criteria"), OPERATIONS)
def test_ha06_nothing_held_of_a_person_who_is_known(name: str, criteria: Any) -> None:
    outcome = consult(name, criteria, Held(HandicapFile(PERSON)))
    assert outcome.code is NO_DATA_FOUND
    assert NO_DATA_FOUND.value is StatusValue.NO_DATA_FOUND
    assert [f.ssin for f in outcome.result] == [PERSON]


@pytest.mark.parametrize(("name", "criteria"), OPERATIONS)
def test_ha06_one_group_is_enough(name: str, criteria: Any) -> None:
    file = HandicapFile(PERSON, payments=payments(date(2024, 5, 1)))
    assert consult(name, criteria, Held(file)).code is DATA_FOUND


@pytest.mark.parametrize(("name", "criteria"), OPERATIONS)
def test_pl36_a_person_whom_dgph_does_not_know(name: str, criteria: Any) -> None:
    outcome = consult(name, criteria, Held(HandicapFile(OTHER)))
    assert outcome.code is UNKNOWN_AT_SUPPLIER
    assert outcome.information == (("supplier", "DGPH-DGPMH"),)
    assert outcome.result is None


@pytest.mark.parametrize(("name", "criteria"), OPERATIONS)
def test_the_file_of_somebody_else_is_refused(name: str, criteria: Any) -> None:
    with pytest.raises(SupplierError) as failed:
        consult(name, criteria, Held(replace(whole_file(), ssin=OTHER), under=PERSON))
    assert failed.value.kind is SupplierFailureKind.UNEXPECTED


@pytest.mark.parametrize("groups", [{"rights"}, {"payments"}, {"rights", "payments"}])
def test_only_what_may_be_told_is_asked_of_the_supplier(groups: set[str]) -> None:
    register = Held(whole_file())
    consult("consultRightsAndPayments", RightsCriteria(PERSON, YEAR), register, frozenset(groups))
    assert register.asked == [((PERSON,), frozenset(map(DataGroup, groups)))]
