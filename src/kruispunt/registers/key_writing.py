"""How those who change people write the keys: into the tables that are searched, or, when the registers are filled for
the first time, into fresh ones that take their place at the end.

Three indexes over three or four names a person are most of what PostgreSQL does in an import. To build an index over
rows that are there costs half of entering them one by one. So as long as nobody is known, the rows go into tables
without an index, made in the transaction of the import; its end builds the indexes and exchanges the tables. Nobody
is kept from searching meanwhile, but for the moment of the exchange; a crash leaves the empty tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from asyncpg.exceptions import DependentObjectsStillExistError, LockNotAvailableError

from kruispunt.registers import key_tables
from kruispunt.registers.chains import PATIENCE

if TYPE_CHECKING:
    from asyncpg import Connection

_FRESH: Final = "_fresh"
"""How the names of the fresh tables and their indexes end."""
_PLAIN: Final = """
    SELECT NOT EXISTS (SELECT FROM person) AND NOT EXISTS (SELECT FROM name_key)
        AND NOT EXISTS (SELECT FROM address_key)
        AND bool_and(
            pg_has_role(relowner, 'USAGE') AND relacl IS NULL AND reloptions IS NULL
            AND reltablespace = 0 AND relreplident = 'd'
            AND NOT (relhastriggers OR relhasrules OR relrowsecurity OR relhassubclass OR relispartition)
            AND NOT EXISTS (SELECT FROM pg_publication_rel WHERE prrelid = t.oid)
            AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = t.oid AND attacl IS NOT NULL)
        )
        AND has_schema_privilege(current_schema(), 'CREATE')
    FROM pg_class t WHERE oid = ANY(ARRAY['name_key'::regclass, 'address_key'::regclass])
"""
_INDEXES: Final = """
    SELECT c.relname, i.indisprimary, pg_get_indexdef(c.oid)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = $1::text::regclass ORDER BY i.indisprimary DESC, c.relname
"""
_WAIT: Final = "SELECT set_config('lock_timeout', '2s', true)"
"""Those who search wait behind who waits for the tables."""


class KeyWriting:
    """Writes the keys of one transaction that changes people."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tables = key_tables.TABLES
        self._indexes: list[tuple[str, str]] | None = None
        """Of the fresh tables, once they are built: each with the name that it will have."""

    async def begin(self) -> None:
        """Take fresh tables when nobody is known yet, and nothing but the tables themselves would be exchanged."""
        if await self._connection.fetchval(_PLAIN, timeout=PATIENCE):
            for table in key_tables.TABLES:
                await self._run(f"CREATE TABLE {table}{_FRESH} (LIKE {table} INCLUDING ALL EXCLUDING INDEXES)")
            names, addresses = key_tables.TABLES
            self._tables = (names + _FRESH, addresses + _FRESH)

    async def add(self, names: Sequence[bytes], addresses: Sequence[bytes]) -> None:
        """Add these keys. For indexes that are there they are sorted first: neighbours in an index are then written
        one after the other, which a large load is told by.
        """
        if not self._unindexed:
            names, addresses = sorted(names), sorted(addresses)
        await key_tables.add(self._connection, names, addresses, PATIENCE, self._tables)

    async def forget(self, gone: Sequence[tuple[int, int]]) -> None:
        """Remove the keys of these dossiers, each a number and a register."""
        if gone:
            await self.index()
            await key_tables.forget(self._connection, gone, PATIENCE, self._tables)

    async def index(self) -> None:
        """Build the indexes that are not there yet: all is told."""
        if self._unindexed:
            await self._index()

    async def end(self) -> None:
        """Put fresh tables in the place of the empty ones; the transaction should end after that. When those are in use
        for long, or somebody made something of them, such as a view, the rows are entered there.
        """
        if self._tables == key_tables.TABLES:
            return
        try:
            async with self._connection.transaction():
                await self._run(_WAIT)
                await self._exchange()
        except (LockNotAvailableError, DependentObjectsStillExistError):
            for table in key_tables.TABLES:
                await self._run(f"INSERT INTO {table} TABLE {table}{_FRESH}", f"DROP TABLE {table}{_FRESH}")

    @property
    def tables(self) -> tuple[str, str]:
        """Where the keys are."""
        return self._tables

    @property
    def _unindexed(self) -> bool:
        return self._tables != key_tables.TABLES and self._indexes is None

    async def _index(self) -> None:
        self._indexes = []
        for table in key_tables.TABLES:
            for name, primary, definition in await self._connection.fetch(_INDEXES, table, timeout=PATIENCE):
                head, _, form = definition.partition(" USING ")
                unique = " UNIQUE" if " UNIQUE " in head else ""
                await self._run(f"CREATE{unique} INDEX {name}{_FRESH} ON {table}{_FRESH} USING {form}")
                if primary:
                    await self._run(f"ALTER TABLE {table}{_FRESH} ADD PRIMARY KEY USING INDEX {name}{_FRESH}")
                self._indexes.append((name + _FRESH, name))

    async def _exchange(self) -> None:
        await self._run(f"LOCK TABLE {', '.join(key_tables.TABLES)}")
        for table in key_tables.TABLES:
            await self._run(f"DROP TABLE {table}", f"ALTER TABLE {table}{_FRESH} RENAME TO {table}")
        for fresh, name in self._indexes or ():
            await self._run(f"ALTER INDEX {fresh} RENAME TO {name}")

    async def _run(self, *statements: str) -> None:
        for statement in statements:
            await self._connection.execute(statement, timeout=PATIENCE)
