"""What the tests of mutations stand on: people, lines, subscriptions, access, and a clock that tests set."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from kruispunt.access.model import AccessTable, Grant, IntegrationControl, Organisation
from kruispunt.identifiers import cbe
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.cbe import CbeNumber
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.identifiers.ssin import Ssin
from kruispunt.mutations import defining
from kruispunt.mutations.defining import Outcome
from kruispunt.mutations.entitlement import SERVICE
from kruispunt.mutations.kinds import Kind
from kruispunt.mutations.subscriptions import Definition
from kruispunt.periods import ALWAYS, Period
from kruispunt.registers.importing import import_people
from kruispunt.registers.parts import GROUPS
from kruispunt.repertory import tenants, writing
from kruispunt.repertory.lines import Key, Line
from kruispunt.repertory.tenants import Definition as Tenant
from kruispunt.repertory.writing import Author, Operation, Strictness
from kruispunt.storage.database import Database

TODAY = date(2025, 6, 15)
CONTEXT = "TEST:MUTATIONS"
_DAYS = itertools.count()

OWNERS: dict[str, CbeNumber] = {name: cbe.compute(9_998_000 + n) for n, name in enumerate(("alpha", "beta", "gamma"))}
"""Organisations of the tests, by their codes, each with a register of its own."""

CLOCK = (
    "CREATE TABLE clock_of_tests (at timestamptz NOT NULL)",
    "INSERT INTO clock_of_tests VALUES ('2025-06-15T12:00:00Z')",
    """
    CREATE FUNCTION tell_time_of_tests() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.at := (SELECT at FROM clock_of_tests); RETURN NEW; END $$
    """,
    """
    CREATE FUNCTION receive_at_time_of_tests() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.received := (SELECT at FROM clock_of_tests); RETURN NEW; END $$
    """,
    "CREATE TRIGGER clock_of_tests BEFORE INSERT ON person_change FOR EACH ROW EXECUTE FUNCTION tell_time_of_tests()",
    """
    CREATE TRIGGER clock_of_tests BEFORE INSERT ON stream_item
    FOR EACH ROW EXECUTE FUNCTION receive_at_time_of_tests()
    """,
)


def on(dsn: str, question: Callable[[Database], Awaitable[Any]]) -> Any:
    """Puts a question to a database and gives the answer."""

    async def open_and_ask() -> Any:
        database = await Database.open(dsn, size=8)
        try:
            return await question(database)
        finally:
            await database.close()

    return asyncio.run(open_and_ask())


def at(day: date, hour: int = 12, minute: int = 0) -> datetime:
    """A moment in UTC; in summer Belgium is two hours ahead."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def fresh(count: int) -> list[Ssin]:
    """Numbers that no other test has."""
    return [ssins.compute(date(1962, 1, 1) + timedelta(days=next(_DAYS)), 930, test_band=True) for _ in range(count)]


async def set_clock(database: Database, moment: datetime) -> None:
    """From now on changes and items are written down as of `moment`."""
    if await database.fetchval("SELECT to_regclass('clock_of_tests') IS NULL"):
        for statement in CLOCK:
            await database.execute(statement)
    await database.execute("UPDATE clock_of_tests SET at = $1", moment)


def legal(last: str = "Peeters", street: str | None = None, **fields: Any) -> dict[str, Any]:
    """What the National Register tells of somebody."""
    standard = {"country": {"code": "150"}, "postalCode": "3000", "street": {"code": "1234"}, "houseNumber": street}
    address = {} if street is None else {"address": {"legal": {"standard": standard}}}
    return {"name": {"lastName": last}, "birth": {"date": "1980-02-00"}, **address, **fields}


async def tell(database: Database, *lines: Mapping[str, Any], written: bool = True) -> None:
    """Lines about people, by one import; new people are written down, unless they are only counted."""
    text = "".join(json.dumps({"register": "national", **line}) + "\n" for line in lines)
    report = await import_people(
        database, io.BytesIO(text.encode()), today=TODAY, test_band=True, author="tests", changes=written
    )
    assert report.refused == []


async def registers(database: Database) -> None:
    """A register for each organisation of the tests."""
    await tenants.define(database, [Tenant(owner, name, True) for name, owner in OWNERS.items()], "tests")


async def inscribe(
    database: Database, owner: CbeNumber, ssin: Ssin, kind: str = "902", known_to: str = "", period: Period = ALWAYS
) -> None:
    """A line, as an import of the operator loads it."""
    await tenants.meet(database, owner, [(OrganisationKey(known_to), kind)], "tests")
    line = Line(Key(ssin, OrganisationKey(known_to), kind), period)
    await writing.write(database, owner, Operation.LOADED, [line], Author("tests"), Strictness.LOADING)


def table(
    names: Iterable[str] = tuple(kind.value for kind in Kind),
    groups: Iterable[str] = tuple(GROUPS),
    organisations: Sequence[str] = tuple(OWNERS),
    integration: IntegrationControl | None = None,
) -> AccessTable:
    """An access table in which the organisations may be told of these kinds and streams."""
    grant = Grant(CONTEXT, frozenset(groups), integration, "tests")
    return AccessTable(
        {name: Organisation(name, name, owner, None, None, owner, "tests") for name, owner in OWNERS.items()},
        {},
        {(SERVICE, name, each, CONTEXT): grant for name in names for each in organisations},
    )


async def define(
    database: Database, *definitions: Definition, rights: AccessTable | None = None, now: datetime | None = None
) -> tuple[Outcome, ...]:
    """Put subscriptions in force, by all rights if by no others."""
    return await defining.define(database, rights or table(), definitions, "tests", now=now or at(TODAY))


async def people_told(database: Database, distribution: int) -> dict[Ssin, tuple[int, list[Ssin], set[str]]]:
    """Of each person: the parts, the numbers replaced, and the codes of the subscriptions that are told."""
    rows = await database.fetch(
        """
        SELECT p.ssin, p.parts, p.replaced, array(SELECT code FROM mutation_file f WHERE f.id = ANY (p.files))
        FROM distributed_person p WHERE p.distribution = $1
        """,
        distribution,
    )
    return {
        ssins.from_int(ssin): (parts, [ssins.from_int(each) for each in replaced], set(codes))
        for ssin, parts, replaced, codes in rows
    }
