"""XSD files, compiled once, with nothing fetched from anywhere.

A schema may import what lies in its own folder or inside this package. Every location is checked before
libxml2 sees the file, and libxml2 itself is kept from the network: a contract cannot reach out, whatever is
written in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
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
        complaints = cast("Sequence[Any]", self._compiled.error_log)
        return without_value(complaints[0].message)

    @property
    def compiled(self) -> etree.XMLSchema:
        """For a parser that validates while it reads."""
        return self._compiled


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
