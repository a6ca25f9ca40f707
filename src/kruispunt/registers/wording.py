"""Why a value was not taken, in the words of the import: the field and the rule, and never the value.

msgspec tells of the first mistake only, in English that names types and sometimes the value: `Invalid enum value 3 - at
`$.gender.code``. What stands here says the same to who made the line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final

from msgspec import Struct, ValidationError
from msgspec.inspect import CustomType, EnumType, NoneType, StructType, Type, UnionType, VarTupleType, type_info

_LONGEST_NAME: Final = 40
_PLACE: Final = re.compile(r" - at `\$([A-Za-z0-9.\[\]]*)`\Z")
_STEP: Final = re.compile(r"[A-Za-z0-9]+")
_TYPES: Final = {
    "str": "must be a text between quotes",
    "int": "must be a whole number",
    "bool": "must be true or false",
    "array": "must be a list between [ and ]",
    "object": "must be an object between { and }",
}
_EXPECTED: Final = re.compile(r"Expected `(\w+)(?: \| null)?`(?: of length (<=|>=) ([0-9]+))?(, got)?")
_MISSING: Final = re.compile(r"Object missing required field `([A-Za-z]+)`")
_UNKNOWN: Final = "Object contains unknown field "
_NO_ENUM: Final = "Invalid enum value "


def reason(error: ValidationError, value: object, shape: type[Struct], where: str) -> str:
    """What `error` says of `value`, which should have been a `shape` and stands in the field `where`."""
    told = str(error)
    found = _PLACE.search(told)
    told, steps = (told, []) if found is None else (told[: found.start()], _STEP.findall(found.group(1)))
    kind = _type_at(type_info(shape), steps)
    if told.startswith(_UNKNOWN):
        return _printable(".".join([where, *steps, _unknown_name(value, steps, kind)])) + ": unknown field"
    if missing := _MISSING.match(told):
        return ".".join([where, *steps, missing.group(1)]) + ": missing"
    return ".".join([where, *steps]) + ": " + _rule(error, told, kind)


def _rule(error: ValidationError, told: str, kind: Type | None) -> str:
    if told.startswith(_NO_ENUM) and isinstance(kind, EnumType):
        return f"must be {_choices(kind.cls)}"
    if isinstance(kind, CustomType):
        # Of a date: a list or an object cannot even be looked at.
        return "must be a date between quotes" if isinstance(error.__cause__, TypeError) else told
    expected = _EXPECTED.match(told)
    if expected is None or (expected.group(2) is None and expected.group(4) is None):
        return "is not of the form of this field"
    of, bound, count, _ = expected.groups()
    if bound is None:
        return _TYPES[of]
    if bound == ">=":
        return "must not be empty"
    return f"must have at most {count} {'characters' if of == 'str' else 'entries'}"


def _choices(kind: type[Enum]) -> str:
    *others, last = [repr(each.value) for each in kind]
    return f"{', '.join(others)} or {last}"


def _unknown_name(value: object, steps: list[str], kind: Type | None) -> str:
    for step in steps:
        value = value[int(step)] if isinstance(value, list) else value[step] if isinstance(value, Mapping) else {}
    known = {field.encode_name for field in kind.fields} if isinstance(kind, StructType) else set()
    names: Iterator[Any] = iter(value if isinstance(value, Mapping) else ())
    return next((str(name)[:_LONGEST_NAME] for name in names if name not in known), "")


def _type_at(kind: Type, steps: list[str]) -> Type | None:
    for step in steps:
        kind = _one(kind)
        if isinstance(kind, StructType):
            kind = next(field.type for field in kind.fields if field.encode_name == step)
        elif isinstance(kind, VarTupleType):
            kind = kind.item_type
        else:
            return None
    return _one(kind)


def _one(kind: Type) -> Type:
    """What may stand in the place of null."""
    if isinstance(kind, UnionType):
        return next(each for each in kind.types if not isinstance(each, NoneType))
    return kind


def _printable(place: str) -> str:
    return place if place.isprintable() else ascii(place)
