"""What the handler decided, as the reply is written from it."""

from __future__ import annotations

from dataclasses import dataclass

from kruispunt.registers.legal_data import Dossier
from kruispunt.services.identify_person.citizen import Version
from kruispunt.services.identify_person.summary import Detail


@dataclass(frozen=True, slots=True)
class Answered:
    people: tuple[Dossier, ...]
    details: tuple[Detail, ...]
    version: Version
    empty: bool = False
    """Nobody was found, and that is an answer (IP-15)."""
    limited: bool = False
    """To be shown as `LimitedLegalData`."""
    extended: bool = False

    @property
    def given(self) -> bool:
        """Whether there is anything to give."""
        return bool(self.people) or self.empty
