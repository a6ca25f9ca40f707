"""Lines of a repertory (RP-01 to RP-06). Every test has a birth date of its own."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kruispunt.errors import DataError
from kruispunt.identifiers import cbe, organisation
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.ssin import Ssin
from kruispunt.periods import ALWAYS, Period, merge
from kruispunt.repertory.lines import Key, Line, dossier_type, inscribe, lines_of
from kruispunt.storage.database import Database

Ask = Callable[[Callable[[Database], Awaitable[Any]]], Any]

ONEM = organisation.parse("0206737484")
ORIGIN = date(2020, 1, 1)


def number(day: int, counter: int = 900) -> Ssin:
    return ssins.compute(date(1941, 1, day), counter, test_band=True)


def span(begin: int, end: int | None) -> Period:
    return Period.days(ORIGIN + timedelta(days=begin), None if end is None else ORIGIN + timedelta(days=end))


def periods(lines: Iterable[Line]) -> list[Period]:
    return [line.period for line in lines]


def test_rp_03_overlapping_and_adjoining_periods_become_one_line(ask: Ask) -> None:
    key = Key(cbe.CBSS, number(1), ONEM, "902")

    async def question(database: Database) -> None:
        assert await inscribe(database, key, span(0, 9)) == span(0, 9)
        assert await inscribe(database, key, span(20, 29)) == span(20, 29)
        assert await inscribe(database, key, span(40, None)) == span(40, None)
        assert periods(await lines_of(database, cbe.CBSS, [key.ssin])) == [
            span(0, 9),
            span(20, 29),
            span(40, None),
        ]
        assert await inscribe(database, key, span(10, 19)) == span(0, 29)
        assert await inscribe(database, key, span(31, 38)) == span(31, 38)
        assert await inscribe(database, key, span(2, 5)) == span(0, 29)
        assert periods(await lines_of(database, cbe.CBSS, [key.ssin])) == [
            span(0, 29),
            span(31, 38),
            span(40, None),
        ]
        assert await inscribe(database, key, ALWAYS) == ALWAYS
        assert await lines_of(database, cbe.CBSS, [key.ssin]) == (Line(key, ALWAYS),)

    ask(question)


def test_rp_03_lines_of_other_keys_are_left_alone(ask: Ask) -> None:
    me = Key(cbe.CBSS, number(2), ONEM, "902")
    others = [
        Key(cbe.compute(2_067_374), me.ssin, ONEM, "902"),
        Key(cbe.CBSS, number(2, 901), ONEM, "902"),
        Key(cbe.CBSS, me.ssin, organisation.parse("18/0"), "902"),
        Key(cbe.CBSS, me.ssin, ONEM, "1"),
    ]

    async def question(database: Database) -> None:
        for key in (me, *others):
            await inscribe(database, key, span(0, 9))
        await inscribe(database, me, span(5, 20))
        mine = await lines_of(database, cbe.CBSS, [me.ssin, number(2, 901)])
        assert set(mine) == {Line(me, span(0, 20)), *(Line(key, span(0, 9)) for key in others[1:])}
        assert list(mine) == sorted(mine, key=lambda line: line.key)
        assert await lines_of(database, others[0].owner, [me.ssin]) == (Line(others[0], span(0, 9)),)
        assert await lines_of(database, cbe.CBSS, []) == ()

    ask(question)


def test_a_period_that_is_there_already_is_not_written_again(ask: Ask) -> None:
    key = Key(cbe.CBSS, number(3), ONEM, "902")

    async def question(database: Database) -> None:
        await inscribe(database, key, span(0, 99))
        where = "SELECT ctid::text, xmin::text FROM inscription WHERE ssin = $1"
        before = tuple(await database.fetchrow(where, ssins.to_int(key.ssin)))
        for again in (span(0, 99), span(3, 4), span(99, 99)):
            assert await inscribe(database, key, again) == span(0, 99)
        assert tuple(await database.fetchrow(where, ssins.to_int(key.ssin))) == before

    ask(question)


def test_rp_06_simultaneous_inscriptions_end_as_if_one_came_after_the_other(ask: Ask) -> None:
    chance = random.Random(7)
    for round_ in range(5):
        key = Key(cbe.CBSS, number(4, 900 + round_), ONEM, "902")
        wanted = [span(n, n + chance.randrange(3)) for n in range(0, 60, 2)]
        chance.shuffle(wanted)

        async def question(database: Database, key: Key = key, wanted: list[Period] = wanted) -> None:
            await asyncio.gather(*(inscribe(database, key, period) for period in wanted))
            assert tuple(periods(await lines_of(database, cbe.CBSS, [key.ssin]))) == merge(wanted)

        ask(question)


@st.composite
def spans(draw: st.DrawFn) -> Period:
    begin = draw(st.integers(0, 30))
    return span(begin, draw(st.none() | st.integers(begin, 30)))


@given(wanted=st.lists(spans(), max_size=10))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rp_03_what_is_stored_is_the_merge_of_all_that_was_told(ask: Ask, wanted: list[Period]) -> None:
    key = Key(cbe.CBSS, number(5), ONEM, "902")

    async def question(database: Database) -> None:
        await database.execute("DELETE FROM inscription WHERE ssin = $1", ssins.to_int(key.ssin))
        for period in wanted:
            await inscribe(database, key, period)
        assert tuple(periods(await lines_of(database, cbe.CBSS, [key.ssin]))) == merge(wanted)

    ask(question)


@pytest.mark.parametrize("text", ["902", "1", "000", "NEO:UNEMPLOYMENT", "a b", "x" * 64])
def test_rp_01_dossier_types_are_kept_as_they_are_written(text: str) -> None:
    assert dossier_type(text) == text


@pytest.mark.parametrize("text", ["", " 1", "1 ", "x" * 65, "é", "1\n", "\x00", "<a>", "1;2"])
def test_rp_01_other_texts_are_no_dossier_type(text: str) -> None:
    with pytest.raises(DataError):
        dossier_type(text)
