"""Everything that the registers tell about one number: for the service desk and the console."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Kind, Sex, Ssin
from kruispunt.registers.legal_data import Origin
from kruispunt.registers.people import Person, find, find_many

if TYPE_CHECKING:
    from kruispunt.storage.database import Database

MOST_LINKS: Final = 1_000
"""Links of a chain, and numbers that lead to one end, that are shown."""

_LATER: Final = """
    WITH RECURSIVE link AS (
        SELECT 1 AS position, replaced_by AS ssin FROM person WHERE ssin = $1 AND replaced_by IS NOT NULL
    UNION ALL
        SELECT l.position + 1, p.replaced_by
        FROM link l JOIN person p ON p.ssin = l.ssin
        WHERE p.replaced_by IS NOT NULL AND l.position < $2
    ) CYCLE ssin SET closes_a_circle USING path
    SELECT ssin FROM link WHERE NOT closes_a_circle ORDER BY position
"""
_EARLIER: Final = """
    WITH RECURSIVE earlier AS (
        SELECT ssin FROM person WHERE replaced_by = $1
    UNION
        SELECT p.ssin FROM earlier e JOIN person p ON p.replaced_by = e.ssin
    )
    SELECT ssin FROM earlier WHERE ssin <> $1 ORDER BY ssin LIMIT $2
"""
_DOCUMENTS: Final = "SELECT origin, document FROM dossier WHERE ssin = $1 ORDER BY origin"


@dataclass(frozen=True, slots=True)
class Link:
    """A number of a chain, and what the registers know of it."""

    ssin: Ssin
    person: Person | None
    """None when no register knows the number that a line named as the replacement."""


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """All about one number. What is read off a BIS number itself is an indication only (SS-06)."""

    person: Person
    kind: Kind
    birth_date: PartialDate
    sex: Sex | None
    later: tuple[Link, ...]
    """The numbers that came in its place, in order; a circle is told once around. At most MOST_LINKS."""
    earlier: tuple[Ssin, ...]
    """The numbers that it came in the place of, directly or not, in no order of time. At most MOST_LINKS."""
    documents: Mapping[Origin, Any]
    """What each register holds under this very number, as the line of an import tells it."""


async def describe(database: Database, ssin: Ssin) -> PersonRecord | None:
    """Everything about a number; None when no register knows it. Raises StorageError."""
    person = await find(database, ssin)
    if person is None:
        return None
    number = ssins.to_int(ssin)
    later = [ssins.from_int(row[0]) for row in await database.fetch(_LATER, number, MOST_LINKS)]
    earlier = await database.fetch(_EARLIER, number, MOST_LINKS)
    known = await find_many(database, later)
    return PersonRecord(
        person=person,
        kind=ssins.kind(ssin),
        birth_date=ssins.birth_date(ssin),
        sex=ssins.sex(ssin),
        later=tuple(Link(each, known.get(each)) for each in later),
        earlier=tuple(ssins.from_int(row[0]) for row in earlier),
        documents={Origin(origin): json.loads(text) for origin, text in await database.fetch(_DOCUMENTS, number)},
    )
