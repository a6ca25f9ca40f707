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
from datetime import date
from typing import Final

from msgspec import MsgspecError, Struct
from msgspec.json import Decoder

from kruispunt.errors import DataError
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.ssin import Kind, Ssin
from kruispunt.registers import jsonlines, legal_json, legal_rules
from kruispunt.registers.jsonlines import Fields
from kruispunt.registers.legal_data import Dossier, LegalData, Origin
from kruispunt.registers.people import Register
from kruispunt.registers.shapes import Shape, read_day

_NATIONAL, _CBSS = legal_rules.FIELDS[Origin.RR], legal_rules.FIELDS[Origin.KSZ]
_NAMES: Final = frozenset({"ssin", "register", "replacedBy", "cancelled", _NATIONAL, _CBSS})
_BEFORE_NATIONAL, _BEFORE_CBSS = (f',"{name}":'.encode() for name in (_NATIONAL, _CBSS))
_REGISTERS: Final = {register.name.lower(): register for register in Register}


class PersonLine(Struct, frozen=True, gc=False):
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


class _Shape(Shape, frozen=True):
    """A line as it is written."""

    ssin: str
    register: str
    replaced_by: str | None = None
    cancelled: bool = False
    national_register: LegalData | None = None
    cbss_register: LegalData | None = None


_DECODER: Final = Decoder(_Shape, dec_hook=read_day)


def read(fields: Fields, *, today: date, test_band: bool) -> PersonLine:
    """What a line tells; `today` is the civil day in Belgium. Raises DataError, without any value of the line."""
    jsonlines.allow_only(fields, _NAMES)
    ssin, register = jsonlines.text(fields, "ssin"), jsonlines.text(fields, "register")
    replaced_by, cancelled = jsonlines.optional_text(fields, "replacedBy"), jsonlines.flag(fields, "cancelled")
    national, cbss = (
        None if fields.get(name) is None else legal_json.read(fields[name], name) for name in (_NATIONAL, _CBSS)
    )
    line = _Shape(ssin, register, replaced_by, cancelled, national, cbss)
    return _judged(line, today=today, test_band=test_band)


def decode(line: bytes, *, today: date, test_band: bool) -> PersonLine | None:
    """The same of the bytes of a line, in one step; None when they are not read as they are, or break a rule.

    Left unsaid here: whether a field stands there twice, and whether texts and codes are well formed.
    """
    try:
        return _judged(_DECODER.decode(line), today=today, test_band=test_band)
    except (MsgspecError, UnicodeError, DataError):
        return None


def write(
    ssin: int, register: int, replaced_by: int | None, *, cancelled: bool, national: bytes | None, cbss: bytes | None
) -> bytes:
    """The line of what the database keeps, in UTF-8; the same for the same data, and `read` reads it again."""
    parts = [f'{{"ssin":"{ssin:011d}","register":"{Register(register).name.lower()}"']
    if replaced_by is not None:
        parts.append(f'"replacedBy":"{replaced_by:011d}"')
    elif cancelled:
        parts.append('"cancelled":true')
    line = ",".join(parts).encode()
    if national is not None:
        line += _BEFORE_NATIONAL + national
    if cbss is not None:
        line += _BEFORE_CBSS + cbss
    return line + b"}"


def _judged(line: _Shape, *, today: date, test_band: bool) -> PersonLine:
    """Held to every rule but those of single fields of legal data, which it was held to before."""
    ssin = _valid("ssin", line.ssin, today=today, test_band=test_band)
    register = _register(line.register, ssin)
    replaced_by = None
    if line.replaced_by is not None:
        replaced_by = _valid("replacedBy", line.replaced_by, today=today, test_band=test_band)
        if replaced_by == ssin:
            raise DataError("replacedBy: a number cannot be replaced by itself")
        if line.cancelled:
            raise DataError("cancelled: a number that is replaced cannot be cancelled as well; leave one of both out")
    national, cbss = line.national_register, line.cbss_register
    if national is not None:
        if register is Register.BIS:
            raise DataError(f"{_NATIONAL}: the National Register holds nobody with a BIS number")
        if register is Register.RAD and cbss is None:
            cbss = legal_rules.to_rad(national)
        legal_rules.check(national, Origin.RR, register, today=today, test_band=test_band)
    if cbss is not None:
        if register is Register.NATIONAL:
            raise DataError(f"{_CBSS}: the CBSS register holds people of the registers bis and rad alone")
        legal_rules.check(cbss, Origin.KSZ, register, today=today, test_band=test_band)
    return PersonLine(ssin, register, replaced_by, line.cancelled, national, cbss)


def _valid(field: str, text: str, *, today: date, test_band: bool) -> Ssin:
    try:
        return ssins.validate(text, today=today, test_band=test_band)
    except ssins.InvalidSsin as error:
        raise DataError(f"{field}: {error}") from None


def _register(name: str, ssin: Ssin) -> Register:
    register = _REGISTERS.get(name)
    if register is None:
        raise DataError(f"register: must be one of {', '.join(_REGISTERS)}")
    if (register is Register.BIS) != (ssins.kind(ssin) is Kind.BIS):
        raise DataError("register: BIS numbers stand in the BIS register, and no other numbers do")
    return register
