"""Names without what clerks and keyboards disagree about: accents, case, blanks, hyphens, apostrophes.

Two names are the same to a reader when their folded forms are equal: `De Clercq`, `DECLERCQ` and `De-Clercq`.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_WHOLE: Final = str.maketrans(
    {
        "ß": "ss",
        "ẞ": "ss",
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ł": "l",
        "ħ": "h",
        "ŧ": "t",
        "ŋ": "ng",
        "ı": "i",
        "ĳ": "ij",
        "ʼ": "",  # a letter to Unicode, an apostrophe to a reader
    }
)
"""Letters that Unicode does not take apart. The lower-case forms: `fold` lowers first."""
_UMLAUTS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_ACUTE_AND_CEDILLA: Final = str.maketrans({"é": "\ue000", "ç": "s"})
"""What French tells by a mark: an é at the end is spoken, and ç is an s. The first is kept apart meanwhile."""


def fold(name: str) -> str:
    """Lower-case letters and digits alone, accents taken off: `Ø'Connor-ß` is `oconnorss`.

    Scripts other than Latin keep their letters. Empty when the name has neither letters nor digits.
    """
    if name.isascii():
        folded = name.lower()
        return folded if folded.isalnum() else "".join(filter(str.isalnum, folded))
    decomposed = unicodedata.normalize("NFKD", _lower(name).translate(_WHOLE))
    return "".join(filter(str.isalnum, decomposed.casefold()))


def fold_french(name: str) -> str:
    """As `fold`, but é stays é, and ç is s."""
    if name.isascii():
        return fold(name)
    return fold(_lower(name).translate(_ACUTE_AND_CEDILLA).replace("\ue000", "0é0")).replace("0e0", "é")


def fold_german(name: str) -> str:
    """As `fold`, but ä, ö and ü are written ae, oe and ue."""
    return fold(name) if name.isascii() else fold(_lower(name).translate(_UMLAUTS))


def _lower(name: str) -> str:
    # İ would become i and a loose dot; composed, so that a letter and its accent are one character.
    return unicodedata.normalize("NFKC", name.replace("İ", "i")).lower()
