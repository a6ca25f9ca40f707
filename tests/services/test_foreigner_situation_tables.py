"""FS-03 on a real database: what is imported is what is delivered, and a file sent twice changes nothing."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any, TypeVar

import pytest

from kruispunt.identifiers.ssin import Kind, Ssin, compute
from kruispunt.registers.jsonlines import ImportReport
from kruispunt.services.foreigner_situation import importing
from kruispunt.services.foreigner_situation.importing import import_situations
from kruispunt.services.foreigner_situation.situation import (
    Employment,
    EmploymentCard,
    Expiration,
    FictionalNumber,
    Limosa,
    SpecialInfo,
    WorkPermit,
)
from kruispunt.services.foreigner_situation.supplier import OwnTables
from kruispunt.storage.database import Database

T = TypeVar("T")
TODAY = date(2026, 11, 22)
PERSON = compute(date(1985, 7, 30), 933, test_band=True)
OTHER = compute(date(1985, 7, 31), 934, test_band=True)
SPOUSE = compute(date(2001, 1, 1), 901)

CARDS = [
    {
        "inceptionDate": "2019-07-00",
        "expiryDate": "2020-01-01",
        "duplicate": "1",
        "cardNumber": "C-2",
        "expirationDetails": {"expiryDate": "9999-00-00", "comment": "<&>\r\n"},
    },
    {"inceptionDate": "0000-00-00", "cardNumber": "C-1", "expirationDetails": None},
]
PERMITS = [{"inceptionDate": "2019-07-01", "permitNumber": "P-1", "expirationDetails": {"comment": ""}}]
INFOS = [
    {"inceptionDate": "2020-01-15", "limosa": {"reason1": "01010301", "nrBase": {"ssin": SPOUSE}}},
    {
        "inceptionDate": "2020-01-16",
        "expiryDate": "2021-00-00",
        "comment1": "a",
        "comment2": "b",
        "limosa": {"reason1": "x", "reason2": "y", "nrBase": {"fictionalIdentificationNumber": "F-1"}},
    },
    {"inceptionDate": "2020-01-17"},
]
WHOLE = {"ssin": PERSON, "employmentCards": CARDS, "workPermits": PERMITS, "specialInfos": INFOS}

THE_CARDS = (
    EmploymentCard("2019-07-00", "2020-01-01", "1", "C-2", Expiration("9999-00-00", "<&>\r\n")),
    EmploymentCard("0000-00-00", None, None, "C-1", Expiration(None, None)),
)
THE_PERMITS = (WorkPermit("2019-07-01", None, "P-1", Expiration(None, "")),)
THE_INFOS = (
    SpecialInfo("2020-01-15", None, None, None, Limosa("01010301", None, SPOUSE)),
    SpecialInfo("2020-01-16", "2021-00-00", "a", "b", Limosa("x", "y", FictionalNumber("F-1"))),
    SpecialInfo("2020-01-17", None, None, None, None),
)


def with_database(dsn: str, work: Callable[[Database], Awaitable[T]]) -> T:
    async def run() -> T:
        database = await Database.open(dsn, size=2)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())


async def send(database: Database, *lines: Any) -> ImportReport:
    """Import lines: values as JSON, texts and bytes as they are."""
    raw = [
        line if isinstance(line, bytes) else (line if isinstance(line, str) else json.dumps(line)).encode()
        for line in lines
    ]
    return await import_situations(database, io.BytesIO(b"\n".join(raw)), today=TODAY, test_band=True)


async def everything(database: Database, ssin: Ssin = PERSON) -> tuple[Employment, tuple[SpecialInfo, ...]]:
    tables = OwnTables(database)
    return await tables.employment(ssin, cards=True, permits=True), await tables.special_infos(ssin)


async def rows(database: Database) -> list[Any]:
    return [
        tuple(row)
        for table in ("foreigner_employment", "foreigner_special_info")
        for row in await database.fetch(f"SELECT * FROM {table} ORDER BY ssin, position")
    ]


def test_fs03_what_is_imported_is_what_is_delivered(fresh_dsn: str) -> None:
    async def work(database: Database) -> None:
        report = await send(database, WHOLE)
        assert (report.accepted, report.refused) == (1, [])
        assert await everything(database) == (Employment(THE_CARDS, THE_PERMITS), THE_INFOS)
        assert await everything(database, OTHER) == (Employment(), ())

    with_database(fresh_dsn, work)


def test_fs02_only_the_groups_asked_are_fetched(fresh_dsn: str) -> None:
    async def work(database: Database) -> None:
        await send(database, WHOLE)
        tables = OwnTables(database)
        assert await tables.employment(PERSON, cards=True, permits=False) == Employment(THE_CARDS, ())
        assert await tables.employment(PERSON, cards=False, permits=True) == Employment((), THE_PERMITS)
        assert await tables.employment(PERSON, cards=False, permits=False) == Employment()

    with_database(fresh_dsn, work)


def test_the_same_file_twice_changes_nothing(fresh_dsn: str) -> None:
    async def work(database: Database) -> None:
        await send(database, WHOLE, {"ssin": OTHER, "workPermits": PERMITS})
        before = await rows(database)
        assert len(before) == 7
        report = await send(database, WHOLE, {"ssin": OTHER, "workPermits": PERMITS})
        assert report.accepted == 2
        assert await rows(database) == before

    with_database(fresh_dsn, work)


def test_a_line_replaces_the_groups_that_it_names_and_no_others(fresh_dsn: str) -> None:
    async def work(database: Database) -> None:
        await send(database, WHOLE, {**WHOLE, "ssin": OTHER})
        await send(database, {"ssin": PERSON, "employmentCards": CARDS[1:], "specialInfos": []})
        assert await everything(database) == (Employment(THE_CARDS[1:], THE_PERMITS), ())
        assert await everything(database, OTHER) == (Employment(THE_CARDS, THE_PERMITS), THE_INFOS)

    with_database(fresh_dsn, work)


def test_the_later_of_two_lines_counts(fresh_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(database: Database) -> None:
        lines = (
            {"ssin": PERSON, "employmentCards": []},
            WHOLE,
            {"ssin": PERSON, "employmentCards": CARDS[:1]},
        )
        for batch in (1, 2, 1_000):
            monkeypatch.setattr(importing, "BATCH", batch)
            assert (await send(database, *lines)).accepted == 3
            assert (await everything(database))[0] == Employment(THE_CARDS[:1], THE_PERMITS)

    with_database(fresh_dsn, work)


def test_two_imports_at_once_do_not_get_in_each_others_way(fresh_dsn: str) -> None:
    async def work(database: Database) -> None:
        reports = await asyncio.gather(*(send(database, WHOLE) for _ in range(6)))
        assert [report.accepted for report in reports] == [1] * 6
        assert await everything(database) == (Employment(THE_CARDS, THE_PERMITS), THE_INFOS)

    with_database(fresh_dsn, work)


def test_employment_is_one_query_on_the_primary_key(fresh_dsn: str) -> None:
    async def work(database: Database) -> None:
        people = [compute(date(1980, 1, 1 + n % 28), 900 + n // 28, test_band=True) for n in range(2_000)]
        await send(database, *({"ssin": p, "employmentCards": CARDS, "workPermits": PERMITS} for p in people))
        await database.execute("ANALYZE foreigner_employment")
        counted: list[str] = []
        fetch = database.fetch

        async def counting(sql: str, *arguments: Any) -> Any:
            counted.append(sql)
            return await fetch(sql, *arguments)

        database.fetch = counting  # type: ignore[method-assign]
        await OwnTables(database).employment(people[77], cards=True, permits=True)
        (sql,) = counted
        plan = [row[0] for row in await fetch(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", [int(people[77])], [1], [2])]
        assert any("foreigner_employment_pkey" in line for line in plan), plan
        assert not any("Seq Scan" in line for line in plan)

    with_database(fresh_dsn, work)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "the line is not well-formed JSON"),
        (b'{"ssin": "\xff"}', "the line is not in UTF-8"),
        ([], "the line is not a JSON object"),
        ({}, "ssin: missing"),
        ({"ssin": 85673003360}, "ssin: must be a text"),
        ({"ssin": "85673003361", "workPermits": []}, "ssin: the check number is wrong"),
        ({"ssin": PERSON}, "nothing to take"),
        ({"ssin": PERSON, "workPermits": None}, "nothing to take"),
        ({"ssin": PERSON, "cards": []}, "unknown field 'cards'"),
        ({"ssin": PERSON, "workPermits": {}}, "workPermits: must be a list"),
        ({"ssin": PERSON, "workPermits": [1]}, "workPermits 1: must be an object"),
        ({"ssin": PERSON, "workPermits": [{}]}, "workPermits 1: inceptionDate: missing"),
        ({"ssin": PERSON, "workPermits": PERMITS * 501}, "workPermits: holds more than 500 entries"),
        (f'{{"ssin": "{PERSON}", "ssin": "{PERSON}"}}', "a field stands in the line twice"),
    ],
)
def test_a_line_that_breaks_the_format_is_refused(fresh_dsn: str, line: Any, why: str) -> None:
    _refused(fresh_dsn, line, why)


@pytest.mark.parametrize(
    ("group", "change", "why"),
    [
        (
            "workPermits",
            {"inceptionDate": "9999-00-00"},
            "workPermits 1: inceptionDate: must be written YYYY-MM-DD",
        ),
        ("workPermits", {"inceptionDate": "2019-07-01\n"}, "workPermits 1: inceptionDate: must be written"),
        ("workPermits", {"expiryDate": "01/07/2019"}, "workPermits 1: expiryDate: must be written"),
        ("workPermits", {"permitNumber": ""}, "workPermits 1: permitNumber: missing or empty"),
        ("workPermits", {"permitNumber": "9" * 65}, "workPermits 1: permitNumber: longer than 64"),
        ("workPermits", {"cardNumber": "C"}, "workPermits 1: unknown field 'cardNumber'"),
        ("workPermits", {"expirationDetails": []}, "workPermits 1: expirationDetails: must be an object"),
        (
            "workPermits",
            {"expirationDetails": {"expiryDate": "9999"}},
            "expirationDetails: expiryDate: must be written",
        ),
        (
            "workPermits",
            {"expirationDetails": {"comment": "a\x00"}},
            "comment: holds a character that XML cannot carry",
        ),
        ("employmentCards", {"duplicate": "\ud800"}, "duplicate: holds a character that XML cannot carry"),
        ("employmentCards", {"duplicate": 1}, "duplicate: must be a text"),
        ("specialInfos", {"comment1": "\uffff"}, "comment1: holds a character that XML cannot carry"),
        ("specialInfos", {"comment2": "x" * 1001}, "comment2: longer than 1000"),
        ("specialInfos", {"limosa": {}}, "limosa: reason1: missing"),
        ("specialInfos", {"limosa": {"reason1": "1", "nrBase": {}}}, "nrBase: holds either ssin or"),
        (
            "specialInfos",
            {"limosa": {"reason1": "1", "nrBase": {"ssin": "123"}}},
            "nrBase: ssin: does not have the form",
        ),
    ],
)
def test_an_entry_that_breaks_the_format_is_refused(
    fresh_dsn: str, group: str, change: dict[str, Any], why: str
) -> None:
    entry = {"employmentCards": CARDS, "workPermits": PERMITS, "specialInfos": INFOS}[group][0]
    _refused(fresh_dsn, {"ssin": PERSON, group: [{**entry, **change}]}, why)


def test_fs06_a_bis_number_has_no_data(fresh_dsn: str) -> None:
    bis = compute(date(1985, 7, 30), 901, kind=Kind.BIS)
    _refused(fresh_dsn, {"ssin": bis, "workPermits": []}, "ssin: a BIS number")


def test_a_number_of_the_band_is_refused_unless_it_is_admitted(fresh_dsn: str) -> None:
    async def work(database: Database) -> None:
        source = io.BytesIO(json.dumps(WHOLE).encode())
        report = await import_situations(database, source, today=TODAY)
        assert (report.accepted, report.refused_count) == (0, 1)
        assert await rows(database) == []

    with_database(fresh_dsn, work)


def _refused(dsn: str, line: Any, why: str) -> None:
    """The line is refused with that reason, which tells no value; the lines around it are taken."""

    async def work(database: Database) -> None:
        good = {"ssin": OTHER, "workPermits": PERMITS}
        report = await send(database, good, line, good)
        assert report.accepted == 2
        ((number, told),) = report.refused
        assert number == 2
        assert why in told
        assert PERSON not in told
        assert await everything(database) == (Employment(), ())

    with_database(dsn, work)
