"""The phonetic code of names (IP-09): which names sound the same to people in Belgium.

The code of the National Register is not public; this one is the project's own. A name is read as a Dutch, a
French and a German speaker would, with an umlaut both as two letters and as one: at most four readings, most
of them the same. Each gives a key, and two names match when they share a key.

- Equal names after folding (`fold.py`) always match: the Dutch reading sees nothing but the folded name.
- The code has a version, and each key holds it: keys of two versions never meet. Whoever changes what any
  name sounds like must raise VERSION and re-index the registers; `tests/phonetics` holds frozen examples.
- Pure functions of the text: no table, no setting, no clock.
"""

from kruispunt.registers.phonetics.code import CODE, SEARCHABLE, VERSION, Code, Key, keys, unpack
from kruispunt.registers.phonetics.explain import Explanation, explain, shared
from kruispunt.registers.phonetics.fold import fold
from kruispunt.registers.phonetics.wide import cologne, wide_codes

__all__ = [
    "CODE",
    "SEARCHABLE",
    "VERSION",
    "Code",
    "Explanation",
    "Key",
    "cologne",
    "explain",
    "fold",
    "keys",
    "shared",
    "unpack",
    "wide_codes",
]
