"""Reading ahead: the next block is read while one is worked on, as often as the loop has its turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from itertools import islice
from typing import Final, TypeVar

T = TypeVar("T")

TURN: Final = 25
"""Items that are read at a time: a millisecond of the most costly ones, after which an answer of the database that
came meanwhile is looked at."""


async def ahead(blocks: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """The same blocks. Whatever they are read from is free again when this is closed."""
    coming = asyncio.ensure_future(anext(blocks, None))
    try:
        while (block := await coming) is not None:
            coming = asyncio.ensure_future(anext(blocks, None))
            yield block
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        await blocks.aclose()


async def in_turns(items: Iterator[T], size: int) -> AsyncGenerator[list[T], None]:
    """Blocks of `size` items, the last one shorter; who else has something to do comes between."""
    while block := list(islice(items, min(TURN, size))):
        while len(block) < size and (more := list(islice(items, min(TURN, size - len(block))))):
            await asyncio.sleep(0)
            block += more
        yield block
