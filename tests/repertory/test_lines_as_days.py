"""Lines against the plain rule: sets of days, and operations in some order (RP-03, RP-04, RP-06)."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import told as ground
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from told import ME, fresh, known, new_register, periods_of, register_of, span

from kruispunt.identifiers.ssin import Ssin
from kruispunt.periods import Period, common, cut, cut_all, merge
from kruispunt.registers import changes as changes_of_people
from kruispunt.repertory import tenants
from kruispunt.repertory.register import Register, Told
from kruispunt.repertory.tenants import Definition, DossierType
from kruispunt.repertory.writing import Verdict
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


def written(operation: str) -> st.SearchStrategy[tuple[str, list[Period]]]:
    return st.tuples(st.just(operation), st.lists(spans(), min_size=1, max_size=3))


steps = written("inscribe") | written("delete")
changes = st.tuples(st.just("change"), st.lists(spans(), min_size=2, max_size=2))
"""The days that no longer count, and those that count instead."""


def after(line: Sequence[Period], operation: str, periods: Sequence[Period]) -> tuple[Period, ...]:
    """What stands after an operation on one key, by the plain rule."""
    if operation == "inscribe":
        return merge([*line, *periods])
    if operation == "delete":
        return cut_all(line, periods)
    before, instead = periods
    if not common(line, [before]) and cut_all([instead], line):
        return tuple(line)
    return cut_all(merge([*line, instead]), cut((before,), instead))


async def perform(register: Register, ssin: Ssin, operation: str, periods: Sequence[Period]) -> None:
    told = [Told(ssin, "902", period) for period in periods]
    match operation:
        case "inscribe":
            await register.inscribe(told, ME)
        case "delete":
            await register.delete(told, ME)
        case _:
            await register.change(told[0], periods[1], ME)


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


@given(operations=st.lists(steps | changes, min_size=2, max_size=4))
@example([("change", [span(10, 15), span(10, 12)]), ("change", [span(10, 15), span(13, 15)])])
@slow_ground
def test_rp_06_interleaved_operations_end_as_in_some_order(
    ask: Ask, dsn: str, operations: list[tuple[str, list[Period]]]
) -> None:
    """Each on a connection of its own, about one key; the end is that of one serial order (RP-07 too)."""

    async def question(database: Database) -> None:
        (ssin,) = await known(database, 1)
        register = await new_register(database)
        await register.inscribe([Told(ssin, "902", span(10, 15))], ME)
        others = [await Database.open(dsn, size=1) for _ in operations]
        try:
            await asyncio.gather(
                *(
                    perform(register_of(other, register.owner), ssin, name, periods)
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
                line = after(line, name, periods)
            ends.add(line)
        assert tuple(await periods_of(register, ssin)) in ends

    ask(question)


@given(series=st.lists(steps | changes, min_size=1, max_size=6))
@slow_ground
def test_rp_07_changed_days_are_as_told_and_what_is_not_there_is_not_changed(
    ask: Ask, series: list[tuple[str, list[Period]]]
) -> None:
    """One after the other. A change that was made and comes again is answered as the first time."""

    async def question(database: Database) -> None:
        (ssin,) = await known(database, 1)
        register = await new_register(database)
        line: tuple[Period, ...] = ()
        for name, periods in series:
            if name == "change":
                before, instead = periods
                there = bool(common(line, [before])) or not cut_all([instead], line)
                line = after(line, name, periods)
                for _ in range(2):
                    outcome = await register.change(Told(ssin, "902", before), instead, ME)
                    assert outcome.verdict.accepted if there else outcome.verdict is Verdict.NO_LINE
                    held = [period for period in line if days([instead]) <= days([period])]
                    assert outcome.held == (held[0] if there else None)
            else:
                line = after(line, name, periods)
                await perform(register, ssin, name, periods)
            assert tuple(await periods_of(register, ssin)) == line

    ask(question)


def test_rp_07_lines_under_a_closed_type_are_shortened_and_never_lengthened(ask: Ask) -> None:
    async def question(database: Database) -> None:
        old, new = await known(database, 2)
        register = await new_register(database, DossierType("902", "x"))
        await register.inscribe([Told(old, "902", span(0, 30))], ME)
        closed = DossierType("902", "x", closed=True)
        await tenants.define(database, [Definition(register.owner, "of the tests", True, (closed,))], "tests")
        assert (await register.change(Told(old, "902", span(0, 30)), span(0, 20), ME)).held == span(0, 20)
        refused = await register.change(Told(old, "902", span(0, 30)), span(0, 21), ME)
        assert refused.verdict is Verdict.TYPE_CLOSED
        assert await periods_of(register, old) == [span(0, 20)]
        await changes_of_people.replace(database, old, new, author="tests")
        moved = await register.change(Told(old, "902", span(5, 30)), span(5, 9), ME)
        assert (moved.verdict, moved.ssin, moved.replaced, moved.held) == (Verdict.DONE, new, True, span(0, 9))
        unknown = await register.change(Told(fresh(1)[0], "902", span(0, 30)), span(0, 1), ME)
        undefined = await register.change(Told(new, "77", span(0, 30)), span(0, 1), ME)
        assert (unknown.verdict, undefined.verdict) == (Verdict.SSIN_UNKNOWN, Verdict.TYPE_UNKNOWN)

    ask(question)


@given(one=st.lists(spans(), max_size=5), other=st.lists(spans(), max_size=5))
def test_days_of_two_sets(one: list[Period], other: list[Period]) -> None:
    assert days(cut_all(one, other)) == days(one) - days(other)
    assert days(common(one, other)) == days(one) & days(other)
    assert minimal(cut_all(one, other))
    assert minimal(common(one, other))
    for each in other:
        assert cut_all(one, [each]) == cut(one, each)
