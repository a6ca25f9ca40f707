"""What can be subscribed to, and which data belong to it (RP-16, RP-17)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final

from kruispunt.registers.parts import GROUPS, Part


class Kind(Enum):
    """A kind of mutation; the value is its name in access files, definitions and mutation files."""

    REGISTRATION = "registration"
    """A new number."""
    IDENTIFICATION = "identification"
    ADDRESS = "address"
    DECEASE = "decease"
    REPLACEMENT = "replacement"
    CANCELLATION = "cancellation"


PARTS: Final = {
    Kind.REGISTRATION: Part.NEW,
    Kind.IDENTIFICATION: Part.NAME
    | Part.BIRTH
    | Part.GENDER
    | Part.NATIONALITY
    | Part.CIVIL_STATE
    | Part.INSCRIPTION
    | Part.ACCESS,
    Kind.ADDRESS: Part.ADDRESS | Part.ACCESS,
    Kind.DECEASE: Part.DECEASE,
    Kind.REPLACEMENT: Part.REPLACEMENT,
    Kind.CANCELLATION: Part.CANCELLATION,
}
"""The parts of a change that make it one of the kind; of those that are data, the data of the kind.

Access to data is blocked of the living too: whom it concerns is told as `Part.DECEASE` when a distribution is chosen.
"""


def groups_of(kind: Kind, granted: Iterable[str]) -> Part:
    """The data that a subscriber to `kind` is told, where a grant gives it the groups in `granted`."""
    return PARTS[kind] & Part(sum({GROUPS[name] for name in granted}))
