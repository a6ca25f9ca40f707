"""Why two names match, or do not: what each reading made of which letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kruispunt.registers.phonetics.code import CODE, Key, keys
from kruispunt.registers.phonetics.fold import fold
from kruispunt.registers.phonetics.reading import Step


@dataclass(frozen=True, slots=True)
class Heard:
    """A name as one language reads it."""

    reading: str
    letters: str
    """The folded letters that the reading saw."""
    steps: tuple[Step, ...]
    sounds: str
    key: Key


@dataclass(frozen=True, slots=True)
class Explanation:
    """A name, folded, in all its readings; those that saw the same letters are told once."""

    name: str
    folded: str
    heard: tuple[Heard, ...]


def explain(name: str) -> Explanation:
    """All readings of a name; none when it has neither letters nor digits."""
    folded = fold(name)
    heard: dict[tuple[str, str], Heard] = {}
    for reading, letters_of in CODE.readings if folded else ():
        letters = letters_of(name)
        sounds = reading.sounds(letters)
        steps = tuple(reading.steps(letters))
        heard.setdefault((reading.name, letters), Heard(reading.name, letters, steps, sounds, CODE.key(sounds)))
    return Explanation(name, folded, tuple(heard.values()))


def shared(names: Sequence[str]) -> frozenset[Key]:
    """The keys that all of the names have: two names match when there is one."""
    return frozenset.intersection(*(frozenset(keys(name)) for name in names)) if names else frozenset()
