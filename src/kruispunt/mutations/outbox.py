"""The outbox: pieces that wait for JetStream, and where those are that it has (RP-18).

A piece is `waiting` until JetStream acknowledged it. Its row stays when it did, so that it can be sent again: when
JetStream lost it, or when the subscriber did. `clean` removes bodies that are older than the retention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kruispunt.errors import DataError
from kruispunt.jetstream.pieces import Part, Piece

if TYPE_CHECKING:
    from datetime import datetime

    from kruispunt.storage.database import Database

COLLECTOR: Final = "jetstream"
"""Who collected a file that was pushed."""

_CODES: Final = """
    SELECT l.code FROM outgoing_lane l
    WHERE EXISTS (SELECT FROM outgoing o WHERE o.code = l.code AND o.published IS NULL) ORDER BY l.code
"""
# Bounded by bytes as well as by number: the sum of those before stays below the bound, and the first always comes.
_WAITING: Final = """
    SELECT o.number, o.sequence, o.part, o.body, o.again FROM (
        SELECT o.number, f.sequence, o.part, o.body, o.again,
            sum(octet_length(o.body)) OVER (ORDER BY o.number) - octet_length(o.body) AS before
        FROM (
            SELECT number, file, part, body, again FROM outgoing
            WHERE code = $1 AND published IS NULL ORDER BY number LIMIT $2
        ) o JOIN mutation_file f ON f.id = o.file
    ) o WHERE o.before < $3 ORDER BY o.number
"""
_MARK: Final = """
    UPDATE outgoing o SET published = clock_timestamp(), place = t.place
    FROM unnest($2::bigint[], $3::bigint[]) AS t (number, place)
    WHERE (o.code, o.number) = ($1, t.number)
"""
_STREAM: Final = "SELECT stream FROM outgoing_lane WHERE code = $1"
_SET_STREAM: Final = "UPDATE outgoing_lane SET stream = $2 WHERE code = $1"
_LOST: Final = """
    UPDATE outgoing o SET published = NULL, place = NULL
    FROM mutation_file f
    WHERE f.id = o.file AND f.collected IS NULL AND o.code = $1 AND o.published IS NOT NULL AND o.place > $2
"""
_COLLECTED: Final = """
    UPDATE mutation_file f SET collected = clock_timestamp(), collector = $3
    FROM outgoing o
    WHERE o.file = f.id AND o.part = 'voucher' AND o.place <= $2 AND f.code = $1 AND f.collected IS NULL
"""
_UNCOLLECTED: Final = """
    SELECT DISTINCT f.code FROM mutation_file f JOIN outgoing o ON o.file = f.id AND o.part = 'voucher'
    WHERE f.collected IS NULL AND o.published IS NOT NULL ORDER BY f.code
"""
_AGAIN: Final = """
    UPDATE outgoing SET published = NULL, place = NULL, again = again + 1
    WHERE code = $1 AND number >= $2 AND published IS NOT NULL
"""
_KNOWN: Final = "SELECT coalesce(min(number), 0), coalesce(max(number), 0) FROM outgoing WHERE code = $1"
_ASKED: Final = """
    WITH asked AS (
        SELECT f.id FROM mutation_file f
        WHERE f.asked IS NOT NULL AND EXISTS (SELECT FROM outgoing o WHERE o.file = f.id AND o.part = 'voucher')
    ), answered AS (
        UPDATE mutation_file f SET asked = NULL FROM asked a WHERE f.id = a.id
    )
    UPDATE outgoing o SET published = NULL, place = NULL, again = again + 1
    FROM asked a JOIN mutation_file f ON f.id = a.id
    WHERE o.code = f.code AND o.file = f.id AND o.published IS NOT NULL
"""
_NOTICE: Final = """
    UPDATE mutation_file f SET noticed = clock_timestamp()
    WHERE f.published < $1 AND f.collected IS NULL AND f.noticed IS NULL
        AND EXISTS (SELECT FROM outgoing o WHERE o.file = f.id AND o.part = 'voucher')
    RETURNING f.code, f.sequence
"""
_CLEAN: Final = """
    DELETE FROM outgoing o USING mutation_file f
    WHERE f.id = o.file AND f.collected < $1 AND o.published IS NOT NULL
"""
_STATUS: Final = """
    SELECT l.code, l.number,
        (SELECT count(*) FROM outgoing o WHERE o.code = l.code AND o.published IS NULL),
        (SELECT count(*) FROM mutation_file f WHERE f.code = l.code AND f.collected IS NULL
            AND EXISTS (SELECT FROM outgoing o WHERE o.file = f.id AND o.part = 'voucher')),
        (SELECT min(d.at) FROM mutation_file f JOIN distribution d ON d.id = f.distribution
            WHERE f.code = l.code AND f.collected IS NULL
                AND EXISTS (SELECT FROM outgoing o WHERE o.file = f.id AND o.part = 'voucher'))
    FROM outgoing_lane l ORDER BY l.code
"""


@dataclass(frozen=True, slots=True)
class Lane:
    """How far the pieces of one subscription are."""

    code: str
    number: int
    """Of the last piece."""
    waiting: int
    """Pieces that JetStream has not acknowledged."""
    uncollected: int
    """Files that the subscriber has not acknowledged."""
    since: datetime | None
    """When the oldest of these was fixed."""


class Outbox:
    """The outbox of one database. Every method raises StorageError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def codes(self) -> list[str]:
        """Subscriptions of which pieces wait."""
        return [row[0] for row in await self._database.fetch(_CODES)]

    async def waiting(self, code: str, most: int, most_bytes: int) -> list[Piece]:
        """The first pieces that wait, in order: so many, or fewer when they have more bytes; at least one if any."""
        rows = await self._database.fetch(_WAITING, code, most, most_bytes)
        return [Piece(number, file, Part(part), body, again) for number, file, part, body, again in rows]

    async def mark(self, code: str, numbers: Sequence[int], places: Sequence[int]) -> None:
        """JetStream has these pieces, each at its place in the stream."""
        if numbers:
            await self._database.execute(_MARK, code, list(numbers), list(places))

    async def compare(self, code: str, stream: str, last: int) -> int:
        """Hold what was published against the stream that is there: when it was made, and the last place in it.

        What it does not have, and the subscriber had not yet, waits again; how many pieces do is returned.
        """
        known = await self._database.fetchval(_STREAM, code)
        lost = await self._database.execute(_LOST, code, last if known in (None, stream) else 0)
        if known != stream:
            await self._database.execute(_SET_STREAM, code, stream)
        return int(lost.split()[-1])

    async def uncollected(self) -> list[str]:
        """Subscriptions of which JetStream has a whole file that was not collected."""
        return [row[0] for row in await self._database.fetch(_UNCOLLECTED)]

    async def collected(self, code: str, place: int) -> int:
        """The subscriber acknowledged everything up to a place; the number of files that were collected by that."""
        return int((await self._database.execute(_COLLECTED, code, place, COLLECTOR)).split()[-1])

    async def again(self, code: str, number: int) -> int:
        """All pieces from this one on wait again, the number of which is returned. Raises DataError when it is gone."""
        row = await self._database.fetchrow(_KNOWN, code)
        first, last = (0, 0) if row is None else row
        if not first <= number <= last or last == 0:
            held = f"the pieces from {first} to {last} are held" if last else "nothing of it is held"
            raise DataError(f"piece {number} of {code} cannot be sent again: {held}")
        return int((await self._database.execute(_AGAIN, code, number)).split()[-1])

    async def asked(self) -> int:
        """The pieces of files that subscribers asked for again wait again; the number of which is returned."""
        return int((await self._database.execute(_ASKED)).split()[-1])

    async def notice(self, before: datetime) -> list[tuple[str, int]]:
        """Files that nobody collected since a moment, by subscription and sequence number; each of them once."""
        return [(code, sequence) for code, sequence in await self._database.fetch(_NOTICE, before)]

    async def clean(self, before: datetime) -> int:
        """Remove the pieces of files that were collected before a moment; how many is returned."""
        return int((await self._database.execute(_CLEAN, before)).split()[-1])

    async def status(self) -> list[Lane]:
        return [Lane(*row) for row in await self._database.fetch(_STATUS)]
