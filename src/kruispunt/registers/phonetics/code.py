"""From a name to its keys: numbers of 63 bits, as a `bigint` of the database holds them.

    bits 58-62   version of the code, 1 to 31
    bits 55-57   0: up to eleven sounds follow, five bits each, the first one highest
                 1: more sounds, or one that is not in the alphabet; their BLAKE2b hash follows

A key is never 0, which tables use for "no name".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NewType

from kruispunt.registers.phonetics.fold import fold, fold_french, fold_german
from kruispunt.registers.phonetics.languages import DUTCH, FRENCH, GERMAN
from kruispunt.registers.phonetics.reading import Reading

Key = NewType("Key", int)
"""A phonetic key. Names match when they share one."""
Readings = Sequence[tuple[Reading, Callable[[str], str]]]
"""Each reading, and what makes the letters that it sees."""

VERSION: Final = 1
"""Raise it with every change of what any name sounds like, and re-index: `kruispunt people reindex`."""
READINGS: Final[Readings] = ((DUTCH, fold), (FRENCH, fold_french), (GERMAN, fold_german), (GERMAN, fold))

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZÂÎÔ"
_NUMBERS: Final = {sound: number for number, sound in enumerate(_ALPHABET, 1)}
_BITS, _MOST_SOUNDS = 5, 11
_CONTENT: Final = _BITS * _MOST_SOUNDS
_HASHED: Final = 1 << _CONTENT
_VERSION_AT: Final = _CONTENT + 3
_REMEMBERED: Final = 65_536
"""Names whose keys are kept: a few thousand names are those of most people."""


class Code:
    """One version of the phonetic code. Its keys are those from `lowest` up to, not with, `above`."""

    def __init__(self, version: int, readings: Readings) -> None:
        self.version = version
        self.readings = tuple(readings)
        self.lowest = version << _VERSION_AT
        self.above = (version + 1) << _VERSION_AT
        self.keys: Callable[[str], tuple[Key, ...]] = lru_cache(_REMEMBERED)(self.keys_anew)
        """The one to four keys of a name; none when it has neither letters nor digits."""

    def key(self, sounds: str) -> Key:
        """The key of what is heard."""
        content = 0
        if len(sounds) <= _MOST_SOUNDS:
            for sound in sounds:
                number = _NUMBERS.get(sound)
                if number is None:
                    break
                content = content << _BITS | number
            else:
                return Key(self.lowest | content)
        digest = int.from_bytes(blake2b(sounds.encode(), digest_size=8).digest(), "big")
        return Key(self.lowest | _HASHED | digest % _HASHED)

    def keys_anew(self, name: str) -> tuple[Key, ...]:
        """As `keys`, which remembers."""
        if not fold(name):
            return ()
        # Most names have no umlaut, and are read twice in German as the same letters.
        read = dict.fromkeys((reading.sounds, letters(name)) for reading, letters in self.readings)
        return tuple(dict.fromkeys(self.key(sounds(folded)) for sounds, folded in read))


CODE: Final = Code(VERSION, READINGS)
"""The code under which people are indexed."""
SEARCHABLE: Final = (CODE,)
"""The codes under which people are searched: besides today's, the one before it, until all are re-indexed."""

keys = CODE.keys


def unpack(key: Key) -> str | None:
    """The sounds of a key; None when it holds only their hash."""
    if key & _HASHED:
        return None
    sounds, content = "", key & (_HASHED - 1)
    while content:
        sounds = _ALPHABET[(content & 31) - 1] + sounds
        content >>= _BITS
    return sounds
