"""Every change to a person: how it is made, what it writes down, and that nothing gets around (SS-07 to SS-09)."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up import TODAY, belgian, fresh, legal, person_lines

from kruispunt.errors import DataError, StorageError
from kruispunt.identifiers.ssin import Kind, Ssin, to_int
from kruispunt.registers import changes, people
from kruispunt.registers import person_lines as reading
from kruispunt.registers.changes import ChangeKind
from kruispunt.registers.dossiers import look_up
from kruispunt.registers.exporting import export_people
from kruispunt.registers.facts import Facts
from kruispunt.registers.history import Change, history
from kruispunt.registers.importing import import_people
from kruispunt.registers.jsonlines import ImportReport
from kruispunt.registers.legal_data import Origin
from kruispunt.registers.people import State
from kruispunt.registers.person_lines import PersonLine
from kruispunt.storage.database import Database

Ask = Callable[[Callable[[Database], Awaitable[Any]]], Any]
ME = "os-user:tester"


def text(lines: Iterable[Mapping[str, Any]]) -> str:
    return "".join(json.dumps({"register": "national", **line}) + "\n" for line in lines)


def load(ask: Ask, *lines: Mapping[str, Any], changes: bool = False) -> ImportReport:
    async def question(database: Database) -> ImportReport:
        return await import_people(
            database, io.BytesIO(text(lines).encode()), today=TODAY, test_band=True, author=ME, changes=changes
        )

    report = ask(question)
    assert isinstance(report, ImportReport)
    assert report.refused == []
    return report


def past(ask: Ask, ssin: Ssin) -> tuple[Change, ...]:
    found: tuple[Change, ...] = ask(lambda database: history(database, ssin))
    return found


def state(ask: Ask, ssin: Ssin) -> State:
    person = ask(lambda database: people.find(database, ssin))
    assert isinstance(person, people.Person)
    return person.state


def test_somebody_new_is_counted_and_written_down_when_told_so(ask: Ask) -> None:
    silent, told = fresh(2)
    load(ask, {"ssin": silent, "nationalRegister": legal()})
    load(ask, {"ssin": told, "nationalRegister": legal()}, changes=True)
    assert past(ask, silent) == ()
    (change,) = past(ask, told)
    assert (change.kind, change.author, change.before) == (ChangeKind.NEW, ME, None)
    assert change.after == {"ssin": told, "register": "national", "nationalRegister": legal()}
    assert change.fields == ("ssin", "register", "nationalRegister")
    loaded = ask(
        lambda database: database.fetchrow(
            "SELECT author, people, ssin FROM person_change WHERE kind = 0 ORDER BY sequence DESC LIMIT 1"
        )
    )
    assert tuple(loaded) == (ME, 1, None)


def test_a_change_tells_the_line_before_and_after(ask: Ask) -> None:
    (ssin,) = fresh(1)
    load(ask, {"ssin": ssin, "nationalRegister": legal("Peeters")})
    load(ask, {"ssin": ssin, "nationalRegister": legal("Janssens", address=belgian())})
    load(ask, {"ssin": ssin, "nationalRegister": legal("Janssens", address=belgian())})
    (change,) = past(ask, ssin)
    assert change.kind is ChangeKind.CHANGED
    assert change.before is not None
    assert change.before["nationalRegister"]["name"]["lastName"] == "Peeters"
    assert change.after["nationalRegister"]["name"]["lastName"] == "Janssens"
    assert change.fields == ("nationalRegister.name.lastName", "nationalRegister.address")


def test_the_registers_whose_document_changed_are_told(ask: Ask) -> None:
    (ssin,) = fresh(1)
    line = {"ssin": ssin, "nationalRegister": legal()}
    load(ask, line)
    load(ask, {**line, "register": "rad"})
    load(ask, {**line, "register": "rad", "cbssRegister": legal("Maes")})
    load(ask, {**line, "cancelled": True})
    rows = ask(
        lambda database: database.fetch(
            "SELECT kind, origins FROM person_change WHERE ssin = $1 ORDER BY sequence", to_int(ssin)
        )
    )
    assert [tuple(row) for row in rows] == [(2, 2), (2, 2), (4, 2)]


def test_replace_and_cancel(ask: Ask) -> None:
    first, second, third = fresh(3)
    load(ask, *({"ssin": each, "nationalRegister": legal()} for each in (first, second, third)))
    ask(lambda database: changes.replace(database, first, second, author=ME))
    ask(lambda database: changes.replace(database, second, third, author=ME))
    known = ask(lambda database: people.find_many(database, [first, second, third]))
    assert {person.final_ssin for person in known.values()} == {third}
    ask(lambda database: changes.cancel(database, third, author=ME))
    assert {state(ask, each) for each in (first, second, third)} == {State.CANCELLED}
    kinds = [[change.kind for change in past(ask, each)] for each in (first, second, third)]
    assert kinds == [[ChangeKind.REPLACED], [ChangeKind.REPLACED], [ChangeKind.CANCELLED]]
    assert past(ask, first)[0].fields == ("replacedBy",)


def test_what_cannot_be_replaced_or_cancelled_is_said(ask: Ask) -> None:
    old, new, gone, unknown = fresh(4)
    load(ask, {"ssin": old, "replacedBy": new}, {"ssin": new}, {"ssin": gone, "cancelled": True})
    for attempt, why in (
        (lambda database: changes.replace(database, unknown, new, author=ME), "no register knows this number"),
        (lambda database: changes.replace(database, new, unknown, author=ME), "no register knows the number that"),
        (lambda database: changes.replace(database, new, new, author=ME), "by itself"),
        (lambda database: changes.replace(database, old, gone, author=ME), "was replaced already"),
        (lambda database: changes.replace(database, gone, new, author=ME), "was cancelled already"),
        (lambda database: changes.replace(database, new, old, author=ME), "a circle cannot be made"),
        (lambda database: changes.cancel(database, unknown, author=ME), "no register knows this number"),
        (lambda database: changes.cancel(database, old, author=ME), "was replaced already"),
        (lambda database: changes.cancel(database, gone, author=ME), "was cancelled already"),
        (
            lambda database: changes.update(
                database, PersonLine(new, people.Register.NATIONAL, replaced_by=old), author=ME
            ),
            "a circle cannot be made",
        ),
    ):
        with pytest.raises(DataError, match=why):
            ask(attempt)
    assert [past(ask, each) for each in (old, new, gone)] == [(), (), ()]


def test_ss_07_a_thousand_links_across_registers_and_no_circle(ask: Ask) -> None:
    chain = [*fresh(500), *fresh(500, Kind.BIS), *fresh(1)]
    lines = [
        {"ssin": a, "replacedBy": b, "register": "bis" if 500 <= n < 1000 else "national"}
        for n, (a, b) in enumerate(itertools.pairwise(chain))
    ]
    load(ask, *lines, {"ssin": chain[-1], "nationalRegister": legal("Einde")})
    with pytest.raises(DataError, match="a circle cannot be made"):
        ask(lambda database: changes.replace(database, chain[-1], chain[0], author=ME))
    found = ask(lambda database: look_up(database, [chain[0], chain[-1]]))
    assert {each.person.final_ssin for each in found.values()} == {chain[-1]}
    assert {each.latest.legal.name.last for each in found.values()} == {"Einde"}


def test_a_circle_that_is_loaded_is_survived_and_told(ask: Ask) -> None:
    a, b, c = fresh(3)
    report = load(ask, {"ssin": a, "replacedBy": b}, {"ssin": b, "replacedBy": a}, {"ssin": c, "replacedBy": a})
    assert report.remarks == ["3 numbers are replaced in a circle, which has no end: they count as cancelled."]
    found = ask(lambda database: look_up(database, [a, b, c]))
    assert {each.person.state for each in found.values()} == {State.CANCELLED}
    assert load(ask, {"ssin": b}).remarks == []
    assert state(ask, c) is State.REPLACED


def test_ip_02_and_ip_03_dossiers_are_those_of_the_end_and_the_cbss_register_wins(ask: Ask) -> None:
    bis, rad, alone, unknown = *fresh(1, Kind.BIS), *fresh(3)
    load(
        ask,
        {"ssin": bis, "register": "bis", "replacedBy": rad, "cbssRegister": legal("Vroeger")},
        {"ssin": rad, "register": "rad", "nationalRegister": legal(address=belgian()), "cbssRegister": legal("Later")},
        {"ssin": alone},
    )
    found = ask(lambda database: look_up(database, [bis, rad, alone, unknown, bis]))
    assert found.keys() == {bis, rad, alone}
    assert found[bis].latest.legal.name.last == "Later"
    assert found[bis].latest.ssin == rad
    assert found[bis].dossiers == found[rad].dossiers
    assert found[alone].latest is None
    assert found[rad].dossiers.keys() == {Origin.RR, Origin.KSZ}
    assert not found[alone].dossiers


def test_a_document_that_is_none_of_ours_fails_closed(fresh_dsn: str) -> None:
    (ssin,) = fresh(1)

    async def work() -> None:
        database = await Database.open(fresh_dsn, size=2)
        try:
            line = json.dumps({"ssin": ssin, "register": "national", "nationalRegister": legal()})
            await import_people(database, io.BytesIO(line.encode()), today=TODAY, test_band=True)
            await database.execute("ALTER TABLE dossier DISABLE TRIGGER USER")
            await database.execute('UPDATE dossier SET document = \'{"name": "Peeters"}\'')
            with pytest.raises(StorageError, match="cannot be read") as told:
                await look_up(database, [ssin])
            assert "Peeters" not in str(told.value)
        finally:
            await database.close()

    asyncio.run(work())


AROUND = (
    "UPDATE person SET register = 3 WHERE ssin = $1",
    "UPDATE person SET replaced_by = 1, state = 3 WHERE ssin = $1",
    "UPDATE person SET state = 3 WHERE ssin = $1",
    "UPDATE person SET ssin = ssin + 1 WHERE ssin = $1",
    "INSERT INTO person (ssin, register, state) VALUES ($1::bigint + 1, 1, 1)",
    "INSERT INTO person (ssin, register, state) VALUES ($1, 3, 1) ON CONFLICT (ssin) DO UPDATE SET register = 3",
    "DELETE FROM person WHERE ssin = $1",
    "UPDATE dossier SET document = '{}' WHERE ssin = $1",
    "UPDATE dossier SET ssin = ssin + 1 WHERE ssin = $1",
    "INSERT INTO dossier (ssin, origin, document) VALUES ($1, 2, '{}')",
    "DELETE FROM dossier WHERE ssin = $1",
    "UPDATE person_change SET author = 'nobody' WHERE ssin = $1",
    "DELETE FROM person_change WHERE ssin = $1",
)


@pytest.mark.parametrize("statement", AROUND)
def test_nothing_changes_a_person_around_the_history(ask: Ask, statement: str) -> None:
    (ssin,) = fresh(1)
    load(ask, {"ssin": ssin, "nationalRegister": legal()}, changes=True)
    with pytest.raises(asyncpg.RaiseError):
        ask(lambda database: database.execute(statement, to_int(ssin)))
    found = ask(lambda database: look_up(database, [ssin]))
    assert found[ssin].latest.legal.name.last == "Peeters"
    assert [change.kind for change in past(ask, ssin)] == [ChangeKind.NEW]


@pytest.mark.parametrize("table", ["person", "dossier", "person_change"])
def test_nothing_empties_a_table_of_people(ask: Ask, table: str) -> None:
    with pytest.raises(asyncpg.RaiseError):
        ask(lambda database: database.execute(f"TRUNCATE {table}"))


def test_a_change_of_yesterday_is_no_leave_for_one_of_today(ask: Ask) -> None:
    """The row must stand in the same transaction."""
    (ssin,) = fresh(1)
    load(ask, {"ssin": ssin}, changes=True)
    with pytest.raises(asyncpg.RaiseError, match="without a row"):
        ask(lambda database: database.execute("UPDATE person SET register = 3 WHERE ssin = $1", to_int(ssin)))


@given(st.lists(person_lines(), min_size=1, max_size=6))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_export_is_an_import_that_changes_nothing(ask: Ask, lines: list[PersonLine]) -> None:
    async def question(database: Database) -> tuple[set[str], int, int]:
        text = "".join(f"{Facts.of(line).line}\n" for line in lines)
        report = await import_people(database, io.BytesIO(text.encode()), today=TODAY, test_band=True)
        assert report == ImportReport(accepted=len(lines))
        out = io.BytesIO()
        count = await export_people(database, out)
        last = "SELECT coalesce(max(sequence), 0) FROM person_change"
        before = await database.fetchval(last)
        again = await import_people(database, io.BytesIO(out.getvalue()), today=TODAY, test_band=True, changes=True)
        assert again.refused == []
        assert again.accepted == count
        return set(out.getvalue().decode().splitlines()), before, await database.fetchval(last)

    exported, before, after = ask(question)
    assert {Facts.of(line).line for line in lines} <= exported
    assert before == after


def test_an_export_brings_another_database_to_the_same(server: Any, template: str) -> None:
    """Into none of the databases that tests share: others take keys away, and write down what no import takes."""
    (ssin, bis) = *fresh(1), *fresh(1, Kind.BIS)
    lines = (
        {"ssin": ssin, "register": "rad", "nationalRegister": legal(address=belgian())},
        {"ssin": bis, "register": "bis", "replacedBy": ssin, "cbssRegister": legal("Mu\u0308ller")},
    )

    async def imported(told: bytes) -> tuple[bytes, list[str]]:
        with server.database(template) as dsn:
            database = await Database.open(dsn, size=2)
            try:
                report = await import_people(database, io.BytesIO(told), today=TODAY, test_band=True)
                assert report.refused == []
                out = io.BytesIO()
                await export_people(database, out)
                return out.getvalue(), await keys(database)
            finally:
                await database.close()

    exported, found_by = asyncio.run(imported(text(lines).encode()))
    assert found_by != []
    assert asyncio.run(imported(exported)) == (exported, found_by)


async def keys(database: Database) -> list[str]:
    found: Iterable[Any] = [
        *await database.fetch("SELECT name_key::text FROM name_key ORDER BY 1"),
        *await database.fetch("SELECT address_key::text FROM address_key ORDER BY 1"),
    ]
    return [row[0] for row in found]


def test_search_keys_follow_a_change(ask: Ask) -> None:
    (ssin,) = fresh(1)

    def found() -> tuple[int, list[str]]:
        async def question(database: Database) -> tuple[int, list[str]]:
            names = await database.fetch("SELECT DISTINCT key FROM name_key WHERE ssin = $1", to_int(ssin))
            streets = await database.fetch("SELECT street_code FROM address_key WHERE ssin = $1", to_int(ssin))
            return len(names), [row[0] for row in streets]

        answer: tuple[int, list[str]] = ask(question)
        return answer

    load(ask, {"ssin": ssin, "nationalRegister": legal("Peeters", address=belgian("1111"))})
    names, streets = found()
    assert names >= 1
    assert streets == ["1111"]
    load(ask, {"ssin": ssin, "nationalRegister": legal("Wouters", formerNames=[{"lastName": "Peeters"}])})
    assert found()[0] > names
    assert found()[1] == []
    load(ask, {"ssin": ssin})
    assert found() == (0, [])


def test_a_rad_line_that_is_sent_twice_changes_nothing(ask: Ask) -> None:
    (ssin,) = fresh(1)
    line = {"ssin": ssin, "register": "rad", "nationalRegister": legal(address=belgian())}
    load(ask, line)
    load(ask, line)
    assert past(ask, ssin) == ()


def test_the_line_of_a_change_can_be_read_again(ask: Ask) -> None:
    (ssin,) = fresh(1)
    load(ask, {"ssin": ssin, "nationalRegister": legal()}, changes=True)
    (change,) = past(ask, ssin)
    assert reading.read(dict(change.after), today=TODAY, test_band=True).ssin == ssin
