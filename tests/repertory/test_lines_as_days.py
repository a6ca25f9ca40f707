"""Lines against the plain rule: sets of days, and operations in some order (RP-03, RP-04, RP-06)."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import told as ground
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from told import ME, known, new_register, periods_of, register_of, span

from kruispunt.periods import Period, common, cut, cut_all, merge
from kruispunt.repertory.register import Told
from kruispunt.storage.database import Database

Ask = Callable[[Callable[[Database], Awaitable[Any]]], Any]
slow_ground = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def spans(draw: st.DrawFn) -> Period:
    begin = draw(st.integers(0, 30))
    return span(begin, draw(st.none() | st.integers(begin, 30)))


HORIZON = [ground.ORIGIN + timedelta(days=n) for n in range(-2, 35)]


def days(periods: Iterable[Period]) -> frozenset[date]:
    """The days of periods up to a horizon that lies after every end."""
    return frozenset(day for day in HORIZON for period in periods if period.contains(day))


def minimal(periods: Sequence[Period]) -> bool:
    """Sorted, and no two overlap or adjoin."""
    return tuple(periods) == merge(periods)


steps = st.tuples(st.sampled_from(["inscribe", "delete"]), st.lists(spans(), min_size=1, max_size=3))


@given(series=st.lists(steps, max_size=8))
@slow_ground
def test_rp_03_rp_04_lines_are_the_days_that_were_told(ask: Ask, series: list[tuple[str, list[Period]]]) -> None:
    """No day is lost and none invented; what is stored is sorted and minimal."""

    async def question(database: Database) -> None:
        (ssin,) = await known(database, 1)
        register = await new_register(database)
        expected: frozenset[date] = frozenset()
        for operation, periods in series:
            lines = [Told(ssin, "902", period) for period in periods]
            if operation == "inscribe":
                outcomes = await register.inscribe(lines, ME)
                expected |= days(periods)
            else:
                outcomes = await register.delete(lines, ME)
                expected -= days(periods)
            assert all(outcome.verdict.accepted for outcome in outcomes)
            stored = await periods_of(register, ssin)
            assert days(stored) == expected
            assert minimal(stored)
            for line, outcome in zip(lines, outcomes, strict=True):
                held = [period for period in stored if days([line.period]) <= days([period])]
                assert outcome.held == (held[0] if operation == "inscribe" else None)

    ask(question)


@given(operations=st.lists(steps, min_size=2, max_size=4))
@slow_ground
def test_rp_06_interleaved_operations_end_as_in_some_order(
    ask: Ask, dsn: str, operations: list[tuple[str, list[Period]]]
) -> None:
    """Each on a connection of its own, about one key; the end is that of one serial order."""

    async def question(database: Database) -> None:
        (ssin,) = await known(database, 1)
        register = await new_register(database)
        await register.inscribe([Told(ssin, "902", span(10, 15))], ME)
        others = [await Database.open(dsn, size=1) for _ in operations]
        try:
            await asyncio.gather(
                *(
                    getattr(register_of(other, register.owner), name)([Told(ssin, "902", p) for p in periods], ME)
                    for other, (name, periods) in zip(others, operations, strict=True)
                )
            )
        finally:
            for other in others:
                await other.close()
        ends = set()
        for order in itertools.permutations(operations):
            line: tuple[Period, ...] = (span(10, 15),)
            for name, periods in order:
                line = merge([*line, *periods]) if name == "inscribe" else cut_all(line, periods)
            ends.add(line)
        assert tuple(await periods_of(register, ssin)) in ends

    ask(question)


@given(one=st.lists(spans(), max_size=5), other=st.lists(spans(), max_size=5))
def test_days_of_two_sets(one: list[Period], other: list[Period]) -> None:
    assert days(cut_all(one, other)) == days(one) - days(other)
    assert days(common(one, other)) == days(one) & days(other)
    assert minimal(cut_all(one, other))
    assert minimal(common(one, other))
    for each in other:
        assert cut_all(one, [each]) == cut(one, each)
