"""A large document read record by record: validated whole, in memory that does not grow with it.

The schema is held against the document while it is read. What is wrong shows when it comes, which may be the last byte:
until the records have come to their end, nothing that was read may be kept.

Read is what `xml.parse` reads too: UTF-8 without DOCTYPE and processing instructions. Comments are left out. The root
stands in the first 64 KiB.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol, cast

from lxml import etree

from kruispunt.errors import DataError, InvalidRequest
from kruispunt.xml.parse import after_comments, check_prolog
from kruispunt.xml.schemas import schema, without_value

_FIRST: Final = 1 << 16
_BLOCK: Final = 1 << 16
"""Bytes that are read at once, at the beginning and then."""


class Reads(Protocol):
    """An open file, as far as it is read here."""

    def read(self, most: int, /) -> bytes: ...


class Records:
    """An open document, whose head was read: a root, and in it a list of records as the last child.

    `roots` tells the name of the records by that of the root; `name` is the list's. Raises DataError, here or while
    records are read, for what is not as `contract` says.
    """

    def __init__(self, source: Reads, contract: Path, roots: Mapping[str, str], name: str) -> None:
        self._source, self._list = source, name
        self._names = frozenset(roots.values())
        self._parser = etree.XMLPullParser(
            events=("start", "end", "pi"),
            tag=[*roots, *self._names, name],
            schema=schema(contract).compiled,
            encoding="utf-8",
            # No `resolve_entities=False`: with it, lxml says nothing of a document that is valid as far as it goes and
            # ends too early. No document that declares an entity gets this far.
            load_dtd=False,
            no_network=True,
            huge_tree=False,
            remove_comments=True,
            collect_ids=False,
        )
        self._events = self._read()
        self.head = self._begin()
        """The root; all that stands before the list is there."""

    def __iter__(self) -> Iterator[etree._Element]:
        """Every record in its order; each is gone when the next one is asked for."""
        for event, node in self._events:
            if event == "end" and node.tag in self._names and self._is_listed(node):
                yield node
                _forget(node)

    def _is_listed(self, node: etree._Element) -> bool:
        """What a record carries may hold elements of the same names, deeper down."""
        parent = node.getparent()
        return parent is not None and parent.getparent() is self.head

    def _begin(self) -> etree._Element:
        root: etree._Element | None = None
        for event, node in self._events:
            root = node if root is None else root
            if event == "start" and node.tag == self._list and node.getparent() is root:
                return root
        raise DataError(f"the document holds no list {self._list}")

    def _read(self) -> Iterator[tuple[str, etree._Element]]:
        root: etree._Element | None = None
        ended = False
        try:
            for block in self._blocks():
                self._parser.feed(block)
                for event, node in self._read_events():
                    if event == "pi":
                        raise DataError("the document has a processing instruction")
                    if root is None:
                        root = node
                        if node.getroottree().docinfo.internalDTD is not None:
                            raise DataError("the document has a document type declaration")
                    ended = ended or (event == "end" and node is root)
                    yield event, node
            self._parser.close()
        except etree.XMLSyntaxError as error:
            raise DataError(_complaint(error)) from None
        if not ended:
            raise DataError("the document is not well-formed XML, or ends too early")

    def _read_events(self) -> Iterator[tuple[str, etree._Element]]:
        return cast("Iterator[tuple[str, etree._Element]]", self._parser.read_events())

    def _blocks(self) -> Iterator[bytes]:
        block = self._source.read(_FIRST)
        _check_beginning(block)
        while block:
            if b"\0" in block:
                raise DataError("the document is not UTF-8: it holds zero bytes")
            yield block
            block = self._source.read(_BLOCK)


def _check_beginning(block: bytes) -> None:
    """Nothing but comments stands before the root, so nothing can be declared."""
    try:
        start = check_prolog(block)
    except InvalidRequest as refusal:
        raise DataError(refusal.why) from None
    if not block.startswith(b"<", after_comments(block, start)):
        raise DataError("the document has no root where it begins")


def _forget(node: etree._Element) -> None:
    """Free what was read. The node itself stays, empty, until the next one: the parser stands behind it."""
    node.clear()
    parent = node.getparent()
    while parent is not None and node.getprevious() is not None:
        del parent[0]


def _complaint(error: etree.XMLSyntaxError) -> str:
    """What the schema says, without values; of a syntax error no more than that it is one.

    The log of an error holds those of earlier documents too.
    """
    for entry in cast("Any", error).error_log:
        if entry.domain_name == "SCHEMASV" and entry.message == error.msg:
            return f"the document does not follow its schema: {without_value(entry.message)}"
    return "the document is not well-formed XML"
