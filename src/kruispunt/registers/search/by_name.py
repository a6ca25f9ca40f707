"""The search by name (IP-07 to IP-13): numbers of people who sound like that and were born then.

One statement asks both registers. It reads index entries alone, and of each key no more than one beyond the limit:
that there are too many is found without counting them, so the commonest name costs no more than a rare one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from kruispunt.identifiers.ssin import Ssin, from_int
from kruispunt.registers.keys import NO_FIRST_NAME, first_name_keys
from kruispunt.registers.legal_data import Origin
from kruispunt.registers.phonetics import SEARCHABLE, Code
from kruispunt.registers.search.births import births
from kruispunt.registers.search.criteria import NameCriteria

if TYPE_CHECKING:
    from kruispunt.storage.database import Database

LIMITS: Final = {Origin.RR: 30, Origin.KSZ: 50}
"""Results of one register, besides the maximum that was asked (IP-12, appendix A)."""

# One row a probe: rows cost more than numbers. ORDER BY keeps the planner from weighing whether to read all.
# First name and birth date as a pair, a range of the primary key: told apart they seem to cost the same by the other
# index, which reads everybody of the surname.
_WITH_FIRST_NAME: Final = """
    SELECT p.register, ARRAY(
        SELECT k.ssin FROM name_key k
        WHERE k.register = p.register AND k.key = p.key
            AND (k.first_key, k.birth) BETWEEN (p.first_key, p.low) AND (p.first_key, p.high)
            AND ($7 = 0 OR k.sex IN (0, $7))
        ORDER BY k.first_key, k.birth, k.ssin LIMIT p.most
    )
    FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::integer[], $5::integer[], $6::integer[])
        AS p (register, key, first_key, low, high, most)
"""
_WITHOUT: Final = """
    SELECT p.register, ARRAY(
        SELECT found.ssin FROM (
            SELECT DISTINCT k.birth, k.ssin FROM name_key k
            WHERE k.register = p.register AND k.key = p.key
                AND k.birth BETWEEN p.low AND p.high AND ($6 = 0 OR k.sex IN (0, $6))
            ORDER BY k.birth, k.ssin LIMIT p.most
        ) AS found
    )
    FROM unnest($1::smallint[], $2::bigint[], $3::integer[], $4::integer[], $5::integer[])
        AS p (register, key, low, high, most)
"""


@dataclass(frozen=True, slots=True)
class Hit:
    """A number that matches, and the registers in which it does."""

    ssin: Ssin
    origins: frozenset[Origin]


@dataclass(frozen=True, slots=True)
class Found:
    """Everybody who matches, each number once, in order of the numbers; nobody is 32012004."""

    hits: tuple[Hit, ...]

    @property
    def ssins(self) -> tuple[Ssin, ...]:
        return tuple(hit.ssin for hit in self.hits)


@dataclass(frozen=True, slots=True)
class TooMany:
    """More people match than may be told; who, is not (32012003)."""


class _Probe(NamedTuple):
    """What is asked of an index: at most `most` people with these keys, born then."""

    register: int
    key: int
    first_key: int
    low: int
    high: int
    most: int


async def by_name(database: Database, criteria: NameCriteria, codes: Iterable[Code] = SEARCHABLE) -> Found | TooMany:
    """Everybody in both registers who matches, or that they are too many. Raises StorageError.

    `codes` are the versions of the phonetic code under which people may be indexed.
    """
    probes = [probe for code in codes for origin in Origin for probe in _probes(criteria, origin, code)]
    if not probes:
        return Found(())
    sex = 0 if criteria.sex is None else criteria.sex.value
    columns = dict(zip(_Probe._fields, map(list, zip(*probes, strict=True)), strict=True))
    if criteria.first_name is None:
        del columns["first_key"]
        rows = await database.fetch(_WITHOUT, *columns.values(), sex)
    else:
        rows = await database.fetch(_WITH_FIRST_NAME, *columns.values(), sex)
    matches: dict[Origin, set[int]] = {origin: set() for origin in Origin}
    for register, ssins in rows:
        matches[Origin(register)].update(ssins)
    return _judge(matches, criteria.maximum)


def _judge(matches: dict[Origin, set[int]], maximum: int) -> Found | TooMany:
    """Too many in a register, or in both together before a number found twice is taken once (IP-12, IP-13)."""
    counts = {origin: len(numbers) for origin, numbers in matches.items()}
    if sum(counts.values()) > maximum or any(count > LIMITS[origin] for origin, count in counts.items()):
        return TooMany()
    return Found(
        tuple(
            Hit(from_int(number), frozenset(origin for origin, numbers in matches.items() if number in numbers))
            for number in sorted(set().union(*matches.values()))
        )
    )


def _probes(criteria: NameCriteria, origin: Origin, code: Code) -> Iterator[_Probe]:
    # The National Register ignores a tolerance in days and asks for the exact date (IP-07).
    exact = origin is Origin.RR and criteria.birth.complete
    low, high = births(criteria.birth, 0 if exact else criteria.tolerance)
    most = min(criteria.maximum, LIMITS[origin]) + 1
    first_keys: tuple[int, ...] = (NO_FIRST_NAME,)
    if criteria.first_name is not None:
        # People without a known first name are found whatever first name is asked (IP-09).
        first_keys += first_name_keys(criteria.first_name, origin, code)
    for key in code.keys(criteria.last_name):
        for first_key in first_keys:
            yield _Probe(origin.value, key, first_key, low, high, most)
