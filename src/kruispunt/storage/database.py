"""Connections of one worker for the hot path.

A handful of connections, the last one returned first out, so that the same few stay warm. Nothing is sent
to the server when one is returned, which asyncpg's own pool does: whoever takes a whole connection leaves
no session state behind.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import asyncpg

from kruispunt.errors import StorageError
from kruispunt.storage.together import Together

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

T = TypeVar("T")

PATIENCE_TO_CLOSE = 5.0
"""Seconds that a connection may take to end; it is cut off after that."""
SESSION = {
    "application_name": "kruispunt",
    "timezone": "UTC",
    "jit": "off",
    # Arrays look dearer to the planner than they are: it would make a new plan for each call, at five times the cost.
    "plan_cache_mode": "force_generic_plan",
}
_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.PostgresIOError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalClientError,
)
"""Errors that say something of the server and nothing of the statement. Read-only: a server that was
demoted."""


class Asked(Protocol):
    """What can be asked for rows: the database, or one connection to it, inside a transaction."""

    def fetch(self, sql: str, /, *args: Any) -> Awaitable[list[asyncpg.Record]]: ...


class Database:
    """The database, as one event loop uses it. Made by `Database.open`, ended by `close`."""

    def __init__(self, dsn: str, size: int, timeout: float) -> None:
        self._dsn = dsn
        self._size = size
        self._timeout = timeout
        self._idle: list[Connection] = []
        self._taken = 0
        """Connections that exist or are being made or ended."""
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        """Handed a connection, or None: the right to make one."""
        self._ending: set[asyncio.Task[None]] = set()
        self._together: dict[str, Together] = {}
        self._closed = False

    @classmethod
    async def open(cls, dsn: str, size: int = 8, timeout: float = 5.0) -> Database:  # noqa: ASYNC109 - kept for later
        """Connect once, so that a wrong DSN shows; the other connections are made when they are needed.

        `timeout` in seconds bounds the wait for a connection, and each statement apart. StorageError on
        failure.
        """
        database = cls(dsn, size, timeout)
        database._return(await database._take())
        return database

    async def fetch(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        """All rows. This and the next four raise StorageError when the server is away or too slow."""
        return await self._perform(asyncpg.Connection.fetch, sql, args)

    async def fetchrow(self, sql: str, *args: Any) -> asyncpg.Record | None:
        """The first row; None when there is none."""
        return await self._perform(asyncpg.Connection.fetchrow, sql, args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """The first column of the first row; None when there is none."""
        return await self._perform(asyncpg.Connection.fetchval, sql, args)

    async def fetch_together(self, sql: str, *args: Any, alone: str | None = None) -> list[asyncpg.Record]:
        """The rows for these arguments, by one statement for all who ask it at the same time.

        `sql` takes an array for each argument, and numbers its rows by their place in them; `alone`, which is the same
        one for each call with `sql`, takes the arguments themselves: see `Together`.
        """
        together = self._together.get(sql)
        if together is None:
            together = self._together[sql] = Together(self.fetch, sql, alone)
        return await together.ask(args)

    async def execute(self, sql: str, *args: Any) -> str:
        """The command tag, such as `INSERT 0 1`."""
        return await self._perform(asyncpg.Connection.execute, sql, args)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """One connection for a transaction or a COPY. Its statements have no time limit but the caller's own.

        What outlives a transaction (settings without `local`, listeners, session locks, temporary tables
        without `on commit drop`) must be undone by the caller: the next user gets the connection as it is.
        """
        connection = await self._take()
        try:
            yield connection
        except BaseException as error:
            self._part(connection, error)
            raise
        self._return(connection)

    async def close(self) -> None:
        """End the idle connections now, and those in use when they come back. Those who wait are refused."""
        self._closed = True
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(StorageError("The database was closed while a connection was waited for."))
        while self._idle:
            self._end(self._idle.pop())
        while self._ending:
            await asyncio.gather(*self._ending)

    async def _perform(self, verb: Callable[..., Awaitable[T]], sql: str, args: tuple[Any, ...]) -> T:
        connection = await self._take()
        try:
            result = await verb(connection, sql, *args, timeout=self._timeout)
        except OSError as error:
            self._end(connection)
            raise StorageError(f"The database is away or too slow: {_told(error)}") from error
        except BaseException as error:
            self._part(connection, error)
            raise
        self._return(connection)
        return result

    async def _take(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._taken -= 1
        if self._closed:
            raise StorageError("The database was closed.")
        if self._taken < self._size:
            self._taken += 1
            return await self._connect()
        return await self._wait() or await self._connect()

    async def _wait(self) -> Connection | None:
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(self._timeout):
                return await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._give_back(waiter.result())
            if isinstance(error, TimeoutError):
                raise StorageError(
                    f"No connection to the database was free within {self._timeout:g} s: all {self._size} are in use."
                ) from None
            raise

    async def _connect(self) -> Connection:
        """Make a connection in a place that was taken before; give the place up when that fails."""
        try:
            return await asyncpg.connect(
                self._dsn,
                timeout=self._timeout,
                server_settings=SESSION,
                statement_cache_size=200,
                max_cached_statement_lifetime=0,
            )
        except BaseException as error:
            self._pass_on(None)
            if isinstance(error, (asyncpg.PostgresError, asyncpg.InterfaceError, *_AWAY, OSError)):
                raise StorageError(f"The database cannot be reached: {_told(error)}") from error
            raise

    def _give_back(self, connection: Connection | None) -> None:
        if connection is None:
            self._pass_on(None)
        else:
            self._return(connection)

    def _return(self, connection: Connection) -> None:
        if self._closed or connection.is_closed() or connection.is_in_transaction():
            self._end(connection)
        else:
            self._pass_on(connection)

    def _pass_on(self, connection: Connection | None) -> None:
        """Give a connection, or the right to make one, to who waited longest; keep it when nobody waits."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        if connection is None:
            self._taken -= 1
        else:
            self._idle.append(connection)

    def _part(self, connection: Connection, error: BaseException) -> None:
        """Keep the connection after an error that leaves its state known. StorageError when the server
        failed.

        A cancelled task, or a time limit that passed, may leave a statement running.
        """
        lost = isinstance(error, (asyncpg.InterfaceError, OSError)) and connection.is_closed()
        if isinstance(error, _AWAY) or lost:
            self._end(connection)
            raise StorageError(f"The database is away: {_told(error)}") from error
        if isinstance(error, Exception) and not isinstance(error, OSError):
            self._return(connection)
        else:
            self._end(connection)

    def _end(self, connection: Connection) -> None:
        task = asyncio.get_running_loop().create_task(self._hang_up(connection))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _hang_up(self, connection: Connection) -> None:
        """A graceful end lets asyncpg cancel the statement that still runs. The place is free when that is
        done."""
        try:
            await connection.close(timeout=PATIENCE_TO_CLOSE)
        except (*_AWAY, asyncpg.PostgresError, asyncpg.InterfaceError):
            connection.terminate()
        finally:
            self._pass_on(None)


def _told(error: BaseException) -> str:
    """The error in words. Details are left out, because they may hold data."""
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no answer in time'}"
