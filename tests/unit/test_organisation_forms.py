"""An organisation by sector and institution is the same in every form that the type of the two numbers has (PL-10)."""

from __future__ import annotations

import pytest
from lxml import etree

from kruispunt.errors import DataError
from kruispunt.files.header import read_organisation
from kruispunt.pipeline.steps.log_incoming import organisation_key
from kruispunt.services.identify_person.envelope import organisation_of
from kruispunt.services.identify_person.namespaces import SERVICE

FORMS = [("18", "0"), ("018", "000"), ("0018", "0000"), ("+18", "+0"), (" 18\n", "\t-0 "), ("+00018", "-00")]


def pair(sector: str, institution: str) -> etree._Element:
    return etree.fromstring(f"<o><sector>{sector}</sector><institution>{institution}</institution></o>")


def user(matrix: str, part: str | None) -> etree._Element:
    """An SSDNRequest whose AuthorizedUser has no OrgUnit."""
    inner = f"<MatrixID>{matrix}</MatrixID>" + ("" if part is None else f"<MatrixSubID>{part}</MatrixSubID>")
    context = f"<RequestContext><AuthorizedUser>{inner}</AuthorizedUser></RequestContext>"
    return etree.fromstring(f'<SSDNRequest xmlns="{SERVICE}">{context}</SSDNRequest>')


@pytest.mark.parametrize(("sector", "institution"), FORMS)
def test_every_form_names_the_same_organisation(sector: str, institution: str) -> None:
    assert organisation_key(pair(sector, institution)) == "18/0"
    assert read_organisation(pair(sector, institution)) == "18/0"
    assert organisation_of(user(sector, institution)) == "18/0"
    assert organisation_of(user(sector, None)) == "18/0"


NONE = ("", "-18", "1000", "0" * 5_000 + "1000", "9" * 5_000, "1 8", "+", "-", "18.0", "\uff11\uff18", "x")


@pytest.mark.parametrize("sector", NONE, ids=lambda text: text[:8] or "empty")
def test_what_is_no_number_of_a_sector_names_nobody(sector: str) -> None:
    """No schema was asked when the log is written."""
    assert organisation_of(user(sector, "0")) == ""
    assert organisation_key(pair(sector, "0")) != "18/0"
    with pytest.raises(DataError):
        read_organisation(pair(sector, "0"))
