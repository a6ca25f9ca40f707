"""Every change to a person, and nothing around it (SS-07 to SS-09).

Whoever imports people, replaces a number, cancels one, or tells other facts comes here. In one transaction are
written: the rows of `person_change`, the facts in `person`, the documents in `dossier`, the search keys, and the ends
of all chains that pass through a changed number. One transaction at a time changes people, so that the order of
`person_change.sequence` is the order in which changes became visible.

Each row tells which parts of the person changed (`parts.py`), so that who is told of it is found without a document.

Somebody who is new is written down when asked for (`write_new`), else counted only: a first population of millions
has no history. Somebody who is known is always written down, with the line before and the line after. A line that
tells nothing new writes nothing at all.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from enum import Enum
from typing import TYPE_CHECKING, Final

from kruispunt.errors import DataError
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.ssin import Ssin
from kruispunt.registers import chains, key_tables
from kruispunt.registers.chains import PATIENCE
from kruispunt.registers.facts import Facts, Told
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
        (SELECT document FROM dossier WHERE ssin = p.ssin AND origin = 1),
        (SELECT document FROM dossier WHERE ssin = p.ssin AND origin = 2)
    FROM person p WHERE p.ssin = ANY($1::bigint[])
"""
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
_ANALYZE: Final = "ANALYZE person, dossier, name_key, address_key"
_NUMBERS: Final = ("ssin", "register", "state", "replaced_by")
_DOCUMENTS: Final = ("ssin", "origin", "document")
_CHANGES: Final = ("author", "kind", "ssin", "origins", "before", "after", "parts")


class Changer:
    """Changes people, within a transaction that `changing` began."""

    def __init__(self, connection: Connection, author: str, *, write_new: bool) -> None:
        self._connection = connection
        self._author = author
        self._write_new = write_new
        self.added = 0
        """People who were new."""
        self.circles = 0
        """After the end: chains that run in a circle, among those that pass through a changed number."""

    @property
    def connection(self) -> Connection:
        """For what must happen in the same transaction."""
        return self._connection

    async def leads_to(self, start: Ssin, goal: Ssin) -> bool:
        """Whether the chain of `start` passes through `goal`, so that replacing `goal` by it would close a circle."""
        return await chains.leads_to(self._connection, ssins.to_int(start), ssins.to_int(goal))

    async def known(self, numbers: Iterable[int]) -> dict[int, Facts]:
        """The facts about those of the numbers that a register knows."""
        rows = await self._connection.fetch(_KNOWN, list(numbers), timeout=PATIENCE)
        return {row[0]: Facts(*row) for row in rows}

    async def tell(self, lines: Iterable[Told]) -> None:
        """Bring the registers to what is told; when a number is told of twice, the last time holds."""
        told = {each.facts.ssin: each for each in lines}
        known = await self.known(told)
        new = [each for number, each in told.items() if number not in known]
        changed = [(known[number], told[number]) for number in known if known[number] != told[number].facts]
        self.added += len(new)
        await self._write_down([each.facts for each in new], [(before, after.facts) for before, after in changed])
        await self._write_numbers(
            [each.facts for each in new], [after.facts for before, after in changed if before[:4] != after.facts[:4]]
        )
        await self._write_documents(new, changed)

    async def _write_down(self, new: Sequence[Facts], changed: Sequence[tuple[Facts, Facts]]) -> None:
        rows: list[tuple[object, ...]] = [
            (self._author, _kind(before, after).value, *_told(before, after)) for before, after in changed
        ]
        if self._write_new:
            rows += [(self._author, ChangeKind.NEW.value, *_told(None, each)) for each in new]
        elif new:
            await self._connection.execute(_LOADED, self._author, len(new), timeout=PATIENCE)
        await self._copy("person_change", _CHANGES, rows)

    async def _write_numbers(self, new: Sequence[Facts], changed: Sequence[Facts]) -> None:
        await self._copy("person", _NUMBERS, [(f.ssin, f.register, _state(f).value, f.replaced_by) for f in new])
        if changed:
            await self._connection.execute(
                _UPDATE, *map(list, zip(*(facts[:4] for facts in changed), strict=True)), timeout=PATIENCE
            )
        await self._copy("changed_person", ("ssin",), [(facts.ssin,) for facts in (*new, *changed)])

    async def _write_documents(self, new: Sequence[Told], changed: Sequence[tuple[Facts, Told]]) -> None:
        """Documents, and the search keys that follow from them."""
        rows = [document for told in new for document in _documents(told.facts)]
        names = [key for told in new for key in told.names]
        addresses = [key for told in new for key in told.addresses]
        gone: list[tuple[int, int]] = []
        for before, told in changed:
            old, after = _documents(before), _documents(told.facts)
            fresh = [document for document in after if document not in old]
            gone += [document[:2] for document in old if document not in after]
            rows += fresh
            written = {origin for _, origin, _ in fresh}
            names += [key for key in told.names if key.register in written]
            addresses += told.addresses if Origin.RR.value in written else ()
        if gone:
            await self._connection.execute(_DELETE, *map(list, zip(*gone, strict=True)), timeout=PATIENCE)
        await self._copy("dossier", _DOCUMENTS, rows)
        await key_tables.forget(self._connection, gone, PATIENCE)
        await key_tables.add(self._connection, names, addresses, PATIENCE)

    async def _copy(self, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
        if rows:
            await self._connection.copy_records_to_table(table, records=rows, columns=columns, timeout=PATIENCE)


@asynccontextmanager
async def changing(
    database: Database, author: str, *, write_new: bool = True, wait: float | None = None
) -> AsyncIterator[Changer]:
    """A transaction in which people are changed by `author`; others who want to wait. At its end the chains are
    resolved. Raises StorageError, or what is raised inside; then nothing was changed.

    `wait` in seconds bounds the wait for others, who may be importing for an hour; then StorageError.
    """
    async with database.connection() as connection, connection.transaction():
        if wait is not None:
            await chains.wait_at_most(connection, wait)
        await chains.begin(connection)
        changer = Changer(connection, author, write_new=write_new)
        yield changer
        changer.circles = await chains.resolve(connection)
        if changer.added >= MANY:
            await connection.execute(_ANALYZE, timeout=PATIENCE)


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


def _state(facts: Facts) -> State:
    """Until the chains are resolved, a number that was replaced leads nowhere."""
    return State.CANCELLED if facts.cancelled or facts.replaced_by is not None else State.ACTIVE


def _documents(facts: Facts) -> list[tuple[int, int, str]]:
    both = ((Origin.RR, facts.national), (Origin.KSZ, facts.cbss))
    return [(facts.ssin, origin.value, document) for origin, document in both if document is not None]


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
