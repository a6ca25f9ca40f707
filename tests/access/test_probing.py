"""Who asks for number upon number is noticed, slowed, and forgotten; nobody else is touched (PL-13, PL-16)."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from kruispunt.access.probing import STEPS, WAITING, Probing

ONE, OTHER = "urn:test:one", "urn:test:other"
WINDOW, LONGEST = 100.0, 5.0


class Hand:
    """A clock that is moved by hand, and a sleep that ends when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1_000.0
        self.asked: list[float] = []
        self.wake = asyncio.Event()

    def __call__(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self.wake.wait()


def probing(hand: Hand, refusals: int = 10, workers: int = 1) -> Probing:
    return Probing(refusals, WINDOW, LONGEST, workers, monotonic=hand, sleep=hand.sleep)


def test_noticed_once_and_slowed_more_and_more() -> None:
    watch = probing(Hand())
    assert [watch.refused(ONE) for _ in range(9)] == [None] * 9
    assert watch.delay(ONE) == 0
    assert watch.refused(ONE) == 10
    delays = []
    for _ in range(2 * STEPS):
        delays.append(watch.delay(ONE))
        assert watch.refused(ONE) is None
    assert delays == sorted(delays)
    assert delays[0] == LONGEST / STEPS
    assert delays[STEPS - 1 :] == [LONGEST] * (STEPS + 1)


def test_nobody_else_is_touched() -> None:
    watch = probing(Hand())
    for _ in range(500):
        watch.refused(ONE)
    assert watch.delay(OTHER) == 0
    assert [watch.refused(OTHER) for _ in range(9)] == [None] * 9
    assert watch.delay(OTHER) == 0


def test_forgotten_when_the_window_has_passed() -> None:
    hand = Hand()
    watch = probing(hand)
    for _ in range(500):
        watch.refused(ONE)
    hand.seconds += WINDOW - 1
    assert watch.delay(ONE) == LONGEST
    hand.seconds += 1
    assert watch.delay(ONE) == 0
    assert watch.remembered == 0
    assert [watch.refused(ONE) for _ in range(10)][-1] == 10, "noticed again"


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(0, 5)), max_size=60))
def test_what_counts_is_what_lies_in_the_window(steps: list[tuple[float, int]]) -> None:
    """Never slowed by fewer refusals than the threshold in the window and one slot; always by as many in the window
    less one slot."""
    hand = Hand()
    watch = probing(hand)
    moments: list[float] = []
    for pause, refusals in steps:
        hand.seconds += pause
        for _ in range(refusals):
            watch.refused(ONE)
            moments.append(hand.seconds)
        most = sum(m > hand.seconds - WINDOW for m in moments)
        least = sum(m > hand.seconds - WINDOW * 0.9 for m in moments)
        slowed = watch.delay(ONE) > 0
        assert not slowed or most >= 10
        assert slowed or least < 10


def test_a_few_wait_and_the_others_are_turned_away() -> None:
    async def work() -> None:
        hand = Hand()
        watch = probing(hand)
        waiting = [asyncio.create_task(watch.hold(ONE, 2.5)) for _ in range(WAITING)]
        await asyncio.sleep(0)
        async with asyncio.timeout(60):
            assert [await watch.hold(ONE, 2.5) for _ in range(50)] == [False] * 50
        another = asyncio.create_task(watch.hold(OTHER, 1.0))
        gone = waiting.pop()
        gone.cancel()
        await asyncio.sleep(0)
        waiting.append(asyncio.create_task(watch.hold(ONE, 3.0)))
        await asyncio.sleep(0)
        hand.wake.set()
        assert await asyncio.gather(*waiting, another) == [True] * (WAITING + 1)
        assert hand.asked == [2.5] * WAITING + [1.0, 3.0]

    asyncio.run(work())


def test_workers_share_the_threshold_and_zero_seconds_switch_it_off() -> None:
    watch = probing(Hand(), refusals=10, workers=4)
    assert [watch.refused(ONE) for _ in range(3)] == [None, None, 3]
    never = Probing(1, WINDOW, 0)
    assert never.refused(ONE) == 1
    assert never.delay(ONE) == 0
