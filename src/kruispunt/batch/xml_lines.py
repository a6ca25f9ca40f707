"""A file of inscriptions as XML, read line by line in memory that does not grow with the file (RP-08).

A parser for a whole file costs ten times what the database does with its lines. So a line is read in one of two ways:

- *plain*: as nearly every program writes it, without comments, entities or attributes. One regular expression matches
  such lines, one behind the other.
- otherwise the bytes up to the end of the line are parsed, by the parser of all messages (PL-09), between the head of
  the file and the closing tags, and held against the schema.

Both read the same: XML is read from left to right, so what is well-formed between that head and those closing tags
leaves a parser between two lines again, and a plain line does too. A test holds both against a parser that reads the
whole file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from kruispunt.batch.items import Item, Kind, Plain, Read, Unreadable
from kruispunt.errors import DataError, Refusal
from kruispunt.files.header import Header, read_header, read_organisation
from kruispunt.identifiers.partial_date import InvalidPartialDate, PartialDate
from kruispunt.identifiers.ssin import Sex
from kruispunt.repertory.identification import Identification
from kruispunt.xml.parse import Limits, parse
from kruispunt.xml.schemas import schema

if TYPE_CHECKING:
    from lxml import etree

NAMESPACE: Final = "urn:kruispunt:files:inscriptions:v1"
CONTRACT: Final = Path(__file__).resolve().parent / "contract" / "InscriptionsV1.xsd"
LONGEST_LINE: Final = 16_384
"""Bytes of one `inscription`, with what stands before it. Bytes of the head and of the end as well."""

_BLOCK: Final = 1 << 18
_PARTS: Final = 5
"""Four of the header, and the list."""
_LIMITS: Final = Limits(size=4 * LONGEST_LINE)
_ROOT: Final = re.compile(r"<((?:[A-Za-z_][\w.-]*:)?(insertInscriptions|deleteInscriptions))(?=[ \t\r\n>])", re.ASCII)
_LIST: Final = re.compile(r"<inscriptions[ \t\r\n]*>")
_EMPTY_LIST: Final = re.compile(r"<inscriptions[ \t\r\n]*/>")
_END_OF_LINE: Final = re.compile(r"</inscription[ \t\r\n]*>")
_W: Final = "[ \t\r\n]*+"
_WRITTEN_DAY: Final = "([0-9]{4}-[0-9]{2}-[0-9]{2})"
_PLAIN: Final = re.compile(
    f"{_W}<inscription>{_W}<ssin>([0-9]{{11}})</ssin>{_W}"
    f"(?:<organization>{_W}(<cbeNumber>[0-9]{{10}}</cbeNumber>"
    f"|<sector>[0-9]{{1,3}}</sector>{_W}<institution>[0-9]{{1,3}}</institution>){_W}</organization>{_W})?"
    f"<dossierType>([A-Za-z0-9](?:[A-Za-z0-9_:+\\- ]{{0,62}}[A-Za-z0-9_:+\\-])?)</dossierType>{_W}"
    f"(?:<period>{_W}<beginDate>{_WRITTEN_DAY}</beginDate>{_W}(?:<endDate>{_WRITTEN_DAY}</endDate>{_W})?</period>{_W})?"
    f"</inscription>|(.+)",
    re.DOTALL,
)
"""Plain lines, one behind the other; the last group takes what is none, to the end of the text."""
_REST: Final = 5
_NUMBERS: Final = re.compile("[0-9]+")
_DAY: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})?")


class XmlFile:
    """An open file whose head was read. Raises DataError when there is none."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._text, self._ended = "", False
        while not self._ended and _LIST.search(self._text) is None and len(self._text) < LONGEST_LINE:
            self._more()
        root, opened = _ROOT.search(self._text), _LIST.search(self._text)
        if opened is None and (empty := _EMPTY_LIST.search(self._text)) is not None:
            self._text = self._text[: empty.start()] + "<inscriptions></inscriptions>" + self._text[empty.end() :]
            opened = _LIST.search(self._text)
        if root is None or opened is None:
            raise DataError("no file of inscriptions: it begins with insertInscriptions or deleteInscriptions")
        self.kind = Kind.INSERT if root[2] == Kind.INSERT.element else Kind.DELETE
        self._head = self._text[: opened.end()]
        self._closing = f"</inscriptions></{root[1]}>"
        self._position = opened.end()
        tree = self._parsed("")
        complaint = schema(CONTRACT).check(tree)
        if complaint is not None or tree.tag != f"{{{NAMESPACE}}}{root[2]}":
            raise DataError(f"the head of the file does not follow its schema: {complaint or 'another root element'}")
        self.header: Header = read_header(tree)

    def lines(self) -> Iterator[Read]:
        """Every line in its order. Raises DataError where the file is not well-formed, or does not end."""
        for batch in self.batches():
            yield from map(item_of, batch)

    def batches(self) -> Iterator[Sequence[Plain | Read]]:
        """The same, some at a time, and plain ones as they were found. Raises as `lines`."""
        while True:
            found: list[Plain] = _PLAIN.findall(self._text, self._position)
            rest = found[-1][_REST] if found else ""
            if rest:
                found.pop()
            self._text, self._position = rest, 0
            if found:
                yield found
            if len(self._text) < LONGEST_LINE and self._more():
                continue
            other = self._other()
            if other is None:
                yield list(self._last())
                return
            yield list(_from_tree(other))

    def _other(self) -> etree._Element | None:
        """A line that is not plain, taken off the text; None when there is none. Raises DataError.

        What ends it may stand in a comment: then the next end is tried.
        """
        for end in _END_OF_LINE.finditer(self._text, 0, LONGEST_LINE):
            try:
                tree = self._parsed(self._text[: end.end()])
            except DataError:
                continue
            self._text = self._text[end.end() :]
            return tree
        return None

    def _last(self) -> Iterator[Read]:
        """What stands behind the last line: the closing tags."""
        rest = self._text
        if not self._ended or len(rest) > LONGEST_LINE:
            raise DataError(f"a line is not well-formed XML, or has more than {LONGEST_LINE:,} bytes")
        tree = _parse(self._head + rest)
        complaint = schema(CONTRACT).check(tree)
        if complaint is not None and not _items(tree):
            raise DataError(f"the end of the file does not follow its schema: {complaint}")
        yield from _from_tree(tree)

    def _parsed(self, inner: str) -> etree._Element:
        return _parse(self._head + inner + self._closing)

    def _more(self) -> bool:
        block = self._source.read(_BLOCK)
        self._ended = not block
        self._text += block.decode("latin-1")
        return not self._ended


def item_of(read: Plain | Read) -> Read:
    """A line, whether it was plain or not."""
    if isinstance(read, (Item, Unreadable)):
        return read
    ssin, organisation, dossier_type, begin, end, _ = read
    return Item(ssin, "/".join(_NUMBERS.findall(organisation)), dossier_type, begin or None, end or None)


def _parse(text: str) -> etree._Element:
    """Bytes stand as characters of the same number: a regular expression reads text faster, and nothing is lost."""
    try:
        return parse(text.encode("latin-1"), _LIMITS)
    except Refusal as refusal:
        raise DataError(f"not well-formed, or not as XML is accepted here: {refusal.why}") from None


def _items(tree: etree._Element) -> list[etree._Element]:
    """What stands in the list. Raises DataError when something follows it: lines there would be those of no list."""
    if len(tree) != _PARTS:
        raise DataError("the head or the end of the file does not follow its schema: there is one list, the last")
    return list(tree[-1])


def _from_tree(tree: etree._Element) -> Iterator[Read]:
    """The lines of a fragment, each held against the schema alone: of two one may be good."""
    nodes = _items(tree)
    for node in nodes:
        tree[-1][:] = [node]
        complaint = schema(CONTRACT).check(tree)
        if complaint is not None:
            yield Unreadable(complaint)
            continue
        try:
            yield _item(node)
        except (DataError, InvalidPartialDate) as error:
            yield Unreadable(str(error))


def _item(node: etree._Element) -> Item:
    parts = {part.tag: part for part in node}
    period, told = parts.get("period"), parts.get("identification")
    organisation = parts.get("organization")
    return Item(
        parts["ssin"].text or "",
        "" if organisation is None else read_organisation(organisation),
        parts["dossierType"].text or "",
        None if period is None else _day(period.findtext("beginDate")),
        None if period is None else _day(period.findtext("endDate")),
        None if told is None else _identification(told),
    )


def _day(text: str | None) -> str | None:
    """A day of the calendar; a zone says nothing about it, and real dates carry one (seen)."""
    if text is None:
        return None
    found = _DAY.fullmatch(text.strip())
    if found is None:
        raise DataError("a day is written YYYY-MM-DD, in the years 0001 to 9999")
    return found[1]


def _identification(node: etree._Element) -> Identification:
    birth, sex = node.findtext("birthDate"), node.findtext("gender")
    return Identification(
        node.findtext("lastName"),
        node.findtext("firstName"),
        None if birth is None else PartialDate.parse(birth.strip()),
        None if sex is None else Sex(int(sex)),
    )
