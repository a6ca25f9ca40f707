"""Ways to change a signed message: of its bytes, of its text, of its tree.

Each takes the message, chance, and another valid message to take parts from. It may return the message as it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Final

import tree_mutations
from lxml import etree
from tree_mutations import TreeMutation

from kruispunt.xml.namespaces import DS, EXC_C14N, SOAP, WSSE, WSU

Mutation = Callable[[bytes, Random, bytes], bytes]

_URIS: Final = [SOAP, WSSE, WSU, DS, EXC_C14N, "urn:x", "x", "", "http://www.w3.org/XML/1998/namespace"]

# Bytes.


def flip(data: bytes, chance: Random, _other: bytes) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


def insert(data: bytes, chance: Random, _other: bytes) -> bytes:
    at = chance.randrange(len(data))
    more = chance.choice([b"\0", b"<", b">", b"&", b'"', b" ", b"\n", b"\r", b"\xff", b"\xc0\xaf", b"/", b"A", b"="])
    return data[:at] + more * chance.choice([1, 1, 1, 2, 50]) + data[at:]


def delete(data: bytes, chance: Random, _other: bytes) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + data[at + chance.choice([1, 1, 2, 8, 64, 512]) :]


def duplicate_bytes(data: bytes, chance: Random, _other: bytes) -> bytes:
    at, length = chance.randrange(len(data)), chance.choice([1, 4, 16, 64, 256, 1024])
    return data[: at + length] + data[at : at + length] + data[at + length :]


def cross(data: bytes, chance: Random, other: bytes) -> bytes:
    """The beginning of one message and the end of another, joined at the same piece of text where there is one."""
    at = chance.randrange(len(data))
    joint = data[at : at + 12]
    found = other.find(joint)
    return data[:at] + other[found if found >= 0 else chance.randrange(len(other)) :]


# Text: what a tree does not show.


def _at_tag(data: bytes, chance: Random) -> int:
    """Just after the name of a start tag."""
    ends = [found.end() for found in re.finditer(rb"<[A-Za-z][\w:.-]*", data)]
    return chance.choice(ends) if ends else 0


def _in_text(data: bytes, chance: Random) -> int:
    """Somewhere between two tags, mostly inside a text."""
    runs = [found.span(1) for found in re.finditer(rb">([^<]*)<", data)]
    if not runs:
        return 0
    begin, end = chance.choice([r for r in runs if r[1] - r[0] > 1] or runs)
    return chance.randint(begin, end)


def split_text(data: bytes, chance: Random, _other: bytes) -> bytes:
    at = _in_text(data, chance)
    between = [b"<!---->", b"<!--x-->", b"<!-- <ssin>1</ssin> -->", b"<?x y?>", b"<![CDATA[]]>", b"<![CDATA[1]]>"]
    between += [b"&x;", b"&amp;", b"&#13;", b"&#x20;", b"&#0;", b" ", b"\r\n", b"\t", b"<x/>", b"\xe2\x80\x8b"]
    return data[:at] + chance.choice(between) + data[at:]


def respell_text(data: bytes, chance: Random, _other: bytes) -> bytes:
    """The same characters, written as CDATA or as references."""
    at = _in_text(data, chance)
    end = min(at + chance.choice([1, 3, 11]), len(data))
    piece = data[at:end]
    if not piece.isalnum():
        return data
    spelt = chance.choice(
        [b"<![CDATA[" + piece + b"]]>", b"".join(b"&#%d;" % c for c in piece), b"".join(b"&#x%X;" % c for c in piece)]
    )
    return data[:at] + spelt + data[end:]


def blanks_in_tag(data: bytes, chance: Random, _other: bytes) -> bytes:
    at = _at_tag(data, chance)
    return data[:at] + chance.choice([b" ", b"\n", b"\t\r\n "]) + data[at:]


def blanks_in_base64(data: bytes, chance: Random, _other: bytes) -> bytes:
    runs = [found.span(1) for found in re.finditer(rb">([A-Za-z0-9+/=]{40,})<", data)]
    if not runs:
        return data
    begin, end = chance.choice(runs)
    at = chance.randint(begin, end)
    return data[:at] + chance.choice([b"\n", b" ", b"&#13;\n", b"\t", b"\xc2\xa0", b"=", b"-"]) + data[at:]


def declare(data: bytes, chance: Random, _other: bytes) -> bytes:
    """A namespace declaration more, also of a prefix that means something else around."""
    at = _at_tag(data, chance)
    prefixes = re.findall(rb"xmlns(?::[\w.-]+)?", data) or [b"xmlns"]
    name = chance.choice([*prefixes, b"xmlns:q", b"xmlns:xml", b"xmlns:xmlns"])
    return data[:at] + b" " + name + b'="' + chance.choice(_URIS).encode() + b'"' + data[at:]


def rename_prefix(data: bytes, chance: Random, _other: bytes) -> bytes:
    """One prefix, everywhere or in one place."""
    prefixes = re.findall(rb"xmlns:([\w.-]+)", data)
    if not prefixes:
        return data
    old, new = chance.choice(prefixes), chance.choice([b"q", b"ds", b"wsu", b"xml", *prefixes])
    many = chance.choice([0, 0, 1])
    data = re.sub(rb"(</?)" + old + rb":", rb"\g<1>" + new + b":", data, count=many)
    data = re.sub(rb"(\s)" + old + rb":", rb"\g<1>" + new + b":", data, count=many)
    return re.sub(rb"xmlns:" + old + rb"=", b"xmlns:" + new + b"=", data, count=many)


def other_encoding(data: bytes, chance: Random, _other: bytes) -> bytes:
    declared = chance.choice(["UTF-8", "utf-8", "UTF-16", "ISO-8859-1", "UTF-7", "US-ASCII", "windows-1252", "x"])
    text = re.sub(r"^(?:\ufeff)?<\?xml.*?\?>", "", data.decode("utf-8", "replace"), flags=re.DOTALL).lstrip()
    version = chance.choice(["1.0", "1.0", "1.0", "1.1"])
    text = chance.choice(["", "\ufeff"]) + f'<?xml version="{version}" encoding="{declared}"?>' + text
    codec = chance.choice(["utf-8", "utf-8", "utf-8", "utf-16", "utf-16-be", "latin-1", "utf-32", "utf-7"])
    return text.encode(codec, "replace")


def prolog(data: bytes, chance: Random, _other: bytes) -> bytes:
    text = re.sub(rb"^<\?xml.*?\?>", b"", data, flags=re.DOTALL).lstrip()
    before = [
        b"<!-- x -->",
        b"\n",
        b"<?x y?>",
        b"<!DOCTYPE x>",
        b'<!DOCTYPE x [<!ENTITY x "1">]>',
        b'<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
        b'<!DOCTYPE x [<!ATTLIST ssin a CDATA "1">]>',
        b'<?xml version="1.0" standalone="yes"?>',
        b"<x/>",
    ]
    more = chance.choice(before)
    return more + text if chance.random() < 0.8 else text + more


def line_ends(data: bytes, chance: Random, _other: bytes) -> bytes:
    return data.replace(b"\n", chance.choice([b"\r\n", b"\r"])) if b"\n" in data else data.replace(b"><", b">\r\n<", 1)


def quotes(data: bytes, _chance: Random, _other: bytes) -> bytes:
    return data.replace(b'"', b"'")


def empty_tags(data: bytes, _chance: Random, _other: bytes) -> bytes:
    return re.sub(rb"<([\w:.-]+)([^<>]*[^/<>])?></\1>", rb"<\1\2/>", data)


def on_tree(mutation: TreeMutation) -> Mutation:
    """A mutation of trees as one of bytes; what is no XML any more stays as it is."""

    def mutate(data: bytes, chance: Random, other: bytes) -> bytes:
        try:
            tree = etree.fromstring(data, _parser)
        except (etree.XMLSyntaxError, ValueError):
            return data
        try:
            mutation(tree, chance, etree.fromstring(other, _parser))
        except (ValueError, TypeError, IndexError):  # lxml builds no such tree, or nothing is left to change
            return data
        return etree.tostring(tree, encoding="utf-8", xml_declaration=False)

    mutate.__name__ = mutation.__name__
    return mutate


_parser: Final = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)

BYTES: Final[tuple[Mutation, ...]] = (flip, insert, delete, duplicate_bytes, cross)
TEXT: Final[tuple[Mutation, ...]] = (
    split_text,
    respell_text,
    blanks_in_tag,
    blanks_in_base64,
    declare,
    rename_prefix,
    other_encoding,
    prolog,
    line_ends,
    quotes,
    empty_tags,
)
TREES: Final[tuple[Mutation, ...]] = tuple(map(on_tree, tree_mutations.ALL))
