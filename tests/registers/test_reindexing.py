"""Re-indexing while the registers are searched and changed (IP-09): another version of the code, in which names sound
as they are spelled backwards, so that nothing matches by accident.
"""

import asyncio
from collections.abc import Callable
from datetime import date
from typing import Any

import asyncpg
import pytest

from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.registers import changes, key_tables
from kruispunt.registers.legal_data import Birth, Dossier, LegalData, Name, Origin
from kruispunt.registers.people import Register
from kruispunt.registers.person_lines import PersonLine
from kruispunt.registers.phonetics import CODE, Code, fold
from kruispunt.registers.phonetics.reading import Reading
from kruispunt.registers.reindexing import Progress, reindex
from kruispunt.registers.search import Found, NameCriteria, by_name
from kruispunt.storage.database import Database

NEXT = Code(CODE.version + 1, ((Reading.of("backwards", ("x", "X")), lambda name: fold(name)[::-1]),))
BOTH = (NEXT, CODE)
BIRTH = date(1950, 1, 1)
PEOPLE = [ssins.compute(BIRTH, 900 + n, test_band=True) for n in range(25)]
ASKED = NameCriteria("Janssens", PartialDate.of(BIRTH), first_name="Jan")
STALE = "SELECT count(*) FROM name_key WHERE key < $1"


class Interrupted(Exception):
    """The run is broken off."""


def line(position: int, last: str = "Janssens") -> PersonLine:
    return PersonLine(
        PEOPLE[position], Register.NATIONAL, national=LegalData(Name(last, ("Jan",)), Birth(PartialDate.of(BIRTH)))
    )


async def tell(database: Database, *lines: PersonLine) -> None:
    async with changes.changing(database, "test") as changer:
        await changer.tell(map(changes.Told.of, lines))


def run(dsn: str, work: Callable[[Database], Any]) -> None:
    async def opened() -> None:
        database = await Database.open(dsn)
        try:
            await tell(database, *map(line, range(len(PEOPLE))))
            await work(database)
        finally:
            await database.close()

    asyncio.run(opened())


async def found(database: Database, *codes: Code) -> list[str]:
    answer = await by_name(database, ASKED, codes)
    assert isinstance(answer, Found)
    return list(answer.ssins)


def stop_after(batches: int) -> Callable[[Progress], None]:
    heard: list[Progress] = []

    def tell(progress: Progress) -> None:
        heard.append(progress)
        if len(heard) == batches:
            raise Interrupted

    return tell


def test_ip_09_a_run_that_is_interrupted_goes_on_and_everybody_is_found_meanwhile(fresh_dsn: str) -> None:
    async def work(database: Database) -> None:
        with pytest.raises(Interrupted):
            await reindex(database, stop_after(2), NEXT, batch=4)
        assert await found(database, NEXT) == PEOPLE[:8]
        assert await found(database, CODE) == PEOPLE[8:]
        assert await found(database, *BOTH) == PEOPLE
        heard: list[Progress] = []
        progress = await reindex(database, heard.append, NEXT, batch=4)
        assert heard[0] == Progress(NEXT.version, 12, finished=False), "it does not begin anew"
        assert progress == Progress(NEXT.version, len(PEOPLE), finished=True)
        assert (await found(database, NEXT), await found(database, CODE)) == (PEOPLE, [])
        assert await database.fetchval(STALE, NEXT.lowest) == 0
        assert await reindex(database, heard.append, NEXT, batch=4) == progress
        assert len(heard) == 6, "there was nothing left to do"

    run(fresh_dsn, work)


def test_ip_09_people_are_searched_and_changed_on_other_connections_meanwhile(fresh_dsn: str) -> None:
    async def work(database: Database) -> None:
        searches: list[list[str]] = []
        done = asyncio.Event()

        async def search() -> None:
            while not done.is_set():
                searches.append(await found(database, *BOTH))

        async def change() -> None:
            for position in (3, 20, 24):
                await tell(database, line(position, "Janzens"))
                await asyncio.sleep(0)

        searching, changing = asyncio.create_task(search()), asyncio.create_task(change())
        await reindex(database, lambda _: None, NEXT, batch=1)
        await changing
        # Whoever was changed by this process, which is of the version before, is swept up by the next run.
        await reindex(database, lambda _: None, NEXT, batch=1)
        done.set()
        await searching
        changed = {PEOPLE[3], PEOPLE[20], PEOPLE[24]}
        assert searches
        assert all(set(each) >= set(PEOPLE) - changed for each in searches), "nobody was missing at any moment"
        assert await database.fetchval(STALE, NEXT.lowest) == 0
        assert await found(database, NEXT) == [ssin for ssin in PEOPLE if ssin not in changed]

    run(fresh_dsn, work)


def test_ip_09_a_batch_waits_for_who_changes_people(fresh_dsn: str) -> None:
    async def work(database: Database) -> None:
        other = await asyncpg.connect(fresh_dsn)
        try:
            async with changes.changing(database, "test") as changer:
                await changer.tell([changes.Told.of(line(0, "Peeters"))])
                run = asyncio.create_task(reindex(database, lambda _: None, NEXT, batch=5))
                waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                async with asyncio.timeout(60):
                    while not await other.fetchval(waits):  # noqa: ASYNC110 - the event is in the server
                        await asyncio.sleep(0.01)
                assert await other.fetchval(STALE, NEXT.lowest) > 0
            await run
        finally:
            await other.close()
        assert await found(database, *BOTH) == PEOPLE[1:], "the change that was made first counts"

    run(fresh_dsn, work)


def test_from_the_beginning_when_asked(fresh_dsn: str) -> None:
    async def work(database: Database) -> None:
        await reindex(database, lambda _: None)
        async with database.connection() as connection, connection.transaction():
            await connection.execute("DELETE FROM name_key WHERE ssin = $1", ssins.to_int(PEOPLE[7]))
            stray = Dossier(PEOPLE[0], Origin.KSZ, LegalData(Name("Peeters"), Birth(PartialDate.of(BIRTH))))
            await key_tables.write(connection, [stray], 60)
        await reindex(database, lambda _: None)
        assert PEOPLE[7] not in await found(database, CODE)
        progress = await reindex(database, lambda _: None, again=True)
        assert progress == Progress(CODE.version, len(PEOPLE), finished=True)
        assert await found(database, CODE) == PEOPLE
        assert await database.fetchval("SELECT count(*) FROM name_key WHERE register = 2") == 0

    run(fresh_dsn, work)
