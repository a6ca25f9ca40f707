"""A file of items, read one by one in memory that does not grow with the file: JSON Lines, or XML (RP-17).

The XML is the element `items` of `contract/StreamV1.xsd`. What libxml2 reads ahead is held to the size of one item, and
what an item holds is then read again as a message of its own, by the parser of all messages (PL-09).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from lxml import etree

from kruispunt.errors import DataError
from kruispunt.mutations import items
from kruispunt.mutations.items import NAMESPACE, Item, Rules
from kruispunt.registers import jsonlines
from kruispunt.registers.jsonlines import ImportReport

_BLOCK: Final = 16_384
_MOST_AT_ONCE: Final = 2 * items.MOST_BYTES
"""Bytes from the end of one item to the end of the next."""
_MARK: Final = b"\xef\xbb\xbf"


class Read(NamedTuple):
    """An item, and its line or its place in the file, from 1 on."""

    place: int
    item: Item


def read(source: BinaryIO, rules: Rules, report: ImportReport) -> Iterator[Read]:
    """The good items; bad ones are reported. Raises DataError where a file of XML breaks off or is none."""
    start = source.read(_BLOCK)
    source.seek(0)
    if start.removeprefix(_MARK).lstrip().startswith(b"<"):
        return _from_xml(source, rules, report)
    return (
        Read(number, item)
        for number, item in jsonlines.read_numbered(source, lambda fields: items.from_fields(fields, rules), report)
    )


def _from_xml(source: BinaryIO, rules: Rules, report: ImportReport) -> Iterator[Read]:
    for place, node in enumerate(_nodes(source), 1):
        complaint = items.complaint(node)
        try:
            if complaint is not None:
                raise DataError(complaint)
            yield Read(place, items.from_element(node, rules))
        except DataError as error:
            report.refuse(place, error.what)


def _nodes(source: BinaryIO) -> Iterator[etree._Element]:
    """Everything that stands in the list. One stays in the tree until the next one ended, as libxml2 wants it."""
    parser = etree.XMLPullParser(
        ("start", "end"),
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
    )
    depth, since = 0, 0
    while block := source.read(_BLOCK):
        since += len(block)
        for event, node in _events(parser, block):
            if event == "start":
                depth += 1
                _check_start(node, depth)
                continue
            depth -= 1
            if depth == 1:
                since = 0
                yield node
                while (earlier := node.getprevious()) is not None and (root := node.getparent()) is not None:
                    root.remove(earlier)
        if since > _MOST_AT_ONCE:
            raise DataError(f"an item has more than {items.MOST_BYTES:,} bytes")
    try:
        parser.close()
    except etree.XMLSyntaxError as error:
        raise _broken(error) from None


def _events(parser: etree.XMLPullParser, block: bytes) -> Iterator[tuple[str, etree._Element]]:
    """What a block ends or begins; what stands before an error in it counts too."""
    broken: etree.XMLSyntaxError | None = None
    try:
        parser.feed(block)
    except etree.XMLSyntaxError as error:
        broken = error
    for event, node in parser.read_events():
        if isinstance(node, etree._Element):
            yield event, node
    if broken is not None:
        raise _broken(broken)


def _check_start(node: etree._Element, depth: int) -> None:
    if depth == 1:
        if node.getroottree().docinfo.internalDTD is not None:
            raise DataError("a document type is not accepted")
        if node.tag != f"{{{NAMESPACE}}}items":
            raise DataError(f"no file of items: its root is not items of {NAMESPACE}")


def _broken(error: etree.XMLSyntaxError) -> DataError:
    """The place alone: libxml2 would repeat what stands there."""
    return DataError(f"not well-formed XML in line {error.position[0]}; the items before it are kept")
