"""What the tests of the repertory tell it: people with computed numbers, and lines about them."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from kruispunt.identifiers import cbe, organisation
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.cbe import CbeNumber
from kruispunt.identifiers.ssin import Ssin
from kruispunt.periods import Period
from kruispunt.registers.importing import import_people
from kruispunt.registers.jsonlines import ImportReport
from kruispunt.repertory import tenants, writing
from kruispunt.repertory.lines import Key, Line
from kruispunt.repertory.register import Register, Told
from kruispunt.repertory.tenants import Definition, DossierType
from kruispunt.repertory.writing import Author, Operation, Strictness, Written
from kruispunt.storage.database import Database

TODAY = date(2025, 6, 15)
ORIGIN = date(2020, 1, 1)
ONEM = organisation.parse("0206737484")
ME = Author("urn:example:tests", "018bcfe5-6800-7000-8000-000000000000")
_DAYS = itertools.count()
_OWNERS = itertools.count(9_999_000)


def fresh(count: int) -> list[Ssin]:
    """Numbers that no other test has."""
    return [ssins.compute(date(1947, 1, 1) + timedelta(days=next(_DAYS)), 910, test_band=True) for _ in range(count)]


def fresh_owner() -> CbeNumber:
    """The CBE number of a user that no other test has."""
    return cbe.compute(next(_OWNERS))


def span(begin: int, end: int | None) -> Period:
    """Closed days, counted from ORIGIN."""
    return Period.days(ORIGIN + timedelta(days=begin), None if end is None else ORIGIN + timedelta(days=end))


async def load_people(database: Database, *lines: Mapping[str, Any]) -> ImportReport:
    """People in the National Register, unless a line says otherwise."""
    text = "".join(json.dumps({"register": "national", **line}) + "\n" for line in lines)
    report = await import_people(database, io.BytesIO(text.encode()), today=TODAY, test_band=True, author="tests")
    assert report.refused == []
    return report


async def known(database: Database, count: int) -> list[Ssin]:
    """So many people, known to the National Register by number alone."""
    numbers = fresh(count)
    await load_people(database, *({"ssin": ssin} for ssin in numbers))
    return numbers


async def new_register(database: Database, *types: DossierType) -> Register:
    """The register of a new user, with a few dossier types."""
    owner = fresh_owner()
    kinds = types or (DossierType("902", "file under examination"), DossierType("1", "unemployed"))
    await tenants.define(database, [Definition(owner, "a register of the tests", True, kinds)], "tests")
    return register_of(database, owner)


def register_of(database: Database, owner: CbeNumber) -> Register:
    """A register that is there."""
    return Register(database, owner, today=lambda: TODAY, test_band=True)


def told(ssin: str, begin: int, end: int | None, kind: str = "902", **fields: Any) -> Told:
    """A line, with days counted from ORIGIN."""
    return Told(ssin, kind, span(begin, end), **fields)


async def periods_of(register: Register, ssin: Ssin, kind: str = "902") -> list[Period]:
    """The periods of one key."""
    return [line.period for line in await register.consult([ssin], kind=kind)]


async def load_lines(database: Database, owner: CbeNumber, lines: Sequence[tuple[Key, Period]]) -> tuple[Written, ...]:
    """Lines as an import of the operator loads them: types need no definition, numbers need not be known."""
    await tenants.meet(database, owner, sorted({(key.organisation, key.dossier_type) for key, _ in lines}), "tests")
    told_lines = [Line(key, period) for key, period in lines]
    return await writing.write(database, owner, Operation.LOADED, told_lines, Author("tests"), Strictness.LOADING)
