"""Rows as COPY reads them in its binary form: a number of fields, and each field behind its size in bytes.

Rows of a load come by the million and have few forms, so whoever knows a form packs it at once. The driver would take
each value through a codec of its own, which costs twice as much.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from asyncpg import Connection

_BEGIN: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END: Final = b"\xff\xff"
_PIECE: Final = 1 << 19
"""Bytes that are handed to the driver at a time, so that a server that is slow holds up the sending."""


async def copy(
    connection: Connection, table: str, columns: Sequence[str], rows: Sequence[bytes], patience: float
) -> None:
    """Enter these rows of all `columns`, whole or in pieces that follow each other; at most `patience` seconds. Without
    rows nothing is sent.
    """
    if rows:
        await connection.copy_to_table(
            table, source=_pieces(b"".join(rows)), columns=columns, format="binary", timeout=patience
        )


async def _pieces(rows: bytes) -> AsyncIterator[bytes]:
    yield _BEGIN
    for begin in range(0, len(rows), _PIECE):
        yield rows[begin : begin + _PIECE]
    yield _END
