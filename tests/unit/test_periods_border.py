"""Periods at their borders (RP-01)."""

from datetime import date

import pytest

from kruispunt.periods import ALWAYS, InvalidPeriod, Period

DAY = date(2020, 2, 29)


def test_rp_01_both_borders_belong_to_the_period() -> None:
    period = Period.days(date(2020, 2, 28), DAY)
    assert (period.begin, period.end) == (date(2020, 2, 28), DAY)
    assert (period.first, period.until) == (date(2020, 2, 28), date(2020, 3, 1))
    assert period.contains(DAY)
    assert not period.contains(date(2020, 3, 1))


def test_rp_01_one_day_is_a_period_and_none_is_not() -> None:
    assert Period.day(DAY) == Period.days(DAY, DAY)
    for wrong in (lambda: Period.days(DAY, date(2020, 2, 28)), lambda: Period(DAY, DAY)):
        with pytest.raises(InvalidPeriod):
            wrong()


def test_rp_01_an_open_end_is_none_also_when_written_as_the_last_day_of_the_calendar() -> None:
    assert Period.days(DAY, None).end is None
    assert Period.days(DAY, date.max) == Period.days(DAY, None)
    assert Period.days(date.max, date.max).contains(date.max)
    assert ALWAYS.contains(date.min)
    assert ALWAYS.contains(date.max)


def test_rp_03_adjoining_periods_touch_and_do_not_overlap() -> None:
    before, after = Period.days(None, DAY), Period.days(date(2020, 3, 1), None)
    assert before.touches(after)
    assert after.touches(before)
    assert not before.overlaps(after)
    assert not after.overlaps(before)
    assert not Period.days(date(2020, 3, 2), None).touches(before)
