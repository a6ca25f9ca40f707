"""Reading files of inscriptions: both ways against a parser of the whole file, and bounded memory (RP-08)."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from senders import document, line

from kruispunt.batch import blocks, xml_lines
from kruispunt.batch.csv_lines import CsvFile
from kruispunt.batch.items import Item, Kind, Read, Unreadable
from kruispunt.batch.judging import Good, judge
from kruispunt.batch.xml_lines import CONTRACT, LONGEST_LINE, XmlFile
from kruispunt.errors import DataError
from kruispunt.xml.schemas import Schema

SSIN = "85673093333"
DAY = date(2026, 1, 31)
WRITTEN = (
    line(SSIN),
    line(SSIN, "2020-01-01", "2020-12-31"),
    line(SSIN, "2020-01-01+02:00", "2020-12-31Z"),
    line(SSIN, kind="NEO:A b"),
    line("8567309333"),
    line(SSIN, "2020-02-30"),
    line(SSIN, kind=" 902"),
    line(SSIN, None),
    line(SSIN).replace("<dossierType>", "<organization><cbeNumber>0206737484</cbeNumber></organization><dossierType>"),
    line(SSIN).replace(
        "<dossierType>", "<organization><sector>18</sector><institution>0</institution></organization><dossierType>"
    ),
    line(
        SSIN,
        more="<identification><lastName>Déjà &lt;vu&gt;</lastName><birthDate>1985-00-00</birthDate></identification>",
    ),
    line(SSIN, more="<identification><birthDate>1985-13-00</birthDate></identification>"),
    line(SSIN, "\n 2020-01-01\t", " 2020-12-31Z"),
    line(SSIN).replace(
        "<dossierType>", "<organization><sector>+0018</sector><institution>-0</institution></organization><dossierType>"
    ),
    line(SSIN).replace("><", ">\n  <"),
    line(SSIN).replace("<ssin>", "<!-- </inscription> --><ssin>"),
    line(SSIN).replace(SSIN, f"<![CDATA[{SSIN}]]>"),
    line(SSIN).replace(SSIN, f"{SSIN[:5]}<!-- -->{SSIN[5:]}"),
    line(SSIN).replace("</inscription>", "</inscription >"),
    line(SSIN).replace("<inscription>", "<inscription id='1'>"),
    "<inscription/>",
    "<inscription></inscription><!-- <inscription> -->\n",
    f"<inscription>{line(SSIN)}</inscription>",
    "<other/>",
)


def read(data: bytes) -> list[Read]:
    return list(XmlFile(io.BytesIO(data)).lines())


def told(each: Read) -> object:
    """A day that does not exist is refused by the schema, or when the line is judged."""
    return each if isinstance(judge(each, Kind.INSERT, DAY, test_band=True), Good) else "refused"


def whole(data: bytes) -> list[object]:
    """What a parser of the whole file, and the schema for each line of it, make of a file."""
    tree = etree.fromstring(data, etree.XMLParser(resolve_entities=False, remove_comments=True))
    items = tree[4]
    found = []
    for node in list(items):
        for other in list(items):
            items.remove(other)
        items.text = node.tail = None
        items.append(node)
        valid = Schema(CONTRACT).check(tree) is None
        try:
            found.append(xml_lines._item(node) if valid else "refused")
        except (DataError, ValueError):
            found.append("refused")
    return found


@settings(max_examples=150)
@given(st.lists(st.sampled_from(WRITTEN), max_size=12))
def test_both_ways_of_reading_find_what_a_parser_of_the_whole_file_finds(lines: list[str]) -> None:
    data = document(lines)
    assert [told(each) for each in read(data)] == whole(data)


@given(st.integers(1, 400), st.lists(st.sampled_from(WRITTEN), max_size=6))
def test_where_blocks_end_does_not_matter(block: int, lines: list[str]) -> None:
    data = document(lines)
    expected = read(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xml_lines, "_BLOCK", block)
        patch.setattr(xml_lines, "LONGEST_LINE", 2_000)
        assert [told(each) for each in read(data)] == [told(each) for each in expected]


def test_every_kind_of_line() -> None:
    found = [told(each) for text in WRITTEN[:12] for each in read(document([text]))]
    assert [each == "refused" for each in found] == [number in (4, 5, 6, 7, 11) for number in range(12)]


def test_a_line_is_read_in_every_form_that_its_types_have() -> None:
    """White space around days, signs and zeros of numbers (RP-08)."""
    for text, plain in ((WRITTEN[12], WRITTEN[1]), (WRITTEN[13], WRITTEN[9])):
        (item,) = read(document([text]))
        assert isinstance(item, Item)
        assert item == read(document([plain]))[0]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no XML",
        b"<insertInscriptions/>",
        document([]).replace(b"urn:kruispunt:files:inscriptions:v1", b"urn:another"),
        document([]).replace(b"<sequenceNumber>1<", b"<sequenceNumber>0<"),
        document([]).replace(b"<legalContext>", b"<x/><legalContext>"),
        document([line(SSIN)] * 3)[:-30],
        document([line(SSIN)] * 3) + b"<more/>",
        document([line(SSIN)] * 3).replace(b"</inscriptions>", b"</inscriptions><inscriptions></inscriptions>"),
        document([line(SSIN)]).replace(
            b"</inscriptions>", b"</inscriptions><inscriptions>" + line(SSIN).encode() + b"</inscriptions>"
        ),
        document([line(SSIN), "<inscription>", line(SSIN)]),
        document([line(SSIN), "<inscription><!-- " + "x" * LONGEST_LINE + "--></inscription>", line(SSIN)]),
        document([line(SSIN), "&undeclared;", line(SSIN)]),
        document([line(SSIN), "<?php ?>", line(SSIN)]),
        document([]).replace(b"<i:insert", b"<!DOCTYPE a [<!ENTITY b 'c'>]><i:insert"),
        document([]).replace(b"UTF-8", b"ISO-8859-1"),
        document([line(SSIN)]).decode().encode("utf-16"),
        document([line(SSIN).replace("902", "\xff")]).decode().encode("latin-1"),
    ],
)
def test_what_is_no_file_of_inscriptions_is_refused_whole(data: bytes) -> None:
    with pytest.raises(DataError):
        read(data)


def test_an_empty_list_has_no_lines() -> None:
    assert read(document([]).replace(b"<inscriptions>\n</inscriptions>", b"<inscriptions/>")) == []


def test_what_looks_like_a_line_behind_the_last_one_is_none() -> None:
    data = document([line(SSIN)])
    for closing in (b"</inscriptions>", b"</i:insertInscriptions>"):
        assert len(read(data.replace(closing, closing + b"<!-- </inscription> -->"))) == 1
        assert len(read(data.replace(closing, b"<!-- </inscription> -->" + closing))) == 1


class Endless(io.RawIOBase):
    """A file of many lines, of which only what was asked for is ever made."""

    def __init__(self, lines: int) -> None:
        self._parts = self._made(lines)
        self._rest = b""

    def _made(self, lines: int) -> Iterator[bytes]:
        head, tail = document(["|"]).split(b"|")
        yield head
        for _ in range(lines // 1000):
            yield line(SSIN).encode() * 1000
        yield tail

    def read(self, size: int = -1) -> bytes:
        while len(self._rest) < size and (part := next(self._parts, None)):
            self._rest += part
        block, self._rest = self._rest[:size], self._rest[size:]
        return block


@given(
    st.lists(st.sampled_from(WRITTEN), max_size=20),
    st.integers(1, 8),
    st.sampled_from([2, 100]),
    st.sampled_from(list(Kind)),
)
def test_blocks_hold_what_was_read_and_judged(lines: list[str], size: int, heavy: int, kind: Kind) -> None:
    """Numbers and all: the quick way and `judge` say the same of each line, wherever blocks end."""
    source = XmlFile(io.BytesIO(document(lines, kind=kind)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "HEAVY", heavy)
        found = list(blocks.Blocks(source.batches(), kind, DAY, size, test_band=True))
    assert all(len(block) <= size and block.heavy <= heavy + 1 for block in found)
    told_lines = []
    for block in found:
        assert [block.ssins[place] for place in block.in_order()] == sorted(block.ssins)
        for place in range(len(block)):
            if place in block.refused:
                told_lines.append(block.refused[place])
                continue
            first, until = block.firsts[place], block.untils[place]
            good = Good(block.ssins[place], *block.names[block.types[place]], first or None, until or None)
            told_lines.append((good, block.identified.get(place)))
    expected = []
    for each in read(document(lines, kind=kind)):
        judged = judge(each, kind, DAY, test_band=True)
        identification = each.identification if isinstance(each, Item) else None
        expected.append((judged, identification) if isinstance(judged, Good) else judged)
    assert told_lines == expected


@pytest.mark.parametrize("lines", [10_000, 300_000])
def test_memory_does_not_grow_with_the_file(lines: int) -> None:
    tracemalloc.start()
    try:
        count = sum(1 for _ in XmlFile(Endless(lines)).lines())  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == lines
    assert peak < 4_000_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ssin;dossierType\n",
        "ssin;dossierType;beginDate;beginDate\n",
        "ssin;dossierType;beginDate;colour\n",
        "ssin;dossierType;beginDate\n" + "x" * 20_000,
        'ssin;dossierType;beginDate\n"a"b;c;d\n',
        'ssin;dossierType;beginDate\n"' + '";"\n' * 5_000 + '"\n',  # one line of the table, on many of the text
    ],
)
def test_what_is_no_csv_is_refused_whole(text: str) -> None:
    with pytest.raises(DataError):
        list(CsvFile(io.BytesIO(text.encode()), Kind.INSERT).lines())


def test_csv_lines() -> None:
    text = (
        "\ufeffssin;organization;dossierType;beginDate;endDate;lastName;gender\r\n"
        f"{SSIN};18/0;902;2020-01-01;;Dupont;2\r\n\r\n"
        f"{SSIN};;902;2020-01-01;2020-12-31;;\r\n"
        f"{SSIN};;902;;;;\r\n{SSIN};;902;20200101;;;\r\n{SSIN};;902;2020-01-01;;;3\r\n"
    )
    first, second, *others = CsvFile(io.BytesIO(text.encode()), Kind.INSERT).lines()
    assert isinstance(first, Item)
    assert first[:5] == (SSIN, "18/0", "902", "2020-01-01", None)
    assert second == Item(SSIN, "", "902", "2020-01-01", "2020-12-31")
    assert [type(each) for each in others] == [Unreadable] * 3
