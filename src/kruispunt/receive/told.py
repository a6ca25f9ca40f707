"""What a mutation file tells, as values; and how it is read (RP-16, RP-17, RP-18)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kruispunt.errors import DataError
from kruispunt.files.header import Header, read_header
from kruispunt.wss.canonical import NotCanonical, canonical
from kruispunt.xml.schemas import PACKAGE
from kruispunt.xml.stream import Reads, Records
from kruispunt.xml.values import read_boolean, read_date

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lxml import etree

CONTRACT: Final = PACKAGE / "mutations" / "contract" / "MutationsV1.xsd"
NAMESPACE: Final = "urn:kruispunt:files:mutations:v1"
MUTATIONS, STREAM_ITEMS = "MUTATIONS", "STREAM_ITEMS"
"""Kinds of files, by the names of their vouchers."""

_ROOTS: Final = {f"{{{NAMESPACE}}}mutations": "mutation", f"{{{NAMESPACE}}}streamItems": "item"}
_KINDS: Final = {f"{{{NAMESPACE}}}mutations": MUTATIONS, f"{{{NAMESPACE}}}streamItems": STREAM_ITEMS}


@dataclass(frozen=True, slots=True)
class Data:
    """What is told of somebody's data."""

    register: str | None
    blocked: bool
    unreadable: str | None
    """What the register holds and cannot read, as the file names it."""
    told: frozenset[str]
    """Groups of which something is told: their data, or that there are none."""
    groups: Mapping[str, str]
    """The groups that there are, as XML in canonical form."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """What changed of one person."""

    number: int
    """Of the last change that is told; a greater one is a later change."""
    ssin: str
    cancelled: bool
    replaced: tuple[str, ...]
    """Numbers in whose place `ssin` came."""
    kinds: tuple[str, ...]
    data: Data | None


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a stream."""

    number: int
    ssin: str
    cancelled: bool
    sent_as: str | None
    """The number under which it was sent, when another one is in use."""
    reference: str
    moment: str
    payload: str
    """One element, as XML in canonical form."""


class TellingFile:
    """An open mutation file, whose head was read. Raises DataError, here or while records are read."""

    def __init__(self, source: Reads) -> None:
        self._records = Records(source, CONTRACT, _ROOTS, "items")
        head = self._records.head
        self.kind = _KINDS[head.tag]
        self.header: Header = read_header(head)
        self.subscription = head.findtext("subscription") or ""
        self.day = read_date(head.findtext("day") or "")
        self.stream = head.findtext("stream")

    def __iter__(self) -> Iterator[Mutation | Item]:
        return map(_mutation if self.kind == MUTATIONS else _item, self._records)


def _mutation(node: etree._Element) -> Mutation:
    ssin, replaced, kinds, data = node[0], [], [], None
    for part in ssin.itersiblings():
        if part.tag == "kind":
            kinds.append(part.text or "")
        elif part.tag == "replacedSsin":
            replaced.append(part.text or "")
        else:
            data = _data(part)
    return Mutation(
        int(node.get("number", "")), ssin.text or "", _is_cancelled(ssin), tuple(replaced), tuple(kinds), data
    )


def _data(node: etree._Element) -> Data:
    return Data(
        node.get("register"),
        read_boolean(node.get("blocked", "false")),
        " ".join(node.get("unreadable", "").split()) or None,
        frozenset(node.get("told", "").split()),
        {str(part.tag): _canonical(part) for part in node},
    )


def _item(node: etree._Element) -> Item:
    ssin = node[0]
    return Item(
        int(node.get("number", "")),
        ssin.text or "",
        _is_cancelled(ssin),
        node.findtext("replacedSsin"),
        node.findtext("reference") or "",
        (node.findtext("moment") or "").strip(),
        _canonical(node[-1][0]),
    )


def _is_cancelled(ssin: etree._Element) -> bool:
    return read_boolean(ssin.get("canceled", "false"))


def _canonical(node: etree._Element) -> str:
    try:
        return canonical(node).decode("utf-8")
    except NotCanonical:
        raise DataError("a payload has no canonical form: a namespace is relative") from None
