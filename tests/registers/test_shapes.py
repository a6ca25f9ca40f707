"""Forms of texts and codes in the registers, and what is said of one that is not taken."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import StringConstraints, TypeAdapter, ValidationError

from kruispunt.errors import DataError, StorageError
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.registers import legal_json
from kruispunt.registers.legal_data import Birth, LegalData, Location, Name
from kruispunt.registers.shapes import badly_formed, written_plainly

ONE_LINE: TypeAdapter[str] = TypeAdapter(
    Annotated[
        str,
        StringConstraints(
            pattern=r"^[^\p{Z}\p{Cc}\x{FFFE}\x{FFFF}]"
            r"([^\p{Zl}\p{Zp}\p{Cc}\x{FFFE}\x{FFFF}]*[^\p{Z}\p{Cc}\x{FFFE}\x{FFFF}])?$"
        ),
    ]
)
"""An oracle in another language: Rust's regular expressions, by Unicode's classes."""
BIRTH = Birth(PartialDate(1980, 1, 1))
texts = st.text(
    st.sampled_from('ab "\\\n\t\x00\x7f\x85\u00a0\u00ad\u2028\u2029\u3000\u200b\ufffe\uffff\U000e0001é')
    | st.characters(),
    min_size=1,
    max_size=5,
)


def is_one_line(text: str) -> bool:
    try:
        ONE_LINE.validate_python(text)
    except ValidationError:
        return False
    return True


@given(texts)
def test_a_text_is_one_line_as_the_oracle_says(text: str) -> None:
    assert (list(badly_formed(Name(text), "name")) == []) is is_one_line(text)


@given(st.lists(texts, min_size=1, max_size=3), st.none() | st.sampled_from(("150", "1", "123456", "15a", "٣٣")))
def test_what_is_written_plainly_is_well_formed(told: list[str], code: str | None) -> None:
    """The quick look at a whole document never takes what the look at each text refuses."""
    legal = LegalData(Name(told[0], tuple(told[1:])), Birth(BIRTH.date, Location(code)))
    try:
        document = legal_json.write(legal)
    except UnicodeEncodeError:
        return
    assert not written_plainly(document) or not list(badly_formed(legal, "x"))
    if all(text.isalnum() and text.isascii() for text in told) and code in (None, "150"):
        assert written_plainly(document)


def line(**fields: Any) -> dict[str, Any]:
    return {"name": {"lastName": "Peeters"}, "birth": {"date": "1980-01-01"}, **fields}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (line(name={"lastName": ""}), "name.lastName: must not be empty"),
        (line(name={"lastName": "x", "firstNames": ["a", "b\u3000"]}), "name.firstNames.1: must be one line of text"),
        (line(name={"lastName": "x", "firstNames": ["a"] * 21}), "name.firstNames: must have at most 20 entries"),
        (line(name={"lastName": "x", "firstNames": ["a", 1]}), "name.firstNames.1: must be a text between quotes"),
        (line(birth={"date": ["1980-01-01"]}), "birth.date: must be a date between quotes"),
        (line(birth={"date": {}}), "birth.date: must be a date between quotes"),
        (line(birth={"date": "0999-01-01"}), "birth.date: the year of a date must be known"),
        (line(birth={"date": "1980-01-01\n"}), "birth.date: a date is written YYYY-MM-DD"),
        (line(birth={}), "birth.date: missing"),
        (line(gender={"code": 1.0}), "gender.code: must be a whole number"),
        (line(gender={"code": 9}), "gender.code: must be 1 or 2"),
        (line(unreadable=["nobody"]), "unreadable.0: must be 'temporaryAddress', 'postAddressAbroad', 'inscription'"),
        (line(blocked="no"), "blocked: must be true or false"),
        (line(formerNames=[{"lastName": "x"}, {"last": "x"}]), "formerNames.1.last: unknown field"),
        (line(formerNames={}), "formerNames: must be a list between [ and ]"),
        (line(nationality={"location": "150"}), "nationality.location: must be an object between { and }"),
        (line(nationality={"location": {"code": "٣٣"}}), "nationality.location.code: must be a text of two to five"),
        (line(**{"x` - at `$.name`": 1}), "x` - at `$.name`: unknown field"),
        (line(**{"y\x1b" + "z" * 99: 1}), "'p.y\\x1bzzz"),
        ("Peeters", "must be an object between { and }"),
        ([], "must be an object between { and }"),
        (None, "must be an object between { and }"),
        (line(civilState={"code": 20, "partner": {"ssin": "8567309333\n"}}), "civilState.partner.ssin: is not of the"),
    ],
)
def test_what_is_said_names_the_field_and_never_the_value(fields: object, why: str) -> None:
    with pytest.raises(DataError) as refused:
        legal_json.read(fields, "p")
    assert refused.value.what.removeprefix("p.").removeprefix("p: ").startswith(why)
    assert len(refused.value.what) < 240
    for value in ("Peeters", "0999", "nobody", "8567309333"):
        assert value not in refused.value.what


@pytest.mark.parametrize(
    "document",
    ["", "{", "null", '{"name":{"lastName":"x"}}', '{"name":{"lastName":"x"},"birth":{"date":"x"}}', "\ud800"],
)
def test_a_document_that_cannot_be_read_is_no_document_of_ours(document: str) -> None:
    with pytest.raises(StorageError, match="cannot be read"):
        legal_json.parse(document)
