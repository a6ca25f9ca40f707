"""Who is subscribed to what: definitions in a TOML file, and rows that never change but for their end (RP-16, RP-17).

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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from kruispunt.access.model import AccessTable, Organisation
from kruispunt.errors import ConfigurationError, DataError
from kruispunt.identifiers import cbe
from kruispunt.identifiers.cbe import CbeNumber, InvalidCbeNumber
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.mutations.entitlement import SERVICE, entitled
from kruispunt.mutations.kinds import Kind
from kruispunt.repertory.lines import dossier_type, organisation_key

if TYPE_CHECKING:
    from asyncpg import Connection, Record

    from kruispunt.storage.database import Asked, Database

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
_LOCK: Final = "LOCK TABLE subscription IN SHARE ROW EXCLUSIVE MODE"
_END: Final = "UPDATE subscription SET ended = clock_timestamp() WHERE code = $1 AND ended IS NULL"
_BEGIN: Final = """
    INSERT INTO subscription (code, organisation, receiver, legal_context, owner, known_to, dossier_types, active_only,
        kinds, stream, pushed, author)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
_REGISTERS: Final = "SELECT owner FROM register WHERE owner = ANY ($1::bigint[])"
_TYPES: Final = "SELECT organisation, code FROM dossier_type WHERE owner = $1"


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
class Subscription:
    """A definition that is or was in force; all of it was settled when it was made."""

    id: int
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
    author: str
    at: datetime
    ended: datetime | None


class Outcome(Enum):
    """What a definition did."""

    BEGUN = "begun"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


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
            _definition(_Row.model_validate(row)) for row in (rows if isinstance(rows, list) else [rows])
        )
        codes = [each.code for each in definitions]
        for code in codes:
            if codes.count(code) > 1:
                raise DataError(f"{code}: stands there twice")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, DataError, InvalidCbeNumber) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part + 1) if isinstance(part, int) else part for part in first["loc"])
        raise ConfigurationError(f"{path}: {place or 'subscription'}: {first['msg']}") from error
    return definitions


async def define(
    database: Database, table: AccessTable, definitions: Sequence[Definition], author: str
) -> tuple[Outcome, ...]:
    """Put all subscriptions in force as they are told, or none; others stay as they are. What each did, in order.

    Held against the access `table` in force and the registers. Raises ConfigurationError, which names what is missing
    and what to do; StorageError.
    """
    async with database.connection() as connection, connection.transaction():
        await connection.execute(_LOCK)
        settled = [_settle(table, each) for each in definitions]
        await _check_registers(connection, settled)
        rows = await connection.fetch(_LAST_OF, [each.code for each in definitions])
        last = {row["code"]: _subscription(row) for row in rows}
        outcomes = []
        for values in settled:
            outcomes.append(_outcome(values, last.get(values.code)))
            if outcomes[-1] is not Outcome.UNCHANGED:
                await connection.execute(_END, values.code)
                await connection.execute(_BEGIN, *values.columns, author)
    return tuple(outcomes)


async def end(database: Database, code: str) -> bool:
    """Nothing more is told from now on; whether it was in force. Its files stay to be fetched. Raises StorageError."""
    return await database.execute(_END, code) != "UPDATE 0"


async def in_force(connection: Asked, *, pushed: bool) -> tuple[Subscription, ...]:
    """Those that files are made for, or those that are pushed, in order of their codes."""
    return tuple(map(_subscription, await connection.fetch(_IN_FORCE, pushed)))


async def every(database: Asked, *, ended: bool = False) -> tuple[Subscription, ...]:
    """All in force, in order of their codes; with `ended` also those that were. Raises StorageError."""
    return tuple(map(_subscription, await database.fetch(_EVERY if ended else _ALL_IN_FORCE)))


@dataclass(frozen=True, slots=True)
class _Settled:
    """A definition whose open ends are filled in."""

    code: str
    organisation: str
    receiver: OrganisationKey
    legal_context: str
    owner: CbeNumber
    known_to: OrganisationKey | None
    dossier_types: tuple[str, ...] | None
    active_only: bool
    kinds: tuple[Kind, ...]
    stream: str | None
    pushed: bool

    @property
    def columns(self) -> tuple[object, ...]:
        types = None if self.dossier_types is None else list(self.dossier_types)
        return (
            *(self.code, self.organisation, self.receiver, self.legal_context, cbe.to_int(self.owner), self.known_to),
            *(types, self.active_only, [kind.value for kind in self.kinds], self.stream, self.pushed),
        )


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


def _settle(table: AccessTable, told: Definition) -> _Settled:
    organisation = table.organisations.get(told.organisation)
    if organisation is None:
        raise ConfigurationError(
            f"{told.code}: organisation {told.organisation} is not in the access table in force; "
            "add it to organisations.toml, or apply the files: kruispunt access apply"
        )
    owner = told.owner or (None if organisation.cbe is None else CbeNumber(organisation.cbe))
    if owner is None:
        raise ConfigurationError(
            f"{told.code}: {told.organisation} has no CBE number, so no register of its own; say which one: register"
        )
    known_to = _known_to(told, organisation, owner)
    _check_grants(table, told)
    return _Settled(
        *(told.code, told.organisation, OrganisationKey(organisation.keys[0]), told.legal_context, owner, known_to),
        *(told.dossier_types, told.active_only, told.kinds, told.stream, told.pushed),
    )


def _known_to(told: Definition, organisation: Organisation, owner: CbeNumber) -> OrganisationKey | None:
    """In another one's register an organisation has the lines that name it, and no others."""
    if owner == organisation.cbe:
        return told.known_to
    own = {organisation.inscribed_as, *organisation.keys}
    if told.known_to is not None and told.known_to not in own:
        raise ConfigurationError(
            f"{told.code}: known_to: {told.known_to} is another organisation than {told.organisation}; in the register "
            f"of another one it is told of its own lines alone, under {' or '.join(sorted(own))}"
        )
    return told.known_to or OrganisationKey(organisation.inscribed_as)


def _check_grants(table: AccessTable, told: Definition) -> None:
    """Everything that is asked for is granted now; what is granted on the day of a file decides what it tells."""
    wanted = [told.stream] if told.stream is not None else [kind.value for kind in told.kinds]
    for name in wanted:
        if table.grant(SERVICE, name, told.organisation, told.legal_context) is None:
            raise ConfigurationError(
                f"{told.code}: no row of {SERVICE} grants {name} to {told.organisation} under {told.legal_context}: "
                "add one to grants/mutations.toml and apply it (kruispunt access apply), or leave it out"
            )
    right = entitled(table, told.organisation, told.legal_context, told.kinds, told.stream)
    if told.stream is None and not right.parts:
        raise ConfigurationError(
            f"{told.code}: the rows of {SERVICE} name no data group of these kinds, so nothing would ever be told"
        )
    if right.active_only and not told.active_only:
        raise ConfigurationError(
            f'{told.code}: lines: the rows of {SERVICE} are for active lines; write lines = "active"'
        )
    if right.dossier_types is not None and not right.dossier_types.issuperset(told.dossier_types or ()):
        raise ConfigurationError(
            f"{told.code}: dossier_types: the rows of {SERVICE} are for {', '.join(sorted(right.dossier_types))} alone"
        )


async def _check_registers(connection: Connection, settled: Iterable[_Settled]) -> None:
    types: dict[CbeNumber, set[tuple[str, str]]] = {}
    for told in settled:
        number = cbe.to_int(told.owner)
        if told.owner not in types:
            if not await connection.fetch(_REGISTERS, [number]):
                raise ConfigurationError(
                    f"{told.code}: {told.owner} has no register; define it: kruispunt repertory define"
                )
            types[told.owner] = {(row[0], row[1]) for row in await connection.fetch(_TYPES, number)}
        there = {code for known_to, code in types[told.owner] if told.known_to in (None, known_to)}
        for code in told.dossier_types or ():
            if code not in there:
                raise ConfigurationError(
                    f"{told.code}: dossier_types: the register of {told.owner} has no type {code} for this subscriber; "
                    f"it has: kruispunt repertory types --owner {told.owner}"
                )


def _outcome(told: _Settled, last: Subscription | None) -> Outcome:
    """What becomes of it. A code keeps its organisation for ever: whoever has the code may fetch all of its files."""
    if last is None:
        return Outcome.BEGUN
    for name, before, after in (
        ("organisation", last.organisation, told.organisation),
        ("stream", last.stream, told.stream),
        ("pushed", last.pushed, told.pushed),
    ):
        if before != after:
            raise ConfigurationError(
                f"{told.code}: {name}: was {before}, and a code keeps it for ever; choose another code"
            )
    if last.ended is not None:
        return Outcome.BEGUN
    same = all(getattr(last, name) == getattr(told, name) for name in told.__slots__)
    return Outcome.UNCHANGED if same else Outcome.CHANGED


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
