"""The short ways to write lines do what the long one does (RP-03, RP-04, RP-06).

The same calls go to `repertory_write`, to `repertory_write_plain` with all lines at once and line by line, to
`repertory_write_line`, and to `repertory_write_columns`, in a register of its own each. Verdicts, lines and lines of
the past must be equal.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from asyncpg import PostgresError, Range
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from told import fresh, known, load_people, new_register

from kruispunt.identifiers import cbe
from kruispunt.identifiers.ssin import to_int
from kruispunt.repertory.tenants import DossierType
from kruispunt.storage.database import SESSION, Database

if TYPE_CHECKING:
    from kruispunt.storage.database import Connection

Ask = Callable[[Callable[[Database], Awaitable[Any]]], Any]
ORIGIN = date(2020, 1, 1)
ACTIVE, CANCELLED, UNKNOWN, REPLACED, OTHER = range(5)
KINDS = ("902", "4", "77")
"""Open, closed, and not defined."""
_FUNCTION = """
    SELECT place, verdict, held FROM {name} $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::daterange[],
        $9::text[], $10::text[]) ORDER BY place
"""
_LONG = _FUNCTION.format(name="repertory_write($1::smallint, 1::smallint, $2, $3, NULL,")
_PLAIN = _FUNCTION.format(name="repertory_write_plain($1::smallint, 1::smallint, $2, $3,")
_ALONE = """
    SELECT place, verdict, held FROM repertory_write_line($1::smallint, 1::smallint, $2, $3::bigint, $4::bigint,
        $5::text, $6::text, $7::daterange, $8::text, $9::text)
"""
_COLUMNS = """
    SELECT place, verdict FROM repertory_write_columns($1::smallint, 1::smallint, $2, $3, ARRAY['', '', ''],
        ARRAY['902', '4', '77'], $4::bigint[], $5::int[], $6::int[], $7::int[], 'tests', NULL)
"""
_STORED = """
    SELECT ssin, dossier_type, period, true AS holds FROM inscription WHERE owner = $1 AND ssin = ANY ($2)
    UNION ALL
    SELECT ssin, dossier_type, period, false FROM inscription_history WHERE owner = $1 AND ssin = ANY ($2)
    ORDER BY holds, ssin, dossier_type, period
"""

Line = tuple[int, str, int | None, int | None]
"""Person, dossier type, first day, and how many more; None: no bound."""
lines = st.tuples(
    st.sampled_from([ACTIVE] * 6 + [OTHER, CANCELLED, UNKNOWN, REPLACED]),
    st.sampled_from(["902"] * 6 + ["4", "77"]),
    st.sampled_from([*range(10), *range(10), None]),
    st.sampled_from([0, 1, 2, 3, 0, 1, 2, 3, None]),
)
calls = st.tuples(
    st.sampled_from([1, 2]),
    st.sampled_from([True, True, False]),
    st.lists(lines, min_size=1, max_size=4, unique_by=lambda line: line[0]),
)
"""Strictness, whether days are added, and lines of different people."""

Write = Callable[["Connection", int, Sequence[int], Any], Awaitable[list[tuple[int, Any]]]]


def bounds(line: Line) -> tuple[int, int]:
    """Ordinals of the first day and of the one after the last; 0: none."""
    _, _, first, more = line
    begin = 0 if first is None else ORIGIN.toordinal() + first
    return begin, 0 if more is None else max(begin, ORIGIN.toordinal()) + more + 1


def arrays(owner: int, people: Sequence[int], told: Sequence[Line]) -> tuple[list[Any], ...]:
    periods = [
        Range(date.fromordinal(first) if first else None, date.fromordinal(until) if until else None)
        for first, until in map(bounds, told)
    ]
    count = len(told)
    ssins, kinds = [people[line[0]] for line in told], [line[1] for line in told]
    return [owner] * count, ssins, [""] * count, kinds, periods, ["tests"] * count, [None] * count


async def long(connection: Connection, owner: int, people: Sequence[int], call: Any) -> list[tuple[int, Any]]:
    mode, adding, told = call
    rows = await connection.fetch(_LONG, mode, adding, False, *arrays(owner, people, told))
    return [(row[1], row[2]) for row in rows]


async def plain(connection: Connection, owner: int, people: Sequence[int], call: Any) -> list[tuple[int, Any]]:
    mode, adding, told = call
    rows = await connection.fetch(_PLAIN, mode, adding, True, *arrays(owner, people, told))
    return [(row[1], row[2]) for row in rows]


async def singly(connection: Connection, owner: int, people: Sequence[int], call: Any) -> list[tuple[int, Any]]:
    mode, adding, told = call
    return [found for line in told for found in await plain(connection, owner, people, (mode, adding, [line]))]


async def alone(connection: Connection, owner: int, people: Sequence[int], call: Any) -> list[tuple[int, Any]]:
    mode, adding, told = call
    lines_told = zip(*arrays(owner, people, told), strict=True)
    rows = [await connection.fetchrow(_ALONE, mode, adding, *line) for line in lines_told]
    return [(row[1], row[2]) for row in rows if row is not None]


async def columns(connection: Connection, owner: int, people: Sequence[int], call: Any) -> list[tuple[int, Any]]:
    mode, adding, told = call
    ssins, kinds = [people[line[0]] for line in told], [KINDS.index(line[1]) + 1 for line in told]
    firsts, untils = zip(*map(bounds, told), strict=True)
    found = dict(await connection.fetch(_COLUMNS, mode, adding, owner, ssins, kinds, firsts, untils))
    return [(found.get(place, 0), None) for place in range(1, len(told) + 1)]


WAYS: tuple[Write, ...] = (long, plain, singly, alone, columns)
_people: dict[str, list[int]] = {}


async def people_of(database: Database, dsn: str) -> list[int]:
    """The same people for all examples."""
    if dsn not in _people:
        numbers = fresh(6)
        await load_people(
            database,
            {"ssin": numbers[ACTIVE]},
            {"ssin": numbers[CANCELLED], "cancelled": True},
            {"ssin": numbers[REPLACED], "replacedBy": numbers[5]},
            {"ssin": numbers[OTHER]},
            {"ssin": numbers[5]},
        )
        _people[dsn] = [to_int(ssin) for ssin in numbers[:5]]
    return _people[dsn]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=st.lists(calls, min_size=4, max_size=9))
def test_rp_03_rp_04_all_ways_write_the_same(ask: Ask, dsn: str, made: Any) -> None:
    async def question(database: Database) -> None:
        people = await people_of(database, dsn)
        owners = []
        for _ in WAYS:
            register = await new_register(database, DossierType("902", "x"), DossierType("4", "x", closed=True))
            owners.append(cbe.to_int(register.owner))
        async with database.connection() as connection:
            for call in made:
                expected, *others = [
                    await way(connection, owner, people, call) for way, owner in zip(WAYS, owners, strict=True)
                ]
                # The long way follows a number that was replaced; the others tell that its line comes to the long way.
                follows = [line[0] == REPLACED for line in call[2]]
                for way, found in zip(WAYS[1:], others, strict=True):
                    for replaced, one, other in zip(follows, expected, found, strict=True):
                        assert other[0] == (9 if replaced else one[0])
                        assert replaced or way is columns or other[1] == one[1]
            stored = [await connection.fetch(_STORED, owner, people) for owner in owners]
        assert all(each == stored[0] for each in stored[1:])

    ask(question)


def test_rp_01_a_closed_type_refuses_new_days_alone(ask: Ask) -> None:
    """Days that are held already are answered as the first time, in every way; and may be taken out."""

    async def question(database: Database) -> None:
        first, second = (to_int(ssin) for ssin in await known(database, 2))
        for way in WAYS:
            register = await new_register(database, DossierType("4", "x", closed=True))
            owner = cbe.to_int(register.owner)
            async with database.connection() as connection:

                async def written(mode: int, adding: bool, *lines: Line, way: Write = way, owner: int = owner) -> Any:
                    found = await way(connection, owner, [first, second], (mode, adding, list(lines)))
                    return [verdict for verdict, _ in found]

                await written(1, True, (0, "4", 0, 9), (1, "4", 20, 9))
                assert await written(2, True, (0, "4", 0, 9), (1, "4", 21, 8)) == [1, 1], way.__name__
                assert await written(2, True, (0, "4", 2, None), (1, "4", 22, 3)) == [6, 1], way.__name__
                assert await written(2, True, (0, "4", None, 3)) == [6]
                assert await written(2, False, (0, "4", 4, 5)) == [0]
                assert await written(2, True, (0, "4", 0, 9)) == [6]
                assert await written(2, True, (0, "4", 0, 3)) == [1]

    ask(question)


def test_rp_03_two_lines_of_one_key_have_no_short_way_for_files(ask: Ask) -> None:
    """Or both would be written, though they overlap."""

    async def question(database: Database) -> None:
        (ssin,) = fresh(1)
        await load_people(database, {"ssin": ssin})
        register = await new_register(database)
        twice: list[Line] = [(0, "902", 0, 5), (0, "902", 3, 9)]
        async with database.connection() as connection:
            with pytest.raises(PostgresError, match="two of the lines"):
                await columns(connection, cbe.to_int(register.owner), [to_int(ssin)], (2, True, twice))

    ask(question)


def test_no_way_reads_a_whole_table(ask: Ask, dsn: str) -> None:
    """Tables are small when a plan is made, and such a plan would stay while they grow."""
    read_whole = "SELECT relname FROM pg_stat_xact_user_tables WHERE seq_scan > 0"
    lines_told: list[Line] = [(place, "902", 0, 6) for place in range(5)]

    async def question(database: Database) -> None:
        people = [to_int(ssin) for ssin in await known(database, 5)]
        owners = [cbe.to_int((await new_register(database)).owner) for _ in WAYS]
        for table in ("person", "inscription", "inscription_history", "dossier_type"):
            await database.execute(f"ANALYZE {table}")  # the planner knows how few rows there are
        for way, owner in zip(WAYS, owners, strict=True):
            # Its plans are made for this way, and its counters begin here.
            connection = await asyncpg.connect(dsn, server_settings=SESSION)
            try:
                async with connection.transaction():
                    for adding, first in ((True, 0), (True, 5), (False, 3)):
                        later = [(place, kind, first, more) for place, kind, _, more in lines_told]
                        await way(connection, owner, people, (2, adding, later))
                    assert await connection.fetch(read_whole) == [], way.__name__
            finally:
                await connection.close()

    ask(question)


def test_rp_03_a_line_stands_in_one_index_and_so_does_one_of_the_past(ask: Ask) -> None:
    """By number first, with which every question begins, the owner told or not."""
    indexes = """
        SELECT indexdef FROM pg_indexes WHERE tablename IN ('inscription', 'inscription_history') ORDER BY tablename
    """
    asked = "EXPLAIN SELECT 1 FROM inscription WHERE ssin = 1"

    async def question(database: Database) -> None:
        found = [row[0].partition(" USING btree ")[2] for row in await database.fetch(indexes)]
        assert found == [
            "(ssin, owner, organisation, dossier_type, period)",
            "(ssin, owner, organisation, dossier_type, period, begun)",
        ]
        async with database.connection() as connection, connection.transaction():
            await connection.execute("SET LOCAL enable_seqscan = off")
            plan = " ".join(row[0] for row in await connection.fetch(asked))
        assert "inscription_pkey" in plan

    ask(question)


def test_rp_06_a_line_that_changes_nothing_leaves_no_trace(ask: Ask) -> None:
    async def question(database: Database) -> None:
        (ssin,) = fresh(1)
        await load_people(database, {"ssin": ssin})
        for way in WAYS:
            register = await new_register(database)
            owner, number = cbe.to_int(register.owner), [to_int(ssin)]
            async with database.connection() as connection:
                for line in ((0, "902", 0, 9), (0, "902", 2, 3)):
                    await way(connection, owner, number, (2, True, [line]))
                await way(connection, owner, number, (2, False, [(0, "902", 30, 2)]))
            changes = "SELECT count(*) FROM repertory_change WHERE owner = $1"
            assert await database.fetchval(changes, owner) == 1, way.__name__

    ask(question)
