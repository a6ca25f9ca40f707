"""What may be searched for (IP-05, IP-06, IP-07, IP-12): each rule with its code, in the order of appendix A."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Sex
from kruispunt.registers.search import Breach, Field, NameCriteria, Rule, name_criteria
from kruispunt.registers.search.births import begins_after, births, earliest

TODAY = date(2026, 6, 15)


def judged(last: str = "Janssens", birth: str = "1985-07-30", **others: Any) -> NameCriteria | Breach:
    return name_criteria(last, birth, **others, today=TODAY)


def rule(last: str = "Janssens", birth: str = "1985-07-30", **others: Any) -> tuple[str, str] | None:
    breach = judged(last, birth, **others)
    return (breach.rule.value, breach.field.value) if isinstance(breach, Breach) else None


def test_ip_05_the_least_and_the_most_that_can_be_asked() -> None:
    assert judged() == NameCriteria("Janssens", PartialDate(1985, 7, 30))
    assert judged(
        " De Clercq ", "1985-07-00", first_name="Jean-Pierre", middle_name="O'Neil", gender=2, tolerance=3, maximum=5
    ) == NameCriteria("De Clercq", PartialDate(1985, 7), "Jean-Pierre", Sex.FEMALE, 3, 5)
    assert judged(first_name="", middle_name=" ", gender=0) == judged()


@pytest.mark.parametrize(
    "name", ["Lefèvre", "D'Hondt", "D’Hondt", "Van den Berghe", "Jansen-2", "ŞAHİN", "Ðorđević", "x", "Ĳ"]
)
def test_ip_05_names_have_letters_digits_blanks_hyphens_and_apostrophes(name: str) -> None:
    assert isinstance(judged(name, first_name=name, middle_name=name), NameCriteria)


@pytest.mark.parametrize(
    "name",
    ["123", "-", "' '", "Janssens%", "Jan_sens", "Шевченко", "Jan.", "Jan\tsens", "Ja\x00n", "½", "²", "J" * 101],
)
def test_ip_05_other_names_are_refused(name: str) -> None:
    assert rule(name) == ("MSG00004", "Last Name")
    assert rule(first_name=name) == ("MSG00004", "First Name")
    assert rule(first_name="Jan", middle_name=name) == ("MSG00004", "Middle Name")


def test_ip_05_last_name_and_birth_date_are_required() -> None:
    assert rule("") == rule("  ") == ("31000007", "Last Name")
    assert rule(birth="") == ("31000007", "Birth Date")


def test_ip_06_a_middle_name_needs_a_first_name() -> None:
    assert rule(middle_name="Marie") == ("31009002", "First Name")
    assert rule(first_name="Anne", middle_name="Marie") is None


def test_ip_06_an_incomplete_birth_date_needs_a_tolerance() -> None:
    assert judged(birth="1985-00-00") == Breach(Rule.TOLERANCE_NEEDED, Field.BIRTH_DATE, "1985-00-00")
    assert rule(birth="1985-07-00") == ("31009001", "Birth Date")
    assert rule(birth="1985-07-00", tolerance=0) is None
    assert rule(birth="1985-07-30") is None


@pytest.mark.parametrize(
    "birth",
    [
        "1799-12-31",
        "0000-00-00",
        "1985-00-12",
        "1985-13-01",
        "1985-02-30",
        "1985-7-30",
        "30-07-1985",
        "1900-02-29",
        "1985",
        "²985-01-01",
    ],
)
def test_ip_06_other_forms_and_dates_before_1800_are_refused(birth: str) -> None:
    assert rule(birth=birth, tolerance=1) == ("MSG00004", "Birth Date")


def test_ip_06_the_first_dates_that_may_be_asked() -> None:
    assert [rule(birth=birth, tolerance=0) for birth in ("1800-00-00", "1800-01-00", "1800-01-01")] == [None] * 3


@pytest.mark.parametrize(
    ("birth", "tolerance", "code"),
    [
        ("2026-06-15", None, None),  # today itself (IP-06: rule and message differ)
        ("2026-06-15", 30, None),
        ("2026-06-16", None, "31009003"),
        ("2026-06-16", 0, "31009003"),
        ("2026-06-16", 1, "31009004"),
        ("2026-07-15", 29, "31009003"),
        ("2026-07-15", 30, "31009004"),
        ("2026-06-00", 0, None),  # this month has begun
        ("2026-07-00", 0, "31009003"),
        ("2026-07-00", 1, "31009004"),
        ("2027-01-00", 6, "31009003"),
        ("2027-01-00", 7, "31009004"),
        ("2026-00-00", 0, None),
        ("2027-00-00", 0, "31009003"),
        ("2027-00-00", 1, "31009004"),
        ("2057-00-00", 30, "31009003"),
        ("2056-00-00", 30, "31009004"),
    ],
)
def test_ip_06_the_future_the_lower_bound_is_tested_first(birth: str, tolerance: int | None, code: str | None) -> None:
    assert rule(birth=birth, tolerance=tolerance) == (code and (code, "Birth Date"))


@pytest.mark.parametrize(("birth", "longest"), [("1985-07-30", 30), ("1985-07-00", 12), ("1985-00-00", 30)])
def test_ip_07_tolerances(birth: str, longest: int) -> None:
    assert rule(birth=birth, tolerance=longest) is None
    assert rule(birth=birth, tolerance=longest + 1) == ("MSG00004", "Tolerance")
    assert rule(birth=birth, tolerance=-1) == ("MSG00004", "Tolerance")


def test_ip_11_and_ip_12_gender_and_maximum() -> None:
    assert rule(gender=3) == rule(gender=-1) == ("MSG00004", "Gender")
    assert rule(maximum=0) == rule(maximum=81) == ("MSG00004", "Maximum")
    assert rule(maximum=1) is rule(maximum=80) is None
    criteria = judged()
    assert isinstance(criteria, NameCriteria)
    assert criteria.maximum == 80


def test_appendix_a_the_first_rule_that_is_broken_is_told() -> None:
    assert rule("", "", middle_name="%") == ("31000007", "Last Name")
    assert rule(birth="2027-00-00", middle_name="Anne") == ("31009002", "First Name")
    assert rule(birth="2027-00-00") == ("31009001", "Birth Date")


@pytest.mark.parametrize(
    ("asked", "tolerance", "low", "high"),
    [
        (PartialDate(1985, 7, 30), 0, 19850730, 19850730),
        (PartialDate(2024, 2, 29), 0, 20240229, 20240229),
        (PartialDate(2024, 2, 28), 1, 20240227, 20240229),
        (PartialDate(2024, 3, 1), 1, 20240229, 20240302),
        (PartialDate(2023, 3, 1), 1, 20230228, 20230302),
        (PartialDate(1900, 3, 1), 1, 19000228, 19000302),
        (PartialDate(2000, 1, 1), 30, 19991202, 20000131),
        (PartialDate(1999, 12, 31), 1, 19991230, 20000101),
        (PartialDate(1985, 7), 0, 19850700, 19850799),
        (PartialDate(1985, 12), 1, 19851100, 19860199),
        (PartialDate(1985, 1), 1, 19841200, 19850299),
        (PartialDate(1985, 1), 12, 19840100, 19860199),
        (PartialDate(1985), 0, 19850000, 19859999),
        (PartialDate(1985), 30, 19550000, 20159999),
    ],
)
def test_ip_07_leap_days_and_borders_of_months_and_years(
    asked: PartialDate, tolerance: int, low: int, high: int
) -> None:
    assert births(asked, tolerance) == (low, high)


@given(st.dates(date(1800, 1, 1), date(2100, 1, 1)), st.integers(0, 30), st.integers(-40, 40))
def test_ip_07_a_tolerance_in_days_is_a_distance_in_days(asked: date, tolerance: int, distance: int) -> None:
    other = asked + timedelta(days=distance)
    low, high = births(PartialDate.of(asked), tolerance)
    assert (low <= other.year * 10_000 + other.month * 100 + other.day <= high) == (abs(distance) <= tolerance)


@given(st.dates(date(2000, 1, 1), date(2050, 1, 1)), st.integers(0, 12))
def test_a_period_begins_after_today_when_all_its_days_do(today: date, tolerance: int) -> None:
    tomorrow = today + timedelta(days=1)
    assert not begins_after(PartialDate.of(today), today)
    assert begins_after(PartialDate.of(tomorrow), today)
    assert begins_after(PartialDate(tomorrow.year, tomorrow.month), today) == (tomorrow.day == 1)
    assert begins_after(PartialDate(tomorrow.year), today) == ((tomorrow.month, tomorrow.day) == (1, 1))
    month = earliest(PartialDate(today.year, today.month), tolerance)
    assert (today.year - month.year) * 12 + today.month - month.month == tolerance
