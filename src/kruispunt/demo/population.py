"""Demo people: computed numbers, no names yet, the same seed gives the same people.

The shares follow no statistics; they see to it that every state and register occurs often enough to meet it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from kruispunt.demo.personas import Numbers
from kruispunt.identifiers.ssin import Kind, Ssin, compute

FIRST_BIRTH = date(1925, 1, 1)
LAST_BIRTH = date(2015, 12, 31)
FIRST_COUNTER = 900
LAST_COUNTER = 998
PERSONA_COUNTERS = 50
"""The counters from 900 to 949 are left to the personas."""

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
    used: set[Ssin] = set()
    previous: Ssin | None = None
    for _ in range(count):
        kind, register = chance.choices(
            ((Kind.NATIONAL, "national"), (Kind.BIS, "bis"), (Kind.NATIONAL, "rad")), (84, 12, 4)
        )[0]
        ssin = _fresh(chance, used, kind, numbers)
        replaced = previous if previous is not None and chance.random() < 0.03 else None
        person = {
            "ssin": ssin,
            "register": register,
            "replacedBy": replaced,
            "cancelled": replaced is None and chance.random() < 0.01,
        }
        situation = _situation(chance, ssin) if kind is Kind.NATIONAL and chance.random() < 0.1 else None
        yield Demo(person, tuple(_lines(chance, ssin)), situation)
        previous = ssin


def _fresh(chance: random.Random, used: set[Ssin], kind: Kind, numbers: Numbers) -> Ssin:
    days = (LAST_BIRTH - FIRST_BIRTH).days
    while True:
        birth = FIRST_BIRTH + timedelta(days=chance.randint(0, days))
        counter = chance.randint(FIRST_COUNTER + PERSONA_COUNTERS, LAST_COUNTER)
        ssin = compute(birth, counter, kind=kind, test_band=numbers is Numbers.BAND and kind is Kind.NATIONAL)
        if ssin not in used:
            used.add(ssin)
            return ssin


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
