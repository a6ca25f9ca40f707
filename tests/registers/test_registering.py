"""Somebody is given a number: who resembles comes first, and two servers never give one twice (RP-11)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import TODAY
from msgspec.structs import replace

from kruispunt.errors import DataError, StorageError
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Kind, Ssin
from kruispunt.registers import changes, registering
from kruispunt.registers.changes import ChangeKind
from kruispunt.registers.dossiers import look_up
from kruispunt.registers.facts import Told
from kruispunt.registers.history import history
from kruispunt.registers.legal_data import Birth, Dossier, LegalData, Name, Origin, Unreadable
from kruispunt.registers.people import Register
from kruispunt.registers.person_lines import PersonLine
from kruispunt.registers.registering import Registered, declaration, register
from kruispunt.registers.resembling import Resembling, agree, near, resembles, resembling
from kruispunt.registers.search import Found as FoundByName
from kruispunt.registers.search import NameCriteria, by_name
from kruispunt.storage.database import Database

Ask = Callable[[Callable[[Database], Awaitable[Any]]], Any]
ME = "os-user:tester"
dates = st.one_of(
    st.dates(date(1950, 1, 1), date(1952, 12, 31)).map(PartialDate.of),
    st.builds(PartialDate, st.integers(1950, 1952), st.integers(1, 12)),
    st.builds(PartialDate, st.integers(1950, 1952)),
)


def declared(last: str, born: str, *firsts: str, **others: Any) -> LegalData:
    fields = {"name": {"lastName": last, "firstNames": list(firsts)}, "birth": {"date": born}, **others}
    return declaration(fields, today=TODAY, test_band=True)


def new(ask: Ask, legal: LegalData, *set_aside: Ssin) -> Any:
    return ask(lambda database: register(database, legal, author=ME, set_aside=frozenset(set_aside)))


def tell(ask: Ask, *lines: PersonLine) -> None:
    async def question(database: Database) -> None:
        async with changes.changing(database, ME) as changer:
            await changer.tell(map(Told.of, lines))

    ask(question)


def national(birth: date, counter: int, last: str, *firsts: str, **others: Any) -> PersonLine:
    legal = LegalData(name=Name(last, firsts), birth=Birth(PartialDate.of(birth)), **others)
    return PersonLine(ssins.compute(birth, counter, test_band=True), Register.NATIONAL, None, False, legal)


def test_somebody_new_gets_a_number_and_a_history(ask: Ask) -> None:
    legal = declared("Nieuwkomer", "1941-05-06", "Ada", gender={"code": 2})
    found = new(ask, legal)
    assert isinstance(found, Registered)
    assert found.ssin == ssins.compute(date(1941, 5, 6), 2, kind=Kind.BIS)
    held = ask(lambda database: look_up(database, [found.ssin]))[found.ssin]
    assert held.dossiers[Origin.KSZ].legal == legal
    (change,) = ask(lambda database: history(database, found.ssin))
    assert (change.kind, change.author, change.before) == (ChangeKind.NEW, ME, None)
    criteria = NameCriteria("Nieuwkommer", PartialDate(1941, 5, 6), "Adèle")
    hits = ask(lambda database: by_name(database, criteria))
    assert isinstance(hits, FoundByName)
    assert hits.ssins == (found.ssin,)


def test_who_resembles_is_shown_and_must_be_set_aside_by_name(ask: Ask) -> None:
    other = national(date(1941, 6, 7), 950, "Dubbelganger", "Bo")
    tell(ask, other)
    legal = declared("Dubelganger", "1941-07-06", "Bob")
    found = new(ask, legal)
    assert isinstance(found, Resembling)
    assert [each.ssin for each in found.people] == [other.ssin]
    stranger = ssins.compute(date(1941, 6, 7), 951, test_band=True)
    assert isinstance(new(ask, legal, stranger), Resembling)
    first = new(ask, legal, other.ssin)
    assert isinstance(first, Registered)
    again = new(ask, legal, other.ssin)
    assert isinstance(again, Resembling)
    assert [each.ssin for each in again.people] == [first.ssin]
    assert isinstance(new(ask, legal, other.ssin, first.ssin), Registered)


def test_a_number_that_was_replaced_stands_for_who_holds_it_now(ask: Ask) -> None:
    now = national(date(1941, 8, 9), 950, "Heelanders", "Cy")
    before = replace(national(date(1941, 8, 9), 951, "Vroegervroeg", "Cy"), replaced_by=now.ssin)
    gone = replace(national(date(1941, 8, 9), 953, "Vroegervroeg", "Cy"), cancelled=True)
    tell(ask, now, before, gone)
    legal = declared("Vroegervroeg", "1941-08-09", "Cy")
    found = new(ask, legal)
    assert isinstance(found, Resembling)
    assert [each.ssin for each in found.people] == [now.ssin]
    assert isinstance(new(ask, legal, before.ssin), Registered)


@pytest.mark.parametrize(
    ("day", "hidden"),
    [(date(1941, 10, 20), {"blocked": True}), (date(1947, 11, 21), {"unreadable": (Unreadable.EVERYTHING,)})],
)
def test_nothing_is_told_of_people_whose_data_are_blocked(ask: Ask, day: date, hidden: dict[str, Any]) -> None:
    """IP-18: that somebody resembles is told, and nothing that a register holds of them."""
    line = national(day, 950, "Afgeschermd", "Di", **hidden)
    tell(ask, line)
    found = new(ask, declared("Afgeschermd", str(day), "Di"))
    assert found == Resembling((), (line.ssin,))
    assert new(ask, declared("Afgeschermd", str(day), "Di"), line.ssin) == found
    aside = frozenset({line.ssin})
    legal = declared("Afgeschermd", str(day), "Di")
    assert isinstance(ask(lambda db: register(db, legal, author=ME, set_aside=aside, sees_all=True)), Registered)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"name": {"lastName": "Ж"}, "birth": {"date": "1980-01-01"}}, "Latin letters"),
        ({"name": {"lastName": "Good", "firstNames": ["日"]}, "birth": {"date": "1980-01-01"}}, "Latin letters"),
        ({"name": {"lastName": "Good"}, "birth": {"date": "2999-01-01"}}, "future"),
        ({"name": {"lastName": "Good"}, "birth": {"date": "1899-12-31"}}, "before 1900"),
        ({"name": {"lastName": "Good"}, "birth": {"date": "0000-00-00"}}, "must be known"),
        ({"name": {"lastName": "Good"}}, "person.birth: missing"),
        ({"name": {"lastName": "Good"}, "birth": {"date": "1980-01-01"}, "blocked": True}, "not declared"),
        (
            {
                "name": {"lastName": "Good"},
                "birth": {"date": "1980-01-01"},
                "address": {"legal": {"standard": {"country": {"code": "150"}}}},
            },
            "person.address.legal.standard.country: a standard address of this register lies abroad",
        ),
        (
            {"name": {"lastName": "Good"}, "birth": {"date": "1980-01-01"}, "decease": {"date": "2999-01-01"}},
            "person.decease.date",
        ),
    ],
)
def test_what_is_declared_is_held_to_the_rules(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(DataError, match=why) as raised:
        declaration(fields, today=TODAY, test_band=True)
    assert "Good" not in str(raised.value)


def test_two_servers_register_the_same_person_at_once(ask: Ask) -> None:
    """One of them is given a number; all others are shown who has it."""
    legal = declared("Tweelingen", "1942-01-02", "Eva")

    async def question(database: Database) -> list[Registered | Resembling]:
        others = [await Database.open(database._dsn, size=1) for _ in range(6)]
        try:
            return await asyncio.gather(*(register(each, legal, author=ME) for each in others))
        finally:
            for each in others:
                await each.close()

    found = ask(question)
    (given_out,) = (each for each in found if isinstance(each, Registered))
    for each in found:
        if isinstance(each, Resembling):
            assert [one.ssin for one in each.people] == [given_out.ssin]


def test_many_people_of_one_day_at_once_get_a_number_each(ask: Ask) -> None:
    letters = "bdfgjklmprsvwz"
    lasts = [f"{a}a{b}ok" for a in letters for b in letters][:120]

    async def question(database: Database) -> list[Registered | Resembling]:
        others = [await Database.open(database._dsn, size=1) for _ in range(8)]

        async def work(position: int) -> list[Registered | Resembling]:
            mine = lasts[position :: len(others)]
            legals = [declared(last.capitalize(), "1942-03-04", chr(65 + n)) for n, last in enumerate(mine)]
            everybody: list[Registered | Resembling] = []
            for legal in legals:
                aside: frozenset[Ssin] = frozenset()
                found = await register(others[position], legal, author=ME)
                while isinstance(found, Resembling):
                    aside |= {each.ssin for each in found.people}
                    found = await register(others[position], legal, author=ME, set_aside=aside)
                everybody.append(found)
            return everybody

        try:
            done = await asyncio.gather(*(work(position) for position in range(len(others))))
            return [each for some in done for each in some]
        finally:
            for each in others:
                await each.close()

    found = ask(question)
    counters = sorted(int(each.ssin[6:9]) for each in found)
    assert counters == list(range(1, len(lasts) + 1))


def test_nobody_waits_for_an_import_for_ever(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registering, "WAIT", 0.05)

    async def question(database: Database) -> None:
        async with changes.changing(database, ME):
            await register(database, declared("Geduldig", "1942-05-06"), author=ME)

    with pytest.raises(StorageError, match="somebody else"):
        ask(question)
    monkeypatch.undo()
    assert isinstance(new(ask, declared("Geduldig", "1942-05-06")), Registered)


# ---- Who resembles --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "theirs", "expected"),
    [
        ("1950-02-03", "1950-02-03", True),
        ("1950-02-03", "1950-03-02", True),
        ("1950-02-03", "1950-02-28", True),
        ("1950-02-03", "1950-11-03", True),
        ("1950-02-03", "1951-02-03", True),
        ("1950-02-03", "1952-02-03", False),
        ("1950-02-03", "1950-04-05", False),
        ("1950-02-03", "1951-02-04", False),
        ("1950-02-03", "1950-02-00", True),
        ("1950-02-03", "1950-03-00", False),
        ("1950-02-03", "1950-00-00", True),
        ("1950-02-00", "1951-02-00", False),
        ("1950-00-00", "1950-12-31", True),
        ("1950-00-00", "1951-00-00", False),
    ],
)
def test_near_birth_dates(asked: str, theirs: str, expected: bool) -> None:
    assert near(PartialDate.parse(asked), PartialDate.parse(theirs)) is expected


@given(dates, dates)
def test_nearness_is_mutual_and_wider_than_agreement(one: PartialDate, other: PartialDate) -> None:
    assert near(one, other) == near(other, one)
    assert agree(one, other) == agree(other, one)
    assert near(one, other) or not agree(one, other)


@pytest.mark.parametrize(
    ("last", "first", "born", "expected"),
    [
        ("Vandenbergh", "Jan", "1950-02-03", True),
        ("Van den Berghe", "Johan", "1950-02-21", True),
        ("Van den Berghe", "Piet", "1950-02-03", False),
        ("Van den Berghe", "", "1950-02-03", True),
        ("Vandenhove", "Jan", "1950-02-03", False),
        ("Vandenbroek", "Jan", "1950-02-03", True),
        ("Fontanberka", "Jan", "1950-02-03", True),
        ("Fontanberka", "Jan", "1950-02-04", False),
    ],
)
def test_names_that_may_be_one(last: str, first: str, born: str, expected: bool) -> None:
    """The last two share the Cologne code alone: then the birth date must agree, and stand in the number."""
    asked = declared("Van den Berghe", "1950-02-03", "Jan")
    birth = PartialDate.parse(born)
    legal = LegalData(name=Name(last, (first,) if first else ()), birth=Birth(birth))
    held = Dossier(ssins.compute(birth, 950, test_band=True), Origin.RR, legal)
    assert resembles(asked, held) is expected


def test_the_statements_find_all_whom_the_rule_names(ask: Ask) -> None:
    """Against a look at everybody, for declarations of every exactness."""
    lasts = ("Zoekmans", "Soeckmans", "Zukmanz", "Zoekman", "Zakmins", "Anderszins")
    days = [date(1943, 4, 5), date(1943, 5, 4), date(1943, 4, 20), date(1944, 4, 5), date(1943, 9, 5), date(1945, 4, 5)]
    lines = []
    for number, (last, day) in enumerate((last, day) for last in lasts for day in days):
        lines.append(national(day, 900 + 2 * (number // len(days)), last, "Kim" if number % 3 else "Tom"))
    for number, born in enumerate((PartialDate(1943, 4), PartialDate(1943))):
        for extra, last in enumerate(lasts):
            legal = LegalData(name=Name(last, ()), birth=Birth(born))
            bis = ssins.compute(born, 900 + 2 * extra + 20 * number, kind=Kind.BIS)
            lines.append(PersonLine(bis, Register.BIS, None, False, None, legal))
    tell(ask, *lines)
    everybody = [each for line in lines for each in line.dossiers]
    asked = [
        declared(last, born, *firsts)
        for last in lasts
        for born in ("1943-04-05", "1943-04-00", "1943-00-00", "1944-04-05")
        for firsts in ((), ("Kim",))
    ]

    async def question(database: Database) -> list[Resembling]:
        return [await resembling(database, each) for each in asked]

    sizes = set()
    for legal, found in zip(asked, ask(question), strict=True):
        expected = sorted(each.ssin for each in everybody if resembles(legal, each))
        assert [each.ssin for each in found.people] == expected
        sizes.add(len(expected))
    assert len(sizes) > 3
    assert all(first.ssin != other.ssin for first, other in combinations(everybody, 2))
