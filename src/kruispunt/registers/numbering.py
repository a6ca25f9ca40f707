"""New BIS numbers: which one is given to somebody who has none (RP-11; SS-02 to SS-06).

A number is taken once and for ever: also when it was replaced or cancelled since, also when it is only told of as the
number that comes in another one's place, and when no register knows it but a line of the repertory has or had it.
Counters are given out from the lowest free one up, odd ones to men, even ones to women, and both to people whose sex is
not known. 000 and 999 are left alone.

A birth date whose counters ran out goes on in month 00 of its year (20 or 40 in the number), day after day from 00 to
31: such a number tells the year alone. Which order the real registers follow there is not known; this one is ours.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import TYPE_CHECKING, Final

from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Sex, Ssin, check_number

if TYPE_CHECKING:
    from asyncpg import Connection

FIRST_YEAR: Final = 1900
"""Of birth: no number holds an earlier one (SS-04)."""
FIRST_COUNTER: Final = 1
FIRST_DEMO_COUNTER: Final = 900
"""Outside production: what is tried out must not become the number of a real person."""
LAST_COUNTER: Final = 998
_SEX_KNOWN, _SEX_UNKNOWN = 40, 20
_TURN: Final = 2000
_LAST_DAY: Final = 31
_WHOLLY_UNKNOWN: Final = (0, 1)
"""Year and day that, in month 00, stand for a birth date of which nothing is known."""
_COUNTERS: Final = 100_000
"""Numbers of one place: three digits of counter, two of check."""

_TAKEN: Final = "SELECT ssin FROM number_taken WHERE ssin BETWEEN $1 AND $2"
_CLAIM: Final = "SELECT number_claimed($1)"


def places(birth: PartialDate, *, sex_known: bool) -> Iterator[int]:
    """The first six digits that a number for this birth date may have, best first."""
    year, raised = birth.year % 100, _SEX_KNOWN if sex_known else _SEX_UNKNOWN
    own = (year * 100 + birth.month + raised) * 100 + birth.day
    yield own
    for day in range(_LAST_DAY + 1):
        place = (year * 100 + raised) * 100 + day
        if place != own and (year, day) != _WHOLLY_UNKNOWN:
            yield place


def numbers(place: int, birth_year: int, sex: Sex | None, first_counter: int) -> Iterator[Ssin]:
    """All numbers of a place, lowest counter first; `first_counter` may not be below 1."""
    step = 1 if sex is None else 2
    parity = 0 if sex is None else (first_counter + (sex is Sex.MALE)) % 2
    for counter in range(first_counter + parity, LAST_COUNTER + 1, step):
        nine = place * 1000 + counter
        yield Ssin(f"{nine:09d}{check_number(nine, from_2000=birth_year >= _TURN):02d}")


def first_free(place: int, birth_year: int, sex: Sex | None, first_counter: int, taken: Container[int]) -> Ssin | None:
    """The first number of a place that is not taken; None when all are."""
    return next((each for each in numbers(place, birth_year, sex, first_counter) if int(each) not in taken), None)


async def new_number(
    connection: Connection, birth: PartialDate, sex: Sex | None, *, first_counter: int = FIRST_COUNTER
) -> Ssin | None:
    """A BIS number that nobody has or had; None when the whole year has run out.

    The caller holds the lock under which people change, and tells of the number in the same transaction. Until its
    end nobody writes a line about the number.
    """
    for place in places(birth, sex_known=sex is not None):
        lowest = place * _COUNTERS
        taken = {row[0] for row in await connection.fetch(_TAKEN, lowest, lowest + _COUNTERS - 1)}
        while (found := first_free(place, birth.year, sex, first_counter, taken)) is not None:
            # Somebody may have inscribed it since, without asking whether it is anybody's.
            if await connection.fetchval(_CLAIM, int(found)):
                return found
            taken.add(int(found))
    return None
