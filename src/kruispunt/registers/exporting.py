"""Export of people: every number that the registers know, as lines that an import reads again."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from kruispunt.registers.chains import PATIENCE
from kruispunt.registers.facts import Facts

if TYPE_CHECKING:
    from kruispunt.storage.database import Database

AT_A_TIME: Final = 5_000
"""Rows that are held in memory."""
_ALL: Final = """
    SELECT p.ssin, p.register, p.replaced_by, p.replaced_by IS NULL AND p.state = 3,
        convert_to(n.document, 'UTF8'), convert_to(c.document, 'UTF8')
    FROM person p
    LEFT JOIN dossier n ON n.ssin = p.ssin AND n.origin = 1
    LEFT JOIN dossier c ON c.ssin = p.ssin AND c.origin = 2
    ORDER BY p.ssin
"""


async def export_people(database: Database, target: BinaryIO) -> int:
    """Write the registers as they are at one moment, by number; returns how many lines. Raises StorageError."""
    count = 0
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        lines: list[bytes] = []
        async for row in connection.cursor(_ALL, prefetch=AT_A_TIME, timeout=PATIENCE):
            lines.append(Facts(*row).written)
            if len(lines) == AT_A_TIME:
                count += _write(target, lines)
                lines = []
        count += _write(target, lines)
    return count


def _write(target: BinaryIO, lines: list[bytes]) -> int:
    target.write(b"".join([line + b"\n" for line in lines]))
    return len(lines)
