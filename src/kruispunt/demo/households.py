"""Demo people by household: who lives together at one address, and what the registers hold of each (IP-16).

The shares follow no statistics; they see to it that every state occurs often enough to meet it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from kruispunt.demo import names, places
from kruispunt.demo.names import FOREIGN, Lists
from kruispunt.demo.places import Municipality, Row
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Kind, Sex, Ssin
from kruispunt.registers.legal_data import BELGIUM, LinguisticRegime

FIRST_BIRTH: Final = date(1925, 1, 1)
LAST_BIRTH: Final = date(2015, 12, 31)
_GROWN_UP: Final = 20 * 365
_COUNTRIES: Final = tuple(FOREIGN)
_CHILD_COUNTS: Final = (0, 0, 1, 1, 2, 2, 3, 4)
_FOREIGN_REGISTERS: Final = ((1, 8, 9, 3, 4, 5), (70, 80, 90, 93, 96, 100))
"""Subregisters of foreigners, and the sums of their shares."""


@dataclass(slots=True)
class Member:
    """Somebody before and after a number was given."""

    kind: Kind
    register: str
    """As in a line: national, bis or rad."""
    sex: Sex
    sex_known: bool
    birth: PartialDate
    legal: dict[str, Any]
    partner: Member | None = None
    ssin: Ssin | None = field(default=None)

    def finish(self) -> dict[str, Any]:
        """What a line tells of the registers, when everybody of the household has a number."""
        if self.kind is Kind.BIS:
            return {"cbssRegister": self.legal}
        if self.partner is not None:
            other = self.partner
            name = {key: other.legal["name"][key] for key in ("lastName", "firstNames") if key in other.legal["name"]}
            partner = {"ssin": other.ssin, "name": {**name, "complete": True}}
            self.legal["civilState"] = {**self.legal["civilState"], "partner": partner}
        return {"nationalRegister": self.legal}


def household(chance: random.Random) -> Iterator[Member]:
    """The people of one household, those first who have no number of anybody else in their data."""
    lot = chance.random()
    if lot < 0.25:
        yield _bis(chance)
    elif lot < 0.28:
        yield _at_a_post(chance)
    else:
        yield from _family(chance)


def earlier(member: Member) -> Member:
    """The same person under the BIS number of before the move to Belgium (SS-07): without an address."""
    legal: dict[str, Any] = {
        "name": {key: value for key, value in member.legal["name"].items() if key != "complete"},
        "birth": dict(member.legal["birth"]),
        "inscription": {"register": 6},
        "nationality": member.legal["nationality"],
    }
    if "gender" in member.legal:
        legal["gender"] = member.legal["gender"]
    return Member(Kind.BIS, "bis", member.sex, member.sex_known, member.birth, legal)


def _family(chance: random.Random) -> Iterator[Member]:
    place, address = places.home(chance)
    alien = chance.choice(_COUNTRIES) if chance.random() < 0.12 else None
    lists = names.foreign(alien) if alien is not None else _lists(chance, place)
    days = (LAST_BIRTH - FIRST_BIRTH).days
    age = int(chance.random() * (days - _GROWN_UP))
    settled = _day(chance)
    first = _citizen(chance, place, address, settled, lists, alien, age)
    together = chance.random() < 0.55
    second = None
    if together:
        born = min(max(age + int(chance.gauss(0, 1200)), 0), days - _GROWN_UP)
        sex = first.sex if chance.random() < 0.03 else Sex(3 - first.sex.value)
        second = _citizen(chance, place, address, settled, lists, alien, born, sex=sex)
        if chance.random() < 0.7:
            wedding = {"code": 20, "modified": _day(chance), "location": place.location}
            first.legal["civilState"] = second.legal["civilState"] = wedding
            first.partner, second.partner = second, first
    yield first
    if second is not None:
        yield second
    born = max(age, 0 if second is None else age) + int(_GROWN_UP * 1.1)
    for _ in range(chance.choice(_CHILD_COUNTS) if together or chance.random() < 0.2 else 0):
        born += 400 + int(chance.random() * 1200)
        if born > days:
            return
        last = first.legal["name"]["lastName"]
        if second is not None and chance.random() < 0.1:
            last = f"{last} {second.legal['name']['lastName']}"
        yield _citizen(chance, place, address, settled, lists, alien, born, last=last)


def _citizen(
    chance: random.Random,
    place: Municipality,
    address: Row,
    settled: str,
    lists: Lists,
    alien: str | None,
    born: int,
    *,
    sex: Sex | None = None,
    last: str | None = None,
) -> Member:
    """Somebody in the National Register, or struck off it."""
    sex = sex or (Sex.MALE if chance.random() < 0.49 else Sex.FEMALE)
    birth = _birth(chance, born, 0.05 if alien is not None else 0.0005)
    manager = {"location": place.location, "linguisticRegime": place.regime.value, "modified": settled}
    legal: dict[str, Any] = {
        "name": {**_name(chance, lists, sex, last), "complete": True},
        "birth": {
            "date": str(birth),
            "location": {"descriptions": [{"text": "ONBEKEND"}]} if alien else places.municipality(chance).location,
        },
        "inscription": {"register": _subregister(chance, alien), "modified": settled},
        "gender": {"code": sex.value},
        "civilState": {"code": 10},
        "nationality": {"location": places.country(alien or BELGIUM)},
        "address": {"manager": manager, "legal": {"standard": {**address, "modified": settled}}},
    }
    _rarely(chance, legal, lists, born)
    # Blocked data are not copied to the CBSS register.
    struck_off = chance.random() < 0.05 and "blocked" not in legal
    return Member(Kind.NATIONAL, "rad" if struck_off else "national", sex, True, birth, legal)


def _rarely(chance: random.Random, legal: dict[str, Any], lists: Lists, born: int) -> None:
    """What few people have: another name or address before, a decease, a temporary address, hidden data."""
    if chance.random() < 0.03:
        old = lists.last.draw(chance)
        legal["formerNames"] = [{**legal["name"], "lastName": old, "modified": legal["birth"]["date"]}]
    if chance.random() < 0.25:
        _, before = places.home(chance)
        legal["formerAddresses"] = [{"legal": {"standard": {**before, "modified": _day(chance)}}}]
    if chance.random() < max(0.0, 0.4 - born / 40_000):
        legal["decease"] = {"date": f"2{int(chance.random() * 25):03d}-{1 + int(chance.random() * 12):02d}-00"}
    if chance.random() < 0.01:
        legal["address"]["temporary"] = {"address": "STATIONSPLEIN 1, 1000 BRUSSEL", "country": places.country(BELGIUM)}
    if chance.random() < 0.01:
        legal["address"]["temporaryAbroad"] = places.free_text(chance, chance.choice(_COUNTRIES))
    if chance.random() < 0.002:
        legal["blocked"] = True
    elif chance.random() < 0.002:
        legal["unreadable"] = [chance.choice(("inscription", "legalAddressDetails", "something"))]


def _at_a_post(chance: random.Random) -> Member:
    """A Belgian abroad, inscribed at a diplomatic post; the last address in Belgium is in the history."""
    place, before = places.home(chance)
    lists = _lists(chance, place)
    settled = _day(chance)
    member = _citizen(chance, place, before, settled, lists, None, int(chance.random() * 25_000))
    country = chance.choice(_COUNTRIES)
    member.register = "national"
    member.legal["formerAddresses"] = [member.legal["address"], *member.legal.get("formerAddresses", ())]
    member.legal["address"] = {
        "manager": {"location": places.post(country), "modified": settled},
        "legal": {"diplomatic": {**places.free_text(chance, country), "modified": settled}},
    }
    if chance.random() < 0.3:
        member.legal["address"]["postAbroad"] = places.free_text(chance, country)
    return member


def _bis(chance: random.Random) -> Member:
    """Somebody who lives abroad, in the CBSS register."""
    country = chance.choice(_COUNTRIES)
    lists = names.foreign(country)
    sex = Sex.MALE if chance.random() < 0.6 else Sex.FEMALE
    known = chance.random() < 0.9
    birth = _birth(chance, int(chance.random() * 30_000), 0.04)
    changed = _day(chance)
    legal: dict[str, Any] = {
        "name": {**_name(chance, lists, sex, None), "modified": changed},
        "birth": {"date": str(birth), "location": {"code": country, "descriptions": [{"text": "ONBEKEND"}]}},
        "inscription": {"register": 6, "modified": changed},
        "nationality": {"location": places.country(country)},
        "address": {"legal": {"standard": {**places.abroad(chance, country), "modified": changed}}},
    }
    if chance.random() < 0.04:
        del legal["name"]["firstNames"]
    if known:
        legal["gender"] = {"code": sex.value, "modified": changed}
    if chance.random() < 0.3:
        legal["civilState"] = {"code": chance.choice((10, 20, 40, 41))}
    return Member(Kind.BIS, "bis", sex, known, birth, legal)


def _lists(chance: random.Random, place: Municipality) -> Lists:
    dutch, french = names.belgian()
    if place.regime is LinguisticRegime.BILINGUAL:
        return dutch if chance.random() < 0.2 else french
    return dutch if place.dutch else french


def _name(chance: random.Random, lists: Lists, sex: Sex, last: str | None) -> dict[str, Any]:
    firsts = lists.first[sex]
    count = 1 + int(chance.random() * 3)
    given = list(dict.fromkeys(firsts.draw(chance) for _ in range(count)))
    return {"lastName": last or lists.last.draw(chance), "firstNames": given}


def _birth(chance: random.Random, day: int, incomplete: float) -> PartialDate:
    birth = FIRST_BIRTH + timedelta(days=day)
    if chance.random() < incomplete:
        return PartialDate(birth.year, birth.month if chance.random() < 0.5 else 0)
    return PartialDate.of(birth)


def _subregister(chance: random.Random, alien: str | None) -> int:
    if alien is None:
        return 10 if chance.random() < 0.005 else 2
    registers, sums = _FOREIGN_REGISTERS
    return chance.choices(registers, cum_weights=sums)[0]


def _day(chance: random.Random) -> str:
    return (date(1985, 1, 1) + timedelta(days=int(chance.random() * 14_000))).isoformat()
