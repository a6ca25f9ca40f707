"""What a file of inscriptions is made of, whatever its form."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from kruispunt.repertory.identification import Identification


class Kind(Enum):
    """What a file does with its lines: one thing, so that their order does not matter. The value stands in vouchers."""

    INSERT = "INSCRIPTIONS"
    DELETE = "DELETIONS"

    @property
    def element(self) -> str:
        """Local name of the root element."""
        return "insertInscriptions" if self is Kind.INSERT else "deleteInscriptions"


class Item(NamedTuple):
    """A line of a file: texts of the right form, of which nothing is judged yet."""

    ssin: str
    """Eleven digits."""
    organisation: str
    """CBE number, or sector and institution with a slash between; empty for the register's user itself."""
    dossier_type: str
    begin: str | None
    """`YYYY-MM-DD`; None: from the first day on, which only a deletion can say."""
    end: str | None
    identification: Identification | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that has not the form of one; `why` holds no value of it."""

    why: str


Read = Item | Unreadable

Plain = tuple[str, str, str, str, str, str]
"""A line of XML as nearly every program writes it: SSIN, what stands in `organization`, dossier type, first day, last
day, and nothing. What is absent is empty. Beside Item, because a million of them are made."""
