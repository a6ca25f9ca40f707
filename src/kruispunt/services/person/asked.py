"""What is asked of PersonService, and what is told: the values between messages and handler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from kruispunt.identifiers.ssin import Ssin
from kruispunt.registers.legal_data import Dossier

Fields = Mapping[str, Any]
"""Data of a person in the form of `cbssRegister` in an import."""


class DataGroup(Enum):
    """What is authorised as a whole. Number, name, birth and sex belong to every authorisation; the value is both the
    name in `contexts.toml` and that of the element."""

    NATIONALITY = "nationality"
    DECEASE = "decease"
    CIVIL_STATE = "civilState"
    ADDRESS = "address"


GROUPS = frozenset(group.value for group in DataGroup)


@dataclass(frozen=True, slots=True)
class BySsin:
    ssin: str


@dataclass(frozen=True, slots=True)
class ByName:
    """As it stands in the request; `name_criteria` holds it to its rules."""

    last_name: str
    given_names: tuple[str, ...]
    birth_date: str
    variation: int | None
    gender: int | None
    maximum: int | None


@dataclass(frozen=True, slots=True)
class Registration:
    fields: Fields
    others: tuple[str, ...]
    """People of whom the client states that they are somebody else."""


@dataclass(frozen=True, slots=True)
class Update:
    ssin: str
    fields: Fields
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Replacement:
    ssin: str
    replaced_by: str


@dataclass(frozen=True, slots=True)
class Told:
    """One person, as far as the authorisation goes."""

    dossier: Dossier
    groups: frozenset[str]
    """Data groups that may be told; the others are named as filtered, whether anything is held or not."""
    replaces: str | None = None
    """The number asked, when the person has another one now."""


@dataclass(frozen=True, slots=True)
class Existing:
    """People by what identifies them alone."""

    people: tuple[Dossier, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a number; replaced when `replaced_by` is told, else cancelled."""

    ssin: Ssin
    replaced_by: Ssin | None = None
