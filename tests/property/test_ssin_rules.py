"""SSIN against an independent model, and the claims of its docstring (SS-01 to SS-06, SS-10)."""

import re
from datetime import date

from hypothesis import given
from hypothesis import strategies as st
from stdnum.be import nn

from kruispunt.identifiers import ssin
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import InvalidSsin, Kind, Sex

TODAY = date(2025, 6, 15)
CHECK = r"(([0-8][0-9])|([9][0-7]))"
DAY = r"(([0-2][0-9])|([3][0-1]))"
PATTERNS = [
    re.compile(rf"[0-9][0-9](([{tens}][0-9])|([{tens + 1}][0-2])){DAY}{counter}{CHECK}")
    for tens, counter in (
        (0, "(([0-9]{2}[1-9])|([0-9][1-9][0-9])|([1-9][0-9]{2}))"),
        (2, "[0-9]{3}"),
        (4, "[0-9]{3}"),
        (6, "[0-9]{3}"),
    )
]
"""The patterns of SsinType as the schema spells them."""

eleven_digits = st.integers(0, 99_999_999_999).map(lambda n: f"{n:011d}")
births = st.dates(min_value=date(1900, 1, 1), max_value=TODAY)
counters = st.integers(900, 998)
"""So high that no person has them."""


def near_misses(draw: st.DrawFn) -> str:
    month = draw(st.sampled_from([0, 20, 40, 60])) + draw(st.integers(0, 14))
    counter = draw(st.sampled_from([0, 1, 999]) | st.integers(0, 999))
    return f"{draw(st.integers(0, 99)):02d}{month:02d}{draw(st.integers(0, 33)):02d}{counter:03d}"


@st.composite
def plausible(draw: st.DrawFn) -> str:
    nine = near_misses(draw)
    check = draw(st.sampled_from([0, 97, 98]) | st.integers(0, 99) | st.booleans().map(lambda b: 100 + b))
    if check >= 100:
        check = ssin.check_number(nine, from_2000=check == 101)
    return f"{nine}{check:02d}"


@given(plausible() | eleven_digits)
def test_ss_10_form_is_what_the_four_patterns_admit(text: str) -> None:
    assert ssin.is_well_formed(text) == any(p.fullmatch(text) for p in PATTERNS)


@given(st.integers(0, 999_999_999))
def test_ss_04_no_number_is_valid_under_both_centuries(nine: int) -> None:
    one, other = (ssin.check_number(nine, from_2000=century) for century in (False, True))
    assert one != other
    assert {1 <= check <= 97 for check in (one, other)} == {True}


def test_ss_04_the_proof_that_the_century_is_never_in_doubt() -> None:
    assert all(97 % divisor for divisor in range(2, 97))
    assert 2_000_000_000 % 97


def model(text: str) -> bool:
    """SS-01 to SS-06 said once more, by trying both centuries and the calendar itself."""
    if not any(p.fullmatch(text) for p in PATTERNS):
        return False
    month, day, bis = int(text[2:4]) % 20, int(text[4:6]), text[2] in "2345"
    for prefix, century in (("", 1900), ("2", 2000)):
        if 97 - int(prefix + text[:9]) % 97 != int(text[9:]):
            continue
        year = century + int(text[:2])
        try:
            earliest = date(year, month or 1, (day or 1) if month else 1)
        except ValueError:
            return False
        return earliest <= TODAY and (bis or text[6:9] not in ("000", "999"))
    return False


@given(plausible() | eleven_digits)
def test_ss_01_to_06_validate_agrees_with_the_model(text: str) -> None:
    try:
        ssin.validate(text, today=TODAY, test_band=True)
    except InvalidSsin:
        valid = False
    else:
        valid = True
    assert valid == model(text)


@given(st.lists(plausible() | eleven_digits, min_size=1), st.booleans())
def test_ss_01_to_06_a_sieve_admits_what_validate_does(texts: list[str], band: bool) -> None:
    """Also what it saw before, and numbers of birth dates that it saw before."""
    sieve = ssin.Sieve(TODAY, test_band=band)
    for text in texts * 2:
        try:
            ssin.validate(text, today=TODAY, test_band=band)
        except InvalidSsin:
            assert not sieve.admits(text)
        else:
            assert sieve.admits(text)


@given(births, counters, st.booleans())
def test_ss_02_to_04_computed_national_numbers_are_valid_and_read_back(birth: date, counter: int, band: bool) -> None:
    number = ssin.compute(birth, counter, test_band=band)
    assert ssin.validate(number, today=TODAY, test_band=band) == number
    assert ssin.birth_date(number) == PartialDate.of(birth)
    assert ssin.sex(number) is (Sex.MALE if counter % 2 else Sex.FEMALE)
    assert ssin.kind(number) is Kind.NATIONAL
    assert ssin.is_test_band(number) is band
    assert ssin.from_int(ssin.to_int(number)) == number


@given(births, st.integers(900, 999), st.booleans())
def test_ss_06_computed_bis_numbers_are_valid_and_read_back(birth: date, counter: int, sex_known: bool) -> None:
    number = ssin.compute(birth, counter, kind=Kind.BIS, sex_known=sex_known)
    assert ssin.validate(number, today=TODAY) == number
    assert ssin.birth_date(number) == PartialDate.of(birth)
    assert ssin.sex(number) is ((Sex.MALE if counter % 2 else Sex.FEMALE) if sex_known else None)
    assert ssin.kind(number) is Kind.BIS


@given(births, counters, st.sampled_from(["year", "month", "nothing"]))
def test_ss_05_computed_numbers_of_incomplete_dates_read_back(birth: date, counter: int, known: str) -> None:
    incomplete = {
        "year": PartialDate(birth.year),
        "month": PartialDate(birth.year, birth.month),
        "nothing": PartialDate(0),
    }[known]
    number = ssin.compute(incomplete, counter)
    assert ssin.birth_date(ssin.validate(number, today=TODAY)) == incomplete


@given(births, counters)
def test_ss_04_what_we_issue_a_second_implementation_admits(birth: date, counter: int) -> None:
    assert nn.is_valid(ssin.compute(birth, counter))
