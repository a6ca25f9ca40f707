"""Further streams of mutations: items come in from files, or are asked of a supplier elsewhere (RP-17, PL-35).

Items are kept in the order in which they came, each once. One transaction at a time adds some, so that the order of
`stream_item.sequence` is the order in which they became visible, as with changes of people.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from kruispunt.errors import DataError
from kruispunt.identifiers.ssin import to_int
from kruispunt.mutations import item_files, items
from kruispunt.mutations.item_files import Read
from kruispunt.mutations.items import CONTRACT, NAMESPACE, Rules
from kruispunt.registers.jsonlines import ImportReport, batches
from kruispunt.suppliers.failure import Reason, RemoteFailure
from kruispunt.suppliers.port import Expected, RemoteSupplier
from kruispunt.xml.build import attribute, element, optional
from kruispunt.xml.schemas import schema

if TYPE_CHECKING:
    from asyncpg import Connection
    from lxml import etree

    from kruispunt.storage.database import Database

BATCH: Final = 1_000
"""Items of one transaction, and of one request to a supplier."""

_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('kruispunt.mutations.items', 0))"
_ADD: Final = """
    INSERT INTO stream_item (stream, reference, ssin, told_at, document, author)
    SELECT $1, i.reference, i.ssin, i.told_at, i.document, $6
    FROM unnest($2::text[], $3::bigint[], $4::timestamptz[], $5::text[])
        WITH ORDINALITY AS i (reference, ssin, told_at, document, place)
    ORDER BY i.place
    ON CONFLICT (stream, reference) DO NOTHING
"""
_DIFFERING: Final = """
    SELECT i.place
    FROM unnest($2::text[], $3::bigint[], $4::timestamptz[], $5::text[])
        WITH ORDINALITY AS i (reference, ssin, told_at, document, place)
    JOIN stream_item s ON s.stream = $1 AND s.reference = i.reference
    WHERE (s.ssin, s.told_at, s.document) IS DISTINCT FROM (i.ssin, i.told_at, i.document)
    ORDER BY i.place
"""
_POSITION: Final = "SELECT position FROM stream_position WHERE stream = $1"
_MOVE: Final = """
    INSERT INTO stream_position (stream, position) VALUES ($1, $2)
    ON CONFLICT (stream) DO UPDATE SET position = excluded.position, at = clock_timestamp()
"""
_CONTRADICTS: Final = "reference: an item of this reference was told before, with other content; the first one stays"


class _Page(NamedTuple):
    """What a supplier answers at a time."""

    good: list[Read]
    position: str | None
    more: bool


async def feed(database: Database, stream: str, source: BinaryIO, rules: Rules, *, author: str) -> ImportReport:
    """Take a file of items into a stream; one that is sent twice changes nothing the second time.

    Bad items are reported and left out. What was read is kept when the file breaks off: sending it again completes it.
    Raises DataError where a file of XML is broken, StorageError.
    """
    report = ImportReport()
    new = 0
    for batch in batches(item_files.read(source, rules, report), BATCH):
        async with database.connection() as connection, connection.transaction():
            new += await _add(connection, stream, batch, report, author)
    _tell_known(report, new)
    return report


async def poll(database: Database, stream: str, supplier: RemoteSupplier, rules: Rules, *, author: str) -> ImportReport:
    """Ask a supplier for everything after what it gave before.

    Each answer is kept together with its position, or neither is. Raises RemoteFailure, with the answers before it
    kept, and StorageError.
    """
    report = ImportReport()
    new, more = 0, True
    while more:
        position: str | None = await database.fetchval(_POSITION, stream)
        page = await _ask(supplier, stream, position, rules, report)
        async with database.connection() as connection, connection.transaction():
            new += await _add(connection, stream, page.good, report, author)
            if page.position is not None:
                await connection.execute(_MOVE, stream, page.position)
        more = page.more
    _tell_known(report, new)
    return report


async def test(supplier: RemoteSupplier) -> None:
    """One request about nobody. Raises RemoteFailure."""
    await supplier.ask(f"{NAMESPACE}/test", _request("testRequest", ""), _expected("testResponse"), lambda _: None)


async def _add(connection: Connection, stream: str, batch: Sequence[Read], report: ImportReport, author: str) -> int:
    """How many were new. All but those that contradict what was told before are accepted."""
    if not batch:
        return 0
    columns = _columns(batch)
    await connection.execute(_LOCK)
    tag = await connection.execute(_ADD, stream, *columns, author)
    differing = [row[0] for row in await connection.fetch(_DIFFERING, stream, *columns)]
    for place in differing:
        report.refuse(batch[place - 1].place, _CONTRADICTS)
    report.accepted += len(batch) - len(differing)
    return int(tag.rpartition(" ")[2])


def _columns(batch: Sequence[Read]) -> tuple[list[str], list[int], list[datetime], list[str]]:
    told = [each.item for each in batch]
    return (
        [item.reference for item in told],
        [to_int(item.ssin) for item in told],
        [item.moment for item in told],
        [item.document for item in told],
    )


def _tell_known(report: ImportReport, new: int) -> None:
    if new < report.accepted:
        report.remarks.append(f"{report.accepted - new:,} of them were there already.")


async def _ask(
    supplier: RemoteSupplier, stream: str, position: str | None, rules: Rules, report: ImportReport
) -> _Page:
    def read(reply: etree._Element) -> _Page:
        if reply.findtext("stream") != stream:
            raise RemoteFailure(supplier.name, Reason.SCHEMA, "the reply is about another stream")
        told = reply.findtext("position")
        more = (reply.findtext("more") or "").strip() in ("true", "1")
        if more and told in (None, position):
            raise RemoteFailure(supplier.name, Reason.SCHEMA, "the reply says that there is more, and not where")
        return _Page(_good(reply, rules, report), told, more)

    inner = element("stream", stream) + optional("after", position) + element("most", str(BATCH))
    body = _request("itemsRequest", inner)
    return await supplier.ask(f"{NAMESPACE}/items", body, _expected("itemsResponse"), read)


def _good(reply: etree._Element, rules: Rules, report: ImportReport) -> list[Read]:
    """What the schema cannot see (check numbers, zones, sizes) is judged item by item."""
    good = []
    for place, node in enumerate(reply.findall("item"), report.accepted + report.refused_count + 1):
        try:
            good.append(Read(place, items.from_element(node, rules)))
        except DataError as error:
            report.refuse(place, error.what)
    return good


def _request(name: str, inner: str) -> str:
    return f"<s:{name}{attribute('xmlns:s', NAMESPACE)}>{inner}</s:{name}>"


@cache
def _expected(name: str) -> Expected:
    return Expected(schema(CONTRACT), f"{{{NAMESPACE}}}{name}")
