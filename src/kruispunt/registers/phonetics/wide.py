"""The wider mode: for the duplicate check before somebody is given a new BIS number, and nothing else.

There, missing a person is worse than looking at one too many. Names match when they share a key of the
ordinary mode, or the code of the Cologne phonetics (H. J. Postel, IBM-Nachrichten 19, 1969), which keeps
consonant classes alone.
"""

from __future__ import annotations

import re
from typing import Final

from kruispunt.registers.phonetics.code import keys
from kruispunt.registers.phonetics.fold import fold

_HARD_C_AT_THE_START: Final = "ahkloqrux"
_HARD_C: Final = "ahkoqux"
_CLASSES: Final = {
    **dict.fromkeys("aeijouy", "0"),
    "b": "1",
    **dict.fromkeys("fvw", "3"),
    **dict.fromkeys("gkq", "4"),
    "l": "5",
    **dict.fromkeys("mn", "6"),
    "r": "7",
    **dict.fromkeys("sz", "8"),
}
_TWICE: Final = re.compile(r"(.)\1+")


def wide_codes(name: str) -> frozenset[str]:
    """What a name is compared by in the wider mode: names match when they share one."""
    code = cologne(name)
    return frozenset(map(str, keys(name))) | ({f"cologne {code}"} if code else frozenset())


def cologne(name: str) -> str:
    """The Cologne code: digits, a run of one digit told once, 0 (a vowel) kept at the start alone."""
    letters = fold(name)
    digits = "".join(_class(letters, place) for place in range(len(letters)))
    once = _TWICE.sub(r"\1", digits)
    return once[:1] + once[1:].replace("0", "")


def _class(letters: str, place: int) -> str:
    letter, following, before = letters[place], letters[place + 1 : place + 2], letters[max(place - 1, 0) : place]
    match letter:
        case "p":
            return "3" if following == "h" else "1"
        case "d" | "t":
            return "8" if following and following in "csz" else "2"
        case "x":
            return "8" if before and before in "ckq" else "48"
        case "c":
            if not place:
                return "4" if following and following in _HARD_C_AT_THE_START else "8"
            return "4" if before not in "sz" and following and following in _HARD_C else "8"
    return _CLASSES.get(letter, "")
