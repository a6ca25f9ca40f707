"""One line of an import file: what the National Register tells of one foreigner, as a JSON object.

    {"ssin": "85673003360",
     "employmentCards": [{"inceptionDate": "2019-07-00", "expiryDate": null, "duplicate": "1",
                          "cardNumber": "C-1",
                          "expirationDetails": {"expiryDate": "9999-00-00", "comment": "unlimited"}}],
     "workPermits": [{"inceptionDate": "2019-07-01", "permitNumber": "P-1", "expirationDetails": {}}],
     "specialInfos": [{"inceptionDate": "2020-01-15", "comment1": null, "comment2": null,
                       "limosa": {"reason1": "01010301", "nrBase": {"ssin": "85673003360"}}}]}

(on one line). Names are those of the elements of the reply; a field that may be absent there may be absent or
null here. The rules:

- `ssin` is a valid national number: the BIS register holds none of these data.
- A line replaces the groups that it names, whole; a group that it does not name stays as it was, so that each
  information type can come in a file of its own. An empty list removes what was there. When a file names a
  group of a person twice, the later line counts. The same file twice changes nothing.
- Order is kept. At most 500 entries a group, 64 characters a number or code, 1,000 a comment.
- Dates are `YYYY-MM-DD`, with 00 for unknown parts; `expirationDetails/expiryDate` takes every year, so that
  00/00/9999 comes as `9999-00-00`. Only the form is judged: nothing is interpreted or repaired (FS-03).
- `nrBase` holds `ssin`, which must have the form of a SSIN, or `fictionalIdentificationNumber`.
- A text with a character that XML cannot carry is refused: it could never be delivered.

A line that breaks a rule is refused whole and reported; the others are taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from kruispunt.errors import DataError
from kruispunt.identifiers.ssin import Kind, Ssin, is_well_formed, kind
from kruispunt.registers.jsonfields import bounded, optional_entries, optional_object
from kruispunt.registers.jsonlines import Fields, allow_only, optional_text, required_ssin
from kruispunt.services.foreigner_situation.situation import (
    EmploymentCard,
    Expiration,
    FictionalNumber,
    Limosa,
    SpecialInfo,
    WorkPermit,
)

MOST_ENTRIES: Final = 500
LONGEST_NUMBER: Final = 64
LONGEST_COMMENT: Final = 1_000

_DATE: Final = re.compile(r"[0-2][0-9]{3}-[01][0-9]-[0-3][0-9]")
_EXPIRY_DATE: Final = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9]")


@dataclass(frozen=True, slots=True)
class Situation:
    """One line: each group as it shall be, None for a group that the line does not name."""

    ssin: Ssin
    cards: tuple[EmploymentCard, ...] | None
    permits: tuple[WorkPermit, ...] | None
    infos: tuple[SpecialInfo, ...] | None


def read(fields: Fields, *, today: date, test_band: bool) -> Situation:
    """One line as a value. Raises DataError, whose text names the place and holds no value of the line."""
    allow_only(fields, {"ssin", "employmentCards", "workPermits", "specialInfos"})
    ssin = required_ssin(fields, "ssin", today=today, test_band=test_band)
    if kind(ssin) is Kind.BIS:
        raise DataError("ssin: a BIS number; the register of these data knows national numbers only")
    situation = Situation(
        ssin,
        optional_entries(fields, "employmentCards", _card, most=MOST_ENTRIES),
        optional_entries(fields, "workPermits", _permit, most=MOST_ENTRIES),
        optional_entries(fields, "specialInfos", _info, most=MOST_ENTRIES),
    )
    if situation.cards is None and situation.permits is None and situation.infos is None:
        raise DataError("names neither employmentCards nor workPermits nor specialInfos: nothing to take")
    return situation


def _card(fields: Fields) -> EmploymentCard:
    allow_only(fields, {"inceptionDate", "expiryDate", "duplicate", "cardNumber", "expirationDetails"})
    return EmploymentCard(
        _date(fields, "inceptionDate"),
        _optional_date(fields, "expiryDate", _DATE),
        bounded(fields, "duplicate", LONGEST_NUMBER),
        _number(fields, "cardNumber"),
        optional_object(fields, "expirationDetails", _expiration) or Expiration(None, None),
    )


def _permit(fields: Fields) -> WorkPermit:
    allow_only(fields, {"inceptionDate", "expiryDate", "permitNumber", "expirationDetails"})
    return WorkPermit(
        _date(fields, "inceptionDate"),
        _optional_date(fields, "expiryDate", _DATE),
        _number(fields, "permitNumber"),
        optional_object(fields, "expirationDetails", _expiration) or Expiration(None, None),
    )


def _expiration(fields: Fields) -> Expiration:
    allow_only(fields, {"expiryDate", "comment"})
    return Expiration(_optional_date(fields, "expiryDate", _EXPIRY_DATE), bounded(fields, "comment", LONGEST_COMMENT))


def _info(fields: Fields) -> SpecialInfo:
    allow_only(fields, {"inceptionDate", "expiryDate", "comment1", "comment2", "limosa"})
    return SpecialInfo(
        _date(fields, "inceptionDate"),
        _optional_date(fields, "expiryDate", _DATE),
        bounded(fields, "comment1", LONGEST_COMMENT),
        bounded(fields, "comment2", LONGEST_COMMENT),
        optional_object(fields, "limosa", _limosa),
    )


def _limosa(fields: Fields) -> Limosa:
    allow_only(fields, {"reason1", "reason2", "nrBase"})
    return Limosa(
        _number(fields, "reason1"),
        bounded(fields, "reason2", LONGEST_NUMBER),
        optional_object(fields, "nrBase", _base),
    )


def _base(fields: Fields) -> Ssin | FictionalNumber:
    allow_only(fields, {"ssin", "fictionalIdentificationNumber"})
    ssin = optional_text(fields, "ssin")
    fictional = bounded(fields, "fictionalIdentificationNumber", LONGEST_NUMBER)
    if (ssin is None) == (fictional is None):
        raise DataError("holds either ssin or fictionalIdentificationNumber")
    if fictional is not None:
        return FictionalNumber(fictional)
    # Somebody else's number, passed on as it is held: a wrong check number is the register's, not ours to
    # judge.
    if ssin is None or not is_well_formed(ssin):
        raise DataError("ssin: does not have the form of a SSIN")
    return Ssin(ssin)


def _date(fields: Fields, name: str) -> str:
    value = _optional_date(fields, name, _DATE)
    if value is None:
        raise DataError(f"{name}: missing")
    return value


def _optional_date(fields: Fields, name: str, form: re.Pattern[str]) -> str | None:
    value = optional_text(fields, name)
    if value is not None and form.fullmatch(value) is None:
        raise DataError(f"{name}: must be written YYYY-MM-DD, with 00 for what is unknown")
    return value


def _number(fields: Fields, name: str) -> str:
    value = bounded(fields, name, LONGEST_NUMBER)
    if not value:
        raise DataError(f"{name}: missing or empty")
    return value
