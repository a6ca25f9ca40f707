"""XSD files, compiled once, with nothing fetched from anywhere.

A schema may import what lies in its own folder or inside this package. Every location is checked before
libxml2 sees the file, and libxml2 itself is kept from the network: a contract cannot reach out, whatever is
written in it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

from lxml import etree

from kruispunt.errors import ConfigurationError
from kruispunt.xml.namespaces import XSD

PACKAGE: Final = Path(__file__).resolve().parent.parent
MESSAGE_LENGTH: Final = 256
"""Longest `fieldValue` of CommonV3, in characters: a longer message would make the fault itself invalid."""

_REFERRING: Final = tuple(f"{{{XSD}}}{name}" for name in ("import", "include", "redefine", "override"))

_QUOTES: Final = (
    ("The value '", ("' is ", "' has "), "The value"),
    ("The QName value '", ("' of ",), "The QName value"),
    (": '", ("' is not a valid value",), ": This"),
)
"""How libxml2 quotes a value: what stands before it, what may stand behind it, and what is told instead."""

_BLANKS: Final = " \t\r\n"
_NOT_OF_ITS_TYPE: Final = etree.ErrorTypes.SCHEMAV_CVC_DATATYPE_VALID_1_2_1
_NAMED: Final = re.compile("Element '([^']*)'(?:, attribute '([^']*)')?: ").match
"""Whose value a complaint is about."""


def read_contract(path: Path) -> etree._ElementTree:
    """A WSDL or XSD of the installation as a tree; ConfigurationError when it is absent or no XML."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=False)
    try:
        return etree.parse(str(path), parser)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be read; every file that a contract names must lie in its folder"
        ) from error
    except etree.XMLSyntaxError as error:
        raise ConfigurationError(f"{path}: not well-formed XML: {error.msg}") from error


def locations(tree: etree._ElementTree) -> Iterator[tuple[etree._Element, str]]:
    """Each element of a WSDL or XSD that refers to another schema file, with the location that it names."""
    for node in tree.iter(*_REFERRING):
        location = node.get("schemaLocation")
        if location is not None:
            yield node, location


def resolve(location: str, referrer: Path) -> Path:
    """The file that `location` in `referrer` stands for; ConfigurationError unless it may be read."""
    parts = urlsplit(location)
    named = Path(os.path.normpath(referrer.parent / location))
    target = named.resolve()
    if (
        parts.scheme
        or parts.netloc
        or parts.query
        or not (named.is_relative_to(referrer.parent) or target.is_relative_to(PACKAGE))
    ):
        raise ConfigurationError(
            f"{referrer}: schemaLocation {location!r} leads outside the contract; "
            "name a file in the same folder or in this package"
        )
    return target


def reachable(path: Path) -> dict[Path, etree._ElementTree]:
    """The contract file at `path` and every schema that it imports, directly or not, by absolute path."""
    found: dict[Path, etree._ElementTree] = {}
    waiting = [path.resolve()]
    while waiting:
        current = waiting.pop()
        if current in found:
            continue
        found[current] = tree = read_contract(current)
        waiting.extend(resolve(location, current) for _, location in locations(tree))
    return found


class Schema:
    """A compiled schema; `check` may be called any number of times, by one thread at a time."""

    __slots__ = ("_compiled", "path")

    def __init__(self, path: Path) -> None:
        """Compile the file; ConfigurationError says what is wrong. Prefer `schema`, which keeps it."""
        self.path = path.resolve()
        tree = reachable(self.path)[self.path]
        try:
            self._compiled = etree.XMLSchema(tree)
        except etree.XMLSchemaParseError as error:
            raise ConfigurationError(f"{path}: not a usable XML Schema: {error}") from error

    def check(self, element: etree._Element) -> str | None:
        """Validate an element, wherever it hangs; None when it is valid, else the first complaint.

        The complaint is the schema's own message without the value, at most 256 characters (platform.md, step
        5).
        """
        if self._compiled.validate(element):
            return None
        complaints = self._complaints()
        spaced = tuple(_spaced(element, complaints))
        if spaced:
            complaints = self._without_blanks(element, spaced)
        return without_value(complaints[0].message) if complaints else None

    def _complaints(self) -> Sequence[Any]:
        return cast("Sequence[Any]", self._compiled.error_log)

    def _without_blanks(self, element: etree._Element, spaced: Sequence[_Value]) -> Sequence[Any]:
        """The complaints once the blanks around these values are taken off, while it is checked: a reply repeats
        them (CT-03)."""
        try:
            for value in spaced:
                value.write(value.text.strip(_BLANKS))
            return () if self._compiled.validate(element) else self._complaints()
        finally:
            for value in spaced:
                value.write(value.text)

    @property
    def compiled(self) -> etree.XMLSchema:
        """For a parser that validates while it reads."""
        return self._compiled


@dataclass(frozen=True, slots=True)
class _Value:
    """A text, or an attribute, that its type refuses."""

    node: etree._Element
    attribute: str | None
    text: str

    def write(self, text: str) -> None:
        if self.attribute is None:
            self.node.text = text
        else:
            self.node.set(self.attribute, text)


def _spaced(element: etree._Element, complaints: Sequence[Any]) -> Iterator[_Value]:
    """Values with blanks around them that are none of their type by libxml2.

    White space around a day, a month or a moment means nothing (XML Schema, part 2, 3.2.7 to 3.2.14: it collapses),
    and libxml2 takes it for a part of them, though not around numbers and booleans. No text of `xsd:string` can be
    refused for what such a complaint says, so blanks that count are never taken off. A complaint tells no place but the
    name, which has one type throughout a contract.
    """
    texts, attributes = set(), set()
    for complaint in complaints:
        found = _NAMED(complaint.message) if complaint.type == _NOT_OF_ITS_TYPE else None
        if found is not None and found[2] is None:
            texts.add(found[1])
        elif found is not None:
            attributes.add((found[1], found[2]))
    for node in element.iter(*texts) if texts else ():
        if not len(node) and node.text and node.text.strip(_BLANKS) != node.text:
            yield _Value(node, None, node.text)
    for name, attribute in attributes:
        for node in element.iter(name):
            text = node.get(attribute, "")
            if text.strip(_BLANKS) != text:
                yield _Value(node, attribute, text)


def without_value(message: str) -> str:
    """A complaint of the schema as it may be shown to anybody; at most 256 characters."""
    message = " ".join(_without_value(message).split())
    return message if len(message) <= MESSAGE_LENGTH else message[: MESSAGE_LENGTH - 1] + "…"


def _without_value(message: str) -> str:
    """The value that is refused may be somebody's number: the client knows what it sent, and what is left may be shown
    to anybody.

    Only names stand before a value, so the first quote opens it; whatever the value holds, the last one closes it.
    libxml2 cuts very long messages off: then nothing closes it. No search takes longer than the message is long.
    """
    found = [(message.find(quote[0]), quote) for quote in _QUOTES if quote[0] in message]
    if not found:
        return message
    start, (opening, closings, instead) = min(found)
    end = max(message.rfind(closing, start + len(opening)) for closing in closings)
    return message[:start] + instead + (message[end + 1 :] if end >= 0 else " is not accepted.")


@cache
def schema(path: Path) -> Schema:
    """The compiled schema of a file, made once per process."""
    return Schema(path)
