"""A reading: the sounds of a name, for somebody who reads its letters as one language does.

A reading is a list of rules. At each place of the folded name the first rule that fits takes its letters and
says their sounds. Sounds are capitals; the same sound twice in a row is one.

    A E I O      as written                  C   sh (French ch, German sch)
    U            boer, fou                   G   the Dutch g and ch; the French g of gare
    V            muur, du                    J   j (Dutch ja, French jour)
    X            neus, feu                   F   f, v and w
    Y            ijs, eis                    S   s and z
    Q            huis, lui                   Z   ts (German z)
    H            kou, blauw                  Î   nasal: vin, main
    W            oi (French roi)             Â   nasal: an, en
    B D K L M N P R T as written             Ô   German eu
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

_TWICE: Final = re.compile(r"(.)\1+", re.DOTALL)


class Rule(NamedTuple):
    """`pattern` is a regular expression over folded letters; `sounds` what it is heard as, perhaps nothing."""

    pattern: str
    sounds: str


class Step(NamedTuple):
    """Letters of a name, and what a rule made of them."""

    letters: str
    sounds: str


@dataclass(frozen=True, slots=True)
class Reading:
    """How one language reads letters. `rules` in order of precedence; letters of no rule stay as they are."""

    name: str
    rules: tuple[Rule, ...]
    _pattern: re.Pattern[str]
    _sounds: tuple[str, ...]

    @classmethod
    def of(cls, name: str, *rules: tuple[str, str]) -> Reading:
        """The reading with these patterns and sounds. Patterns have no capturing groups.

        An empty group behind each tells which one fits: a group around it would keep the engine from passing over the
        patterns that begin with another letter.
        """
        pattern = re.compile("|".join(f"(?:{pattern})()" for pattern, _ in rules))
        return cls(name, tuple(Rule(*rule) for rule in rules), pattern, ("", *(sounds for _, sounds in rules)))

    def sounds(self, folded: str) -> str:
        """What is heard; for a name that is silent throughout, its letters."""
        sounds = self._sounds
        heard = self._pattern.sub(lambda match: sounds[match.lastindex or 0], folded)
        if _TWICE.search(heard):
            heard = _TWICE.sub(r"\1", heard)
        return heard or folded

    def steps(self, folded: str) -> list[Step]:
        """The same, letter by letter: for people who ask why two names match."""
        steps, place = [], 0
        for match in self._pattern.finditer(folded):
            if match.start() > place:
                steps.append(Step(folded[place : match.start()], folded[place : match.start()]))
            if match.group():
                steps.append(Step(match.group(), self._sounds[match.lastindex or 0]))
            place = match.end()
        if place < len(folded):
            steps.append(Step(folded[place:], folded[place:]))
        return steps


def letters(**sounds: str) -> tuple[tuple[str, str], ...]:
    """Rules for single letters."""
    return tuple(sounds.items())
