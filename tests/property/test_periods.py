"""Merge, cut and overlap of periods against plain sets of days (RP-03, RP-04)."""

import itertools
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kruispunt.periods import Period, cut, merge

SPAN = 40
ORIGIN = date(2020, 2, 10)
"""Sets of days are taken in a window that reaches a day beyond every border that is drawn."""
WINDOW = [ORIGIN + timedelta(days=n) for n in range(-1, SPAN + 2)]

days = st.integers(0, SPAN).map(lambda n: ORIGIN + timedelta(days=n))


@st.composite
def any_period(draw: st.DrawFn) -> Period:
    begin, end = draw(st.none() | days), draw(st.none() | days)
    if begin is not None and end is not None:
        begin, end = min(begin, end), max(begin, end)
    return Period.days(begin, end)


def covered(periods: list[Period] | tuple[Period, ...]) -> set[date]:
    return {day for day in WINDOW if any(p.contains(day) for p in periods)}


def is_sorted_and_minimal(periods: tuple[Period, ...]) -> bool:
    return all(
        a.until is not None and b.first is not None and a.until < b.first for a, b in itertools.pairwise(periods)
    )


@given(st.lists(any_period(), max_size=8))
def test_rp_03_merged_periods_hold_the_same_days_sorted_and_minimal(periods: list[Period]) -> None:
    merged = merge(periods)
    assert covered(merged) == covered(periods)
    assert is_sorted_and_minimal(merged)
    assert merge(merged) == merged


@given(st.lists(any_period(), max_size=6).flatmap(lambda ps: st.tuples(st.just(ps), st.permutations(ps))))
def test_rp_03_the_order_of_inscription_does_not_matter(pair: tuple[list[Period], list[Period]]) -> None:
    one_by_one: tuple[Period, ...] = ()
    for period in pair[1]:
        one_by_one = merge([*one_by_one, period])
    assert merge(pair[0]) == one_by_one


@given(st.lists(any_period(), max_size=8), any_period())
def test_rp_04_cutting_is_set_difference(periods: list[Period], period: Period) -> None:
    left = cut(periods, period)
    assert covered(left) == covered(periods) - covered([period])
    assert is_sorted_and_minimal(left)


@given(any_period(), any_period())
def test_rp_03_overlap_and_touch_are_what_the_days_say(one: Period, other: Period) -> None:
    assert one.overlaps(other) == other.overlaps(one) == bool(covered([one]) & covered([other]))
    assert one.touches(other) == other.touches(one) == (len(merge([one, other])) == 1)


@given(any_period())
def test_rp_01_closed_borders_come_back(period: Period) -> None:
    assert Period.days(period.begin, period.end) == period
