"""`kruispunt access matrix --html`: one page, in which nothing that a file says becomes markup."""

from __future__ import annotations

from lxml import html

from kruispunt.cli.page import page

ROWS = [
    {"organisation": "onem", "operations": ["ask", "tell"], "source": "004"},
    {"organisation": "<script>alert(1)</script>", "operations": [], "source": 'a & b" onload="x'},
]


def test_every_row_is_a_row_and_a_list_is_told_line_by_line() -> None:
    shown = html.fromstring(page("Access matrix, version 3", ROWS))
    assert shown.findtext(".//title") == "Access matrix, version 3"
    assert [th.text for th in shown.iter("th")] == ["organisation", "operations", "source"]
    first, second = shown.find(".//tbody")
    assert [td.text_content() for td in first] == ["onem", "asktell", "004"]
    assert len(first[1].findall("br")) == 1
    assert [td.text_content() for td in second] == [ROWS[1]["organisation"], "", ROWS[1]["source"]]


def test_what_a_file_says_is_text() -> None:
    text = page("<b>", ROWS)
    shown = html.fromstring(text)
    assert not list(shown.iter("script", "b"))
    assert not [node for node in shown.iter() if "onload" in node.attrib]
    assert "&lt;script&gt;" in text


def test_an_empty_matrix_is_a_page_too() -> None:
    assert html.fromstring(page("x", [])).find(".//table") is not None
