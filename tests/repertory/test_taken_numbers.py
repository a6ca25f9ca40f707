"""A number that only the repertory knows is nobody's to be given (RP-11, SS-02)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

from told import ME, load_lines, new_register, register_of, span

from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Kind, Sex, Ssin, to_int
from kruispunt.registers.numbering import new_number
from kruispunt.repertory.lines import NO_ORGANISATION, Key
from kruispunt.repertory.register import Told
from kruispunt.repertory.writing import Operation, Strictness
from kruispunt.storage.database import Database

Ask = Callable[[Callable[[Database], Awaitable[Any]]], Any]
WAITS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND pid = $1"
WRITE = f"""
    SELECT verdict FROM repertory_write_plain({Strictness.LOADING.value}::smallint, {Operation.LOADED.value}::smallint,
        true, true, ARRAY[$1::bigint], ARRAY[$2::bigint], ARRAY[''], ARRAY['902'], ARRAY['[2020-01-01,)'::daterange],
        ARRAY['tests'], ARRAY[NULL::text])
"""


def bis(day: date, counter: int) -> Ssin:
    return ssins.compute(day, counter, kind=Kind.BIS)


async def given(database: Database, day: date) -> Ssin | None:
    async with database.connection() as connection, connection.transaction():
        return await new_number(connection, PartialDate.of(day), Sex.MALE)


def test_rp_11_a_number_that_lines_name_or_named_is_not_given(ask: Ask) -> None:
    async def question(database: Database) -> None:
        day = date(1933, 4, 1)
        register = await new_register(database)
        keys = [Key(bis(day, counter), NO_ORGANISATION, "902") for counter in (1, 3)]
        await load_lines(database, register.owner, [(key, span(0, 9)) for key in keys])
        (outcome,) = await register_of(database, register.owner).delete([Told(keys[1].ssin, "902")], ME)
        assert outcome.verdict.accepted
        assert await given(database, day) == bis(day, 5)

    ask(question)


def test_rp_11_a_number_that_is_being_inscribed_is_waited_for(ask: Ask) -> None:
    """An import in another transaction, which has not ended."""

    async def question(database: Database) -> None:
        day = date(1933, 5, 1)
        register = await new_register(database)
        async with database.connection() as writer, database.connection() as giver:
            writing, giving = writer.transaction(), giver.transaction()
            await writing.start()
            await giving.start()
            assert await writer.fetchval(WRITE, int(register.owner), to_int(bis(day, 1))) == 0
            task = asyncio.create_task(new_number(giver, PartialDate.of(day), Sex.MALE))
            while not await database.fetchval(WAITS, giver.get_server_pid()):
                assert not task.done(), task.result()
                await asyncio.sleep(0.01)
            await writing.commit()
            assert await task == bis(day, 3)
            await giving.rollback()

    ask(question)
