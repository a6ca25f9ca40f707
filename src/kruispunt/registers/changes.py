"""Every change to a person, and nothing around it (SS-07 to SS-09).

Whoever imports people, replaces a number, cancels one, or tells other facts comes here. In one transaction are
written: the rows of `person_change`, the facts in `person`, the documents in `dossier`, the search keys, and the ends
of all chains that pass through a changed number. One transaction at a time changes people, so that the order of
`person_change.sequence` is the order in which changes became visible.

Each row tells which parts of the person changed (`parts.py`), so that who is told of it is found without a document.

Somebody who is new is written down when asked for (`write_new`), else counted only: a first population of millions
has no history. Somebody who is known is always written down, with the line before and the line after. A line that
tells nothing new writes nothing at all; `Changer.repeat` alone writes down that nothing changed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from struct import Struct
from typing import TYPE_CHECKING, Final

from kruispunt.errors import DataError
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.ssin import Ssin
from kruispunt.registers import chains
from kruispunt.registers.chains import PATIENCE
from kruispunt.registers.copying import copy
from kruispunt.registers.facts import Facts, Told
from kruispunt.registers.key_writing import KeyWriting
from kruispunt.registers.keys import register_of
from kruispunt.registers.legal_data import Origin
from kruispunt.registers.parts import parts_of
from kruispunt.registers.people import State
from kruispunt.registers.person_lines import PersonLine

if TYPE_CHECKING:
    from asyncpg import Connection

    from kruispunt.storage.database import Database


MANY: Final = 10_000
"""New people of one transaction after which the planner's statistics are renewed, rather than some time later."""


class ChangeKind(Enum):
    """What happened; the value is what the database keeps."""

    LOADED = 0
    """New people, so many at once, without a row for each."""
    NEW = 1
    CHANGED = 2
    REPLACED = 3
    CANCELLED = 4


# The documents by subqueries: one probe a person, whatever the planner's statistics say.
_KNOWN: Final = """
    SELECT p.ssin, p.register, p.replaced_by, p.replaced_by IS NULL AND p.state = 3,
        (SELECT convert_to(document, 'UTF8') FROM dossier WHERE ssin = p.ssin AND origin = 1),
        (SELECT convert_to(document, 'UTF8') FROM dossier WHERE ssin = p.ssin AND origin = 2)
    FROM person p WHERE p.ssin = ANY($1::bigint[])
"""
_ENDED: Final = "SELECT 1 FROM person WHERE ssin = $1 AND state = 3"
_NOBODY: Final = "SELECT NOT EXISTS (SELECT FROM person)"
_LOADED: Final = "INSERT INTO person_change (author, kind, people) VALUES ($1, 0, $2)"
_UPDATE: Final = """
    UPDATE person p
    SET register = t.register, replaced_by = t.replaced_by, final_ssin = NULL,
        state = CASE WHEN t.cancelled OR t.replaced_by IS NOT NULL THEN 3 ELSE 1 END
    FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::boolean[]) AS t (ssin, register, replaced_by, cancelled)
    WHERE p.ssin = t.ssin
"""
_DELETE: Final = """
    DELETE FROM dossier d USING unnest($1::bigint[], $2::smallint[]) AS t (ssin, origin)
    WHERE (d.ssin, d.origin) = (t.ssin, t.origin)
"""
# Not of the documents: nothing is searched by them, and to sample them would cost more than all else.
_ANALYZE: Final = "ANALYZE person, dossier (ssin, origin), "
_MANY_SETTINGS: Final = """
    SELECT set_config('maintenance_work_mem', greatest(262144, pg_size_bytes(setting || unit) / 1024) || 'kB', true),
        set_config('default_statistics_target', '10', true)
    FROM pg_settings WHERE name = 'maintenance_work_mem'
"""
"""At least 256 MB, so that the keys of an index are sorted in memory. And statistics of three thousand rows rather than
thirty thousand: what is asked of these tables has its plan by its form, and needs to know no more than their size.
"""
_NUMBERS: Final = ("ssin", "register", "state", "replaced_by")
_NUMBER_ROW: Final = Struct("!hiqihihi").pack
"""Of `person`, up to the size of the last field."""
_REPLACED_BY: Final = Struct("!q").pack
_CHANGED_ROW: Final = Struct("!hiq").pack
"""Of `changed_person`."""
_NULL: Final = -1
_DOCUMENTS: Final = ("ssin", "origin", "document")
_DOCUMENT_ROW: Final = Struct("!hiqihi").pack
"""Of `dossier`, up to the size of the last field."""
_EXCHANGE: Final = "SELECT set_config('kruispunt.application', $1, true), set_config('kruispunt.ticket', $2, true)"
"""Of this transaction; the trigger that moves lines reads it."""
_CHANGES: Final = ("author", "kind", "ssin", "origins", "before", "after", "parts")


@dataclass(frozen=True, slots=True)
class Exchange:
    """Through which service somebody changes people: what the repertory keeps of it, when lines follow a number."""

    application: str
    """URN of the application that signed."""
    ticket: str


class Changer:
    """Changes people, within a transaction that `changing` began."""

    def __init__(self, connection: Connection, author: str, *, write_new: bool) -> None:
        self._connection = connection
        self._keys = KeyWriting(connection)
        self._author = author
        self._write_new = write_new
        self._everybody = False
        """Whether nobody was known before: then all chains there are will have to be resolved."""
        self.added = 0
        """People who were new."""
        self.redirected: list[Ssin] = []
        """Numbers that were replaced, and now are not any more, or by another number."""
        self.circles = 0
        """After the end: chains that run in a circle, among those that pass through a changed number."""

    @property
    def connection(self) -> Connection:
        """For what must happen in the same transaction."""
        return self._connection

    async def begin(self, *, many: bool) -> None:
        """Wait until nobody else changes people. Where `many` come, they may be the first ones."""
        await chains.begin(self._connection)
        if many:
            await self._connection.execute(_MANY_SETTINGS)
            self._everybody = await self._connection.fetchval(_NOBODY, timeout=PATIENCE)
            await self._keys.begin()

    async def end(self) -> None:
        """Everything that follows from what was told."""
        await self._keys.index()
        self.circles = await chains.resolve(self._connection, everybody=self._everybody)
        if self.added >= MANY:
            await self._connection.execute(_ANALYZE + ", ".join(self._keys.tables), timeout=PATIENCE)
        await self._keys.end()

    async def leads_to(self, start: Ssin, goal: Ssin) -> bool:
        """Whether the chain of `start` passes through `goal`, so that replacing `goal` by it would close a circle."""
        return await chains.leads_to(self._connection, ssins.to_int(start), ssins.to_int(goal))

    async def known(self, numbers: Iterable[int]) -> dict[int, Facts]:
        """The facts about those of the numbers that a register knows."""
        rows = await self._connection.fetch(_KNOWN, list(numbers), timeout=PATIENCE)
        return {row[0]: Facts(*row) for row in rows}

    async def ended(self, number: int) -> bool:
        """Whether the chain of a number that was known before has no valid end: cancelled, unknown, or a circle."""
        return bool(await self._connection.fetch(_ENDED, number, timeout=PATIENCE))

    async def tell(self, lines: Iterable[Told]) -> None:
        """Bring the registers to what is told; when a number is told of twice, the last time holds."""
        told = {each.facts.ssin: each for each in lines}
        known = await self.known(told)
        new = [told[number] for number in sorted(told.keys() - known.keys())]
        changed = [(known[number], told[number]) for number in known if known[number] != told[number].facts]
        self.added += len(new)
        self.redirected += [
            ssins.from_int(before.ssin)
            for before, after in changed
            if before.replaced_by not in (None, after.facts.replaced_by)
        ]
        await self._write_down([each.facts for each in new], [(before, after.facts) for before, after in changed])
        await self._write_numbers(
            [each.facts for each in new], [after.facts for before, after in changed if before[:4] != after.facts[:4]]
        )
        await self._write_documents(new, changed)

    async def repeat(self, facts: Facts, before: Facts) -> None:
        """Write down once more what is known of a number, for those who could not be told when it changed: with the
        parts that changed since `before`, and the same line before and after.
        """
        row = (facts.ssin, 0, facts.line, facts.line, parts_of(before, facts).value)
        await self._connection.copy_records_to_table(
            "person_change",
            records=[(self._author, ChangeKind.CHANGED.value, *row)],
            columns=_CHANGES,
            timeout=PATIENCE,
        )

    async def _write_down(self, new: Sequence[Facts], changed: Sequence[tuple[Facts, Facts]]) -> None:
        rows: list[tuple[object, ...]] = [
            (self._author, _kind(before, after).value, *_told(before, after)) for before, after in changed
        ]
        if self._write_new:
            rows += [(self._author, ChangeKind.NEW.value, *_told(None, each)) for each in new]
        elif new:
            await self._connection.execute(_LOADED, self._author, len(new), timeout=PATIENCE)
        if rows:
            await self._connection.copy_records_to_table(
                "person_change", records=rows, columns=_CHANGES, timeout=PATIENCE
            )

    async def _write_numbers(self, new: Sequence[Facts], changed: Sequence[Facts]) -> None:
        await copy(self._connection, "person", _NUMBERS, [_number_row(facts) for facts in new], PATIENCE)
        if changed:
            await self._connection.execute(
                _UPDATE, *map(list, zip(*(facts[:4] for facts in changed), strict=True)), timeout=PATIENCE
            )
        if not self._everybody:
            rows = [_CHANGED_ROW(1, 8, facts.ssin) for facts in (*new, *changed)]
            await copy(self._connection, "changed_person", ("ssin",), rows, PATIENCE)

    async def _write_documents(self, new: Sequence[Told], changed: Sequence[tuple[Facts, Told]]) -> None:
        """Documents, and the search keys that follow from them."""
        rows: list[bytes] = []
        names: list[bytes] = []
        addresses: list[bytes] = []
        gone: list[tuple[int, int]] = []
        for facts, told_names, told_addresses in new:
            for origin, document in facts.documents:
                rows += (_DOCUMENT_ROW(3, 8, facts.ssin, 2, origin, len(document)), document)
            names += told_names
            addresses += told_addresses
        for before, told in changed:
            old, after = before.documents, told.facts.documents
            fresh = [each for each in after if each not in old]
            gone += [(before.ssin, origin) for origin, document in old if (origin, document) not in after]
            for origin, document in fresh:
                rows += (_DOCUMENT_ROW(3, 8, before.ssin, 2, origin, len(document)), document)
            written = {origin for origin, _ in fresh}
            names += [key for key in told.names if register_of(key) in written]
            addresses += told.addresses if _NATIONAL in written else ()
        if gone:
            await self._connection.execute(_DELETE, *map(list, zip(*gone, strict=True)), timeout=PATIENCE)
        await copy(self._connection, "dossier", _DOCUMENTS, rows, PATIENCE)
        await self._keys.forget(gone)
        await self._keys.add(names, addresses)


@asynccontextmanager
async def changing(
    database: Database,
    author: str,
    *,
    write_new: bool = True,
    many: bool = False,
    wait: float | None = None,
    exchange: Exchange | None = None,
) -> AsyncIterator[Changer]:
    """A transaction in which people are changed by `author`; others who want to wait. At its end the chains are
    resolved. Raises StorageError, or what is raised inside; then nothing was changed.

    `many` says that a whole population may be told. `wait` in seconds bounds the wait for others, who may be importing
    for an hour; then StorageError. Of an `exchange`, the history of lines that follow a number names application and
    ticket in the place of `author`.
    """
    async with database.connection() as connection, connection.transaction():
        if wait is not None:
            await chains.wait_at_most(connection, wait)
        if exchange is not None:
            await connection.execute(_EXCHANGE, exchange.application, exchange.ticket)
        changer = Changer(connection, author, write_new=write_new)
        await changer.begin(many=many)
        yield changer
        await changer.end()


async def update(database: Database, line: PersonLine, *, author: str) -> None:
    """Tell everything there is about one number, known or new. Raises DataError for a circle, StorageError."""
    async with changing(database, author) as changer:
        if line.replaced_by is not None:
            await _refuse_circle(changer, line.ssin, line.replaced_by)
        await changer.tell([Told.of(line)])


async def replace(database: Database, ssin: Ssin, by: Ssin, *, author: str) -> None:
    """`by` comes in the place of an active number (SS-09). Raises DataError when it cannot be, StorageError."""
    async with changing(database, author) as changer:
        old, new = ssins.to_int(ssin), ssins.to_int(by)
        known = await changer.known([old, new])
        facts = _active(known.get(old))
        if old == new:
            raise DataError("a number cannot be replaced by itself")
        if new not in known:
            raise DataError("no register knows the number that should come in its place: import that person first")
        await _refuse_circle(changer, ssin, by)
        if await changer.ended(new):
            raise DataError(
                "the number that should come in its place is cancelled, or its chain ends in none that is valid: "
                "this one would be cancelled by it; cancel it, if that is meant"
            )
        await changer.tell([Told(facts._replace(replaced_by=new))])


async def cancel(database: Database, ssin: Ssin, *, author: str) -> None:
    """An active number is cancelled. Raises DataError when it cannot be, StorageError."""
    async with changing(database, author) as changer:
        number = ssins.to_int(ssin)
        facts = _active((await changer.known([number])).get(number))
        await changer.tell([Told(facts._replace(cancelled=True))])


async def _refuse_circle(changer: Changer, ssin: Ssin, by: Ssin) -> None:
    if await changer.leads_to(by, ssin):
        raise DataError("a circle cannot be made: the number that should come in its place is replaced by this one")


def _active(facts: Facts | None) -> Facts:
    """Only these are replaced or cancelled by a command; a mistake is corrected by a line that says all."""
    if facts is None:
        raise DataError("no register knows this number")
    if facts.replaced_by is not None:
        raise DataError("this number was replaced already: to correct that, import a line that tells all about it")
    if facts.cancelled:
        raise DataError("this number was cancelled already: to correct that, import a line that tells all about it")
    return facts


_ACTIVE, _CANCELLED = State.ACTIVE.value, State.CANCELLED.value
_NATIONAL = Origin.RR.value


def _state(facts: Facts) -> int:
    """Until the chains are resolved, a number that was replaced leads nowhere."""
    return _CANCELLED if facts.cancelled or facts.replaced_by is not None else _ACTIVE


def _number_row(facts: Facts) -> bytes:
    if facts.replaced_by is None:
        return _NUMBER_ROW(4, 8, facts.ssin, 2, facts.register, 2, _state(facts), _NULL)
    row = _NUMBER_ROW(4, 8, facts.ssin, 2, facts.register, 2, _state(facts), 8)
    return row + _REPLACED_BY(facts.replaced_by)


def _told(before: Facts | None, after: Facts) -> tuple[object, ...]:
    """What a row of `person_change` has behind author and kind."""
    line = None if before is None else before.line
    return (after.ssin, _origins(before, after), line, after.line, parts_of(before, after).value)


def _kind(before: Facts, after: Facts) -> ChangeKind:
    if after.replaced_by not in (None, before.replaced_by):
        return ChangeKind.REPLACED
    return ChangeKind.CANCELLED if after.cancelled and not before.cancelled else ChangeKind.CHANGED


def _origins(before: Facts | None, after: Facts) -> int:
    """The registers whose document differs, added up: 1 the National Register, 2 the CBSS register."""
    old = (None, None) if before is None else (before.national, before.cbss)
    return (old[0] != after.national) * Origin.RR.value + (old[1] != after.cbss) * Origin.KSZ.value
