"""The tables that people are found in: `name_key` and `address_key` follow the dossiers.

`changes.py` writes them in the transaction that changes a dossier, `reindexing.py` when the phonetic code has a
new version. Nobody else does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from kruispunt.registers.copying import copy
from kruispunt.registers.keys import ADDRESS_COLUMNS, NAME_COLUMNS, address_keys, name_keys
from kruispunt.registers.legal_data import Dossier
from kruispunt.registers.phonetics import CODE, Code

if TYPE_CHECKING:
    from asyncpg import Connection

TABLES: Final = ("name_key", "address_key")

_FORGET_NAMES: Final = """
    DELETE FROM {} k USING unnest($1::bigint[], $2::smallint[]) AS gone (ssin, register)
    WHERE k.ssin = gone.ssin AND k.register = gone.register
"""
_FORGET_ADDRESSES: Final = "DELETE FROM {} WHERE ssin = ANY($1::bigint[])"


async def forget(
    connection: Connection, gone: Sequence[tuple[int, int]], patience: float, tables: tuple[str, str] = TABLES
) -> None:
    """Remove the keys of these dossiers, each a number and a register; at most `patience` seconds a statement."""
    if gone:
        numbers, registers = map(list, zip(*gone, strict=True))
        await connection.execute(_FORGET_NAMES.format(tables[0]), numbers, registers, timeout=patience)
        national = [ssin for ssin, register in gone if register == 1]
        await connection.execute(_FORGET_ADDRESSES.format(tables[1]), national, timeout=patience)


async def write(connection: Connection, dossiers: Iterable[Dossier], patience: float, code: Code = CODE) -> None:
    """Add the keys of dossiers that have none; at most `patience` seconds a statement."""
    names: list[bytes] = []
    addresses: list[bytes] = []
    for dossier in dossiers:
        names += name_keys(dossier, code)
        addresses += address_keys(dossier)
    await add(connection, sorted(names), sorted(addresses), patience)


async def add(
    connection: Connection,
    names: Sequence[bytes],
    addresses: Sequence[bytes],
    patience: float,
    tables: tuple[str, str] = TABLES,
) -> None:
    """Add these keys, as `keys.py` makes them; at most `patience` seconds a statement."""
    await copy(connection, tables[0], NAME_COLUMNS, names, patience)
    await copy(connection, tables[1], ADDRESS_COLUMNS, addresses, patience)
