"""Import of people into the registers (SS-07, SS-08).

A file of JSON Lines (`jsonlines.py` tells the form), one number a line:

    {"ssin": "85673093333", "register": "national", "replacedBy": null, "cancelled": false}

- `ssin`, required: valid; a number of the test band only where they are admitted, never in production.
- `register`, required: `national`, `bis` or `rad`. BIS numbers stand in `bis` and no others do. A person of
  the RAD register keeps the national number and is told once, as `rad`.
- `replacedBy`, optional: the number that came in its place, another one and valid. It may stand anywhere in
  the file, be known already, or be unknown.
- `cancelled`, optional: true when the number was cancelled; not together with `replacedBy`.

Null is the same as absent. Any other field refuses the line. When a number stands in several lines the last
one holds. A line says all there is about its number: what was told before is forgotten.

The file is applied as a whole: all good lines and the ends of all chains become visible in one moment, or,
when the import is broken off, nothing does. A file that is sent twice changes nothing the second time.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from kruispunt.errors import DataError
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.ssin import Kind, Ssin
from kruispunt.registers import chains, jsonlines
from kruispunt.registers.jsonlines import Fields, ImportReport
from kruispunt.registers.people import Register

if TYPE_CHECKING:
    from asyncpg import Connection

    from kruispunt.storage.database import Database

BATCH: Final = 10_000
"""Lines that are held in memory and sent to the database at a time."""

_NAMES: Final = frozenset({"ssin", "register", "replacedBy", "cancelled"})
_REGISTERS: Final = {register.name.lower(): register for register in Register}

# Rows whose facts are as told already are left alone, not rewritten. Without replaced_by, the state tells
# whether the number was cancelled; with it, the state is derived.
_APPLY: Final = """
    WITH told AS (
        SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::boolean[])
            AS t (ssin, register, replaced_by, cancelled)
    ), changed AS (
        INSERT INTO person AS p (ssin, register, state, replaced_by)
        SELECT ssin, register, CASE WHEN cancelled OR replaced_by IS NOT NULL THEN 3 ELSE 1 END, replaced_by
        FROM told
        ON CONFLICT (ssin) DO UPDATE SET
            register = EXCLUDED.register,
            state = EXCLUDED.state,
            replaced_by = EXCLUDED.replaced_by,
            final_ssin = NULL
        WHERE p.register <> EXCLUDED.register
            OR p.replaced_by IS DISTINCT FROM EXCLUDED.replaced_by
            OR (p.replaced_by IS NULL AND p.state <> EXCLUDED.state)
        RETURNING p.ssin
    )
    INSERT INTO pg_temp.changed_person SELECT ssin FROM changed
"""


class _Facts(NamedTuple):
    """One line, as the database keeps it."""

    ssin: int
    register: int
    replaced_by: int | None
    cancelled: bool


async def import_people(database: Database, source: BinaryIO, *, today: date, test_band: bool = False) -> ImportReport:
    """Bring a file of people into the registers; `today` is the civil day in Belgium.

    Raises StorageError; then nothing was changed.
    """
    report = ImportReport()

    def read(fields: Fields) -> _Facts:
        return _read(fields, today=today, test_band=test_band)

    async with database.connection() as connection, connection.transaction():
        await chains.begin(connection)
        for batch in jsonlines.batches(jsonlines.read_lines(source, read, report), BATCH):
            await _apply(connection, batch)
            report.accepted += len(batch)
        await chains.resolve(connection)
    return report


async def _apply(connection: Connection, batch: list[_Facts]) -> None:
    last = {facts.ssin: facts for facts in batch}.values()
    await connection.execute(_APPLY, *map(list, zip(*last, strict=True)), timeout=chains.PATIENCE)


def _read(fields: Fields, *, today: date, test_band: bool) -> _Facts:
    jsonlines.allow_only(fields, _NAMES)
    ssin = jsonlines.required_ssin(fields, "ssin", today=today, test_band=test_band)
    register = _register(jsonlines.text(fields, "register"), ssin)
    replaced_by = jsonlines.optional_ssin(fields, "replacedBy", today=today, test_band=test_band)
    cancelled = jsonlines.flag(fields, "cancelled")
    if replaced_by == ssin:
        raise DataError("replacedBy: a number cannot be replaced by itself")
    if cancelled and replaced_by is not None:
        raise DataError("cancelled: a number that is replaced cannot be cancelled as well; leave one of both out")
    return _Facts(
        ssins.to_int(ssin),
        register.value,
        None if replaced_by is None else ssins.to_int(replaced_by),
        cancelled,
    )


def _register(name: str, ssin: Ssin) -> Register:
    register = _REGISTERS.get(name)
    if register is None:
        raise DataError(f"register: must be one of {', '.join(_REGISTERS)}")
    if (register is Register.BIS) != (ssins.kind(ssin) is Kind.BIS):
        raise DataError("register: BIS numbers stand in the BIS register, and no other numbers do")
    return register
