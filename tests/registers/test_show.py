"""Everything about one number, with its chain (SS-06, SS-07)."""

import io
import json
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Kind, Sex
from kruispunt.registers.importing import import_people
from kruispunt.registers.people import State
from kruispunt.registers.show import PersonRecord, describe
from kruispunt.storage.database import Database

Ask = Callable[[Callable[[Database], Awaitable[Any]]], Any]
TODAY = date(2025, 6, 15)


def load(ask: Ask, *lines: dict[str, object]) -> None:
    text = "".join(json.dumps({"register": "national", **each}) + "\n" for each in lines)

    async def question(database: Database) -> None:
        report = await import_people(database, io.BytesIO(text.encode()), today=TODAY, test_band=True)
        assert report.refused == []

    ask(question)


def shown(ask: Ask, ssin: ssins.Ssin) -> PersonRecord:
    record = ask(lambda database: describe(database, ssin))
    assert isinstance(record, PersonRecord)
    return record


def test_a_number_with_its_whole_chain(ask: Ask) -> None:
    first, second, third, last, unknown = (ssins.compute(date(1932, 1, 1), 901 + n, test_band=True) for n in range(5))
    load(
        ask,
        {"ssin": first, "replacedBy": second},
        {"ssin": second, "replacedBy": third},
        {"ssin": third, "replacedBy": last},
        {"ssin": last},
    )
    record = shown(ask, second)
    assert record.person.state is State.REPLACED
    assert [link.ssin for link in record.later] == [third, last]
    assert [link.person.state for link in record.later if link.person] == [State.REPLACED, State.ACTIVE]
    assert record.earlier == (first,)
    assert set(shown(ask, last).earlier) == {first, second, third}
    assert (record.kind, record.birth_date, record.sex) == (
        Kind.NATIONAL,
        PartialDate(1932, 1, 1),
        Sex.FEMALE,
    )
    assert ask(lambda database: describe(database, unknown)) is None


def test_a_chain_that_leads_nowhere_is_shown_as_it_was_told(ask: Ask) -> None:
    lost, unknown = (ssins.compute(date(1932, 1, 2), 901 + n, test_band=True) for n in range(2))
    load(ask, {"ssin": lost, "replacedBy": unknown})
    record = shown(ask, lost)
    assert record.person.state is State.CANCELLED
    assert [(link.ssin, link.person) for link in record.later] == [(unknown, None)]


def test_a_circle_is_told_once_around(ask: Ask) -> None:
    a, b, c, outside = (ssins.compute(date(1932, 1, 3), 901 + n, test_band=True) for n in range(4))
    load(
        ask,
        {"ssin": a, "replacedBy": b},
        {"ssin": b, "replacedBy": c},
        {"ssin": c, "replacedBy": a},
        {"ssin": outside, "replacedBy": a},
    )
    assert [link.ssin for link in shown(ask, a).later] == [b, c, a]
    assert [link.ssin for link in shown(ask, outside).later] == [a, b, c]
    assert set(shown(ask, a).earlier) == {b, c, outside}
