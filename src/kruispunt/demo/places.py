"""Places of demo people: real municipalities, made-up streets, and countries."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any, Final

from kruispunt.demo.names import table
from kruispunt.registers.legal_data import BELGIUM, LinguisticRegime

Row = Mapping[str, Any]
"""A part of a line of `kruispunt people import`."""

STREETS_A_THOUSAND: Final = 12
"""Streets that a municipality has for each thousand inhabitants; their codes run from 1001 on."""
MOST_STREETS: Final = 4_000

_REGIMES: Final = {
    "nl": LinguisticRegime.DUTCH,
    "fr": LinguisticRegime.FRENCH,
    "bi": LinguisticRegime.BILINGUAL,
    "nf": LinguisticRegime.DUTCH_FRENCH_FACILITIES,
    "fn": LinguisticRegime.FRENCH_DUTCH_FACILITIES,
    "fd": LinguisticRegime.FRENCH_GERMAN_FACILITIES,
    "fx": LinguisticRegime.FRENCH_DUTCH_GERMAN_FACILITIES,
    "df": LinguisticRegime.GERMAN_FRENCH_FACILITIES,
}
_COUNTRIES: Final = {
    BELGIUM: ("BELGIE", "BELGIQUE", "BELGIEN"),
    "103": ("DUITSLAND", "ALLEMAGNE", "DEUTSCHLAND"),
    "109": ("SPANJE", "ESPAGNE", "SPANIEN"),
    "111": ("FRANKRIJK", "FRANCE", "FRANKREICH"),
    "112": ("VERENIGD KONINKRIJK", "ROYAUME-UNI", "VEREINIGTES KÖNIGREICH"),
    "113": ("LUXEMBURG", "LUXEMBOURG", "LUXEMBURG"),
    "128": ("ITALIE", "ITALIE", "ITALIEN"),
    "129": ("NEDERLAND", "PAYS-BAS", "NIEDERLANDE"),
    "262": ("TURKIJE", "TURQUIE", "TÜRKEI"),
    "354": ("MAROKKO", "MAROC", "MAROKKO"),
}
"""NIS codes of countries and their names."""
_TOWNS: Final = {
    "103": ("AACHEN", "52062", "HAUPTSTRASSE"),
    "109": ("MADRID", "28001", "CALLE MAYOR"),
    "111": ("LILLE", "59000", "RUE NATIONALE"),
    "112": ("LONDON", None, "HIGH STREET"),
    "113": ("LUXEMBOURG", "1009", "RUE DU FOSSE"),
    "128": ("TORINO", "10100", "VIA ROMA"),
    "129": ("MAASTRICHT", "6211", "DORPSSTRAAT"),
    "262": ("ANKARA", None, "ATATÜRK CADDESI"),
    "354": ("RABAT", "10000", "AVENUE HASSAN II"),
}
"""A town in each country, its postal code or None, and a street."""


@dataclass(frozen=True, slots=True, eq=False)
class Municipality:
    """A municipality of Belgium, and the parts of a line that name it."""

    code: str
    postal_code: str
    regime: LinguisticRegime
    streets: int
    location: Row

    @property
    def dutch(self) -> bool:
        """Whether its people mostly have Dutch names."""
        return self.regime in (LinguisticRegime.DUTCH, LinguisticRegime.DUTCH_FRENCH_FACILITIES)


@lru_cache(maxsize=1)
def _municipalities() -> tuple[tuple[Municipality, ...], tuple[int, ...]]:
    rows = list(table("municipalities.tsv"))
    places = tuple(
        Municipality(
            code,
            postal_code,
            _REGIMES[regime],
            min(MOST_STREETS, 20 + STREETS_A_THOUSAND * int(thousands)),
            {"code": code, "descriptions": described(*(None if name == "-" else name for name in names))},
        )
        for code, postal_code, regime, thousands, *names in rows
    )
    return places, tuple(accumulate(int(row[3]) for row in rows))


def municipality(chance: random.Random) -> Municipality:
    """Any one, the larger the likelier."""
    places, sums = _municipalities()
    return places[bisect(sums, chance.random() * sums[-1])]


def described(dutch: str | None, french: str | None, german: str | None) -> list[Row]:
    """The descriptions of a place in the languages in which it has a name of its own."""
    names = ((french, "fr"), (dutch, "nl"), (german, "de"))
    return [{"text": text, "language": language} for text, language in names if text is not None]


@lru_cache(maxsize=65_536)
def street(place: Municipality, code: int) -> Row:
    """A made-up street; the same code is the same street, in the languages of the municipality."""
    number = code + int(place.code)
    regime = place.regime
    german = regime is LinguisticRegime.GERMAN_FRENCH_FACILITIES
    names = described(
        _words("nl", number) + _words("nl-kind", number // 30)
        if place.dutch or regime is LinguisticRegime.BILINGUAL
        else None,
        None if place.dutch or german else f"{_words('fr-kind', number // 30)} {_words('fr', number)}",
        _words("de", number) if german else None,
    )
    return {"code": f"{code:04d}", "descriptions": names}


@lru_cache(maxsize=1)
def _street_words() -> Mapping[str, list[str]]:
    words: dict[str, list[str]] = {}
    for part, word in table("streets.tsv"):
        words.setdefault(part, []).append(word)
    return words


def _words(part: str, number: int) -> str:
    words = _street_words()[part]
    return words[number % len(words)]


@lru_cache(maxsize=len(_COUNTRIES))
def country(code: str) -> Row:
    dutch, french, german = _COUNTRIES[code]
    return {"code": code, "descriptions": described(dutch, french, german)}


def home(chance: random.Random) -> tuple[Municipality, Row]:
    """A municipality, and an address in it."""
    place = municipality(chance)
    address = {
        "country": country(BELGIUM),
        "municipality": place.location,
        "postalCode": place.postal_code,
        "street": street(place, 1001 + int(chance.random() * place.streets)),
        "houseNumber": str(1 + int(abs(chance.gauss(0, 60)))),
    }
    if chance.random() < 0.3:
        address["box"] = str(1 + int(chance.random() * 24))
    return place, address


def abroad(chance: random.Random, code: str) -> Row:
    """An address in another country; of some the postal code stands at the beginning of the street (IP-16)."""
    town, postal_code, road = _TOWNS[code]
    address: dict[str, Any] = {
        "country": country(code),
        "municipality": {"descriptions": [{"text": town}]},
        "houseNumber": str(1 + int(chance.random() * 200)),
    }
    if postal_code is not None and chance.random() < 0.8:
        address["postalCode"] = postal_code
        return {**address, "street": {"descriptions": [{"text": road}]}}
    return {**address, "street": {"descriptions": [{"text": f"{postal_code or 'SW1'} {road}"}]}}


def free_text(chance: random.Random, code: str) -> Row:
    """An address as one line."""
    town, _, road = _TOWNS[code]
    return {"address": f"{road} {1 + int(chance.random() * 200)}, {town}", "country": country(code)}


def post(code: str) -> Row:
    """The diplomatic post in a country; its code is made up."""
    town = _TOWNS[code][0]
    return {"code": f"9{code}", "descriptions": [{"text": f"AMBASSADE {town}"}]}
