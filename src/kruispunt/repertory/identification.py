"""Identification told with an inscription, against what the registers hold (RP-02).

All fields that differ are named; what the registers hold is never told. Ours: how fields are compared.

- Names are equal when their folded forms are (no case, accents, blanks, hyphens, apostrophes). A first name is equal to
  the first one that is registered, or to all of them together.
- Of a birth date the parts are compared that both sides know.
- A sex that the registers do not know differs from none.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Sex
from kruispunt.registers.legal_data import LegalData, Name
from kruispunt.registers.phonetics import fold


class Field(Enum):
    """What can be told; the value is its name in replies and files."""

    LAST_NAME = "lastName"
    FIRST_NAME = "firstName"
    BIRTH_DATE = "birthDate"
    SEX = "gender"


@dataclass(frozen=True, slots=True)
class Identification:
    """What the asker knows of the person; None: not told."""

    last_name: str | None = None
    first_name: str | None = None
    birth_date: PartialDate | None = None
    sex: Sex | None = None


def differences(told: Identification, held: LegalData) -> tuple[Field, ...]:
    """The fields that differ, all of them, in the order of Field."""
    found = []
    if told.last_name is not None and fold(told.last_name) != fold(held.name.last):
        found.append(Field.LAST_NAME)
    if told.first_name is not None and not _same_first(told.first_name, held.name):
        found.append(Field.FIRST_NAME)
    if told.birth_date is not None and not _same_date(told.birth_date, held.birth.date):
        found.append(Field.BIRTH_DATE)
    if told.sex is not None and held.gender is not None and held.gender.code is not told.sex:
        found.append(Field.SEX)
    return tuple(found)


def _same_first(told: str, held: Name) -> bool:
    folded = fold(told)
    return folded in (fold("".join(held.firsts[:1])), fold("".join(held.firsts)))


def _same_date(told: PartialDate, held: PartialDate) -> bool:
    pairs = ((told.year, held.year), (told.month, held.month), (told.day, held.day))
    return all(one == other for one, other in pairs if one and other)
