"""Names of demo people: common Belgian ones as often as they occur, and some from elsewhere."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Final

from kruispunt.identifiers.ssin import Sex

DATA: Final = Path(__file__).with_name("data")
"""Small tables; each tells its sources."""


@dataclass(frozen=True, slots=True)
class Weighted:
    """Names, and the sum of how often each and those before it occur."""

    names: tuple[str, ...]
    sums: tuple[int, ...]

    def draw(self, chance: random.Random) -> str:
        """Any name, the commoner the likelier."""
        return self.names[bisect(self.sums, chance.random() * self.sums[-1])]


@dataclass(frozen=True, slots=True)
class Lists:
    """The names of one community."""

    last: Weighted
    first: dict[Sex, Weighted]


FOREIGN: Final = {
    "103": (
        "Müller Schmidt Schneider Weiß Jäger Köhler Groß Schäfer",
        "Jürgen Lukas Björn Stefan",
        "Anke Käthe Ulrike Petra",
    ),
    "109": ("García Fernández Muñoz Núñez Ibáñez López Peña", "José Íñigo Andrés Javier", "María Inés Lucía Begoña"),
    "111": (
        "Lefèvre Géraud L'Hôpital D'Arcy Benoît Forêt Hébert",
        "Jean-Noël Gaël Thibault Rémy",
        "Élodie Anne-Laure Zoé Maëlle",
    ),
    "112": ("O'Connor Smith Whitfield McAllister Thornbury", "Alastair Graham Oliver", "Fiona Heather Imogen"),
    "113": ("Schmit Weis Thill Wagner Kieffer", "Luc Jos Pit", "Josiane Malou Tessy"),
    "128": ("Rossi D'Angelo De Luca Esposito Nicolò", "Nicolò Matteo Ugo Rocco", "Chiara Assunta Beatrice"),
    "129": ("Van Dijk De Vries Huijsman 't Hart Kuiper IJzerman", "Jeroen Sjoerd Wouter", "Sjoukje Marloes Anneke"),
    "262": ("Yılmaz Çelik Öztürk Şahin Güneş Kaya", "İbrahim Çağlar Emre Oğuz", "Ayşe Gülşah Özlem Şule"),
    "354": ("El Amrani Benali Aït Ouali Bouzid Ziani", "Hicham Nabil Abdelkrim", "Samira Loubna Naïma"),
}
"""By NIS code of the country: last names, first names of men and of women."""
_TWO_WORDS: Final = {"De", "El", "Aït", "Van", "'t"}
_SEXES: Final = {"male": Sex.MALE, "female": Sex.FEMALE}


@lru_cache(maxsize=1)
def belgian() -> tuple[Lists, Lists]:
    """The names of the Dutch-speaking and of the French-speaking region."""
    rows = list(table("names.tsv"))

    def column(kind: str, position: int) -> Weighted:
        found = [(name, int(counts[position])) for of, name, *counts in rows if of == kind and int(counts[position])]
        return Weighted(tuple(name for name, _ in found), tuple(accumulate(count for _, count in found)))

    dutch, french = (
        Lists(column("last", position), {sex: column(kind, position) for kind, sex in _SEXES.items()})
        for position in (0, 1)
    )
    return dutch, french


@lru_cache(maxsize=len(FOREIGN))
def foreign(country: str) -> Lists:
    """The names of another country, each as often."""
    last, men, women = FOREIGN[country]
    return Lists(_even(_words(last)), {Sex.MALE: _even(men.split()), Sex.FEMALE: _even(women.split())})


def table(name: str) -> Iterator[list[str]]:
    """The rows of a file in `data/`."""
    for line in (DATA / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")


def _even(names: Sequence[str]) -> Weighted:
    return Weighted(tuple(names), tuple(range(1, len(names) + 1)))


def _words(text: str) -> list[str]:
    """Last names, of which some have two words."""
    names: list[str] = []
    for word in text.split():
        if names and names[-1] in _TWO_WORDS:
            names[-1] += f" {word}"
        else:
            names.append(word)
    return names
