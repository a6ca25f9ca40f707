"""People of the benchmark: as many of a name as in Belgium, nobody who exists.

Seven of ten have one of the 924 common surnames, the commonest of which some four in a thousand have, as Peeters has;
the others have surnames composed of syllables. Reproducible by the seed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from itertools import accumulate
from typing import Final

from benchmarks.phonetic_quality.names import surnames
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Kind, Sex
from kruispunt.registers.legal_data import (
    AddressInformation,
    Birth,
    CivilState,
    CivilStateCode,
    Description,
    Gender,
    Inscription,
    Language,
    LegalAddress,
    LegalData,
    Location,
    ManagerLocation,
    Name,
    Nationality,
    StandardAddress,
    Subregister,
)
from kruispunt.registers.people import Register
from kruispunt.registers.person_lines import PersonLine


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


COMMONEST: Final = "Peeters"
FIRST_NAMES: Final = _words(
    """
    Jan Maria Marc Anna Luc Marie Peter Julie Johan Emma Dirk Sarah Paul Laura Jean-Pierre Elise Michel
    Nathalie Patrick Christine Koen Els Bart Ann Tom Martine Philippe Isabelle Stefan Karen Thomas Eva
    Kevin Charlotte David Louise Daniel Camille Nicolas Lucas Noah Olivia Arthur Mila Liam Zoe Adam
    Chloe Mohamed Fatima Youssef Amina Karim Willem Godelieve Jozef Simonne Albert Denise Georges Yvonne
    Roger Paulette Andre Monique Guido Rita Erik Linda
    """
)
RARE_FIRST_NAME: Final = "Quirinus"
FIRST_DAY: Final = date(1930, 1, 1)
DAYS: Final = 32_000
COUNTERS: Final = range(1, 999)
COUNTERS_OF_BIS: Final = 99
_SYLLABLES: Final = _words(
    "ba bel bro ca cor da del do fer ga gro ha her ka kor la lam lo ma mer mo na ni pa pel ra ro sa sti ta ter va vel"
)
_BEFORE: Final = ("", "", "", "De ", "Van ", "Van de ", "Le ", "Ver")
_AFTER: Final = ("ns", "rt", "ckx", "mans", "ard", "eau", "et", "ek", "in", "ois")


class Population:
    """People in order of their numbers, and what the questions need to know of them."""

    def __init__(self, people: int, seed: int = 1) -> None:
        self.people = people
        self._random = random.Random(seed)
        names = sorted(surnames(), key=lambda name: (name != COMMONEST, self._random.random()))
        self._surnames = names
        self._weights = list(accumulate(1 / (rank + 60) for rank in range(len(names))))
        self._first_weights = list(accumulate(1 / (rank + 8) for rank in range(len(FIRST_NAMES))))

    def lines(self) -> Iterator[PersonLine]:
        """Everybody. One in a thousand was replaced by the next one, up to one in twenty has a BIS number."""
        a_day = max(2, -(-self.people // DAYS))
        if a_day > len(COUNTERS):
            raise ValueError("a day has no numbers for so many people")
        places = ((day, counter) for day in range(DAYS) for counter in COUNTERS[:a_day])
        for position, (day, counter) in zip(range(self.people), places, strict=False):
            yield self._line(position, FIRST_DAY + timedelta(days=day), counter)

    def _line(self, position: int, born: date, counter: int) -> PersonLine:
        chance = self._random.random()
        sex = Sex.MALE if counter % 2 else Sex.FEMALE
        if chance < 0.05 and counter < COUNTERS_OF_BIS:
            # From 901 on: numbers that nobody was given. The others lie in the band that nobody can be given.
            ssin = ssins.compute(born, 900 + counter, kind=Kind.BIS)
            return PersonLine(ssin, Register.BIS, cbss=self._legal(born, sex, Subregister.BIS, position))
        ssin = ssins.compute(born, counter, test_band=True)
        replaced_by = ssins.compute(born, counter + 1, test_band=True) if position % 1_000 == 0 else None
        legal = self._legal(born, sex, Subregister.POPULATION, position)
        return PersonLine(ssin, Register.NATIONAL, replaced_by, national=legal)

    def _legal(self, born: date, sex: Sex, register: Subregister, position: int) -> LegalData:
        draw = self._random.random
        birth = PartialDate.of(born) if draw() < 0.99 else PartialDate(born.year, born.month if draw() < 0.5 else 0)
        return LegalData(
            name=self._name(),
            birth=Birth(birth, _place("21004", "BRUSSEL", "BRUXELLES")),
            inscription=Inscription(register),
            gender=Gender(sex) if draw() < 0.99 else None,
            civil_state=CivilState(CivilStateCode.UNMARRIED),
            nationality=Nationality(_place("150", "BELG", "BELGE")),
            address=_address(position) if register is Subregister.POPULATION else None,
            former_names=(self._name(),) if draw() < 0.05 else (),
        )

    def _name(self) -> Name:
        draw = self._random
        if draw.random() < 0.7:
            last = draw.choices(self._surnames, cum_weights=self._weights)[0]
        else:
            syllables = "".join(draw.choices(_SYLLABLES, k=draw.choice((2, 2, 3))))
            last = f"{draw.choice(_BEFORE)}{syllables}{draw.choice(_AFTER)}".title()
        if draw.random() < 0.01:
            return Name(last)
        firsts = draw.choices(FIRST_NAMES, cum_weights=self._first_weights, k=draw.choice((1, 1, 2, 3)))
        if draw.random() < 0.0001:
            firsts[0] = RARE_FIRST_NAME
        return Name(last, tuple(firsts), complete=True)


@cache
def _place(code: str, dutch: str, french: str) -> Location:
    return Location(code, (Description(dutch, Language.NL), Description(french, Language.FR)))


def _address(position: int) -> AddressInformation:
    """Three people a house, two hundred houses a street, a hundred streets a postal code."""
    house = position // 3
    street = house // 200
    standard = StandardAddress(
        country=_place("150", "BELGIË", "BELGIQUE"),
        municipality=_place("21004", "BRUSSEL", "BRUXELLES"),
        postal_code=str(1000 + street // 100 % 9_000),
        street=_place(f"{street % 100 + 1:04d}", "KERKSTRAAT", "RUE DE L'EGLISE"),
        house_number=str(house % 200 + 1),
    )
    manager = ManagerLocation(_place("21004", "BRUSSEL", "BRUXELLES"))
    return AddressInformation(manager=manager, legal=LegalAddress(standard))
