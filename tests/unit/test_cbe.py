"""CBE numbers. The numbers of CBSS and ONEM are public; the others are computed."""

import pytest

from kruispunt.identifiers import cbe
from kruispunt.identifiers.cbe import InvalidCbeNumber


@pytest.mark.parametrize("number", [cbe.CBSS, "0206737484", "0887010362", "0999999922"])
def test_right_numbers_are_returned_as_they_are(number: str) -> None:
    assert cbe.validate(number) == number
    assert cbe.from_int(cbe.to_int(cbe.validate(number))) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "206737484",
        "0206.737.484",
        "BE0206737484",
        "02067374840",
        "0206737484\n",
        "2206737484",
        "٠٢٠٦٧٣٧٤٨٤",
    ],
)
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(InvalidCbeNumber, match="ten digits"):
        cbe.validate(text)


@pytest.mark.parametrize("text", ["0206737485", "0206737400", "0206737499", "0206734784"])
def test_wrong_check_numbers_are_refused(text: str) -> None:
    with pytest.raises(InvalidCbeNumber, match="check number"):
        cbe.validate(text)


def test_compute_gives_valid_numbers_with_every_check_number() -> None:
    numbers = [cbe.compute(9_999_900 + step) for step in range(97)]
    assert [cbe.validate(n) for n in numbers] == numbers
    assert {n[8:] for n in numbers} == {f"{check:02d}" for check in range(1, 98)}


def test_compute_refuses_business_units_and_long_numbers() -> None:
    for first_eight in (20_000_000, 100_000_000, -1):
        with pytest.raises(InvalidCbeNumber):
            cbe.compute(first_eight)
