"""Who has a register, and what its lines may say: dossier types are defined beforehand (RP-01).

Definitions are rows in the database, beside the lines that they allow, and come from a TOML file by `kruispunt
repertory define`:

    [[register]]
    owner = "0999999922"                # CBE number of the user
    name = "Flemish service integrator"
    integrator = true                   # its types may name organisations
    [[register.type]]
    code = "902"
    name = "File under examination"
    organisations = ["0206737484"]      # absent: the register's user itself
    closed = false                      # true: nothing new is inscribed under it

A type is added, renamed, closed or opened; it is never removed, because lines and history may name it. `integrator` and
`closed` that are left out stay as they are, and are false at first.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kruispunt.errors import ConfigurationError, DataError
from kruispunt.identifiers import cbe
from kruispunt.identifiers.cbe import CbeNumber, InvalidCbeNumber
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.repertory.lines import NO_ORGANISATION, dossier_type, organisation_key

if TYPE_CHECKING:
    from kruispunt.storage.database import Database

_REGISTERS: Final = "SELECT owner, name, integrator FROM register ORDER BY owner"
_TYPES: Final = """
    SELECT organisation, code, name, closed FROM dossier_type WHERE owner = $1 ORDER BY organisation, code
"""
_DEFINE_REGISTER: Final = """
    INSERT INTO register (owner, name, integrator, author) VALUES ($1, $2, coalesce($3, false), $4)
    ON CONFLICT (owner) DO UPDATE
    SET name = excluded.name, integrator = coalesce($3, register.integrator), author = excluded.author,
        at = clock_timestamp()
    WHERE (register.name, register.integrator)
        IS DISTINCT FROM (excluded.name, coalesce($3, register.integrator))
"""
_DEFINE_TYPES: Final = """
    INSERT INTO dossier_type (owner, organisation, code, name, closed, author)
    SELECT $1, t.organisation, t.code, t.name, coalesce(t.closed, held.closed, false), $6
    FROM unnest($2::text[], $3::text[], $4::text[], $5::boolean[]) AS t (organisation, code, name, closed)
    LEFT JOIN dossier_type held
        ON held.owner = $1 AND held.organisation = t.organisation AND held.code = t.code
    ON CONFLICT (owner, organisation, code) DO UPDATE
    SET name = excluded.name, closed = excluded.closed, author = excluded.author, at = clock_timestamp()
    WHERE (dossier_type.name, dossier_type.closed) IS DISTINCT FROM (excluded.name, excluded.closed)
"""
_INTEGRATOR: Final = "SELECT integrator FROM register WHERE owner = $1"
_MEET_REGISTER: Final = """
    INSERT INTO register (owner, name, integrator, author) VALUES ($1, $2, true, $3) ON CONFLICT DO NOTHING
"""
_MEET_TYPES: Final = """
    INSERT INTO dossier_type (owner, organisation, code, name, author)
    SELECT $1, t.organisation, t.code, t.code, $4 FROM unnest($2::text[], $3::text[]) AS t (organisation, code)
    ON CONFLICT DO NOTHING RETURNING code
"""


@dataclass(frozen=True, slots=True)
class DossierType:
    """A role, or a partner for whom people are known."""

    code: str
    name: str
    organisation: OrganisationKey = NO_ORGANISATION
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Silent(DossierType):
    """One of a file that does not say whether it is closed: it stays as it is, and a new one is open."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A register, without its lines."""

    owner: CbeNumber
    name: str
    integrator: bool | None
    """None, of one that is told: as it is."""
    types: tuple[DossierType, ...] = ()


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _TypeRow(_Row):
    code: str
    name: Annotated[str, Field(min_length=1, max_length=256)]
    organisations: Annotated[list[str], Field(min_length=1)] | None = None
    closed: bool | None = None


class _RegisterRow(_Row):
    owner: str
    name: Annotated[str, Field(min_length=1, max_length=256)]
    integrator: bool | None = None
    type: list[_TypeRow] = []


def read_definitions(path: Path) -> tuple[Definition, ...]:
    """The registers of a file. Raises ConfigurationError, which says where the file is wrong."""
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return tuple(_definition(_RegisterRow.model_validate(row)) for row in _rows(data))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, DataError, InvalidCbeNumber) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part + 1) if isinstance(part, int) else part for part in first["loc"])
        raise ConfigurationError(f"{path}: {place or 'register'}: {first['msg']}") from error


async def define(database: Database, definitions: Iterable[Definition], author: str) -> None:
    """Put registers and their types there as they are told; what they do not tell stays.

    Raises StorageError, and ConfigurationError where a type names organisations and the register is no integrator's.
    """
    async with database.connection() as connection, connection.transaction():
        for told in definitions:
            owner = cbe.to_int(told.owner)
            await connection.execute(_DEFINE_REGISTER, owner, told.name, told.integrator, author)
            if told.integrator is None and not await connection.fetchval(_INTEGRATOR, owner):
                _refuse_organisations(told)
            rows = [(t.organisation, t.code, t.name, None if isinstance(t, Silent) else t.closed) for t in told.types]
            if rows:
                columns = list(map(list, zip(*rows, strict=True)))
                await connection.execute(_DEFINE_TYPES, owner, *columns, author)


async def meet(database: Database, owner: CbeNumber, types: Sequence[tuple[OrganisationKey, str]], author: str) -> int:
    """Define what an import of the operator names and nobody defined; how many types that were. Raises StorageError."""
    number = cbe.to_int(owner)
    await database.execute(_MEET_REGISTER, number, owner, author)
    known_to, codes = [each[0] for each in types], [each[1] for each in types]
    return len(await database.fetch(_MEET_TYPES, number, known_to, codes, author))


async def registers(database: Database) -> tuple[Definition, ...]:
    """All registers, without their types, in order of their owners. Raises StorageError."""
    rows = await database.fetch(_REGISTERS)
    return tuple(Definition(cbe.from_int(owner), name, integrator) for owner, name, integrator in rows)


async def types_of(database: Database, owner: CbeNumber) -> tuple[DossierType, ...]:
    """The dossier types of a register, in order of organisation and code; none when it does not exist.

    Raises StorageError.
    """
    rows = await database.fetch(_TYPES, cbe.to_int(owner))
    return tuple(DossierType(code, name, OrganisationKey(known_to), closed) for known_to, code, name, closed in rows)


def _rows(data: dict[str, Any]) -> list[Any]:
    unknown = sorted(set(data) - {"register"})
    if unknown:
        raise DataError(f"{unknown[0]}: unknown; a file has [[register]] alone")
    rows = data.get("register", [])
    return rows if isinstance(rows, list) else [rows]


def _definition(row: _RegisterRow) -> Definition:
    owner = cbe.validate(row.owner)
    types: dict[tuple[str, str], DossierType] = {}
    for kind in row.type:
        for known_to in [NO_ORGANISATION] if kind.organisations is None else map(organisation_key, kind.organisations):
            made = Silent if kind.closed is None else DossierType
            defined = made(dossier_type(kind.code), kind.name, known_to, bool(kind.closed))
            if types.setdefault((known_to, kind.code), defined) is not defined:
                raise DataError(f"{row.owner}: {kind.code}: stands there twice for one organisation")
    definition = Definition(owner, row.name, row.integrator, tuple(types.values()))
    if row.integrator is False:
        _refuse_organisations(definition)
    return definition


def _refuse_organisations(told: Definition) -> None:
    for kind in told.types:
        if kind.organisation != NO_ORGANISATION:
            raise ConfigurationError(f"{told.owner}: {kind.code}: only an integrator's types name organisations")
