"""The rules of the three readings: how Dutch, French and German speakers in Belgium read a surname."""

from __future__ import annotations

from typing import Final

from kruispunt.registers.phonetics.reading import Reading, letters

_PLAIN: Final = letters(b="B", d="D", f="F", l="L", m="M", n="N", p="P", r="R", s="S", t="T", v="F", w="F", z="S")

DUTCH: Final = Reading.of(
    "Dutch",
    # -ssche, -sch: no more than an s at the end, or before a consonant
    ("s?sche?$", "S"),
    ("sch(?=[lmnrw])", "S"),
    ("sch", "SG"),
    ("sc(?=[aou])", "SG"),
    ("sj|sh", "C"),
    ("chs|ckx|cks|kx|x", "KS"),
    ("ch|gh?", "G"),
    ("qu", "KF"),
    ("c?q|ck|k", "K"),
    ("c(?=[eiy])", "S"),
    ("c", "K"),
    # at the end of a word d and b harden
    ("[dt]+[sz]$|tz", "TS"),
    ("dt|th|d$|(?<!^)dh", "T"),
    ("b$", "P"),
    ("ph", "F"),
    ("(?<=[bcdfgkptv])re$", "ER"),
    ("[ao]uw|au|ou", "H"),
    ("a[ae]?(?:ij|[iy])", "AJ"),
    ("eeuw?", "EV"),
    ("ieuw?", "IV"),
    ("^y(?=[aeou])", "J"),
    ("e(?:ij|[iy])|ij|y", "Y"),
    ("u(?:ij|[iy])", "Q"),
    ("oe(?:ij|[iy])", "UJ"),
    ("oo?(?:ij|[iy])", "OJ"),
    ("oe", "U"),
    ("eu", "X"),
    ("ue|uw|u", "V"),
    ("a[ae]?", "A"),
    ("ie|i", "I"),
    ("e", "E"),
    ("o", "O"),
    ("j", "J"),
    ("h", ""),
    *_PLAIN,
)

FRENCH: Final = Reading.of(
    "French",
    # endings
    ("i(?=e(?:rs?|z|ts?)$|ée?s?$)", "I"),
    ("(?<![aey])ers?$|e(?:z|ts?|ds?)$|ay[est]?$|ai[est]?$|eys?$|éee?s?$|ée?[sz]?$|ee$", "E"),
    ("aul(?=[dt])", "O"),
    ("oul(?=[dt]+s?$)", "U"),
    ("iens?$", "IÎ"),
    ("(?<=..)es?$", ""),
    ("(?<=..)[dtsxzp]+$", ""),
    # consonants
    ("^des(?=[cpt])", "DE"),
    ("s(?=n|qu)", ""),
    ("sch|ch(?![rlnt])", "C"),
    ("sc(?=[eiyé])", "S"),
    ("cc(?=[eiyé])|x", "KS"),
    ("c(?=[eiyé])", "S"),
    ("c?qu?|ck|ch|c|k", "K"),
    ("gn", "NJ"),
    ("gu(?=[eiyé])", "G"),
    ("ge(?=[aou])|g(?=[eiyé])|j", "J"),
    ("gh?", "G"),
    ("ph", "F"),
    ("th", "T"),
    ("b[uv](?=r)|bv", "F"),
    # nasal vowels, before a consonant or at the end
    ("(?:[ae]?i|y)[nm](?![aeiouyéhnm])", "Î"),
    ("[ae]n(?![aeiouyéhnm])|[ae]m(?=[bp])", "Â"),
    # vowels
    ("(?<=[aeou])il(?:li?(?=[aeouyé])|$)", "J"),
    ("eau|au", "O"),
    ("oeu|eu", "X"),
    ("oe|ou", "U"),
    ("oij?|oy", "W"),
    ("ui|uy", "Q"),
    ("a[iy]|e[iy]|é", "E"),
    ("a[ae]?", "A"),
    ("ie|ij|i|y", "I"),
    ("u", "V"),
    ("e", "E"),
    ("o", "O"),
    ("h", ""),
    *_PLAIN,
)

GERMAN: Final = Reading.of(
    "German",
    ("tsch", "TC"),
    ("sch|sh", "C"),
    ("chs|ckx|cks|ks|x", "KS"),
    ("ch", "G"),
    ("[td]?[sz](?<=[td]s|.z|tz)|z", "Z"),
    ("dt|th|d$", "T"),
    ("b$", "P"),
    ("qu", "KF"),
    ("c(?=[eiy])", "Z"),
    ("ck|c|k|q", "K"),
    ("pf|ph", "F"),
    ("aeu|eu|o[iy]", "Ô"),
    ("a[iy]|e[iy]|ae[iy]", "Y"),
    ("^y(?=[aeou])|j", "J"),
    ("au", "H"),
    ("ou", "U"),
    ("a[ae]?", "A"),
    ("oe?", "O"),
    ("ue?", "V"),
    ("ie|i|y", "I"),
    ("e", "E"),
    ("g", "G"),
    ("h", ""),
    *_PLAIN,
)
