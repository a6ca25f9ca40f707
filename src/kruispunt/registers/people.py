"""People as the registers know them: in which register, and what became of the number (SS-07, SS-08).

Owns the table `person`. One row a number: somebody in the RAD register also stands in the National
Register, but the RAD register has the most recent data and wins. Look-ups by SSIN that belong to a request
stand in `repertory/integration.py`, together with the integration control.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from kruispunt.identifiers.ssin import Ssin, from_int, to_int

if TYPE_CHECKING:
    from asyncpg import Record

    from kruispunt.storage.database import Database


class Register(Enum):
    """Where a person stands (SS-08); the value is what the database keeps."""

    NATIONAL = 1
    BIS = 2
    RAD = 3


class State(Enum):
    """What became of a number that a register knows (SS-07); the value is what the database keeps.

    A number that was replaced without a valid end of the chain (an unknown number, a cancelled one, or a
    circle) is cancelled.
    """

    ACTIVE = 1
    REPLACED = 2
    CANCELLED = 3


@dataclass(frozen=True, slots=True)
class Person:
    """A number that a register knows."""

    ssin: Ssin
    register: Register
    state: State
    replaced_by: Ssin | None
    """The next number of the chain, as it was told; known to a register or not."""
    final_ssin: Ssin | None
    """The end of the chain; the number itself when it is active, None when it is cancelled."""


_SELECT: Final = """
    SELECT ssin, register, state, replaced_by, final_ssin FROM person WHERE ssin = ANY($1::bigint[])
"""


async def find(database: Database, ssin: Ssin) -> Person | None:
    """What the registers know of a number; None when none does. Raises StorageError."""
    return (await find_many(database, (ssin,))).get(ssin)


async def find_many(database: Database, ssins: Iterable[Ssin]) -> Mapping[Ssin, Person]:
    """What the registers know of many numbers; unknown ones are left out. Raises StorageError."""
    rows = await database.fetch(_SELECT, [to_int(ssin) for ssin in ssins])
    return {person.ssin: person for person in map(_to_person, rows)}


def _to_person(row: Record) -> Person:
    number, register, code, replaced_by, final = row
    state = State(code)
    ssin = from_int(number)
    return Person(
        ssin,
        Register(register),
        state,
        None if replaced_by is None else from_int(replaced_by),
        ssin if state is State.ACTIVE else None if final is None else from_int(final),
    )
