"""From a name to its keys: numbers of 63 bits, as a `bigint` of the database holds them.

    bits 58-62   version of the code, 1 to 31
    bits 55-57   0: up to eleven sounds follow, five bits each, the first one highest
                 1: more sounds, or one that is not in the alphabet; their BLAKE2b hash follows

A key is never 0, which tables use for "no name".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NewType

from kruispunt.registers.phonetics.fold import fold, fold_french, fold_german
from kruispunt.registers.phonetics.languages import DUTCH, FRENCH, GERMAN
from kruispunt.registers.phonetics.reading import Reading

Key = NewType("Key", int)
"""A phonetic key. Names match when they share one."""

VERSION: Final = 1
"""Raise it with every change of what any name sounds like, and re-index: `kruispunt people reindex`."""

READINGS: Final[tuple[tuple[Reading, Callable[[str], str]], ...]] = (
    (DUTCH, fold),
    (FRENCH, fold_french),
    (GERMAN, fold_german),
    (GERMAN, fold),
)
"""Each reading, and the letters that it sees."""

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZÂÎÔ"
_NUMBERS: Final = {sound: number for number, sound in enumerate(_ALPHABET, 1)}
_BITS, _MOST_SOUNDS = 5, 11
_CONTENT: Final = _BITS * _MOST_SOUNDS
_HASHED: Final = 1 << _CONTENT
_VERSION_AT: Final = _CONTENT + 3
_REMEMBERED: Final = 65_536
"""Names whose keys are kept: a few thousand names are those of most people."""


@lru_cache(_REMEMBERED)
def keys(name: str) -> tuple[Key, ...]:
    """The one to four keys of a name; none when it has neither letters nor digits."""
    if not fold(name):
        return ()
    return tuple(dict.fromkeys(pack(reading.sounds(letters(name))) for reading, letters in READINGS))


def pack(heard: str) -> Key:
    """The key of some sounds."""
    content = 0
    if len(heard) <= _MOST_SOUNDS:
        for sound in heard:
            number = _NUMBERS.get(sound)
            if number is None:
                break
            content = content << _BITS | number
        else:
            return Key(VERSION << _VERSION_AT | content)
    digest = int.from_bytes(blake2b(heard.encode(), digest_size=8).digest(), "big")
    return Key(VERSION << _VERSION_AT | _HASHED | digest % _HASHED)


def unpack(key: Key) -> str | None:
    """The sounds of a key; None when it holds only their hash."""
    if key & _HASHED:
        return None
    heard, content = "", key & (_HASHED - 1)
    while content:
        heard = _ALPHABET[(content & 31) - 1] + heard
        content >>= _BITS
    return heard
