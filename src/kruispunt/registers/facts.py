"""What the database keeps of a number, and what is told of it with the keys that follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from kruispunt.errors import DataError
from kruispunt.identifiers import ssin as ssins
from kruispunt.registers import legal_json, person_lines, shapes
from kruispunt.registers.jsonlines import LONGEST_LINE
from kruispunt.registers.keys import address_keys, name_keys
from kruispunt.registers.legal_data import Origin
from kruispunt.registers.person_lines import PersonLine

_NATIONAL, _CBSS = Origin.RR.value, Origin.KSZ.value
_END: Final = b"}\n"
_ROOM: Final = 1_000
"""Bytes that are more than a line has besides its documents."""


class Facts(NamedTuple):
    """What the database keeps of a number; `state` and `final_ssin` are derived from it."""

    ssin: int
    register: int
    replaced_by: int | None
    cancelled: bool
    national: bytes | None
    """Document of the National Register, in UTF-8."""
    cbss: bytes | None
    """Document of the CBSS register, in UTF-8."""

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
    def documents(self) -> list[tuple[int, bytes]]:
        """Those that there are, each behind its register."""
        documents = [] if self.national is None else [(_NATIONAL, self.national)]
        if self.cbss is not None:
            documents.append((_CBSS, self.cbss))
        return documents

    @property
    def fits(self) -> bool:
        """Whether `line` is not longer than a line may be; counted in full only when that is in doubt."""
        size = len(self.national or b"") + len(self.cbss or b"")
        return size < LONGEST_LINE - _ROOM or len(self.written) < LONGEST_LINE

    @property
    def written_plainly(self) -> bool:
        """Whether every text and code is certainly well formed."""
        national, cbss = self.national, self.cbss
        return (national is None or shapes.written_plainly(national)) and (cbss is None or shapes.written_plainly(cbss))

    def says_all_of(self, line: bytes, *, copied: bool = False) -> bool:
        """Whether no more quotes stand in a line than what was read of it has: two for a name and two for a text. The
        document of the CBSS register does not count when it was `copied`.
        """
        first, last = self.national, None if copied else self.cbss
        if last is None:
            first, last = None, first
        quotes = 12 if self.replaced_by is not None else 10 if self.cancelled else 8
        if first is not None:
            quotes += 2 + first.count(b'"')
        if last is not None:
            quotes += 2
            if line.endswith(last + _END):
                # Mostly it stands there as it is written: then it need not be counted on either side.
                line = line[: -len(last) - len(_END)]
            else:
                quotes += last.count(b'"')
        return line.count(b'"') == quotes

    @property
    def line(self) -> str:
        """As `kruispunt people import` reads it."""
        return self.written.decode()

    @property
    def written(self) -> bytes:
        """The same in UTF-8."""
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
    names: Sequence[bytes] = ()
    addresses: Sequence[bytes] = ()
    """As `keys.py` makes them."""

    @classmethod
    def of(cls, line: PersonLine, facts: Facts | None = None) -> Told:
        """The keys are made while the data are at hand: to read them again from the document costs as much as all
        else. `facts` are those of the line, where they are at hand too. Raises DataError for what an export could not
        write as a line that can be read again.
        """
        facts = facts or Facts.of(line)
        if not facts.fits:
            raise DataError(f"all that is told, with the copy of the RAD register, is longer than {LONGEST_LINE} bytes")
        names: list[bytes] = []
        addresses: list[bytes] = []
        for dossier in line.dossiers:
            names += name_keys(dossier)
            addresses += address_keys(dossier)
        return cls(facts, names, addresses)
