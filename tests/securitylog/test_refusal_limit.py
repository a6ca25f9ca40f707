"""Refusals of strangers are logged up to a limit per source and minute, and counted beyond it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kruispunt.securitylog.refusals import RefusalLimit

EVENTS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=200).map(
    lambda events: sorted(events, key=lambda event: event[1])
)


@given(EVENTS)
def test_nothing_is_lost_by_counting(events: list[tuple[str, int]]) -> None:
    limit = RefusalLimit(per_minute=5)
    logged = dict.fromkeys("abc", 0)
    told = dict.fromkeys("abc", 0)
    for source, minute in events:
        suppressed = limit.admit(source, minute)
        if suppressed is not None:
            logged[source] += 1
            told[source] += suppressed
    for source in "abc":
        seen = sum(1 for s, _ in events if s == source)
        minutes = {m for s, m in events if s == source}
        assert logged[source] <= 5 * len(minutes)
        assert logged[source] + told[source] <= seen
        closing = limit.admit(source, 99)
        assert closing is not None
        assert logged[source] + told[source] + closing == seen


def test_one_source_does_not_hide_another() -> None:
    limit = RefusalLimit(per_minute=1)
    assert [limit.admit(s, 0) for s in ("a", "a", "b", "b")] == [0, None, 0, None]


def test_memory_is_bounded_by_the_number_of_sources() -> None:
    limit = RefusalLimit(per_minute=1, sources=10)
    for number in range(1000):
        limit.admit(str(number), 0)
    assert len(limit._seen) == 10
