"""LegalData as JSON: in the lines of an import, and in `dossier.document`.

The text is the same for the same data: absent and default values are left out, fields stand in the order of the type.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import MsgspecError, ValidationError, convert
from msgspec.json import Decoder, Encoder

from kruispunt.errors import DataError, StorageError
from kruispunt.registers.legal_data import LegalData
from kruispunt.registers.shapes import badly_formed, read_day
from kruispunt.registers.wording import reason

_DECODER: Final = Decoder(LegalData, dec_hook=read_day)
# What msgspec cannot write of itself are dates alone, and they are texts.
_ENCODER: Final = Encoder(enc_hook=str)


def read(fields: object, where: str) -> LegalData:
    """What a line tells; `where` names the field that holds it. Raises DataError, without any value of the line."""
    try:
        legal: LegalData = convert(_without_nulls(fields), LegalData, dec_hook=read_day)
    except ValidationError as error:
        raise DataError(reason(error, fields, LegalData, where)) from None
    for bad in badly_formed(legal, where):
        raise DataError(bad)
    return legal


def parse(document: str | bytes) -> LegalData:
    """What the database keeps: it was held against all rules before it was written, and is held against the types once
    more. Raises StorageError when the document is none of ours.
    """
    try:
        return _DECODER.decode(document)
    except (MsgspecError, UnicodeError):
        raise StorageError("A dossier in the database cannot be read: it is no document of this software.") from None


def write(legal: LegalData) -> bytes:
    """What the database keeps, and an export gives, in UTF-8."""
    return _ENCODER.encode(legal)


def _without_nulls(value: Any) -> Any:
    """Null is the same as absent, also where a list or a flag stands, of which the type has no None."""
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value
