"""Organisations by CBE number or by sector and institution (PL-10)."""

import pytest

from kruispunt.identifiers import cbe, organisation
from kruispunt.identifiers.organisation import InvalidOrganisation


def test_pl_10_both_forms_are_read_and_told_apart() -> None:
    by_number, by_pair = organisation.parse("0206737484"), organisation.parse("18/0")
    assert by_number == "0206737484"
    assert organisation.to_institution(by_number) is None
    assert organisation.to_institution(by_pair) == (18, 0)
    assert organisation.of_cbe(cbe.CBSS) == cbe.CBSS


@pytest.mark.parametrize("text", ["18/0", "018/0", "18/00", "018/000"])
def test_pl_10_one_pair_has_one_spelling(text: str) -> None:
    assert organisation.parse(text) == organisation.of_institution(18, 0) == "18/0"


@pytest.mark.parametrize(
    "text",
    ["", "18", "18/", "/0", "18/0/1", "1000/0", "18/1000", "-1/0", "18 /0", "18/0\n", "0206737485", "१८/०"],
)
def test_pl_10_other_texts_name_no_organisation(text: str) -> None:
    with pytest.raises(InvalidOrganisation):
        organisation.parse(text)


@pytest.mark.parametrize(("sector", "institution"), [(-1, 0), (0, -1), (1000, 0), (0, 1000)])
def test_pl_10_sector_and_institution_are_bounded(sector: int, institution: int) -> None:
    with pytest.raises(InvalidOrganisation):
        organisation.of_institution(sector, institution)
