"""Rounds of what is pushed: when one is fixed, what its files hold, and what becomes of one that broke off (RP-18)."""

from __future__ import annotations

import asyncio
import io
import itertools
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from distribution_ground import DAY, begin, distribute_day, subscribe, subscription
from mutation_ground import OWNERS, at, fresh, inscribe, legal, on, registers, set_clock, table, tell
from structlog.testing import capture_logs

from kruispunt.access.model import AccessTable
from kruispunt.errors import ConfigurationError, DataError
from kruispunt.files.voucher import read_voucher
from kruispunt.identifiers.ssin import Ssin
from kruispunt.mutations import defining
from kruispunt.mutations.kinds import Kind
from kruispunt.mutations.outbox import Outbox
from kruispunt.mutations.rounds import Rounds
from kruispunt.receive.told import Item, Mutation, TellingFile
from kruispunt.registers import changes
from kruispunt.settings import Environment
from kruispunt.storage.database import Database
from kruispunt.wss.policy import STRICT
from signed_messages import rsa_signer, trust

NOON = at(DAY)
BODIES = """
    SELECT f.code, f.sequence, string_agg(o.body, ''::bytea ORDER BY o.number) FILTER (WHERE o.part <> 'voucher'),
        string_agg(o.body, ''::bytea) FILTER (WHERE o.part = 'voucher'), min(o.number), max(o.number)
    FROM outgoing o JOIN mutation_file f ON f.id = o.file GROUP BY f.code, f.sequence ORDER BY f.code, f.sequence
"""


class Signing:
    """Signs, unless it is told to fail."""

    fails = False

    def envelope(self, body_inner: str, now: datetime) -> bytes:
        if self.fails:
            raise DataError("no signature")
        return rsa_signer().envelope(body_inner, now)


def rounds(database: Database, rights: AccessTable, now: datetime = NOON, signing: Signing | None = None) -> Rounds:
    async def in_force() -> AccessTable:
        return rights

    return Rounds(
        database=database,
        rights=in_force,
        environment=Environment.ACCEPTANCE,
        signer=signing or Signing(),
        now=lambda: now,
        notice=timedelta(days=5),
        retention=timedelta(days=400),
    )


async def files(database: Database) -> list[tuple[str, int, list[Mutation | Item]]]:
    """Each file that was pushed, as its subscriber reads it: code, sequence, records; vouchers hold."""
    found, numbers = [], dict[str, int]()
    for code, sequence, body, voucher, first, last in await database.fetch(BODIES):
        file = TellingFile(io.BytesIO(body))
        records = list(file)
        signed = read_voucher(voucher, trust(), NOON, lambda _: STRICT).voucher
        assert (signed.records, signed.content.size) == (len(records), len(body))
        assert signed.header == file.header
        assert (file.subscription, file.header.sequence, file.day) == (code, sequence, DAY)
        assert first == numbers.get(code, 0) + 1, "numbers go on without gaps"
        assert last - first + 1 == len(records) + 3
        numbers[code] = last
        found.append((code, sequence, records))
    return found


async def known(database: Database, *people: Ssin) -> None:
    for person in people:
        await tell(database, {"ssin": person, "nationalRegister": legal()}, written=False)
        await inscribe(database, OWNERS["alpha"], person)


async def item(database: Database, reference: str, person: Ssin) -> None:
    await database.execute(
        "INSERT INTO stream_item (stream, reference, ssin, told_at, document, author)"
        " VALUES ('dimona', $1, $2, $3, '<work></work>', 'tests')",
        *(reference, int(person), at(DAY, 8)),
    )


RIGHTS = table(["identification", "address", "dimona"])


def wanted(*codes: str, pushed: bool = True) -> list[Any]:
    """Subscriptions to two kinds, or to a stream where the code says so."""
    return [
        subscription(code, stream="dimona", pushed=pushed)
        if code.startswith("dimona")
        else subscription(code, kinds=(Kind.IDENTIFICATION, Kind.ADDRESS), pushed=pushed)
        for code in codes
    ]


def test_rp_16_a_round_tells_people_and_items_to_those_who_have_something_to_hear(fresh_dsn: str) -> None:
    people = fresh(3)

    async def question(database: Database) -> None:
        await begin(database)
        await subscribe(database, *wanted("one", "two", "dimona-one"), rights=RIGHTS)
        await known(database, *people)
        work = rounds(database, RIGHTS)
        await work.write()
        assert await files(database) == []
        await tell(database, {"ssin": people[0], "nationalRegister": legal("Maes")})
        await item(database, "r1", people[1])
        assert await work.write() == 3 * 4
        await tell(database, {"ssin": people[2], "nationalRegister": legal("Claes")})
        assert await work.write() == 2 * 4
        told = await files(database)
        assert [(code, sequence) for code, sequence, _ in told] == [
            *(("dimona-one", 1), ("one", 1), ("one", 2), ("two", 1), ("two", 2)),
        ]
        assert [[record.ssin for record in records] for _, _, records in told] == [
            *([people[1]], [people[0]], [people[2]], [people[0]], [people[2]]),
        ]

    on(fresh_dsn, question)


def test_rp_16_a_round_is_fixed_only_when_something_changed_and_somebody_hears(fresh_dsn: str) -> None:
    (person,) = fresh(1)
    count = "SELECT count(*) FROM distribution"

    async def question(database: Database) -> None:
        await begin(database)
        await subscribe(database, *wanted("file", pushed=False), rights=RIGHTS)
        await known(database, person)
        work = rounds(database, RIGHTS)
        await work.write()
        assert await database.fetchval(count) == 0, "nobody is pushed to"
        await subscribe(database, *wanted("one"), rights=RIGHTS)
        for _ in range(3):
            await work.write()
            before = await database.fetchval(count)
        await tell(database, {"ssin": person, "nationalRegister": legal("Maes")})
        for _ in range(3):
            await work.write()
        assert await database.fetchval(count) == before + 1
        assert [code for code, _, _ in await files(database)] == ["one"]

    on(fresh_dsn, question)


def test_rp_16_a_subscription_is_told_nothing_from_before_it_was_begun(fresh_dsn: str) -> None:
    """Neither what was never told, nor what waited for the next round; the others are told all of it, once."""
    people = fresh(4)
    references = itertools.count()

    async def change(database: Database, n: int) -> None:
        reference = next(references)
        await tell(database, {"ssin": people[n], "nationalRegister": legal(f"N{reference}")})
        await item(database, f"r{reference}", people[n])

    async def question(database: Database) -> None:
        await begin(database)
        await subscribe(database, rights=RIGHTS)
        await known(database, *people)
        await change(database, 0)
        await subscribe(database, *wanted("first", "dimona-first"), rights=RIGHTS)
        work = rounds(database, RIGHTS)
        await work.write()
        assert await files(database) == [], "not what happened on the same day before anybody was subscribed"
        await change(database, 1)
        await subscribe(database, *wanted("second", "dimona-second"), rights=RIGHTS)
        await change(database, 2)
        await work.write()
        for code in ("first", "dimona-first", "second", "dimona-second"):
            await defining.end(database, code)
        await change(database, 3)
        await work.write()
        await subscribe(database, *wanted("first", "third"), rights=RIGHTS)
        await work.write()
        await change(database, 0)
        await work.write()
        told = [(code, [record.ssin for record in records]) for code, _, records in await files(database)]
        assert told == [
            ("dimona-first", [people[1]]),
            ("dimona-first", [people[2]]),
            ("dimona-second", [people[2]]),
            ("first", [people[1]]),
            ("first", [people[2]]),
            ("first", [people[0]]),
            ("second", [people[2]]),
            ("third", [people[0]]),
        ]

    on(fresh_dsn, question)


def test_rp_16_what_waits_when_a_definition_changes_is_told_as_it_was_before(fresh_dsn: str) -> None:
    people = fresh(2)
    narrow, wide = (subscription("one", kinds=kinds, pushed=True) for kinds in ((Kind.ADDRESS,), tuple(Kind)))

    async def question(database: Database) -> None:
        await begin(database)
        await subscribe(database, narrow, rights=table())
        await known(database, *people)
        await tell(database, {"ssin": people[0], "nationalRegister": legal("Maes")})
        await tell(database, {"ssin": people[1], "nationalRegister": legal("Maes", street="9")})
        count = "SELECT count(*) FROM distribution"
        fixed = await database.fetchval(count)
        await subscribe(database, *wanted("daily", pushed=False), narrow, rights=RIGHTS)
        assert await database.fetchval(count) == fixed, "nothing changed for anybody who is pushed"
        await subscribe(database, wide, rights=table())
        await tell(database, {"ssin": people[0], "nationalRegister": legal("Claes")})
        await rounds(database, table()).write()
        told = {}
        for _, sequence, records in await files(database):
            (record,) = records
            assert isinstance(record, Mutation)
            assert record.data is not None
            told[sequence] = (record.ssin, set(record.data.groups))
        assert told == {1: (people[1], {"address"}), 2: (people[0], {"name"})}

    on(fresh_dsn, question)


def test_rp_16_a_change_under_way_while_a_subscription_is_begun_is_told_to_it(fresh_dsn: str) -> None:
    """Whoever fetched everybody's data after it was begun, before the change was there, would miss it else."""
    before, under_way = fresh(2)

    async def question(database: Database) -> None:
        await begin(database)
        await registers(database)
        await known(database, before, under_way)
        async with changes.changing(database, "tests") as changer:
            people = await changer.known([int(under_way)])
            await changer.tell([changes.Told(people[int(under_way)]._replace(cancelled=True))])
            await subscribe(database, subscription("one", pushed=True), rights=table())
        await rounds(database, table()).write()
        ((_, _, records),) = await files(database)
        assert [record.ssin for record in records] == [under_way]

    on(fresh_dsn, question)


def test_rp_16_whenever_a_subscription_is_begun_it_is_told_all_changes_from_then_on(fresh_dsn: str) -> None:
    """While people change and rounds are written; who was subscribed before is told each of them once."""
    people = fresh(24)

    async def question(database: Database) -> None:
        await begin(database)
        await subscribe(database, *wanted("first"), rights=RIGHTS)
        await known(database, *people)
        work = rounds(database, RIGHTS)

        async def change() -> None:
            for person in people:
                await tell(database, {"ssin": person, "nationalRegister": legal("Maes")})

        async def subscribing() -> None:
            for n in range(5):
                await subscribe(database, *wanted(f"new-{n}"), rights=RIGHTS)

        async def writing() -> None:
            for _ in range(8):
                await work.write()

        await asyncio.gather(change(), subscribing(), writing())
        await work.write()
        told: dict[str, list[Ssin]] = {"first": []}
        for code, _, records in await files(database):
            told.setdefault(code, []).extend(record.ssin for record in records)
        assert sorted(told.pop("first")) == sorted(people)
        for code, numbers in told.items():
            assert sorted(numbers) == sorted(people[len(people) - len(numbers) :]), code

    on(fresh_dsn, question)


def test_a_subscription_that_is_refused_fixes_no_round(fresh_dsn: str) -> None:
    (person,) = fresh(1)

    async def question(database: Database) -> None:
        await begin(database)
        await subscribe(database, *wanted("one"), rights=RIGHTS)
        await known(database, person)
        await tell(database, {"ssin": person, "nationalRegister": legal("Maes")})
        fixed = await database.fetchval("SELECT count(*) FROM distribution")
        with pytest.raises(ConfigurationError):
            await subscribe(database, *wanted("two"), replace(*wanted("one"), organisation="beta"), rights=RIGHTS)
        assert await database.fetchval("SELECT count(*) FROM distribution") == fixed

    on(fresh_dsn, question)


def test_rp_18_a_round_that_broke_off_is_written_by_the_next_turn_and_the_same(fresh_dsn: str) -> None:
    people = fresh(2)
    signing = Signing()

    async def question(database: Database) -> None:
        await begin(database)
        await subscribe(database, *wanted("one"), rights=RIGHTS)
        await known(database, *people)
        await rounds(database, RIGHTS, signing=signing).write()
        await tell(database, {"ssin": people[0], "nationalRegister": legal("Maes")})
        signing.fails = True
        with pytest.raises(DataError):
            await rounds(database, RIGHTS, signing=signing).write()
        assert await database.fetchval("SELECT count(*) FROM outgoing") == 0
        fixed = await database.fetchval("SELECT at FROM distribution WHERE finished IS NULL")
        signing.fails = False
        # Meanwhile the person changed once more, and another did, and the right was taken away.
        await tell(database, *({"ssin": person, "nationalRegister": legal("Later")} for person in people))
        assert await rounds(database, table([]), NOON + timedelta(hours=1), signing).write() == 4
        ((code, sequence, records),) = await files(database)
        assert (code, sequence) == ("one", 1)
        (record,) = records
        assert isinstance(record, Mutation)
        assert record.data is not None
        assert "Maes" in record.data.groups["name"], "as of the moment when it was fixed"
        assert await database.fetchval("SELECT min(at) FROM distribution WHERE finished IS NOT NULL") <= fixed

    on(fresh_dsn, question)


def test_rp_16_what_is_pushed_is_what_the_file_of_the_day_tells(fresh_dsn: str, tmp_path: Path) -> None:
    people = fresh(12)

    async def question(database: Database) -> None:
        await set_clock(database, at(DAY - timedelta(days=1)))
        await subscribe(database, *wanted("one"), *wanted("daily", pushed=False), rights=RIGHTS)
        await known(database, *people)
        await begin(database)
        await rounds(database, RIGHTS).write()
        for number, person in enumerate(people):
            await tell(database, {"ssin": person, "nationalRegister": legal(f"N{number}", street=str(number % 2))})
        await rounds(database, RIGHTS).write()
        await distribute_day(database, tmp_path, rights=RIGHTS)
        with (tmp_path / "daily" / "daily-0000000001.xml").open("rb") as source:
            daily = list(TellingFile(source))
        ((_, _, pushed),) = await files(database)
        assert pushed == daily
        assert len(daily) == len(people)

    on(fresh_dsn, question)


def test_rp_18_what_nobody_collects_is_told_once_and_never_removed(fresh_dsn: str) -> None:
    people = fresh(2)
    held = "SELECT count(*) FROM outgoing"

    async def question(database: Database) -> None:
        await begin(database)
        await subscribe(database, *wanted("one"), rights=RIGHTS)
        await known(database, *people)
        await rounds(database, RIGHTS).write()
        for person in people:
            await tell(database, {"ssin": person, "nationalRegister": legal("Maes")})
            await rounds(database, RIGHTS).write()
        now = await database.fetchval("SELECT now()")
        outbox = Outbox(database)
        await outbox.mark("one", range(1, 9), range(1, 9))
        assert await outbox.collected("one", 4) == 1
        with capture_logs() as logs:
            await rounds(database, RIGHTS, now + timedelta(days=4)).write()
            assert logs == []
            for _ in range(2):
                await rounds(database, RIGHTS, now + timedelta(days=6)).write()
        assert [(log["code"], log["sequence"]) for log in logs] == [("push.uncollected", 2)]
        await rounds(database, RIGHTS, now + timedelta(days=399)).write()
        assert await database.fetchval(held) == 8
        await rounds(database, RIGHTS, now + timedelta(days=4000)).write()
        assert await database.fetchval(held) == 4, "what was collected is old, the other is not collected"
        with pytest.raises(DataError, match="from 5 to 8 are held"):
            await outbox.again("one", 1)

    on(fresh_dsn, question)
