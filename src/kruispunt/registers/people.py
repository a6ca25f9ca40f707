"""People as the registers know them: in which register, and what became of the number (SS-07, SS-08).

Owns the table `person`. One row a number: somebody in the RAD register also stands in the National
Register, but the RAD register has the most recent data and wins. Look-ups by SSIN that belong to a request
stand in `repertory/integration.py`, together with the integration control.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from kruispunt.identifiers.ssin import Ssin, from_int, to_int

if TYPE_CHECKING:
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


class Person(Struct, frozen=True, gc=False):
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
    asked = {to_int(ssin): ssin for ssin in ssins}
    rows = await database.fetch(_SELECT, list(asked))
    return {asked[row[0]]: to_person(asked[row[0]], *row[1:]) for row in rows}


_REGISTERS: Final = {register.value: register for register in Register}
_ACTIVE: Final = State.ACTIVE.value
_STATES: Final = {state.value: state for state in State}


def to_person(ssin: Ssin, register: int, state: int, replaced_by: int | None, final: int | None) -> Person:
    """A row of the table, of a number that was asked for."""
    end = ssin if state == _ACTIVE else None if final is None else from_int(final)
    told = None if replaced_by is None else from_int(replaced_by)
    return Person(ssin, _REGISTERS[register], _STATES[state], told, end)
