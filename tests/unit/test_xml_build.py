"""Text written by `xml.build` is canonical XML: byte for byte what a canonicaliser makes of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from kruispunt.xml.build import attribute, boolean, element, is_carriable, optional, text, wrap

BEYOND = "\x00\x01\x08\x0b\x0c\x0e\x1f\ud800\udfff\ufffe\uffff"
CARRIABLE = st.text(st.characters(exclude_categories=("Cs",)), max_size=60).map(
    lambda value: "".join(c for c in value if c not in BEYOND and (c >= " " or c in "\t\n\r"))
)
AWKWARD = st.text(st.sampled_from("&<>\"'\r\n\t ]]>aé€\x7f\x85\u2028\U0001f600"), max_size=30)
VALUES = CARRIABLE | AWKWARD


def canonical(xml: str) -> str:
    return etree.tostring(etree.fromstring(xml), method="c14n", exclusive=True, with_comments=False).decode()


@given(VALUES)
def test_a_text_node_is_canonical_and_comes_back_as_it_was(value: str) -> None:
    written = element("a", value)
    assert canonical(written) == written
    assert (etree.fromstring(written).text or "") == value


@given(VALUES)
def test_an_attribute_is_canonical_and_comes_back_as_it_was(value: str) -> None:
    written = f"<a{attribute('b', value)}></a>"
    assert canonical(written) == written
    assert etree.fromstring(written).get("b") == value


@given(VALUES, VALUES, st.none() | VALUES)
def test_nested_elements_are_canonical(first: str, second: str, third: str | None) -> None:
    written = wrap("r", element("a", first, attribute("x", second)) + optional("b", third) + wrap("c", ""))
    assert canonical(written) == written


@pytest.mark.parametrize("character", BEYOND)
def test_a_character_that_xml_cannot_carry_is_refused(character: str) -> None:
    assert not is_carriable(f"a{character}")
    for write in (text, lambda value: attribute("b", value)):
        with pytest.raises(ValueError, match=f"U\\+{ord(character):04X} at position 1"):
            write(f"a{character}b")


@given(st.characters(exclude_categories=()))
def test_what_is_carriable_is_what_a_parser_accepts(character: str) -> None:
    try:
        etree.fromstring(f"<a>&#{ord(character)};</a>")
        accepted = True
    except etree.XMLSyntaxError:
        accepted = False
    assert is_carriable(character) == accepted


def test_none_is_left_out_and_the_empty_text_is_not() -> None:
    assert optional("a", None) == ""
    assert optional("a", "") == "<a></a>"


def test_a_boolean_is_written_in_letters() -> None:
    assert (boolean(True), boolean(False)) == ("true", "false")
