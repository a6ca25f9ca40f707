"""A document read record by record is read as a whole one is: the same is accepted, and the same is read (PL-09)."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from kruispunt.errors import DataError, Refusal
from kruispunt.xml import stream
from kruispunt.xml.parse import Limits, parse
from kruispunt.xml.schemas import schema
from kruispunt.xml.stream import Records

CONTRACT = """<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:t" xmlns:t="urn:t">
  <xsd:element name="list"><xsd:complexType><xsd:sequence>
    <xsd:element name="head" type="xsd:string"/>
    <xsd:element name="items"><xsd:complexType><xsd:sequence>
      <xsd:element name="item" minOccurs="0" maxOccurs="unbounded"><xsd:complexType><xsd:sequence>
        <xsd:element name="a" type="xsd:int"/>
        <xsd:any minOccurs="0" namespace="##any" processContents="skip"/>
      </xsd:sequence></xsd:complexType></xsd:element>
    </xsd:sequence></xsd:complexType></xsd:element>
  </xsd:sequence></xsd:complexType></xsd:element>
</xsd:schema>"""
GOOD = (
    b'<t:list xmlns:t="urn:t"><head>h</head><items>'
    b"<item><a>1</a></item><!-- between --> <item><a>2</a><items><item><a>x</a></item></items></item>"
    b"<item><a>3</a><t:list><items><item/></items></t:list></item></items></t:list>"
)
LIMITS = Limits(size=1 << 20)


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("contract") / "list.xsd"
    path.write_text(CONTRACT)
    return path


def streamed(contract: Path, data: bytes) -> tuple[str | None, list[str]] | None:
    """The head and the numbers of the records; None for what is refused."""
    try:
        records = Records(io.BytesIO(data), contract, {"{urn:t}list": "item"}, "items")
        head = records.head.findtext("head")
        return head, [node.findtext("a") or "" for node in records]
    except DataError:
        return None


def whole(contract: Path, data: bytes) -> tuple[str | None, list[str]] | None:
    """The same from a tree."""
    try:
        tree = parse(data, LIMITS)
    except Refusal:
        return None
    if schema(contract).check(tree) is not None:
        return None
    return tree.findtext("head"), [node.findtext("a") or "" for node in tree.iterfind("items/item")]


def test_what_is_good_is_read(contract: Path) -> None:
    assert streamed(contract, GOOD) == whole(contract, GOOD) == ("h", ["1", "2", "3"])
    none = b'<t:list xmlns:t="urn:t"><head/><items/></t:list>'
    assert streamed(contract, none) == ("", [])
    assert streamed(contract, b'\xef\xbb\xbf<?xml version="1.0" encoding="UTF-8"?>\n' + GOOD) == ("h", ["1", "2", "3"])


def test_what_ends_too_early_is_refused_wherever_it_ends(contract: Path) -> None:
    """lxml says nothing of it while it validates."""
    for end in range(len(GOOD)):
        assert streamed(contract, GOOD[:end]) is None, GOOD[:end]


@pytest.mark.parametrize(
    "bad",
    [
        GOOD + b"<more/>",
        GOOD + b"<?pi?>",
        GOOD.replace(b"<!-- between -->", b"<?pi?>"),
        GOOD.replace(b"<!-- between -->", b"text"),
        GOOD.replace(b"<!-- between -->", b"&undeclared;"),
        GOOD.replace(b"<a>1</a>", b"<a>1&undeclared;</a>"),
        GOOD.replace(b"<a>1</a>", b"<a>one</a>"),
        GOOD.replace(b"<a>1</a>", b"<a>1</a></item></items><items><item><a>1</a>"),
        GOOD.replace(b"</item></items></t:list>", b"</item></items><items/></t:list>"),
        b"<!DOCTYPE t:list>" + GOOD,
        b'<!DOCTYPE t:list [<!ENTITY one "1">]>' + GOOD.replace(b"<a>1<", b"<a>&one;<"),
        b"<!--" + b"-" * 70_000 + b"--><!DOCTYPE t:list>" + GOOD,
        b"<!--" + b"x" * 70_000 + b"--><!DOCTYPE t:list>" + GOOD,
        b'<?xml version="1.0" encoding="latin-1"?>' + GOOD,
        GOOD.decode().encode("utf-16"),
        GOOD.replace(b">h<", b">\xe9<"),
        GOOD.replace(b">h<", b">\0<"),
        b"",
        b"x",
    ],
)
def test_what_a_whole_reader_refuses_is_refused(contract: Path, bad: bytes) -> None:
    assert whole(contract, bad) is None
    assert streamed(contract, bad) is None


PIECES = [
    b"<",
    b">",
    b"/",
    b"&",
    b"</item>",
    b"<item>",
    b"<a>7</a>",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b" ",
    b'"',
    b"\xc3",
]


@settings(max_examples=1500)
@given(st.integers(0, len(GOOD)), st.integers(0, 12), st.sampled_from(PIECES), st.sampled_from([1, 7, 1 << 16]))
def test_it_reads_what_a_whole_reader_reads(contract: Path, at: int, gone: int, piece: bytes, block: int) -> None:
    """A piece of a good document is replaced; blocks may end anywhere."""
    data = GOOD[:at] + piece + GOOD[at + gone :]
    before, stream._BLOCK = stream._BLOCK, block  # type: ignore[misc]
    try:
        found = streamed(contract, data)
    finally:
        stream._BLOCK = before  # type: ignore[misc]
    assert found == whole(contract, data), data


def test_no_complaint_repeats_a_value(contract: Path) -> None:
    for bad in (GOOD.replace(b"<a>1<", b"<a>85673093333<"), GOOD.replace(b"</a>", b"85673093333", 1)):
        with pytest.raises(DataError) as refused:
            list(Records(io.BytesIO(bad.replace(b"333", b"33x")), contract, {"{urn:t}list": "item"}, "items"))
        assert "85673093" not in str(refused.value)


def test_records_are_gone_when_they_were_read(contract: Path) -> None:
    """Memory does not grow with the document."""
    data = GOOD.replace(b"<!-- between -->", b"<item><a>1</a></item>" * 20_000)
    records = Records(io.BytesIO(data), contract, {"{urn:t}list": "item"}, "items")
    most = 0
    for node in records:
        parent = node.getparent()
        assert isinstance(parent, etree._Element)
        most = max(most, len(parent))
    assert most < 2 * (1 << 16) // len(b"<item><a>1</a></item>")
