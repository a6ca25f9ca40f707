"""Incomplete dates (SS-05; CommonV3's IncompleteDateType)."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kruispunt.identifiers.partial_date import InvalidPartialDate, PartialDate


@pytest.mark.parametrize("text", ["1985-07-30", "1985-07-00", "1985-00-00", "0000-00-00", "2000-02-29", "2999-12-31"])
def test_ss_05_every_degree_of_knowledge_is_read_and_written(text: str) -> None:
    assert str(PartialDate.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1985-7-30",
        "19850730",
        "1985-07-30 ",
        "1985-07-30\n",
        "1985-00-30",
        "0000-07-00",
        "0000-00-30",
        "0000-07-30",
        "1985-13-00",
        "1985-02-29",
        "1900-02-29",
        "1985-04-31",
        "1985-07-32",
        "3000-00-00",
        "9999-00-00",
        "١٩٨٥-٠٧-٣٠",
    ],
)
def test_ss_05_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(InvalidPartialDate):
        PartialDate.parse(text)


@pytest.mark.parametrize("parts", [(-1, 0, 0), (1985, -1, 0), (1985, 7, -1), (0, 1, 0), (1985, 0, 1)])
def test_ss_05_wrong_parts_are_refused(parts: tuple[int, int, int]) -> None:
    with pytest.raises(InvalidPartialDate):
        PartialDate(*parts)


@given(st.dates(max_value=date(2999, 12, 31)))
def test_ss_05_complete_dates_are_calendar_days(day: date) -> None:
    assert PartialDate.parse(day.isoformat()) == PartialDate.of(day)
    assert PartialDate.of(day).complete


@given(*(st.integers(0, most) for most in (9999, 99, 99)))
def test_ss_05_a_text_is_read_as_its_three_numbers_are(year: int, month: int, day: int) -> None:
    """Days of the calendar are known by another way than the rest."""
    text = f"{year:04d}-{month:02d}-{day:02d}"
    try:
        expected = PartialDate(year, month, day)
    except InvalidPartialDate as refused:
        with pytest.raises(InvalidPartialDate, match=str(refused)):
            PartialDate.parse(text)
    else:
        read = PartialDate.parse(text)
        assert type(read) is PartialDate
        assert (read, read.year, read.month, read.day) == (expected, year, month, day)


def test_ss_05_incomplete_dates_are_no_calendar_day() -> None:
    assert not PartialDate(1985, 7).complete
    assert not PartialDate(1985).complete
    assert not PartialDate(0).complete


def test_ss_05_unknown_parts_sort_first() -> None:
    texts = ["0000-00-00", "1985-00-00", "1985-07-00", "1985-07-01", "1985-08-00"]
    assert [str(d) for d in sorted(map(PartialDate.parse, reversed(texts)))] == texts


def test_a_moment_counts_as_its_day() -> None:
    assert PartialDate.of(datetime(1985, 7, 30, 12, 0)) == PartialDate(1985, 7, 30)  # noqa: DTZ001
