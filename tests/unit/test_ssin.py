"""SSIN, rule by rule (SS-01 to SS-06, SS-10).

No number here is a person's: malformed, of the test band, or with a counter from 900 on.
"""

from datetime import date

import pytest

from kruispunt.identifiers import ssin
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import InvalidSsin, Kind, Sex, SsinRule

TODAY = date(2025, 6, 15)


def with_check(nine: str, *, from_2000: bool = False) -> str:
    return f"{nine}{ssin.check_number(nine, from_2000=from_2000):02d}"


def refused(text: str, *, test_band: bool = True) -> SsinRule:
    with pytest.raises(InvalidSsin) as caught:
        ssin.validate(text, today=TODAY, test_band=test_band)
    assert text not in str(caught.value) or not text
    return caught.value.rule


def admitted(text: str) -> bool:
    return ssin.validate(text, today=TODAY, test_band=True) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8567309339",
        "856730933333",
        "85673093a01",
        "85.67.30-933.01",
        " 85673093333",
        "85673093333\n",
        "٨٥٦٧٣٠٩٣٣٠١",
        "85133093301",
        "85193093301",
        "85333093301",
        "85533093301",
        "85733093301",
        "85993093301",
        "85673293301",
        "85073200101",
        "85673093398",
        "85073000012",
    ],
)
def test_ss_10_form_is_what_the_schema_refuses(text: str) -> None:
    assert not ssin.is_well_formed(text)
    assert refused(text) is SsinRule.FORM


@pytest.mark.parametrize("month", ["00", "12", "20", "32", "40", "52", "60", "72"])
def test_ss_10_form_admits_the_four_ranges_of_months(month: str) -> None:
    assert ssin.is_well_formed(f"85{month}3193300")


@pytest.mark.parametrize("month", ["07", "27", "47", "67"])
def test_ss_10_form_refuses_counter_000_under_a_plain_month_alone(month: str) -> None:
    assert ssin.is_well_formed(f"85{month}3000012") is (month != "07")


def test_ss_04_a_wrong_check_number_is_invalid_and_well_formed() -> None:
    right = with_check("856730933")
    wrong = right[:9] + f"{int(right[9:]) % 97 + 1:02d}"
    assert ssin.is_well_formed(wrong)
    assert admitted(right)
    assert refused(wrong) is SsinRule.CHECK


def test_ss_04_check_number_00_is_never_right() -> None:
    nine = next(f"{n:09d}" for n in range(856730900, 856730999) if n % 97 == 0)
    assert ssin.check_number(nine, from_2000=False) == 97
    assert refused(nine + "00") is SsinRule.CHECK


def test_ss_04_known_example_of_the_formula() -> None:
    assert ssin.check_number("856730033", from_2000=False) == 97 - 856730033 % 97
    assert ssin.check_number(106730033, from_2000=True) == 97 - 2106730033 % 97


def test_ss_04_check_number_keeps_its_leading_zero() -> None:
    numbers = [ssin.compute(date(1985, 7, 30), counter, test_band=True) for counter in range(900, 999)]
    short = [n for n in numbers if n[9] == "0"]
    assert short
    assert all(len(n) == 11 and admitted(n) for n in short)


def test_ss_04_the_century_follows_from_the_check() -> None:
    old = ssin.compute(date(1910, 7, 30), 933)
    young = ssin.compute(date(2010, 7, 30), 933)
    assert old[:9] == young[:9]
    assert ssin.birth_date(old) == PartialDate(1910, 7, 30)
    assert ssin.birth_date(young) == PartialDate(2010, 7, 30)


@pytest.mark.parametrize(
    ("nine", "birth"),
    [
        ("850030933", PartialDate(1985)),
        ("850001933", PartialDate(1985)),
        ("852031933", PartialDate(1985)),
        ("854099933", None),
        ("856000933", PartialDate(1985)),
        ("850700933", PartialDate(1985, 7)),
        ("852700933", PartialDate(1985, 7)),
        ("000001933", PartialDate(0)),
        ("004001933", PartialDate(0)),
        ("000002933", PartialDate(1900)),
    ],
)
def test_ss_05_incomplete_and_overflowed_dates(nine: str, birth: PartialDate | None) -> None:
    text = with_check(nine)
    if birth is None:
        assert refused(text) is SsinRule.FORM
    else:
        assert ssin.birth_date(ssin.validate(text, today=TODAY, test_band=True)) == birth


@pytest.mark.parametrize("month", ["02", "22", "42", "62"])
def test_ss_05_a_day_in_a_real_month_must_exist_in_that_year(month: str) -> None:
    assert refused(with_check(f"85{month}29933")) is SsinRule.DATE
    assert refused(with_check(f"85{month}31933")) is SsinRule.DATE
    assert admitted(with_check(f"84{month}29933"))
    assert refused(with_check(f"00{month}29933")) is SsinRule.DATE
    assert admitted(with_check(f"00{month}29933", from_2000=True))


def test_ss_05_a_birth_date_in_the_future_is_refused() -> None:
    assert admitted(with_check("256615933", from_2000=True))
    assert refused(with_check("256616933", from_2000=True)) is SsinRule.FUTURE
    assert admitted(with_check("256600933", from_2000=True))
    assert refused(with_check("256700933", from_2000=True)) is SsinRule.FUTURE
    assert admitted(with_check("256031933", from_2000=True))
    assert refused(with_check("266000933", from_2000=True)) is SsinRule.FUTURE
    assert refused(with_check("856730933", from_2000=True)) is SsinRule.FUTURE


@pytest.mark.parametrize("counter", ["000", "999"])
def test_ss_03_counters_000_and_999_are_never_national(counter: str) -> None:
    assert refused(with_check(f"856730{counter}")) is SsinRule.COUNTER
    assert admitted(with_check(f"852730{counter}"))
    assert admitted(with_check(f"854730{counter}"))
    assert refused(with_check("850730999")) is SsinRule.COUNTER


def test_the_test_band_is_refused_unless_admitted() -> None:
    number = ssin.compute(date(1985, 7, 30), 933, test_band=True)
    assert number.startswith("856730933")
    assert ssin.is_test_band(number)
    assert ssin.kind(number) is Kind.NATIONAL
    assert ssin.sex(number) is Sex.MALE
    assert refused(number, test_band=False) is SsinRule.TEST_BAND
    with pytest.raises(InvalidSsin):
        ssin.validate(number, today=TODAY)


def test_ss_06_kinds_and_what_they_tell_of_sex() -> None:
    birth = date(1985, 7, 30)
    man, woman = ssin.compute(birth, 933), ssin.compute(birth, 934)
    known = ssin.compute(birth, 934, kind=Kind.BIS)
    unknown = ssin.compute(birth, 934, kind=Kind.BIS, sex_known=False)
    assert [n[2:4] for n in (man, woman, known, unknown)] == ["07", "07", "47", "27"]
    assert [ssin.kind(n) for n in (man, woman, known, unknown)] == [Kind.NATIONAL] * 2 + [Kind.BIS] * 2
    assert [ssin.sex(n) for n in (man, woman, known, unknown)] == [Sex.MALE, Sex.FEMALE, Sex.FEMALE, None]
    assert not any(ssin.is_test_band(n) for n in (man, woman, known, unknown))
    assert {ssin.birth_date(n) for n in (man, woman, known, unknown)} == {PartialDate.of(birth)}


def test_ss_01_leading_zeros_survive_the_database_form() -> None:
    number = ssin.compute(PartialDate(2001), 902, test_band=True)
    assert number.startswith("0160")
    assert ssin.from_int(ssin.to_int(number)) == number
    assert ssin.from_int(1) == "00000000001"
    for wrong in (-1, 100_000_000_000):
        with pytest.raises(ValueError, match="eleven digits"):
            ssin.from_int(wrong)


def test_compute_refuses_what_no_number_can_hold() -> None:
    birth = date(1985, 7, 30)
    with pytest.raises(ValueError, match="national numbers"):
        ssin.compute(birth, 933, kind=Kind.BIS, test_band=True)
    for counter in (0, 999, -1, 1000):
        with pytest.raises(ValueError, match="counter"):
            ssin.compute(birth, counter)
    for counter in (-1, 1000):
        with pytest.raises(ValueError, match="counter"):
            ssin.compute(birth, counter, kind=Kind.BIS)
    for year in (1899, 2100):
        with pytest.raises(ValueError, match="birth years"):
            ssin.compute(date(year, 7, 30), 933)


def test_what_is_read_off_an_unvalidated_number_is_refused() -> None:
    with pytest.raises(InvalidSsin):
        ssin.birth_date(ssin.Ssin("85673093300"))
