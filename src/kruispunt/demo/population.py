"""Demo people: computed numbers, made-up lives; the same seed gives the same people.

The shares follow no statistics; they see to it that every state and register occurs often enough to meet it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from typing import Any

from kruispunt.demo.households import FIRST_BIRTH, LAST_BIRTH, Member, earlier, household
from kruispunt.demo.personas import Numbers
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Kind, Sex, Ssin, compute

FIRST_COUNTER = 900
LAST_COUNTER = 998
PERSONA_COUNTERS = 50
"""The counters from 900 to 949 are left to the personas."""
_FIRST_OF = {Sex.FEMALE: FIRST_COUNTER + PERSONA_COUNTERS, Sex.MALE: FIRST_COUNTER + PERSONA_COUNTERS + 1}
"""The counter of a man is odd, of a woman even (SS-03)."""

ONEM_CODES = ("902", "1", "4")
REASONS = ("01000100", "01000200", "01000300", "01010101", "01010103", "01010301", "01010400", "01010601")


@dataclass(frozen=True, slots=True)
class Demo:
    """One demo person, as rows of the three import formats."""

    person: Mapping[str, Any]
    lines: tuple[Mapping[str, Any], ...]
    situation: Mapping[str, Any] | None


def population(count: int, numbers: Numbers, seed: int = 1) -> Iterator[Demo]:
    """`count` people, replacements included; the same arguments give the same people."""
    chance = random.Random(seed)  # noqa: S311  people are made up, not secrets
    given = _GivenOut(chance, numbers)
    for member, replaced_by in islice(_members(chance, given), count):
        assert member.ssin is not None
        person: dict[str, Any] = {"ssin": member.ssin, "register": member.register}
        if replaced_by is not None:
            person["replacedBy"] = replaced_by
        elif chance.random() < 0.01:
            person["cancelled"] = True
        person |= member.finish()
        asked = member.kind is Kind.NATIONAL and chance.random() < 0.1
        yield Demo(person, tuple(_lines(chance, member.ssin)), _situation(chance, member.ssin) if asked else None)


def _members(chance: random.Random, given: _GivenOut) -> Iterator[tuple[Member, Ssin | None]]:
    """People without end, household after household, each with a number; some with the number that they had before,
    and the one before that.
    """
    while True:
        members = list(household(chance))
        for member in members:
            member.ssin = given.number(member)
        for member in members:
            yield member, None
            while chance.random() < 0.03:
                before = earlier(member)
                before.ssin = given.number(before)
                yield before, member.ssin
                member = before  # the chain goes on


class _GivenOut:
    """Gives out numbers, the counters of a day from FIRST on; a day that has run out moves the birth to another one."""

    def __init__(self, chance: random.Random, numbers: Numbers) -> None:
        self._chance = chance
        self._band = numbers is Numbers.BAND
        self._next: dict[str, int] = {}
        # Keyed by text, of which the garbage collector needs not know: there are millions.

    def number(self, member: Member) -> Ssin:
        national = member.kind is Kind.NATIONAL
        while True:
            key = f"{member.birth}{member.kind.value}{member.sex.value}"
            counter = self._next.get(key, _FIRST_OF[member.sex])
            if counter <= LAST_COUNTER:
                self._next[key] = counter + 2
                return compute(
                    member.birth,
                    counter,
                    kind=member.kind,
                    sex_known=member.sex_known,
                    test_band=self._band and national,
                )
            days = (LAST_BIRTH - FIRST_BIRTH).days
            member.birth = PartialDate.of(FIRST_BIRTH + timedelta(days=int(self._chance.random() * days)))
            member.legal["birth"]["date"] = str(member.birth)


def _lines(chance: random.Random, ssin: Ssin) -> Iterator[Mapping[str, Any]]:
    for organisation, codes, share in (("0206737484", ONEM_CODES, 0.6), ("0887010362", ("1",), 0.2)):
        if chance.random() < share:
            begin = date(2005, 1, 1) + timedelta(days=chance.randint(0, 6000))
            end = begin + timedelta(days=chance.randint(30, 2000)) if chance.random() < 0.3 else None
            yield {
                "organisation": organisation,
                "ssin": ssin,
                "dossierType": chance.choice(codes),
                "begin": begin.isoformat(),
                "end": None if end is None else end.isoformat(),
            }


def _situation(chance: random.Random, ssin: Ssin) -> Mapping[str, Any]:
    row: dict[str, Any] = {"ssin": ssin}
    cards = [_card(chance) for _ in range(chance.choice((0, 1, 1, 2)))]
    permits = [_permit(chance) for _ in range(chance.choice((0, 1, 1, 1, 3)))]
    if cards:
        row["employmentCards"] = cards
    if permits:
        row["workPermits"] = permits
    if chance.random() < 0.5 or not (cards or permits):
        row["specialInfos"] = [_special(chance)]
    return row


def _card(chance: random.Random) -> Mapping[str, Any]:
    begin = date(2010, 1, 1) + timedelta(days=chance.randint(0, 5000))
    unlimited = chance.random() < 0.2
    return {
        "inceptionDate": begin.isoformat(),
        "cardNumber": f"D{chance.randint(0, 9_999_999):07d}",
        "expirationDetails": {"expiryDate": "9999-00-00" if unlimited else (begin + timedelta(days=1825)).isoformat()},
    }


def _permit(chance: random.Random) -> Mapping[str, Any]:
    begin = date(2010, 1, 1) + timedelta(days=chance.randint(0, 5000))
    return {
        "inceptionDate": begin.isoformat(),
        "permitNumber": f"P{chance.randint(0, 9_999_999):07d}",
        "expirationDetails": {"expiryDate": (begin + timedelta(days=365)).isoformat()},
    }


def _special(chance: random.Random) -> Mapping[str, Any]:
    begin = date(2010, 1, 1) + timedelta(days=chance.randint(0, 5000))
    return {"inceptionDate": begin.isoformat(), "limosa": {"reason1": chance.choice(REASONS)}}
