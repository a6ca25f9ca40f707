"""The history of changes to people: who changed what, and when (append-only; written by `changes.py`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from kruispunt.identifiers.ssin import Ssin, to_int
from kruispunt.registers.changes import ChangeKind
from kruispunt.registers.parts import Part

if TYPE_CHECKING:
    from asyncpg import Record

    from kruispunt.storage.database import Database

_OF_ONE: Final = """
    SELECT sequence, at, author, kind, parts, before, after FROM person_change WHERE ssin = $1 ORDER BY sequence
"""
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Change:
    """One change to one person."""

    sequence: int
    """Grows in the order in which changes became visible; numbers may be left out."""
    at: datetime
    """UTC."""
    author: str
    kind: ChangeKind
    parts: Part
    """What changed of what is given."""
    before: Mapping[str, Any] | None
    """A line of an import; None when the person was new."""
    after: Mapping[str, Any]

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that differ, by their path; a list counts as one."""
        return tuple(_differences(self.before or {}, self.after, ""))


async def history(database: Database, ssin: Ssin) -> tuple[Change, ...]:
    """All changes to a number, the first one first; those of the number that came in its place are not among them.

    Empty for somebody who was loaded and never changed. Raises StorageError.
    """
    rows = await database.fetch(_OF_ONE, to_int(ssin))
    return tuple(map(_change, rows))


def _change(row: Record) -> Change:
    sequence, at, author, kind, parts, before, after = row
    old = None if before is None else json.loads(before)
    return Change(sequence, at, author, ChangeKind(kind), Part(parts), old, json.loads(after))


def _differences(before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> list[str]:
    found: list[str] = []
    for name in [*before, *(name for name in after if name not in before)]:
        old, new = before.get(name, _ABSENT), after.get(name, _ABSENT)
        if isinstance(old, dict) and isinstance(new, dict):
            found += _differences(old, new, f"{path}{name}.")
        elif old != new:
            found.append(f"{path}{name}")
    return found
