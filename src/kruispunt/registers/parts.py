"""What of a person changed, as a change keeps it and a subscription asks for it (RP-16)."""

from __future__ import annotations

from enum import IntFlag


class Part(IntFlag):
    """A part of what the registers say of a number; `person_change.parts` adds them up.

    The first three are about the number itself, the others are groups of data.
    """

    NEW = 1
    """A number that no register knew."""
    REPLACEMENT = 2
    """Another number comes in its place, another one than before, or none any more."""
    CANCELLATION = 4
    """It was cancelled, or is in use again."""
    NAME = 8
    BIRTH = 16
    GENDER = 32
    NATIONALITY = 64
    CIVIL_STATE = 128
    DECEASE = 256
    ADDRESS = 512
    INSCRIPTION = 1024
    """In which register and subregister."""
    ACCESS = 2048
    """Data were blocked, or cannot be read, or can be again: which data are told differs, not the data."""


WHOLE = Part((Part.ACCESS << 1) - 1)
"""Every part."""
