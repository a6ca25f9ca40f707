"""The methods that are compared: from a name to its codes. Two names match when they share one."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import cache
from typing import Final

from benchmarks.phonetic_quality.names import HERE
from kruispunt.registers.phonetics import cologne, fold, keys

Method = Callable[[str], frozenset[Hashable]]

_SOUNDEX: Final = {
    letter: digit for digit, letters in enumerate(("bfpv", "cgjkqsxz", "dt", "l", "mn", "r"), 1) for letter in letters
}


def soundex(name: str) -> str:
    """American Soundex, as the National Archives of the United States describe it."""
    letters = fold(name)
    code, last = letters[:1], _SOUNDEX.get(letters[:1])
    for letter in letters[1:]:
        digit = _SOUNDEX.get(letter)
        if digit and digit != last:
            code += str(digit)
        if letter not in "hw":
            last = digit
    return code[:4].ljust(4, "0")


@cache
def _double_metaphone() -> Mapping[str, tuple[str, str]]:
    rows = (line.split("\t") for line in (HERE / "double_metaphone.tsv").read_text().splitlines())
    return {folded: (first, second) for folded, first, second in rows}


def double_metaphone(name: str) -> frozenset[Hashable]:
    """Both codes, of a name of the lists."""
    return frozenset(_double_metaphone()[fold(name)])


METHODS: Final[Mapping[str, Method]] = {
    "Soundex": lambda name: frozenset((soundex(name),)),
    "Kölner": lambda name: frozenset((cologne(name),)),
    "Double Metaphone": double_metaphone,
    "kruispunt": lambda name: frozenset(keys(name)),
}
