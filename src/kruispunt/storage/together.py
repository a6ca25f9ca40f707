"""One statement for all who ask the same thing at the same time.

While a statement runs, the next group collects. There is no timer: who asks alone is answered at once. What a
statement costs beside its rows (a round trip, two wake-ups, a snapshot, the start of a plan) is shared by the group.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from kruispunt.errors import StorageError

GROUP_LIMIT = 256

Fetch = Callable[..., Awaitable[list[asyncpg.Record]]]


@dataclass(slots=True, eq=False)
class _Asking:
    arguments: tuple[Any, ...]
    rows: asyncio.Future[list[asyncpg.Record]]


class Together:
    """One statement, for any number of askers of one event loop.

    The statement takes an array for each argument. The first column of its rows is the position of the asker in
    those arrays, counted from 1, as `unnest(…) WITH ORDINALITY` gives it. `alone`, where it is told, takes the
    arguments themselves and gives the same rows: for who asks when nobody else does.
    """

    def __init__(self, fetch: Fetch, sql: str, alone: str | None = None) -> None:
        self._fetch = fetch
        self._sql = sql
        self._alone = alone
        self._queue: list[_Asking] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, arguments: tuple[Any, ...]) -> list[asyncpg.Record]:
        """The rows for these arguments alone. Raises what `fetch` raises."""
        asking = _Asking(arguments, asyncio.get_running_loop().create_future())
        self._queue.append(asking)
        if self._task is None:
            self._task = asyncio.create_task(self._answer_all(), name="ask together")
        return await asking.rows

    async def _answer_all(self) -> None:
        try:
            while self._queue:
                await asyncio.sleep(0)  # one turn of the loop: who is about to ask comes along
                group, self._queue = self._queue[:GROUP_LIMIT], self._queue[GROUP_LIMIT:]
                await self._answer(group)
        except BaseException:
            for one in self._queue:
                one.rows.cancel()
            raise
        finally:
            self._queue = []
            self._task = None

    async def _answer(self, group: Sequence[_Asking]) -> None:
        try:
            if self._alone is not None and len(group) == 1:
                rows = await self._fetch(self._alone, *group[0].arguments)
            else:
                rows = await self._fetch(self._sql, *map(list, zip(*(one.arguments for one in group), strict=True)))
        except Exception as error:
            await self._fail(group, error)
        except BaseException:
            for one in group:
                one.rows.cancel()
            raise
        else:
            _hand_out(group, rows)

    async def _fail(self, group: Sequence[_Asking], error: Exception) -> None:
        """An error that says nothing of the server is that of one asker: the others get their answers.

        A server that hangs would keep those behind waiting as long again, one group after the other: they fail too.
        """
        if isinstance(error, StorageError):
            if isinstance(error.__cause__, TimeoutError):
                group, self._queue = [*group, *self._queue], []
            for one in group:
                _refuse(one, StorageError(str(error)), error)
        elif len(group) == 1:
            _refuse(group[0], error, error.__cause__)
        else:
            for one in group:
                await self._answer((one,))


def _hand_out(group: Sequence[_Asking], rows: Sequence[asyncpg.Record]) -> None:
    answers: list[list[asyncpg.Record]] = [[] for _ in group]
    for row in rows:
        answers[row[0] - 1].append(row)
    for one, answer in zip(group, answers, strict=True):
        if not one.rows.done():
            one.rows.set_result(answer)


def _refuse(one: _Asking, error: Exception, cause: BaseException | None) -> None:
    if not one.rows.done():
        error.__cause__ = cause
        one.rows.set_exception(error)
