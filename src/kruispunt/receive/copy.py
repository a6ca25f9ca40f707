"""The copy that a subscriber keeps: an SQLite database that anybody can read (RP-18).

A file is loaded in one transaction together with its sequence number. Whatever happens, the copy is the one before it
or the one after it, and it knows which.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NoReturn, Self

from kruispunt.clock import to_text
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.receive.applying import Held, applied
from kruispunt.receive.problems import NotReceived, Problem
from kruispunt.receive.told import Item, Mutation
from kruispunt.settings import Environment

VERSION: Final = 1
_TABLES: Final = f"""
    BEGIN;
    CREATE TABLE subscription (
        one           INTEGER PRIMARY KEY CHECK (one = 1),
        code          TEXT NOT NULL,
        environment   TEXT NOT NULL,
        sender        TEXT NOT NULL,
        receiver      TEXT NOT NULL,
        legal_context TEXT NOT NULL,
        kind          TEXT NOT NULL
    );
    CREATE TABLE received (
        sequence     INTEGER PRIMARY KEY,
        day          TEXT    NOT NULL,
        records      INTEGER NOT NULL,
        size         INTEGER NOT NULL,
        sha256       TEXT    NOT NULL,
        created      TEXT    NOT NULL,
        loaded       TEXT    NOT NULL,
        acknowledged TEXT
    );
    CREATE TABLE trouble (
        sequence INTEGER PRIMARY KEY,
        until    INTEGER NOT NULL,
        problem  TEXT    NOT NULL,
        why      TEXT    NOT NULL,
        remedy   TEXT    NOT NULL,
        since    TEXT    NOT NULL
    );
    CREATE TABLE person (
        ssin       TEXT    PRIMARY KEY,
        number     INTEGER NOT NULL,
        cancelled  INTEGER NOT NULL,
        register   TEXT,
        blocked    INTEGER NOT NULL,
        unreadable TEXT,
        sequence   INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE person_group (
        ssin TEXT NOT NULL,
        name TEXT NOT NULL,
        xml  TEXT,
        PRIMARY KEY (ssin, name)
    ) WITHOUT ROWID;
    CREATE TABLE replaced (
        old    TEXT    PRIMARY KEY,
        new    TEXT    NOT NULL,
        number INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE item (
        reference TEXT    PRIMARY KEY,
        number    INTEGER NOT NULL,
        ssin      TEXT    NOT NULL,
        cancelled INTEGER NOT NULL,
        sent_as   TEXT,
        moment    TEXT    NOT NULL,
        payload   TEXT    NOT NULL,
        sequence  INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX item_ssin ON item (ssin);
    PRAGMA user_version = {VERSION};
    COMMIT;
"""

_COUNTS: Final = {
    "person": "SELECT count(*) FROM person",
    "replaced": "SELECT count(*) FROM replaced",
    "item": "SELECT count(*) FROM item",
}


@dataclass(frozen=True, slots=True)
class Bond:
    """What all files of one copy have in common."""

    code: str
    environment: Environment
    sender: OrganisationKey
    receiver: OrganisationKey
    legal_context: str
    kind: str


@dataclass(frozen=True, slots=True)
class Received:
    """A file that was loaded; moments as text, in UTC."""

    sequence: int
    day: str
    """The civil day in Belgium that it tells."""
    records: int
    size: int
    sha256: str
    created: str
    loaded: str
    acknowledged: str | None


@dataclass(frozen=True, slots=True)
class Trouble:
    """What stands in the way of a file, since when."""

    sequence: int
    until: int
    problem: Problem
    why: str
    remedy: str
    since: str


class Copy:
    """An open copy; for one process at a time. Raises NotReceived (`store`) when it cannot be read or written."""

    def __init__(self, path: Path) -> None:
        try:
            # Made here, because SQLite would let everybody read it whom the mask of the process lets.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=60)
            with self._refusals():
                self._prepare()
        except OSError as error:
            _refuse(error.strerror or type(error).__name__, path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @property
    def last(self) -> int:
        """Sequence number of the last file that was loaded; 0 before the first."""
        return self._one("SELECT coalesce(max(sequence), 0) FROM received")

    @property
    def bond(self) -> Bond | None:
        """None before the first file."""
        rows = self._rows("SELECT code, environment, sender, receiver, legal_context, kind FROM subscription")
        for code, environment, sender, receiver, legal_context, kind in rows:
            return Bond(
                code, Environment(environment), OrganisationKey(sender), OrganisationKey(receiver), legal_context, kind
            )
        return None

    def received(self, sequence: int) -> Received | None:
        """The file that was loaded under this number."""
        found = self._rows("SELECT * FROM received WHERE sequence = ?", sequence)
        return Received(*found[0]) if found else None

    def unacknowledged(self) -> list[Received]:
        """Files that are loaded, and of which the platform does not know it."""
        rows = self._rows("SELECT * FROM received WHERE acknowledged IS NULL ORDER BY sequence")
        return [Received(*row) for row in rows]

    def troubles(self) -> list[Trouble]:
        rows = self._rows("SELECT * FROM trouble ORDER BY sequence")
        return [Trouble(row[0], row[1], Problem(row[2]), *row[3:]) for row in rows]

    def counts(self) -> dict[str, int]:
        """How many people, old numbers and items it holds."""
        return {name: self._one(statement) for name, statement in _COUNTS.items()}

    def note_acknowledged(self, sequence: int, now: datetime) -> None:
        with self._refusals():
            self._connection.execute(
                "UPDATE received SET acknowledged = ? WHERE sequence = ?", (to_text(now), sequence)
            )
            self._connection.execute("DELETE FROM trouble WHERE until = ?", (sequence,))

    def note_trouble(self, error: NotReceived, now: datetime) -> None:
        """Remember what stands in the way of a file; the same again keeps its first moment."""
        statement = """
            INSERT INTO trouble VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (sequence) DO UPDATE SET
                since = CASE WHEN problem = excluded.problem THEN since ELSE excluded.since END,
                until = excluded.until, problem = excluded.problem, why = excluded.why,
                remedy = excluded.remedy
        """
        values = (error.sequence, error.until, error.problem.value, error.why, error.remedy, to_text(now))
        with self._refusals():
            self._connection.execute(statement, values)

    @contextmanager
    def loading(self, bond: Bond, file: Received) -> Iterator[Self]:
        """One transaction for one file: `put` its records in it. What goes wrong in it undoes all of it."""
        with self._refusals():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self
                self._connection.execute(
                    "INSERT OR REPLACE INTO subscription VALUES (1, ?, ?, ?, ?, ?, ?)",
                    (bond.code, bond.environment.value, bond.sender, bond.receiver, bond.legal_context, bond.kind),
                )
                self._connection.execute(
                    "INSERT INTO received VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        file.sequence,
                        file.day,
                        file.records,
                        file.size,
                        file.sha256,
                        file.created,
                        file.loaded,
                        file.acknowledged,
                    ),
                )
                self._connection.execute("DELETE FROM trouble WHERE until <= ?", (file.sequence,))
                # Of a gap, what is left of it.
                self._connection.execute(
                    "UPDATE trouble SET sequence = ? WHERE sequence <= ?", (file.sequence + 1, file.sequence)
                )
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def put(self, records: Iterable[Mutation | Item], sequence: int) -> int:
        """Load records within `loading`; how many there were."""
        count = 0
        for record in records:
            if isinstance(record, Mutation):
                self._put_mutation(record, sequence)
            else:
                self._put_item(record, sequence)
            count += 1
        return count

    def _put_mutation(self, told: Mutation, sequence: int) -> None:
        gone = self._rows("SELECT number FROM replaced WHERE old = ?", told.ssin)
        if gone and gone[0][0] > told.number:
            return
        old = [ssin for ssin in told.replaced if ssin != told.ssin]
        before = [held for ssin in old if (held := self._held(ssin)) is not None]
        after = applied(told, self._held(told.ssin), before)
        if after is None:
            return
        run = self._connection.execute
        # A number that is told as one in use is no longer replaced, whatever was before.
        run("DELETE FROM replaced WHERE old = ?", (told.ssin,))
        for ssin in old:
            run("INSERT OR REPLACE INTO replaced VALUES (?, ?, ?)", (ssin, told.ssin, told.number))
            run("DELETE FROM person WHERE ssin = ?", (ssin,))
            run("DELETE FROM person_group WHERE ssin = ?", (ssin,))
        self._write(told.ssin, after, sequence)

    def _held(self, ssin: str) -> Held | None:
        found = self._rows("SELECT number, cancelled, register, blocked, unreadable FROM person WHERE ssin = ?", ssin)
        if not found:
            return None
        number, cancelled, register, blocked, unreadable = found[0]
        groups = dict(self._rows("SELECT name, xml FROM person_group WHERE ssin = ?", ssin))
        return Held(number, bool(cancelled), register, bool(blocked), unreadable, groups)

    def _write(self, ssin: str, held: Held, sequence: int) -> None:
        run = self._connection.execute
        run(
            "INSERT OR REPLACE INTO person VALUES (?, ?, ?, ?, ?, ?, ?)",
            (ssin, held.number, held.cancelled, held.register, held.blocked, held.unreadable, sequence),
        )
        if held.blocked:
            run("DELETE FROM person_group WHERE ssin = ?", (ssin,))
        groups = [(ssin, name, xml) for name, xml in sorted(held.groups.items())]
        self._connection.executemany("INSERT OR REPLACE INTO person_group VALUES (?, ?, ?)", groups)

    def _put_item(self, item: Item, sequence: int) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                item.reference,
                item.number,
                item.ssin,
                item.cancelled,
                item.sent_as,
                item.moment,
                item.payload,
                sequence,
            ),
        )

    def _prepare(self) -> None:
        version = self._one("PRAGMA user_version")
        if version not in (0, VERSION):
            _refuse(f"its form is {version}, and this program knows {VERSION}; update the program", None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        # What was acknowledged must still be there when the machine stops.
        self._connection.execute("PRAGMA synchronous = FULL")
        if version == 0:
            self._connection.executescript(_TABLES)

    def _rows(self, statement: str, *values: object) -> list[Any]:
        with self._refusals():
            return self._connection.execute(statement, values).fetchall()

    def _one(self, statement: str) -> int:
        return int(self._rows(statement)[0][0])

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            _refuse(str(error), None)


def _refuse(why: str, path: Path | None) -> NoReturn:
    where = "the copy" if path is None else f"the copy {path}"
    raise NotReceived(
        Problem.STORE,
        f"{where} cannot be read or written: {why}",
        "See to the disk and the rights of the directory; nothing of a file is loaded in part",
    ) from None
