"""People of one register, and what is fixed of a day about them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any

from mutation_ground import (
    CONTEXT,
    OWNERS,
    at,
    define,
    fresh,
    inscribe,
    legal,
    people_told,
    registers,
    set_clock,
    table,
    tell,
)

from kruispunt.identifiers.ssin import Ssin
from kruispunt.mutations import choosing
from kruispunt.mutations.kinds import Kind
from kruispunt.mutations.subscriptions import Definition
from kruispunt.storage.database import Database

DAY = date(2025, 6, 15)
NEXT = DAY + timedelta(days=1)
ALL = tuple(Kind)


async def stage(database: Database, *definitions: Definition, people: int = 0) -> list[Ssin]:
    """So many people in alpha's register, and who is subscribed; what happened before counts for nothing."""
    await set_clock(database, at(DAY - timedelta(days=30)))
    await registers(database)
    numbers = fresh(people)
    if numbers:
        await tell(database, *({"ssin": each, "nationalRegister": legal()} for each in numbers), written=False)
    for number in numbers:
        await inscribe(database, OWNERS["alpha"], number)
    await define(database, *(definitions or [alpha()]))
    await set_clock(database, at(DAY))
    return numbers


def alpha(code: str = "alpha-people", kinds: Sequence[Kind] = ALL, **fields: Any) -> Definition:
    return Definition(code, "alpha", CONTEXT, kinds=tuple(kinds), **fields)


async def rename(database: Database, ssin: Ssin, last: str, **fields: Any) -> None:
    await tell(database, {"ssin": ssin, "nationalRegister": legal(last, **fields)})


async def fix(database: Database, day: date, **rights: Any) -> dict[Ssin, tuple[int, list[Ssin], set[str]]]:
    fixed = await choosing.fix(database, table(**rights), day, now=at(day + timedelta(days=1)))
    return await people_told(database, fixed.id)


@asynccontextmanager
async def no_room(database: Database) -> AsyncIterator[None]:
    """No distribution can be written to its end: its files, the last of it, are refused."""
    await database.execute(
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room'; END $$"
    )
    await database.execute(
        "CREATE TRIGGER no_room AFTER INSERT ON mutation_file FOR EACH ROW EXECUTE FUNCTION no_room()"
    )
    yield
    await database.execute("DROP FUNCTION no_room CASCADE")
