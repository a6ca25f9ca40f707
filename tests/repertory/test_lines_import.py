"""Import of lines (RP-03, RP-08). Every test has a birth date of its own."""

import asyncio
import io
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest
from told import load_lines, register_of

from kruispunt.identifiers import cbe, organisation
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.ssin import Ssin
from kruispunt.periods import Period, merge
from kruispunt.registers.jsonlines import ImportReport
from kruispunt.repertory import importing
from kruispunt.repertory.importing import import_lines
from kruispunt.repertory.lines import Key, Line
from kruispunt.storage.database import Database

Ask = Callable[[Callable[[Database], Awaitable[Any]]], Any]

TODAY = date(2025, 6, 15)
ONEM = "0206737484"


def number(day: int, counter: int = 900) -> Ssin:
    return ssins.compute(date(1908, 1, day), counter, test_band=True)


def line(ssin: str, begin: str, end: str | None = None, **fields: object) -> dict[str, object]:
    return {"organisation": ONEM, "ssin": ssin, "dossierType": "902", "begin": begin, "end": end, **fields}


def file_of(*lines: Mapping[str, object]) -> io.BytesIO:
    return io.BytesIO("".join(json.dumps(each) + "\n" for each in lines).encode())


def load(ask: Ask, *lines: Mapping[str, object], **options: Any) -> ImportReport:
    async def question(database: Database) -> ImportReport:
        return await import_lines(database, file_of(*lines), today=TODAY, test_band=True, **options)

    report = ask(question)
    assert isinstance(report, ImportReport)
    return report


def stored(ask: Ask, wanted: Sequence[Ssin], owner: cbe.CbeNumber = cbe.CBSS) -> list[Line]:
    return list(ask(lambda database: register_of(database, owner).consult(wanted)))


def versions(ask: Ask, ssin: Ssin) -> list[Any]:
    async def question(database: Database) -> list[Any]:
        rows = await database.fetch(
            "SELECT ctid::text, xmin::text FROM inscription WHERE ssin = $1 ORDER BY period",
            ssins.to_int(ssin),
        )
        return [tuple(row) for row in rows]

    return list(ask(question))


def test_rp_03_lines_are_merged_with_each_other_and_with_those_that_are_there(ask: Ask) -> None:
    ssin = number(1)
    key = Key(ssin, organisation.parse(ONEM), "902")
    load(ask, line(ssin, "2020-01-01", "2020-01-31"), line(ssin, "2020-03-01", "2020-03-31"))
    assert len(stored(ask, [ssin])) == 2
    report = load(
        ask,
        line(ssin, "2020-02-01", "2020-02-29"),
        line(ssin, "2021-01-01"),
        line(ssin, "2021-05-01", "2021-06-01"),
        line(ssin, "2020-01-10", "2020-01-11"),
    )
    assert report == ImportReport(accepted=4)
    assert stored(ask, [ssin]) == [
        Line(key, Period.days(date(2020, 1, 1), date(2020, 3, 31))),
        Line(key, Period.days(date(2021, 1, 1), None)),
    ]


def test_rp_01_organisations_types_and_owners_stay_apart(ask: Ask) -> None:
    ssin = number(2)
    other_owner = cbe.compute(2_067_374)
    lines = [
        line(ssin, "2020-01-01", "2020-01-31"),
        line(ssin, "2020-01-01", "2020-02-29", organisation="018/0"),
        line(ssin, "2020-01-01", "2020-03-31", dossierType="1"),
    ]
    load(ask, *lines)
    load(ask, line(ssin, "2020-01-01", "2020-12-31"), owner=other_owner)
    keys = {(each.key.organisation, each.key.dossier_type, each.period.end) for each in stored(ask, [ssin])}
    assert keys == {
        (ONEM, "902", date(2020, 1, 31)),
        ("18/0", "902", date(2020, 2, 29)),
        (ONEM, "1", date(2020, 3, 31)),
    }
    assert [each.period.end for each in stored(ask, [ssin], other_owner)] == [date(2020, 12, 31)]


def test_rp_08_a_file_that_is_sent_twice_changes_nothing(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 2)
    ssin = number(3)
    lines = [line(ssin, f"2020-{month:02d}-01", f"2020-{month:02d}-20") for month in range(1, 8)]
    lines.append(line(ssin, "2020-02-10", "2020-04-10"))
    load(ask, *lines)
    before = versions(ask, ssin)
    assert len(before) == 5
    assert load(ask, *lines).accepted == len(lines)
    assert versions(ask, ssin) == before


def test_rp_08_bad_lines_are_reported_and_good_ones_applied(ask: Ask) -> None:
    ssin = number(4)
    report = load(
        ask,
        line(ssin, "2020-01-01", "2020-01-01"),
        line(ssin, "2020-01-02", "2020-01-01"),
        line(ssin, "2020-02-30"),
        line(ssin[:9] + "00", "2020-01-01"),
        line(ssin, "2020-01-01", organisation="0206737485"),
        line(ssin, "2020-01-01", organisation="18"),
        line(ssin, "2020-01-01", dossierType=902),
        line(ssin, "2020-01-01", dossierType=""),
        line(ssin, "2020-01-01", owner=cbe.CBSS),
        {"organisation": ONEM, "ssin": ssin, "dossierType": "902"},
        {"ssin": ssin, "dossierType": "902", "begin": "2020-01-01"},
    )
    assert report.accepted == 1
    assert [number for number, _ in report.refused] == list(range(2, 12))
    assert [why.split(":")[0] for _, why in report.refused] == [
        *("end", "begin", "ssin", "organisation", "organisation", "dossierType", "dossierType"),
        *(
            "unknown field 'owner'; known are begin, dossierType, end, organisation, ssin",
            "begin",
            "organisation",
        ),
    ]
    assert not any(ssin in why for _, why in report.refused)
    assert [each.period for each in stored(ask, [ssin])] == [Period.day(date(2020, 1, 1))]


def test_the_test_band_is_refused_in_production(ask: Ask) -> None:
    async def question(database: Database) -> ImportReport:
        return await import_lines(database, file_of(line(number(5), "2020-01-01")), today=TODAY)

    assert ask(question).refused_count == 1
    assert stored(ask, [number(5)]) == []


def test_the_documented_example_is_taken(ask: Ask) -> None:
    assert importing.__doc__
    example = next(each for each in importing.__doc__.splitlines() if each.strip().startswith("{"))
    assert load(ask, json.loads(example)) == ImportReport(accepted=1)


def test_an_empty_file_is_an_import(ask: Ask) -> None:
    assert load(ask) == ImportReport()


REFUSE = """
    CREATE FUNCTION refuse_line() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'refused by the test'; END $$
"""


def test_rp_08_a_batch_that_fails_is_not_half_applied_and_the_file_can_be_sent_again(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 2)
    first, second, third, fourth = (number(6, 900 + n) for n in range(4))
    load(ask, line(third, "2020-01-01", "2020-01-31"))
    before = versions(ask, third)
    lines = [line(first, "2020-01-01"), line(second, "2020-01-01")]
    lines += [line(third, "2020-02-01", "2020-02-29"), line(fourth, "2020-01-01")]

    async def with_a_trap(database: Database) -> None:
        await database.execute(REFUSE)
        await database.execute(
            "CREATE TRIGGER refuse_line BEFORE INSERT ON inscription FOR EACH ROW"
            f" WHEN (NEW.ssin = {ssins.to_int(fourth)}) EXECUTE FUNCTION refuse_line()"
        )
        try:
            with pytest.raises(asyncpg.RaiseError):
                await import_lines(database, file_of(*lines), today=TODAY, test_band=True)
        finally:
            await database.execute("DROP FUNCTION refuse_line CASCADE")

    ask(with_a_trap)
    assert {each.key.ssin for each in stored(ask, [first, second, third, fourth])} == {first, second, third}
    assert versions(ask, third) == before
    assert load(ask, *lines).accepted == 4
    assert len(stored(ask, [first, second, third, fourth])) == 4
    assert [each.period.end for each in stored(ask, [third])] == [date(2020, 2, 29)]


def test_rp_06_imports_and_single_inscriptions_may_meet(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 3)
    ssin = number(7)
    key = Key(ssin, organisation.parse(ONEM), "902")
    days = [date(2020, 1, 1) + timedelta(days=n) for n in range(60)]
    told = [line(ssin, day.isoformat(), day.isoformat()) for day in days[::2]]

    async def question(database: Database) -> None:
        imports = [import_lines(database, file_of(*told), today=TODAY, test_band=True) for _ in range(2)]
        await asyncio.gather(
            *imports, *(load_lines(database, cbe.CBSS, [(key, Period.day(day))]) for day in days[1::2])
        )

    ask(question)
    assert tuple(each.period for each in stored(ask, [ssin])) == merge(map(Period.day, days))
    assert len(stored(ask, [ssin])) == 1
