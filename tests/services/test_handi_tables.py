"""HA-11 on a real database: what is imported is what is delivered, and a file sent twice changes nothing."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import fields, replace
from datetime import date
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handicap_files import PEOPLE, files, whole_file
from kruispunt.identifiers.ssin import Ssin, compute
from kruispunt.registers.jsonlines import ImportReport, read_lines
from kruispunt.services.handi import importing
from kruispunt.services.handi.file import ALL_GROUPS, DataGroup, HandicapFile
from kruispunt.services.handi.importing import import_files
from kruispunt.services.handi.lines import read
from kruispunt.services.handi.tables import OwnTables
from kruispunt.services.handi.written import line_of
from kruispunt.storage.database import Database

T = TypeVar("T")
TODAY = date(2026, 11, 22)
PERSON, OTHER, BIS = PEOPLE
WHOLE = line_of(whole_file())
TABLES = tuple(
    f"handi_{name}" for name in ("file", "address_name", "request", "recognition", "right", "social_card", "payment")
)
FIELD = {
    DataGroup.EVOLUTION_OF_REQUEST: "requests",
    DataGroup.HANDICAP_RECOGNITION: "recognitions",
    DataGroup.RIGHTS: "rights",
    DataGroup.SOCIAL_CARDS: "cards",
    DataGroup.PAYMENTS: "payments",
}


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
    return await import_files(database, io.BytesIO(b"\n".join(raw)), today=TODAY, test_band=True)


async def everything(database: Database, ssin: Ssin = PERSON) -> HandicapFile | None:
    return (await OwnTables(database).consult([ssin])).get(ssin)


async def rows(database: Database) -> list[Any]:
    return [tuple(row) for table in TABLES for row in await database.fetch(f"SELECT * FROM {table} ORDER BY 1, 2, 3")]


def same(left: object, right: object) -> bool:
    """Equal, down to how an amount is written: 12.5 and 12.50 are equal numbers."""
    return left == right and repr(left) == repr(right)


def run_property(dsn: str, work: Callable[[Database], Awaitable[None]]) -> None:
    async def on_empty_tables(database: Database) -> None:
        await database.execute(f"TRUNCATE {', '.join(TABLES)}")
        await work(database)

    with_database(dsn, on_empty_tables)


relaxed = settings(max_examples=60, suppress_health_check=list(HealthCheck))


def test_everything_the_contract_can_carry_is_delivered(fresh_dsn: str) -> None:
    async def work(database: Database) -> None:
        report = await send(database, WHOLE)
        assert (report.accepted, report.refused) == (1, [])
        assert same(await everything(database), whole_file())

    with_database(fresh_dsn, work)


@given(st.lists(files, min_size=1, max_size=3, unique_by=lambda f: f.ssin))
@relaxed
def test_a_file_goes_through_the_tables_unchanged(dsn: str, some: list[HandicapFile]) -> None:
    """Passed on uninterpreted, whatever it holds (HA-04)."""

    async def work(database: Database) -> None:
        report = await send(database, *map(line_of, some))
        assert (report.accepted, report.refused) == (len(some), [])
        found = await OwnTables(database).consult(PEOPLE)
        assert same(dict(sorted(found.items())), {f.ssin: f for f in sorted(some, key=lambda f: f.ssin)})

    run_property(dsn, work)


def test_ha08_who_has_no_line_is_unknown_and_who_has_an_empty_one_is_known(fresh_dsn: str) -> None:
    async def work(database: Database) -> None:
        await send(database, {"ssin": PERSON}, {"ssin": BIS, "payments": []})
        found = await OwnTables(database).consult(PEOPLE)
        assert found == {PERSON: HandicapFile(PERSON), BIS: HandicapFile(BIS)}
        assert await OwnTables(database).consult([]) == {}

    with_database(fresh_dsn, work)


@given(st.frozensets(st.sampled_from(DataGroup)))
@relaxed
def test_only_the_groups_asked_for_are_told(dsn: str, groups: frozenset[DataGroup]) -> None:
    async def work(database: Database) -> None:
        await send(database, WHOLE, {**WHOLE, "ssin": OTHER})
        for ssins in ([PERSON], [PERSON, OTHER]):
            expected = {ssin: without(whole_file(ssin), ALL_GROUPS - groups) for ssin in ssins}
            assert await OwnTables(database).consult(ssins, groups) == expected

    run_property(dsn, work)


def without(file: HandicapFile, groups: Iterable[DataGroup]) -> HandicapFile:
    emptied: dict[str, Any] = {FIELD[group]: () for group in groups}
    return replace(file, **emptied)


def test_who_asks_at_the_same_time_gets_the_own_groups_of_the_own_person(fresh_dsn: str) -> None:
    async def work(database: Database) -> None:
        await send(database, WHOLE, {**WHOLE, "ssin": OTHER})
        tables = OwnTables(database)
        asked = [(ssin, group) for ssin in (*PEOPLE, *PEOPLE) for group in DataGroup]
        found = await asyncio.gather(*(tables.consult([ssin], frozenset({group})) for ssin, group in asked))
        for (ssin, group), got in zip(asked, found, strict=True):
            alone = without(whole_file(ssin), ALL_GROUPS - {group})
            assert got == ({} if ssin == BIS else {ssin: alone})

    with_database(fresh_dsn, work)


def test_the_same_file_twice_changes_nothing(fresh_dsn: str) -> None:
    async def work(database: Database) -> None:
        lines = (WHOLE, {"ssin": OTHER, "socialCards": WHOLE["socialCards"]}, {"ssin": BIS})
        await send(database, *lines)
        before = await rows(database)
        assert len(before) == 3 + 6 + 2 + 5 + 2 + 4 + 2
        assert (await send(database, *lines)).accepted == 3
        assert await rows(database) == before

    with_database(fresh_dsn, work)


# A line replaces what it names: any number of lines, in transactions of any size, against a model.

REMOVED = "removed"


@st.composite
def partial_lines(draw: st.DrawFn) -> dict[str, Any]:
    line = line_of(draw(files))
    if draw(st.integers(0, 5)) == 0:
        return {"ssin": line["ssin"], REMOVED: True}
    kept = draw(st.sets(st.sampled_from(sorted(line.keys() - {"ssin"}))))
    return {name: value for name, value in line.items() if name in kept or name == "ssin"}


def model(lines: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    held: dict[str, dict[str, Any]] = {}
    for line in lines:
        if REMOVED in line:
            held.pop(line["ssin"], None)
        else:
            held.setdefault(line["ssin"], {}).update(line)
    return held


@given(st.lists(partial_lines(), max_size=8), st.sampled_from([1, 2, 3, 1_000]))
@relaxed
def test_lines_replace_what_they_name_in_their_order(dsn: str, lines: list[dict[str, Any]], batch: int) -> None:
    async def work(database: Database) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(importing, "BATCH", batch)
            assert (await send(database, *lines)).accepted == len(lines)
        found = await OwnTables(database).consult(PEOPLE)
        nothing: dict[str, Any] = {group.value: [] for group in DataGroup}
        expected = {ssin: {**nothing, **held} for ssin, held in model(lines).items()}
        assert {ssin: line_of(file) for ssin, file in found.items()} == expected
        assert len(await database.fetch("SELECT ssin FROM handi_file")) == len(expected)

    run_property(dsn, work)


def test_nothing_is_left_of_a_file_that_was_removed(fresh_dsn: str) -> None:
    async def work(database: Database) -> None:
        await send(database, {**WHOLE, "ssin": OTHER})
        before = await rows(database)
        removal = {"ssin": PERSON, "removed": True}
        await send(database, WHOLE)
        assert (await send(database, removal)).accepted == 1
        assert await rows(database) == before
        assert (await send(database, WHOLE, removal)).accepted == 2, "in one transaction too"
        assert await rows(database) == before
        await send(database, WHOLE, removal, {"ssin": PERSON})
        assert await everything(database) == HandicapFile(PERSON)

    with_database(fresh_dsn, work)


def test_two_imports_at_once_do_not_get_in_each_others_way(fresh_dsn: str) -> None:
    async def work(database: Database) -> None:
        reports = await asyncio.gather(*(send(database, WHOLE) for _ in range(6)))
        assert [report.accepted for report in reports] == [1] * 6
        assert await everything(database) == whole_file()

    with_database(fresh_dsn, work)


@pytest.mark.parametrize("count", [1, 100])
def test_any_number_of_files_is_one_query_on_the_primary_keys(fresh_dsn: str, count: int) -> None:
    async def work(database: Database) -> None:
        people = [compute(date(1980, 1, 1 + n % 28), 900 + n // 28, test_band=True) for n in range(1_000)]
        await send(database, *({**WHOLE, "ssin": ssin} for ssin in people))
        await database.execute("INSERT INTO handi_file (ssin) SELECT generate_series(1, 50000)")
        await database.execute("ANALYZE")
        counted: list[tuple[Any, ...]] = []
        fetch = database.fetch

        async def counting(sql: str, *args: Any) -> Any:
            counted.append((sql, *args))
            return await fetch(sql, *args)

        database.fetch = counting  # type: ignore[method-assign]
        assert len(await OwnTables(database).consult(people[77 : 77 + count])) == count
        ((sql, *arguments),) = counted
        plan = [row[0] for row in await fetch(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", *arguments)]
        for table in TABLES:
            assert any(f"{table}_pkey" in line for line in plan), (table, plan)
        assert not any("Seq Scan" in line for line in plan), plan

    with_database(fresh_dsn, work)


# Lines that are refused.


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "the line is not well-formed JSON"),
        ([], "the line is not a JSON object"),
        ({}, "ssin: missing"),
        ({"ssin": "85673003361"}, "ssin: the check number is wrong"),
        ({"ssin": PERSON, "cards": []}, "unknown field 'cards'"),
        ({"ssin": PERSON, "rights": {}}, "rights: must be a list"),
        ({"ssin": PERSON, "payments": WHOLE["payments"] * 251}, "payments: holds more than 500 entries"),
        ({"ssin": PERSON, "removed": 1}, "removed: must be true or false"),
        ({"ssin": PERSON, "removed": True, "rights": []}, "removed: such a line names nothing else"),
        ({"ssin": PERSON, "addressHandicappedPerson": []}, "addressHandicappedPerson: must be an object"),
        ({"ssin": PERSON, "addressHandicappedPerson": {}}, "addressHandicappedPerson: lastName: missing"),
    ],
)
def test_a_line_that_breaks_the_format_is_refused(line: Any, why: str) -> None:
    _refused(line, why)


MISTAKES: list[tuple[str, Any, str]] = [
    ("addressHandicappedPerson/lastName", "", "lastName: shorter than 1 character"),
    ("addressHandicappedPerson/lastName", "x" * 49, "lastName: longer than 48"),
    ("addressHandicappedPerson/firstName", "a\x00", "firstName: holds a character that XML cannot carry"),
    ("addressHandicappedPerson/name", "a", "addressHandicappedPerson: unknown field 'name'"),
    ("addressHandicappedPerson/address/class", "belgian", "address: class: must be one of belgianAddress, "),
    ("addressHandicappedPerson/address/class", None, "address: class: missing"),
    ("addressHandicappedPerson/address/countryCode", "BELG", "countryCode: longer than 3"),
    ("addressHandicappedPerson/address/streetCode", "123456789", "streetCode: must be 10 digits"),
    ("addressHandicappedPerson/address/streetName", [{"text": "x"}] * 4, "streetName: holds more than 3 entries"),
    ("addressHandicappedPerson/address/cityName/0/language", "IT", "cityName 1: language: must be one of NL, FR"),
    ("addressHandicappedPerson/address/cityName/0/text", None, "cityName 1: text: missing"),
    ("addressHandicappedPerson/address/countryName/0/text", "x" * 101, "text: longer than 100"),
    ("addressHandicappedPerson/address/date", "2019-02-29", "date: must be a day of the calendar"),
    ("evolutionOfRequest/0/legislation", 21, "legislation: must be a whole number from 0 to 20"),
    ("evolutionOfRequest/0/legislation", True, "legislation: must be a whole number"),
    ("evolutionOfRequest/0/legislation", 6.0, "legislation: must be a whole number"),
    ("evolutionOfRequest/0/requestDate", None, "evolutionOfRequest 1: requestDate: missing"),
    ("evolutionOfRequest/1/appeal", "true", "evolutionOfRequest 2: appeal: must be true or false"),
    ("handicapRecognition/0/resultRecognitionChild", None, "holds either resultRecognitionChild or"),
    ("handicapRecognition/1/resultRecognitionChild", {}, "holds either resultRecognitionChild or"),
    ("handicapRecognition/0/handicapRecognitionDetails", None, "handicapRecognitionDetails: missing"),
    ("handicapRecognition/0/handicapRecognitionDetails/fullBlindness", None, "fullBlindness: missing"),
    ("handicapRecognition/0/resultRecognitionChild/pillars", {}, "pillars: names no pillar"),
    ("handicapRecognition/0/resultRecognitionChild/pillars/pillar1", 7, "pillar1: must be a whole number from 0 to 6"),
    ("handicapRecognition/0/resultRecognitionChild/disabilityCode", 4, "disabilityCode: must be a whole number"),
    ("handicapRecognition/0/resultRecognitionChild/noDataReason", "no data in db", "unknown field"),
    ("handicapRecognition/2/resultRecognitionChild/noDataReason", "not requested", "can only be 'no data in db'"),
    ("handicapRecognition/3/resultRecognitionAdult/noDataReason", 1, "can only be 'no data in db'"),
    ("handicapRecognition/1/resultRecognitionAdult/diminuationIndependence", None, "diminuationIndependence: missing"),
    ("handicapRecognition/1/resultRecognitionAdult/diminutionEarnings", True, "unknown field 'diminutionEarnings'"),
    ("handicapRecognition/1/resultRecognitionAdult/unsuitability", {}, "unsuitability: names no percentage"),
    ("handicapRecognition/1/resultRecognitionAdult/unsuitability/mentalUnsuitability", "100.1", "between 0 and 100"),
    ("handicapRecognition/1/resultRecognitionAdult/unsuitability/mentalUnsuitability", "1e1", "must be a number"),
    ("rights/0/period", {}, "rights 1: period: beginDate: missing"),
    ("rights/0/legislation", 2, "legislation: must be a whole number from 3 to 9"),
    ("rights/0/monthAmount", 812.5, "monthAmount: must be a text between quotes"),
    ("rights/0/monthAmount", "0.005", "monthAmount: must be a number between quotes"),
    ("rights/0/monthAmount", "12345678.90", "monthAmount: has more than 9 digits"),
    ("rights/0/monthAmount", "-0.00", "monthAmount: must be a number"),
    ("rights/0/monthAmount", "\u0661", "monthAmount: must be a number"),
    ("rights/0/categoryIVT", "D", "categoryIVT: must be one of A, B, C, -"),
    ("rights/0/categoryIT", 6, "categoryIT: must be a whole number from 0 to 5"),
    ("socialCards/0/cardNumber", "000000001x", "cardNumber: must be 10 digits"),
    ("socialCards/0/cardNumber", "\u0661" * 10, "cardNumber: must be 10 digits"),
    ("socialCards/0/cardType", "BUSCARD", "cardType: must be one of PARKINGCARD, REDUCTIONCARD"),
    ("payments/0/yearMonth", "2020-13", "yearMonth: must be a month"),
    ("payments/0/yearMonth", "0000-01", "yearMonth: must be a month"),
    ("payments/0/yearMonth", "2020-01-01", "yearMonth: must be a month"),
    ("payments/1/cancelledPayment", None, "payments 2: cancelledPayment: missing"),
]


@pytest.mark.parametrize(("place", "value", "why"), MISTAKES, ids=lambda value: str(value)[:40])
def test_an_entry_that_breaks_the_format_is_refused(place: str, value: object, why: str) -> None:
    line = json.loads(json.dumps(WHOLE))
    *path, name = place.split("/")
    within = line
    for step in path:
        within = within[int(step)] if step.isdigit() else within[step]
    within[name] = value
    _refused(line, why)


def test_every_field_of_a_file_has_a_group_or_is_told_with_all() -> None:
    """So that no group can be added that data minimisation does not know."""
    assert {f.name for f in fields(HandicapFile)} == {"ssin", "person", *FIELD.values()}


def test_a_number_of_the_band_is_refused_unless_it_is_admitted(fresh_dsn: str) -> None:
    async def work(database: Database) -> None:
        report = await import_files(database, io.BytesIO(json.dumps(WHOLE).encode()), today=TODAY)
        assert (report.accepted, report.refused_count) == (0, 1)
        assert await rows(database) == []

    with_database(fresh_dsn, work)


def _refused(line: Any, why: str) -> None:
    """The line is refused with that reason, which tells no value; the lines around it are read."""
    good, report = json.dumps({**WHOLE, "ssin": OTHER}), ImportReport()
    source = io.BytesIO("\n".join([good, line if isinstance(line, str) else json.dumps(line), good]).encode())
    taken = list(read_lines(source, lambda fields: read(fields, today=TODAY, test_band=True), report))
    assert [one.ssin for one in taken] == [OTHER, OTHER]
    ((number, told),) = report.refused
    assert number == 2
    assert why in told
    assert PERSON not in told


def test_a_bad_line_stops_nothing_and_is_not_half_applied(fresh_dsn: str) -> None:
    bad = {**WHOLE, "payments": [{}]}

    async def work(database: Database) -> None:
        await send(database, {"ssin": PERSON, "socialCards": WHOLE["socialCards"]})
        before = await everything(database)
        report = await send(database, {**WHOLE, "ssin": OTHER}, bad, {"ssin": BIS})
        assert (report.accepted, [line for line, _ in report.refused]) == (2, [2])
        assert await OwnTables(database).consult(PEOPLE) == {
            PERSON: before,
            OTHER: whole_file(OTHER),
            BIS: HandicapFile(BIS),
        }

    with_database(fresh_dsn, work)
