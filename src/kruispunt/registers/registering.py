"""Somebody who is in neither register is given a new BIS number (RP-11).

First everybody who resembles is looked for. Whoever registers must name each of them as somebody else before a number
is given. The look is taken twice: once before anybody is made to wait, and once more while nobody else changes people,
so that two servers that register the same person at the same time do not both find nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from kruispunt.errors import DataError
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Ssin
from kruispunt.registers import legal_json, legal_rules
from kruispunt.registers.changes import Changer, changing
from kruispunt.registers.facts import Told
from kruispunt.registers.legal_data import Inscription, LegalData, Name, Origin, Subregister
from kruispunt.registers.numbering import FIRST_COUNTER, FIRST_YEAR, new_number
from kruispunt.registers.people import Register
from kruispunt.registers.person_lines import PersonLine
from kruispunt.registers.resembling import Resembling, resembling
from kruispunt.registers.search import Breach, name_criteria

if TYPE_CHECKING:
    from kruispunt.storage.database import Database

WAIT: Final = 10.0
"""Seconds that one person waits for others who change people: an import may take an hour."""
DECLARED: Final = "person"
"""Names what was declared, in messages."""
FIELDS: Final = ("name", "birth", "gender", "nationality", "civilState", "decease", "address")
"""What may be declared of a person, by the names of `cbssRegister` in a line of an import."""


@dataclass(frozen=True, slots=True)
class Registered:
    """Somebody new, and what the CBSS register holds of them now."""

    ssin: Ssin
    legal: LegalData


def declaration(fields: Mapping[str, Any], *, today: date, test_band: bool) -> LegalData:
    """What is declared of somebody new, in the form of `cbssRegister` of an import, held to every rule.

    Raises DataError, without any value of the declaration.
    """
    unknown = next((name for name in fields if name not in FIELDS), None)
    if unknown is not None:
        raise DataError(f"{DECLARED}.{unknown[:40]!a}: is not declared of a person; there are: {', '.join(FIELDS)}")
    legal = legal_json.read(fields, DECLARED)
    legal = replace(legal, inscription=Inscription(Subregister.BIS, PartialDate.of(today)))
    hold_to_rules(legal, Register.BIS, today=today, test_band=test_band)
    if legal.birth.date.year < FIRST_YEAR:
        raise DataError(f"{DECLARED}.birth.date: no number holds a birth year before {FIRST_YEAR}")
    return legal


def hold_to_rules(legal: LegalData, register: Register, *, today: date, test_band: bool) -> None:
    """What the CBSS register may hold, and names that a search can find again (IP-05). Raises DataError."""
    try:
        legal_rules.check(legal, Origin.KSZ, register, today=today, test_band=test_band)
    except DataError as error:
        raise DataError(error.what.replace(legal_rules.FIELDS[Origin.KSZ], DECLARED, 1)) from None
    _searchable(legal.name, legal.birth.date, today)


def _searchable(name: Name, birth: PartialDate, today: date) -> None:
    for first in name.firsts or (None,):
        breach = name_criteria(name.last, str(birth), first, tolerance=0, today=today)
        if isinstance(breach, Breach):
            raise DataError(f"{DECLARED}: {breach.field.value}: breaks the rule of searches that {_WHY}")


_WHY: Final = "a name has Latin letters, digits, blanks, hyphens and apostrophes, and a birth date is not in the future"


async def register(
    database: Database,
    declared: LegalData,
    *,
    author: str,
    set_aside: frozenset[Ssin] = frozenset(),
    sees_all: bool = False,
    first_counter: int = FIRST_COUNTER,
) -> Registered | Resembling:
    """Give a number to somebody, or tell who resembles and was not set aside; then nothing was changed.

    `declared` comes from `declaration`; who `sees_all` may also set aside people of whom nothing may be told. Raises
    DataError when no number is left, StorageError.
    """
    found = await resembling(database, declared, set_aside, sees_all=sees_all)
    if found:
        return found
    async with changing(database, author, wait=WAIT) as changer:
        found = await resembling(changer.connection, declared, set_aside, sees_all=sees_all)
        return found or await _give(changer, declared, first_counter)


async def _give(changer: Changer, declared: LegalData, first_counter: int) -> Registered:
    sex = None if declared.gender is None else declared.gender.code
    ssin = await new_number(changer.connection, declared.birth.date, sex, first_counter=first_counter)
    if ssin is None:
        raise DataError(f"{DECLARED}.birth.date: every number of this year was given out")
    await changer.tell([Told.of(PersonLine(ssin, Register.BIS, None, False, None, declared))])
    return Registered(ssin, declared)
