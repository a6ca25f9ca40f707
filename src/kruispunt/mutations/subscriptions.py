"""Who is subscribed to what: definitions in a TOML file, and rows that never change but for their end (RP-16, RP-17).

`defining.py` puts definitions in force.

    [[subscription]]
    code = "onem-people"                # names its files; for ever of this organisation
    organisation = "onem"               # code of the access files
    legal_context = "NEO:UNEMPLOYMENT"
    register = "0244640631"             # whose lines tell who is known; absent: its own
    known_to = "0206737484"             # the organisation within that register; absent: as it is inscribed there
    dossier_types = ["902"]             # absent: all of them
    lines = "active"                    # those that hold on the day; "any": past and future ones too
    kinds = ["identification", "decease"]

A subscription to a further stream has `stream = "dimona"` in the place of `kinds`. With `pushed = true` it is told at
once, and gets no files. A definition that differs from the one in force ends that, and goes on with the same numbers.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from kruispunt.errors import ConfigurationError, DataError
from kruispunt.identifiers import cbe
from kruispunt.identifiers.cbe import CbeNumber, InvalidCbeNumber
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.mutations.kinds import Kind
from kruispunt.repertory.lines import dossier_type, organisation_key

if TYPE_CHECKING:
    from asyncpg import Record

    from kruispunt.storage.database import Asked

_COLUMNS: Final = """
    id, code, organisation, receiver, legal_context, owner, known_to, dossier_types, active_only, kinds, stream, pushed,
    author, at, ended
"""
_IN_FORCE: Final = f"SELECT {_COLUMNS} FROM subscription WHERE ended IS NULL AND pushed = $1 ORDER BY code"  # noqa: S608
_ALL_IN_FORCE: Final = f"SELECT {_COLUMNS} FROM subscription WHERE ended IS NULL ORDER BY code"  # noqa: S608
_EVERY: Final = f"SELECT {_COLUMNS} FROM subscription ORDER BY code, id"  # noqa: S608
_LAST_OF: Final = f"""
    SELECT DISTINCT ON (code) {_COLUMNS} FROM subscription WHERE code = ANY ($1::text[]) ORDER BY code, id DESC
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Definition:
    """What an organisation is told of, and about whom."""

    code: str
    organisation: str
    """Its code in the access files."""
    legal_context: str
    owner: CbeNumber | None = None
    """Whose register tells who is known; None: the organisation's own."""
    known_to: OrganisationKey | None = None
    """The organisation within that register; None: all lines of its own register, else those under its own key."""
    dossier_types: tuple[str, ...] | None = None
    """None: all of them."""
    active_only: bool = False
    kinds: tuple[Kind, ...] = ()
    """What is told of people; empty for a stream."""
    stream: str | None = None
    pushed: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """A definition whose open ends are filled in, by the access table and the registers of that moment."""

    code: str
    organisation: str
    receiver: OrganisationKey
    """The organisation as files name it."""
    legal_context: str
    owner: CbeNumber
    known_to: OrganisationKey | None
    dossier_types: tuple[str, ...] | None
    active_only: bool
    kinds: tuple[Kind, ...]
    stream: str | None
    pushed: bool


@dataclass(frozen=True, slots=True)
class Subscription(Settled):
    """One that is or was in force."""

    id: int
    author: str
    at: datetime
    ended: datetime | None


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    code: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    organisation: Annotated[str, Field(min_length=1, max_length=64)]
    legal_context: Annotated[str, Field(min_length=1, max_length=64)]
    register_: Annotated[str | None, Field(alias="register")] = None
    known_to: str | None = None
    dossier_types: Annotated[list[str], Field(min_length=1)] | None = None
    lines: Literal["active", "any"] = "any"
    kinds: Annotated[list[str], Field(min_length=1)] | None = None
    stream: Annotated[str, Field(min_length=1)] | None = None
    pushed: bool = False

    @model_validator(mode="after")
    def _to_something(self) -> _Row:
        if (self.kinds is None) == (self.stream is None):
            raise ValueError("give either kinds (of mutations of people) or stream")
        return self


def read_definitions(path: Path) -> tuple[Definition, ...]:
    """The subscriptions of a file. Raises ConfigurationError, which says where the file is wrong."""
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        unknown = sorted(set(data) - {"subscription"})
        if unknown:
            raise DataError(f"{unknown[0]}: unknown; a file has [[subscription]] alone")
        rows = data.get("subscription", [])
        definitions = tuple(
            _definition(_row(place, row)) for place, row in enumerate(rows if isinstance(rows, list) else [rows], 1)
        )
        codes = [each.code for each in definitions]
        for code in codes:
            if codes.count(code) > 1:
                raise DataError(f"{code}: stands there twice")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, DataError, InvalidCbeNumber) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    return definitions


async def in_force(connection: Asked, *, pushed: bool) -> tuple[Subscription, ...]:
    """Those that files are made for, or those that are pushed, in order of their codes."""
    return tuple(map(_subscription, await connection.fetch(_IN_FORCE, pushed)))


async def every(database: Asked, *, ended: bool = False) -> tuple[Subscription, ...]:
    """All in force, in order of their codes; with `ended` also those that were. Raises StorageError."""
    return tuple(map(_subscription, await database.fetch(_EVERY if ended else _ALL_IN_FORCE)))


async def last_of(connection: Asked, codes: Sequence[str]) -> dict[str, Subscription]:
    """The latest of each code, in force or ended."""
    return {row["code"]: _subscription(row) for row in await connection.fetch(_LAST_OF, codes)}


def _row(place: int, told: object) -> _Row:
    """What stands there. Raises DataError, with the code of the subscription, or its place where that is none."""
    try:
        return _Row.model_validate(told)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = [str(part + 1) if isinstance(part, int) else part for part in first["loc"]]
        code = told.get("code") if isinstance(told, dict) else None
        named = code if "code" not in where and isinstance(code, str) else f"subscription {place}"
        field = f"{'.'.join(where)}: " if where else ""
        why = "names none" if first["type"] == "too_short" else first["msg"].removeprefix("Value error, ")
        raise DataError(f"{named}: {field}{why}") from None


def _definition(row: _Row) -> Definition:
    kinds = {kind.value: kind for kind in Kind}
    for name in row.kinds or ():
        if name not in kinds:
            raise DataError(f"{row.code}: kinds: {name[:40]!a} is none; there are {', '.join(kinds)}")
    try:
        return Definition(
            row.code,
            row.organisation,
            row.legal_context,
            None if row.register_ is None else cbe.validate(row.register_),
            None if row.known_to is None else organisation_key(row.known_to),
            None if row.dossier_types is None else tuple(sorted({dossier_type(each) for each in row.dossier_types})),
            row.lines == "active",
            tuple(kind for kind in Kind if kind.value in (row.kinds or ())),
            row.stream,
            row.pushed,
        )
    except (DataError, InvalidCbeNumber) as error:
        raise DataError(f"{row.code}: {error}") from None


def _subscription(row: Record) -> Subscription:
    values: Mapping[str, Any] = dict(row)
    types, known_to = values["dossier_types"], values["known_to"]
    return Subscription(
        **{
            **values,
            "receiver": OrganisationKey(values["receiver"]),
            "owner": cbe.from_int(values["owner"]),
            "known_to": None if known_to is None else OrganisationKey(known_to),
            "dossier_types": None if types is None else tuple(types),
            "kinds": tuple(kind for kind in Kind if kind.value in values["kinds"]),
        }
    )
