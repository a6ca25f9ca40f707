"""New BIS numbers (RP-11; SS-02 to SS-06): which ones there are for a birth date, and that none is given twice."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import TODAY

from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Kind, Sex, Ssin
from kruispunt.registers import changes
from kruispunt.registers.facts import Told
from kruispunt.registers.numbering import FIRST_COUNTER, first_free, new_number, numbers, places
from kruispunt.registers.people import Register
from kruispunt.registers.person_lines import PersonLine
from kruispunt.storage.database import Database

Ask = Callable[[Callable[[Database], Awaitable[Any]]], Any]
births = st.one_of(
    st.dates(date(1900, 1, 1), TODAY).map(PartialDate.of),
    st.builds(PartialDate, st.integers(1900, 2024), st.integers(1, 12)),
    st.builds(PartialDate, st.integers(1900, 2025)),
)
sexes = st.none() | st.sampled_from(Sex)


@given(births, sexes, st.integers(1, 990))
def test_every_number_follows_the_rules(birth: PartialDate, sex: Sex | None, first: int) -> None:
    """SS-02 to SS-06: the date where it fits, the year always; month +40 or +20; odd or even; never 000 or 999."""
    for index, place in enumerate(places(birth, sex_known=sex is not None)):
        for number in list(numbers(place, birth.year, sex, first))[:: 1 if index < 2 else 97]:
            assert ssins.validate(number, today=TODAY) == number
            assert ssins.kind(number) is Kind.BIS
            assert ssins.sex(number) is sex
            assert int(number[6:9]) >= first
            assert number[6:9] not in ("000", "999")
            told = ssins.birth_date(number)
            assert told == (birth if not index else PartialDate(birth.year))


@given(births, st.booleans())
def test_places_are_different_and_go_on_in_month_00(birth: PartialDate, sex_known: bool) -> None:
    found = list(places(birth, sex_known=sex_known))
    assert len(set(found)) == len(found)
    own = not birth.month
    assert len(found) == 33 - own - (birth.year % 100 == 0)


def test_a_place_holds_499_of_each_sex_and_998_of_unknown_sex() -> None:
    men, women, unknown = (list(numbers(854730, 1985, sex, FIRST_COUNTER)) for sex in (Sex.MALE, Sex.FEMALE, None))
    assert (len(men), len(women), len(unknown)) == (499, 499, 998)
    assert not set(men) & set(women)
    assert set(men) | set(women) == set(unknown)


@given(st.sets(st.integers(0, 498)))
def test_the_lowest_free_one_is_given(taken: set[int]) -> None:
    every = list(numbers(854730, 1985, Sex.FEMALE, FIRST_COUNTER))
    found = first_free(854730, 1985, Sex.FEMALE, FIRST_COUNTER, {int(every[place]) for place in taken})
    free = [number for place, number in enumerate(every) if place not in taken]
    assert found == (free[0] if free else None)


def test_both_centuries_have_numbers_of_their_own() -> None:
    (old, *_), (new, *_) = (list(numbers(52301, year, Sex.MALE, FIRST_COUNTER)) for year in (1905, 2005))
    assert old[:9] == new[:9]
    assert old != new


def _bis(birth: PartialDate | date, counter: int, **told: Any) -> PersonLine:
    replaced_by, cancelled = told.get("replaced_by"), told.get("cancelled", False)
    return PersonLine(ssins.compute(birth, counter, kind=Kind.BIS), Register.BIS, replaced_by, cancelled)


def _given(ask: Ask, birth: PartialDate, sex: Sex | None, first: int = FIRST_COUNTER) -> Ssin | None:
    async def question(database: Database) -> Ssin | None:
        async with database.connection() as connection:
            return await new_number(connection, birth, sex, first_counter=first)

    found: Ssin | None = ask(question)
    return found


def _tell(ask: Ask, *lines: PersonLine) -> None:
    async def question(database: Database) -> None:
        async with changes.changing(database, "os-user:tester") as changer:
            await changer.tell(map(Told.of, lines))

    ask(question)


def test_what_exists_or_existed_is_never_given(ask: Ask) -> None:
    """RP-11: active, cancelled, replaced, and known only as the number in the place of another one."""
    day = date(1931, 3, 1)
    only_named = ssins.compute(day, 8, kind=Kind.BIS)
    _tell(ask, _bis(day, 2), _bis(day, 4, cancelled=True), _bis(day, 6, replaced_by=only_named))
    assert _given(ask, PartialDate.of(day), Sex.FEMALE) == ssins.compute(day, 10, kind=Kind.BIS)
    assert _given(ask, PartialDate.of(day), Sex.MALE) == ssins.compute(day, 1, kind=Kind.BIS)
    assert _given(ask, PartialDate.of(day), None) == ssins.compute(day, 1, kind=Kind.BIS, sex_known=False)


def test_a_day_that_ran_out_goes_on_in_month_00(ask: Ask) -> None:
    """SS-05; and when the whole year ran out there is none."""
    day = PartialDate(1932, 3, 1)
    _tell(ask, *(_bis(day, counter) for counter in range(1, 999, 2)))
    overflowed = _given(ask, day, Sex.MALE)
    assert overflowed == ssins.compute(PartialDate(1932), 1, kind=Kind.BIS)
    assert overflowed is not None
    assert ssins.birth_date(overflowed) == PartialDate(1932)
    assert _given(ask, day, Sex.FEMALE) == ssins.compute(day, 2, kind=Kind.BIS)
    rest = (number for place in places(day, sex_known=True) for number in numbers(place, 1932, Sex.MALE, 1))
    _tell(ask, *(PersonLine(number, Register.BIS, None, False) for number in rest))
    assert _given(ask, day, Sex.MALE) is None


def test_the_database_refuses_a_number_twice(ask: Ask) -> None:
    """RP-11: behind the lock stands the primary key."""

    async def question(database: Database) -> None:
        async with database.connection() as connection, connection.transaction():
            await connection.execute(
                "INSERT INTO person_change (author, kind, ssin, after) VALUES ('x', 1, 31430100000, '{}')"
            )
            for _ in range(2):
                await connection.execute("INSERT INTO person (ssin, register, state) VALUES (31430100000, 2, 1)")

    with pytest.raises(Exception, match="person_pkey"):
        ask(question)
