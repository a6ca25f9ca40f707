"""LegalData as JSON: in the lines of an import, and in `dossier.document`.

The text is the same for the same data: absent and default values are left out, fields stand in the order of the type.
"""

from __future__ import annotations

from typing import Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from kruispunt.errors import DataError, StorageError
from kruispunt.registers.legal_data import LegalData
from kruispunt.registers.shapes import NIS_CODE_FORM, PLAIN_FORM

_ADAPTER: Final[TypeAdapter[LegalData]] = TypeAdapter(LegalData)
_LONGEST_NAME: Final = 40
_WORDS: Final = {
    "missing": "missing",
    "string_type": "must be a text between quotes",
    "string_unicode": "is a text with half a character",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "is not of the form of this field",
    "tuple_type": "must be a list between [ and ]",
    "too_long": "must have at most {max_length} entries",
    "bool_type": "must be true or false",
    "dataclass_type": "must be an object between {{ and }}",
    "enum": "must be {expected}",
    "unexpected_keyword_argument": "unknown field",
    "whole": "must be a whole number",
}
"""Of errors, by pydantic's name for them; a word between braces is told by it, and never a value of the line."""
_FORMS: Final = {
    NIS_CODE_FORM: "must be a text of two to five digits",
    PLAIN_FORM: "must be one line of text, without a blank at either end",
}


def read(fields: object, where: str) -> LegalData:
    """What a line tells; `where` names the field that holds it. Raises DataError, without any value of the line."""
    try:
        return _ADAPTER.validate_python(fields)
    except ValidationError:
        pass
    try:
        return _ADAPTER.validate_python(_without_nulls(fields))
    except ValidationError as error:
        raise DataError(_reason(error.errors(include_url=False, include_input=False)[0], where)) from None


def parse(document: str) -> LegalData:
    """What the database keeps. Raises StorageError when the document is none of ours."""
    try:
        return _ADAPTER.validate_json(document)
    except ValidationError as error:
        raise StorageError(f"A dossier in the database cannot be read: {error.error_count()} errors.") from None


def write(legal: LegalData) -> str:
    """What the database keeps, and an export gives."""
    return _ADAPTER.dump_json(legal, by_alias=True, exclude_defaults=True).decode()


def _without_nulls(value: object) -> object:
    """Null is the same as absent, also where a list or a flag stands, of which the type has no None."""
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def _reason(error: ErrorDetails, where: str) -> str:
    place = ".".join([where, *(str(each)[:_LONGEST_NAME] for each in error["loc"])])
    if not place.isprintable():
        place = ascii(place)
    context = error.get("ctx", {})
    if error["type"] == "day":
        return f"{place}: {error['msg']}"
    words = _FORMS.get(context.get("pattern", ""), _WORDS.get(error["type"], "is not of the form of this field"))
    return f"{place}: {words.format(**context)}"
