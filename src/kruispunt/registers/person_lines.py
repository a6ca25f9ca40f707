"""A person as one line of JSON: how people are imported and exported, and how a change tells before and after.

    {"ssin": "85673093333", "register": "national", "replacedBy": null, "cancelled": false,
     "nationalRegister": {…}, "cbssRegister": {…}}

- `ssin`, required: valid; a number of the test band only where they are admitted, never in production.
- `register`, required: `national`, `bis` or `rad`. BIS numbers stand in `bis` and no others do. A person of
  the RAD register keeps the national number and is told once, as `rad`.
- `replacedBy`, optional: the number that came in its place, another one and valid. It may stand anywhere in
  the file, be known already, or be unknown.
- `cancelled`, optional: true when the number was cancelled; not together with `replacedBy`.
- `nationalRegister`, optional: what the National Register holds (`legal_data.py`, in camel case); not for `bis`.
- `cbssRegister`, optional: what the CBSS register holds; not for `national`. For `rad`, when it is absent, what the
  National Register holds is copied without the address (SS-08).

Null is the same as absent. Any other field refuses the line. A line says all there is about its number: what was
told before is forgotten. Without `nationalRegister` and `cbssRegister` the registers know the number and no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from kruispunt.errors import DataError
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.ssin import Kind, Ssin
from kruispunt.registers import jsonlines, legal_json, legal_rules
from kruispunt.registers.jsonlines import Fields
from kruispunt.registers.legal_data import Dossier, LegalData, Origin
from kruispunt.registers.people import Register

_NATIONAL, _CBSS = legal_rules.FIELDS[Origin.RR], legal_rules.FIELDS[Origin.KSZ]
_NAMES: Final = frozenset({"ssin", "register", "replacedBy", "cancelled", _NATIONAL, _CBSS})
_REGISTERS: Final = {register.name.lower(): register for register in Register}


@dataclass(frozen=True, slots=True)
class PersonLine:
    """All there is about a number: the facts, and what each register holds."""

    ssin: Ssin
    register: Register
    replaced_by: Ssin | None = None
    cancelled: bool = False
    national: LegalData | None = None
    cbss: LegalData | None = None

    @property
    def dossiers(self) -> Iterator[Dossier]:
        """What each register holds, as the searches want it."""
        if self.national is not None:
            yield Dossier(self.ssin, Origin.RR, self.national)
        if self.cbss is not None:
            yield Dossier(self.ssin, Origin.KSZ, self.cbss)


def read(fields: Fields, *, today: date, test_band: bool) -> PersonLine:
    """What a line tells; `today` is the civil day in Belgium. Raises DataError, without any value of the line."""
    jsonlines.allow_only(fields, _NAMES)
    ssin = jsonlines.required_ssin(fields, "ssin", today=today, test_band=test_band)
    register = _register(jsonlines.text(fields, "register"), ssin)
    replaced_by = jsonlines.optional_ssin(fields, "replacedBy", today=today, test_band=test_band)
    cancelled = jsonlines.flag(fields, "cancelled")
    if replaced_by == ssin:
        raise DataError("replacedBy: a number cannot be replaced by itself")
    if cancelled and replaced_by is not None:
        raise DataError("cancelled: a number that is replaced cannot be cancelled as well; leave one of both out")
    national, cbss = fields.get(_NATIONAL), fields.get(_CBSS)
    if national is None and cbss is None:
        return PersonLine(ssin, register, replaced_by, cancelled)
    return PersonLine(
        ssin, register, replaced_by, cancelled, *_legal(register, national, cbss, today=today, test_band=test_band)
    )


def write(
    ssin: int, register: int, replaced_by: int | None, *, cancelled: bool, national: str | None, cbss: str | None
) -> str:
    """The line of what the database keeps; the same text for the same data, and `read` reads it again."""
    parts = [f'{{"ssin":"{ssin:011d}","register":"{Register(register).name.lower()}"']
    if replaced_by is not None:
        parts.append(f'"replacedBy":"{replaced_by:011d}"')
    elif cancelled:
        parts.append('"cancelled":true')
    if national is not None:
        parts.append(f'"{_NATIONAL}":{national}')
    if cbss is not None:
        parts.append(f'"{_CBSS}":{cbss}')
    return ",".join(parts) + "}"


def _legal(
    register: Register, national: object, cbss: object, *, today: date, test_band: bool
) -> tuple[LegalData | None, LegalData | None]:
    if register is Register.BIS and national is not None:
        raise DataError(f"{_NATIONAL}: the National Register holds nobody with a BIS number")
    if register is Register.NATIONAL and cbss is not None:
        raise DataError(f"{_CBSS}: the CBSS register holds people of the registers bis and rad alone")
    of_national = None if national is None else legal_json.read(national, _NATIONAL)
    of_cbss = None if cbss is None else legal_json.read(cbss, _CBSS)
    if register is Register.RAD and of_cbss is None and of_national is not None:
        of_cbss = legal_rules.to_rad(of_national)
    if of_national is not None:
        legal_rules.check(of_national, Origin.RR, register, today=today, test_band=test_band)
    if of_cbss is not None:
        legal_rules.check(of_cbss, Origin.KSZ, register, today=today, test_band=test_band)
    return of_national, of_cbss


def _register(name: str, ssin: Ssin) -> Register:
    register = _REGISTERS.get(name)
    if register is None:
        raise DataError(f"register: must be one of {', '.join(_REGISTERS)}")
    if (register is Register.BIS) != (ssins.kind(ssin) is Kind.BIS):
        raise DataError("register: BIS numbers stand in the BIS register, and no other numbers do")
    return register
