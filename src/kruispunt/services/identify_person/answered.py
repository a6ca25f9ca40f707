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
    limited: bool = False
    """To be shown as `LimitedLegalData`."""
    extended: bool = False

    @property
    def given(self) -> bool:
        """Whether anybody is told of. Nobody, without a message, is an answer too (IP-15)."""
        return bool(self.people)
