"""Who may be the same person as somebody who is to be registered (RP-11): looked for before a number is given.

Missing a person is worse here than showing one too many. Somebody resembles when three things hold, for any name that
the register ever held of them:

- the last names sound alike: they share a phonetic key, or, in the wider mode, the Cologne code alone;
- the birth dates are near: at least two of year, month and day are the same, and the years no more than one apart; or
  day and month are exchanged; or they agree as far as both are known. For names that share the Cologne code alone,
  only the last two count, and the date must stand in the number too;
- the first names do not speak against it: one is not known, or their first letters are the same, or they sound alike.

Sex does not count: it is mistaken too easily. `resembles` is the rule; the statements find all who may satisfy it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Ssin, from_int, to_int
from kruispunt.registers import legal_json
from kruispunt.registers.dossiers import look_up
from kruispunt.registers.keys import birth_number
from kruispunt.registers.legal_data import Dossier, LegalData, Origin, Unreadable
from kruispunt.registers.people import State
from kruispunt.registers.phonetics import SEARCHABLE, cologne, fold, wide_codes

if TYPE_CHECKING:
    from kruispunt.storage.database import Asked

MOST: Final = 50
"""People who are shown at once, as in the public cousins of this service."""
_RAISES: Final = (0, 20, 40, 60)
"""What may be added to the month of a number: none, BIS of unknown and of known sex, the test band (SS-06)."""
_COUNTERS: Final = 100_000

_SOUNDS_ALIKE: Final = """
    SELECT DISTINCT k.ssin, k.birth
    FROM unnest($1::smallint[], $2::bigint[], $3::integer[], $4::integer[]) AS p (register, key, low, high)
    CROSS JOIN LATERAL (
        SELECT n.ssin, n.birth FROM name_key n
        WHERE n.register = p.register AND n.key = p.key AND n.birth BETWEEN p.low AND p.high
        ORDER BY n.birth OFFSET 0
    ) k
"""
_HELD: Final = "SELECT ssin, origin, document FROM dossier WHERE ssin = ANY($1::bigint[])"
_NUMBERED: Final = """
    SELECT d.ssin, d.origin, d.document
    FROM unnest($1::bigint[]) AS p (low)
    CROSS JOIN LATERAL (
        SELECT ssin, origin, document FROM dossier WHERE ssin BETWEEN p.low AND p.low + 99999 ORDER BY ssin OFFSET 0
    ) d
"""


@dataclass(frozen=True, slots=True)
class Resembling:
    """Who resembles, and was not set aside."""

    people: tuple[Dossier, ...]
    """What is told of each, in order of the numbers."""
    withheld: tuple[Ssin, ...]
    """People whose data are blocked or cannot be read: they resemble, and nothing may be told of them (IP-18)."""

    def __bool__(self) -> bool:
        return bool(self.people or self.withheld)


async def resembling(
    asked: Asked, declared: LegalData, set_aside: frozenset[Ssin] = frozenset(), *, sees_all: bool = False
) -> Resembling:
    """Everybody in both registers who resembles, under the number that is valid now.

    `set_aside` are people of whom it was said that they are somebody else, by any number of their chain. People of
    whom nothing may be told are set aside only by who `sees_all`: else their numbers could be guessed, by looking
    who stays. Those whose number was cancelled are nobody any more. Raises StorageError.
    """
    numbers = sorted({each.ssin for each in await _held(asked, declared) if resembles(declared, each)})
    people: dict[Ssin, Dossier] = {}
    withheld: dict[Ssin, None] = {}
    for ssin, found in (await look_up(asked, numbers)).items():
        final, dossier = found.person.final_ssin, found.latest
        if found.person.state is State.CANCELLED or final is None:
            continue
        named = bool({ssin, final} & set_aside)
        if dossier is None or dossier.legal.blocked or Unreadable.EVERYTHING in dossier.legal.unreadable:
            if not (named and sees_all):
                withheld[final] = None
        elif not named:
            people[final] = dossier
    return Resembling(tuple(people[final] for final in sorted(people)), tuple(sorted(withheld)))


def resembles(declared: LegalData, held: Dossier) -> bool:
    """The rule: whether what a register holds under a number may be about the person who was declared."""
    asked, theirs = declared.birth.date, held.legal.birth.date
    if not near(asked, theirs):
        return False
    exact = agree(asked, theirs) and _stands_in(held.ssin, asked)
    for name in held.legal.names:
        shared = wide_codes(declared.name.last) & wide_codes(name.last)
        alike = any(not code.startswith("cologne") for code in shared) or (exact and shared)
        if alike and _may_be_one(declared.name.firsts, name.firsts):
            return True
    return False


def near(asked: PartialDate, theirs: PartialDate) -> bool:
    """Whether one may have been written for the other."""
    if agree(asked, theirs):
        return True
    if not (asked.complete and theirs.complete) or abs(asked.year - theirs.year) > 1:
        return False
    same = (asked.year == theirs.year, asked.month == theirs.month, asked.day == theirs.day)
    return sum(same) > 1


def agree(asked: PartialDate, theirs: PartialDate) -> bool:
    """Whether they are the same as far as both are known, or with day and month exchanged."""
    if asked.year != theirs.year:
        return False
    if asked.complete and (asked.month, asked.day) == (theirs.day, theirs.month):
        return True
    pairs = ((asked.month, theirs.month), (asked.day, theirs.day))
    return all(not first or not second or first == second for first, second in pairs)


def _may_be_one(asked: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    if not asked or not theirs:
        return True
    first, other = asked[0], theirs[0]
    return fold(first)[:1] == fold(other)[:1] or not wide_codes(first).isdisjoint(wide_codes(other))


def _stands_in(ssin: Ssin, asked: PartialDate) -> bool:
    return to_int(ssin) // _COUNTERS in _places(asked)


def _places(asked: PartialDate) -> frozenset[int]:
    """First six digits of the numbers of people born then, as it is asked, with day and month exchanged, or less
    exactly; whoever issued them.
    """
    days = {(asked.month, asked.day), (asked.month, 0), *((0, day) for day in range(32))}
    if asked.complete and asked.day <= 12:
        days |= {(asked.day, asked.month)}
    year = asked.year % 100
    return frozenset((year * 100 + month + raised) * 100 + day for month, day in days for raised in _RAISES)


async def _held(asked: Asked, declared: LegalData) -> list[Dossier]:
    """All dossiers that may satisfy the rule, and more."""
    birth = declared.birth.date
    alike = await asked.fetch(_SOUNDS_ALIKE, *map(list, zip(*_probes(declared), strict=True)))
    numbers = {ssin for ssin, born in alike if near(birth, _birth(born))}
    rows = await asked.fetch(_HELD, list(numbers))
    if cologne(declared.name.last):
        rows += await asked.fetch(_NUMBERED, [place * _COUNTERS for place in sorted(_places(birth))])
    return [
        Dossier(from_int(ssin), Origin(origin), legal_json.parse(document))
        for ssin, origin, document in dict.fromkeys(map(tuple, rows))
    ]


def _probes(declared: LegalData) -> Iterator[tuple[int, int, int, int]]:
    """Register, key, and the first and last birth date, of what is read of the index."""
    birth = declared.birth.date
    ranges = [(birth.year * 10_000, birth.year * 10_000 + 9_999)]
    if birth.complete:
        exact = birth_number(birth)
        ranges += [(exact - 10_000, exact - 10_000), (exact + 10_000, exact + 10_000)]
    for origin in Origin:
        for code in SEARCHABLE:
            for key in code.keys(declared.name.last):
                for low, high in ranges:
                    yield origin.value, key, low, high


def _birth(number: int) -> PartialDate:
    return PartialDate(number // 10_000, number // 100 % 100, number % 100)
