"""What is read ahead is what is read, and while a block is worked on the next one comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kruispunt.ahead import TURN, ahead, in_turns


@given(st.integers(0, 4 * TURN), st.integers(1, 3 * TURN))
def test_the_same_items_in_blocks_of_a_size(count: int, size: int) -> None:
    async def read() -> list[list[int]]:
        return [block async for block in ahead(in_turns(iter(range(count)), size))]

    blocks = asyncio.run(read())
    assert [item for block in blocks for item in block] == list(range(count))
    assert all(len(block) == size for block in blocks[:-1])
    assert all(0 < len(block) <= size for block in blocks)


def test_a_block_is_read_while_the_one_before_is_worked_on() -> None:
    """And no more than one: memory holds two."""
    size = 4 * TURN
    read = 0

    def items() -> Iterator[int]:
        nonlocal read
        for item in range(3 * size):
            read += 1
            yield item

    async def work() -> list[int]:
        seen = []
        async for _ in ahead(in_turns(items(), size)):
            for _ in range(100):  # turns of the loop, as many as the database may take
                await asyncio.sleep(0)
            seen.append(read)
        return seen

    assert asyncio.run(work()) == [2 * size, 3 * size, 3 * size]


def test_what_cannot_be_read_is_told_after_the_blocks_before_it() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise OSError("the disk is gone")

    async def work() -> None:
        async with aclosing(ahead(in_turns(items(), 2))) as blocks:
            assert await anext(blocks) == [0, 1]
            assert await anext(blocks) == [2, 3]
            with pytest.raises(OSError, match="the disk is gone"):
                await anext(blocks)

    asyncio.run(work())


def test_who_stops_halfway_gives_the_source_back() -> None:
    closed = []

    async def numbers() -> AsyncGenerator[int, None]:
        try:
            for number in range(10):
                yield number
        finally:
            closed.append(True)

    async def work() -> None:
        async with aclosing(ahead(numbers())) as blocks:
            async for _ in blocks:
                raise ValueError

    with pytest.raises(ValueError):
        asyncio.run(work())
    assert closed == [True]
