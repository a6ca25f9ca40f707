"""The tables that people are found in: `name_key` and `address_key` follow the dossiers.

`changes.py` writes them in the transaction that changes a dossier, `reindexing.py` when the phonetic code has a
new version. Nobody else does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import BytesIO
from struct import Struct
from typing import TYPE_CHECKING, Final

from kruispunt.registers.keys import AddressKey, NameKey, address_keys, name_keys
from kruispunt.registers.legal_data import Dossier
from kruispunt.registers.phonetics import CODE, Code

if TYPE_CHECKING:
    from asyncpg import Connection

TABLES: Final = ("name_key", "address_key")

_NAME_ROW: Final = Struct("!hihiqiqiiiqih").pack
"""A row of `name_key` as COPY reads it: how many fields, and each behind its size in bytes. They are most rows of a
load, and all of one size: to write them so takes half of the time that it takes the driver.
"""
_BEGIN: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END: Final = b"\xff\xff"

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
    names: list[NameKey] = []
    addresses: list[AddressKey] = []
    for dossier in dossiers:
        names += name_keys(dossier, code)
        addresses += address_keys(dossier)
    await add(connection, sorted(names), sorted(addresses), patience)


async def add(
    connection: Connection,
    names: Iterable[NameKey],
    addresses: Sequence[AddressKey],
    patience: float,
    tables: tuple[str, str] = TABLES,
) -> None:
    """Add these keys; at most `patience` seconds a statement."""
    rows = b"".join([
        _NAME_ROW(6, 2, register, 8, key, 8, first, 4, birth, 8, ssin, 2, sex)
        for register, key, first, birth, ssin, sex in names
    ])  # fmt: skip
    if rows:
        source = BytesIO(_BEGIN + rows + _END)
        await connection.copy_to_table(
            tables[0], source=source, columns=NameKey._fields, format="binary", timeout=patience
        )
    if addresses:
        await connection.copy_records_to_table(
            tables[1], records=addresses, columns=AddressKey._fields, timeout=patience
        )
