"""From numbers found to the people they stand for (IP-02 to IP-04, IP-13, IP-14).

Each number is looked up as if it had been asked for. Two that end in one person are told once; people whose data
cannot be had are left out, and told as left out. All are fetched with one statement.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Ssin
from kruispunt.registers.dossiers import look_up
from kruispunt.registers.keys import birth_number, first_name_keys
from kruispunt.registers.legal_data import Dossier, LegalData, Origin, Unreadable
from kruispunt.registers.people import State
from kruispunt.registers.phonetics import fold
from kruispunt.registers.search.criteria import NameCriteria

if TYPE_CHECKING:
    from kruispunt.storage.database import Database


@dataclass(frozen=True, slots=True)
class ResolvedPerson:
    """A person, and the numbers found that lead there: more than one when a number was replaced."""

    dossier: Dossier
    found_as: tuple[Ssin, ...]


@dataclass(frozen=True, slots=True)
class Resolved:
    """What is told of a search."""

    people: tuple[ResolvedPerson, ...]
    """In the order in which the numbers were given, by the first that leads to each."""
    left_out: tuple[Ssin, ...]
    """Numbers found of which no data can be had: cancelled, without an end, unknown, unreadable (30009001)."""
    blocked: tuple[Ssin, ...]
    """Numbers found of people whose data are blocked for a time (32000001)."""


async def resolve(database: Database, ssins: Iterable[Ssin], *, follow: bool = True) -> Resolved:
    """The people for whom these numbers stand. Raises StorageError.

    Without `follow`, a number that was replaced by one that is valid stands for nobody: the search by address finds
    each by what is registered under the last number (IP-15).
    """
    wanted = tuple(dict.fromkeys(ssins))
    known = await look_up(database, wanted)
    found_as: dict[Ssin, list[Ssin]] = {}
    dossiers: dict[Ssin, Dossier] = {}
    left_out: list[Ssin] = []
    blocked: list[Ssin] = []
    for ssin in wanted:
        if not follow and ssin in known and known[ssin].person.state is State.REPLACED:
            continue
        dossier = known[ssin].latest if ssin in known else None
        if dossier is None or Unreadable.EVERYTHING in dossier.legal.unreadable:
            left_out.append(ssin)
        elif dossier.legal.blocked:
            blocked.append(ssin)
        else:
            dossiers[dossier.ssin] = dossier
            found_as.setdefault(dossier.ssin, []).append(ssin)
    people = tuple(ResolvedPerson(dossiers[end], tuple(numbers)) for end, numbers in found_as.items())
    return Resolved(people, tuple(left_out), tuple(blocked))


def best_first(people: Iterable[ResolvedPerson], criteria: NameCriteria) -> tuple[ResolvedPerson, ...]:
    """The same people, best match first; ours, the source gives no order.

    By the last name: spelled as asked, today; spelled so once; only sounding like it. Then by the first name: the
    same, another one, none known. Then by the distance between the birth dates, then by birth date and number.
    """
    return tuple(sorted(people, key=lambda person: _rank(person.dossier, criteria)))


def _rank(dossier: Dossier, criteria: NameCriteria) -> tuple[int, int, int, int, Ssin]:
    legal = dossier.legal
    birth = legal.birth.date
    return (
        _last_name_rank(legal, criteria),
        _first_name_rank(legal, criteria),
        _distance(birth, criteria.birth),
        birth_number(birth),
        dossier.ssin,
    )


def _last_name_rank(legal: LegalData, criteria: NameCriteria) -> int:
    asked = fold(criteria.last_name)
    if fold(legal.name.last) == asked:
        return 0
    return 1 if any(fold(name.last) == asked for name in legal.former_names) else 2


def _first_name_rank(legal: LegalData, criteria: NameCriteria) -> int:
    if criteria.first_name is None:
        return 0
    if not legal.name.firsts:
        return 3
    asked, first = criteria.first_name, legal.name.firsts[0]
    if fold(first) == fold(asked):
        return 0
    return 1 if set(first_name_keys(first, Origin.RR)) & set(first_name_keys(asked, Origin.RR)) else 2


def _distance(birth: PartialDate, asked: PartialDate) -> int:
    """In the unit of the asked date; an unknown part of the other one counts as its first."""
    if asked.day:
        both = (date(each.year or 1, each.month or 1, each.day or 1) for each in (birth, asked))
        return abs(next(both).toordinal() - next(both).toordinal())
    if asked.month:
        return abs((birth.year - asked.year) * 12 + max(birth.month, 1) - asked.month)
    return abs(birth.year - asked.year)
