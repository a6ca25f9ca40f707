"""Chains under any sequence of imports and commands, against a recursive query; two at the same time (SS-07)."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up import TODAY, fresh

from kruispunt.errors import DataError
from kruispunt.identifiers.ssin import Ssin, from_int, to_int
from kruispunt.registers import changes, people
from kruispunt.registers.history import history
from kruispunt.registers.importing import import_people
from kruispunt.registers.people import State
from kruispunt.storage.database import Database

Ask = Callable[[Callable[[Database], Awaitable[Any]]], Any]
ME = "os-user:tester"

CHECKER = """
    WITH RECURSIVE link AS (
        SELECT ssin AS start, ssin, replaced_by, state, 1 AS steps FROM person WHERE ssin = ANY($1::bigint[])
    UNION ALL
        SELECT l.start, p.ssin, p.replaced_by, p.state, l.steps + 1
        FROM link l JOIN person p ON p.ssin = l.replaced_by WHERE l.steps <= cardinality($1::bigint[])
    )
    SELECT start, ssin FROM link WHERE replaced_by IS NULL AND state = 1
"""
"""Follows every link; a chain that is longer than there are numbers runs in a circle and gives no row."""

numbers = st.integers(0, 5)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("replace"), numbers, numbers),
        st.tuples(st.just("cancel"), numbers, numbers),
        st.tuples(st.just("line"), numbers, st.none() | st.integers(0, 6)),
        st.tuples(st.just("cancelled line"), numbers, st.none()),
    ),
    min_size=1,
    max_size=12,
)


async def take(database: Database, step: tuple[str, int, int | None], pool: Sequence[Ssin]) -> bool:
    """Whether the step was taken; a command may refuse."""
    verb, one, other = step
    try:
        if verb == "replace":
            await changes.replace(database, pool[one], pool[other or 0], author=ME)
        elif verb == "cancel":
            await changes.cancel(database, pool[one], author=ME)
        else:
            line = {"ssin": pool[one], "register": "national", "cancelled": verb == "cancelled line"}
            if other is not None and other != one:
                line["replacedBy"] = pool[other]
            await import_people(database, io.BytesIO(json.dumps(line).encode()), today=TODAY, test_band=True)
    except DataError:
        return False
    return True


@given(steps)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ss_07_chains_agree_with_a_recursive_query_after_every_step(
    ask: Ask, told: list[tuple[str, int, int | None]]
) -> None:
    pool = fresh(7)

    async def question(database: Database) -> None:
        for step in told:
            before = {ssin: await history(database, ssin) for ssin in pool}
            facts = await people.find_many(database, pool)
            taken = await take(database, step, pool)
            known = await people.find_many(database, pool)
            rows = await database.fetch(CHECKER, [to_int(ssin) for ssin in pool])
            ends = {from_int(start): from_int(end) for start, end in rows}
            assert {ssin: person.final_ssin for ssin, person in known.items()} == {
                ssin: ends.get(ssin) for ssin in known
            }
            for ssin, person in known.items():
                expected = State.CANCELLED if ssin not in ends else State.REPLACED
                assert person.state is (State.ACTIVE if ends.get(ssin) == ssin else expected)
            after = {ssin: await history(database, ssin) for ssin in pool}
            written = [ssin for ssin in pool if len(after[ssin]) > len(before[ssin])]
            assert written in ([], [pool[step[1]]])
            if not taken:
                assert (facts, before) == (known, after)

    ask(question)


def test_two_who_would_close_a_circle_together_do_not(ask: Ask) -> None:
    """Each alone may be; whoever comes second sees the first."""
    a, b = fresh(2)

    async def question(database: Database) -> list[BaseException | None]:
        text = "".join(json.dumps({"ssin": ssin, "register": "national"}) + "\n" for ssin in (a, b))
        await import_people(database, io.BytesIO(text.encode()), today=TODAY, test_band=True)
        both = (changes.replace(database, a, b, author=ME), changes.replace(database, b, a, author=ME))
        return await asyncio.gather(*both, return_exceptions=True)

    (refused,) = (each for each in ask(question) if each is not None)
    assert isinstance(refused, DataError)
    assert "circle" in refused.what


def test_changes_are_numbered_in_the_order_in_which_they_become_visible(ask: Ask) -> None:
    """Who has seen a number has seen all before it, however many change people at once."""
    pool = fresh(8)

    async def question(database: Database) -> None:
        seen: list[int] = []
        done = asyncio.Event()

        async def watch() -> None:
            while not done.is_set():
                rows = await database.fetch(
                    "SELECT sequence FROM person_change WHERE ssin = ANY($1::bigint[]) ORDER BY sequence",
                    [to_int(ssin) for ssin in pool],
                )
                now = [row[0] for row in rows]
                assert now[: len(seen)] == seen
                seen[:] = now

        text = "".join(json.dumps({"ssin": ssin, "register": "national"}) + "\n" for ssin in pool)
        await import_people(database, io.BytesIO(text.encode()), today=TODAY, test_band=True)
        watching = asyncio.create_task(watch())
        await asyncio.gather(*(changes.cancel(database, ssin, author=ME) for ssin in pool))
        done.set()
        await watching
        assert await database.fetchval(
            "SELECT count(*) FROM person_change WHERE ssin = ANY($1::bigint[])", [to_int(ssin) for ssin in pool]
        ) == len(pool)

    ask(question)


def test_a_circle_of_one_cannot_be_told(ask: Ask) -> None:
    (ssin,) = fresh(1)
    line = json.dumps({"ssin": ssin, "register": "national", "replacedBy": ssin})

    async def question(database: Database) -> Any:
        return await import_people(database, io.BytesIO(line.encode()), today=TODAY, test_band=True)

    assert ask(question).refused_count == 1
    with pytest.raises(DataError):
        ask(lambda database: changes.cancel(database, ssin, author=ME))


def test_ss_07_a_number_is_not_replaced_by_one_without_a_valid_end(ask: Ask) -> None:
    """It would be cancelled by it, and the command would say that it was replaced."""
    active, cancelled, leading, lost, unknown = fresh(5)
    lines = [{"ssin": active}, {"ssin": cancelled, "cancelled": True}, {"ssin": leading, "replacedBy": cancelled}]
    lines.append({"ssin": lost, "replacedBy": unknown})
    text = "".join(json.dumps({"register": "national"} | line) + "\n" for line in lines)

    async def work(database: Database) -> people.Person | None:
        await import_people(database, io.BytesIO(text.encode()), today=TODAY, test_band=True)
        for by in (cancelled, leading, lost):
            with pytest.raises(DataError, match="is cancelled, or its chain ends in none that is valid"):
                await changes.replace(database, active, by, author=ME)
        return await people.find(database, active)

    found = ask(work)
    assert found is not None
    assert found.state is State.ACTIVE
