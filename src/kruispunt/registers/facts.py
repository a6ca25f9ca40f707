"""What the database keeps of a number, and what is told of it with the keys that follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from kruispunt.errors import DataError
from kruispunt.identifiers import ssin as ssins
from kruispunt.registers import legal_json, person_lines, shapes
from kruispunt.registers.jsonlines import LONGEST_LINE
from kruispunt.registers.keys import AddressKey, NameKey, address_keys, name_keys
from kruispunt.registers.person_lines import PersonLine

_MOST_BYTES: Final = 4
"""That a character has in UTF-8."""


class Facts(NamedTuple):
    """What the database keeps of a number; `state` and `final_ssin` are derived from it."""

    ssin: int
    register: int
    replaced_by: int | None
    cancelled: bool
    national: str | None
    """Document of the National Register."""
    cbss: str | None
    """Document of the CBSS register."""

    @classmethod
    def of(cls, line: PersonLine) -> Facts:
        """What a line tells, as the database keeps it."""
        return cls(
            ssins.to_int(line.ssin),
            line.register._value_,
            None if line.replaced_by is None else ssins.to_int(line.replaced_by),
            line.cancelled,
            None if line.national is None else legal_json.write(line.national),
            None if line.cbss is None else legal_json.write(line.cbss),
        )

    @property
    def fits(self) -> bool:
        """Whether `line` is not longer than a line may be; counted in full only when that is in doubt."""
        characters = len(self.national or "") + len(self.cbss or "")
        return _MOST_BYTES * characters < LONGEST_LINE // 2 or len(self.line.encode()) < LONGEST_LINE

    @property
    def written_plainly(self) -> bool:
        """Whether every text and code is certainly well formed."""
        national, cbss = self.national, self.cbss
        return (national is None or shapes.written_plainly(national)) and (cbss is None or shapes.written_plainly(cbss))

    def quotes(self, *, copied: bool = False) -> int:
        """Quotes that stand in `line`, two for a name and two for a text; without the document of the CBSS register
        when it was `copied`.
        """
        quotes = 8 if self.replaced_by is None else 12
        if self.cancelled and self.replaced_by is None:
            quotes += 2
        if self.national is not None:
            quotes += 2 + self.national.count('"')
        if self.cbss is not None and not copied:
            quotes += 2 + self.cbss.count('"')
        return quotes

    @property
    def line(self) -> str:
        """As `kruispunt people import` reads it."""
        return person_lines.write(
            self.ssin,
            self.register,
            self.replaced_by,
            cancelled=self.cancelled,
            national=self.national,
            cbss=self.cbss,
        )


class Told(NamedTuple):
    """What is told of a number, with the keys that people are found by."""

    facts: Facts
    names: Sequence[NameKey] = ()
    addresses: Sequence[AddressKey] = ()

    @classmethod
    def of(cls, line: PersonLine, facts: Facts | None = None) -> Told:
        """The keys are made while the data are at hand: to read them again from the document costs as much as all
        else. `facts` are those of the line, where they are at hand too. Raises DataError for what an export could not
        write as a line that can be read again.
        """
        facts = facts or Facts.of(line)
        if not facts.fits:
            raise DataError(f"all that is told, with the copy of the RAD register, is longer than {LONGEST_LINE} bytes")
        names: list[NameKey] = []
        addresses: list[AddressKey] = []
        for dossier in line.dossiers:
            names += name_keys(dossier)
            addresses += address_keys(dossier)
        return cls(facts, names, addresses)
