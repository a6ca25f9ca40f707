"""Hardened XML parsing: the only way in for a message that somebody else wrote (PL-09).

Refused, as MSG00004, with the rule that was broken:

    xml.size                    more bytes than allowed
    xml.encoding                anything but UTF-8, in fact or as declared; its byte order mark is accepted
    xml.doctype                 a document type, and with it every entity and every external reference
    xml.processing-instruction  anywhere; the XML declaration is none
    xml.well-formed             what libxml2 does not accept, an undeclared entity included
    xml.elements, xml.depth, xml.attributes, xml.namespaces
                                more than allowed: the cost of canonicalisation grows with their product
    xml.namespace-name          a namespace name that is longer than allowed, for the same reason

Comments are removed while parsing, so that the text around one joins: a reader never sees half an identifier.
`CDATA` may hold anything, a whole XML document included.
"""

from __future__ import annotations

import ctypes
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, cast

from lxml import etree

from kruispunt.errors import InvalidRequest

_BOM: Final = b"\xef\xbb\xbf"
_BLANK: Final = re.compile(rb"[ \t\r\n]*")
_DECLARATION: Final = re.compile(
    rb"<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:'1\.0'|\"1\.0\")"
    rb"(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:'([A-Za-z][\w.-]*)'|\"([A-Za-z][\w.-]*)\"))?"
    rb"(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:'(?:yes|no)'|\"(?:yes|no)\"))?[ \t\r\n]*\?>"
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one message may cost. The defaults fit every operation about one person."""

    size: int = 128 * 1024
    """Bytes."""
    depth: int = 64
    """Elements within each other, the root included."""
    elements: int = 5_000
    attributes: int = 64
    """Per element, namespace declarations not counted."""
    namespaces: int = 128
    """Namespace declarations in the whole document."""
    namespace: int = 256
    """Characters of one namespace name. A canonical form repeats it: at each element, where those around do not
    use it. With names of 64 KiB, a message of 94 KB had one of 288 MB."""


LIMITS: Final = Limits()
REPLY_LIMITS: Final = Limits(size=512 * 1024 * 1024, elements=10_000_000, namespaces=1_024)
"""Of a reply, for whoever asked: a client trusts its own bank more than the bank trusts its clients. There is room for
everybody of an address where 100,000 people are registered (IP-15), at 2.5 KB each and twice as much.
"""
_LONGEST_TEXT: Final = 10_000_000
"""Bytes. libxml2 reads no longer text, unless it is told to; a whole document of SSDN is one text."""


def parse(data: bytes, limits: Limits = LIMITS) -> etree._Element:
    """The root element of a message from outside; raises InvalidRequest by the rules above."""
    if len(data) > limits.size:
        raise _refused("xml.size", f"the message has {len(data)} bytes, at most {limits.size} are allowed")
    _check_encoding(data)
    content = check_prolog(data)
    try:
        root = _LOCAL.parse(data) if len(data) < _LONGEST_TEXT else etree.fromstring(data, _huge_parser())
    except etree.XMLSyntaxError as error:
        raise _refused("xml.well-formed", f"the message is not well-formed XML: {_reason(error)}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise _doctype()
    if data.find(b"?", content) >= 0 and data.find(b"<?", content) >= 0:
        _check_instructions(root)
    _check_limits(data, root, limits)
    return root


def without_encoding(text: str) -> bytes:
    """A document that came as text, in UTF-8. It was decoded already, so what its declaration says of an encoding says
    nothing: UTF-8 is written instead. All else is left as it stands, for `parse` to judge.
    """
    data = text.encode()
    declaration = _DECLARATION.match(data, len(_BOM) if data.startswith(_BOM) else 0)
    if declaration is None or declaration.lastindex is None:
        return data
    begin, end = declaration.span(declaration.lastindex)
    return data[:begin] + b"utf-8" + data[end:]


def detached(element: etree._Element) -> etree._Element:
    """A copy of `element` as a document of its own, with every namespace that was in scope declared on it."""
    return parse_own(etree.tostring(element, encoding="utf-8", with_tail=False))


def parse_own(data: bytes) -> etree._Element:
    """The root element of XML that this program wrote itself: nothing but well-formedness is checked."""
    return _LOCAL.parse(data)


def _huge_parser() -> etree.XMLParser:
    """One for a long document, which only the limits of a reply let through."""
    return etree.XMLParser(**{**_OPTIONS, "huge_tree": True})


def _check_encoding(data: bytes) -> None:
    if b"\0" in data:
        raise _refused("xml.encoding", "the message is not UTF-8: it holds zero bytes, as UTF-16 does")
    if not data.isascii():
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _refused("xml.encoding", f"the message is not UTF-8: byte {error.start + 1} is wrong") from None


def check_prolog(data: bytes) -> int:
    """Refuse a foreign encoding, a DOCTYPE or an instruction; say where the declaration ends.

    `data` may be the beginning of a document. Raises InvalidRequest.
    """
    start = 3 if data.startswith(_BOM) else 0
    if data.startswith((b"<?xml ", b"<?xml\t", b"<?xml\r", b"<?xml\n"), start):
        declaration = _DECLARATION.match(data, start)
        if declaration is None:
            raise _refused("xml.well-formed", "the XML declaration is not one of XML 1.0")
        encoding = declaration[1] or declaration[2]
        if encoding is not None and encoding.lower() != b"utf-8":
            name = encoding.decode("ascii", "replace")[:32]
            raise _refused("xml.encoding", f"the message declares the encoding {name}; only UTF-8 is read")
        start = declaration.end()
    position = after_comments(data, start)
    if data.startswith(b"<!", position):
        raise _doctype()
    if data.startswith(b"<?", position):
        raise _instruction()
    return start


def after_comments(data: bytes, position: int) -> int:
    """Where the first markup that is no comment begins; the end of the data for a comment without end."""
    while True:
        blank = _BLANK.match(data, position)
        position = blank.end() if blank else position
        if not data.startswith(b"<!--", position):
            return position
        end = data.find(b"-->", position + 4)
        if end < 0:
            return len(data)
        position = end + 3


def _reason(error: Any) -> str:
    """Kind and place of an XMLSyntaxError; libxml2 would repeat what stands there, which may be about a person."""
    names = {entry.type: entry.type_name for entry in error.error_log}
    name = names.get(error.code, "").removeprefix("NS_").removeprefix("ERR_")
    line, column = error.position
    return f"{name.replace('_', ' ').lower() or 'syntax error'} (line {line}, column {column})"


def _check_instructions(root: etree._Element) -> None:
    outside = (*root.itersiblings(preceding=True), *root.itersiblings())
    if outside or next(root.iter(etree.ProcessingInstruction), None) is not None:
        raise _instruction()


def _check_limits(data: bytes, root: etree._Element, limits: Limits) -> None:
    """Counts of bytes bound the true numbers from above; the tree is counted only where they are passed."""
    tags = data.count(b"<")
    if tags > limits.elements and _more_elements_than(limits.elements)(root):
        raise _refused("xml.elements", f"the message has more than {limits.elements} elements")
    # Elements within each other all need a closing tag, the innermost excepted.
    if tags > 2 * limits.depth and data.count(b"</") >= limits.depth and _deeper_than(limits.depth)(root):
        raise _refused("xml.depth", f"elements stand more than {limits.depth} deep within each other")
    equals = data.count(b"=")
    if equals > limits.attributes and _more_attributes_than(limits.attributes)(root):
        raise _refused("xml.attributes", f"an element has more than {limits.attributes} attributes")
    if (
        equals > limits.namespaces
        and data.count(b"xmlns") > limits.namespaces
        and len(_namespaces(data)) > limits.namespaces
    ):
        raise _refused("xml.namespaces", f"the message declares more than {limits.namespaces} namespaces")
    # An attribute's value is never longer than it is written; a namespace name is one.
    if _longer_value_than(limits.namespace)(data) and max(map(len, _namespaces(data)), default=0) > limits.namespace:
        raise _refused("xml.namespace-name", f"a namespace name has more than {limits.namespace} characters")


@lru_cache(maxsize=8)
def _more_elements_than(number: int) -> etree.XPath:
    return etree.XPath(f"count(//*) > {number}")


@lru_cache(maxsize=8)
def _deeper_than(depth: int) -> etree.XPath:
    return etree.XPath("boolean(" + "/*" * (depth + 1) + ")")


@lru_cache(maxsize=8)
def _more_attributes_than(number: int) -> etree.XPath:
    return etree.XPath(f"boolean(//*[@*[{number + 1}]])")


@lru_cache(maxsize=8)
def _longer_value_than(length: int) -> Callable[[bytes], object]:
    return re.compile(rb"=[ \t\r\n]*(?:\"[^\"]{%d}|'[^']{%d})" % (length + 1, length + 1)).search


def _namespaces(data: bytes) -> list[str]:
    """The name in each declaration. A tree knows which are in scope, not where each was declared: ask the parser."""
    parser = etree.XMLPullParser(events=("start-ns",), **{**_OPTIONS, "huge_tree": len(data) >= _LONGEST_TEXT})
    parser.feed(data)
    parser.close()
    declared = cast("Iterator[tuple[str, tuple[str, str]]]", parser.read_events())
    return [name for _, (_, name) in declared]


def _refused(rule: str, why: str) -> InvalidRequest:
    return InvalidRequest(rule, why, element="message", remedy=_REMEDIES.get(rule, ""))


def _doctype() -> InvalidRequest:
    return _refused("xml.doctype", "the message has a document type declaration")


def _instruction() -> InvalidRequest:
    return _refused("xml.processing-instruction", "the message has a processing instruction")


_REMEDIES: Final = {
    "xml.size": "Ask for less in one message.",
    "xml.encoding": "Write the message in UTF-8, and declare UTF-8 or nothing.",
    "xml.doctype": "Leave the DOCTYPE out; write characters instead of entities.",
    "xml.processing-instruction": "Leave processing instructions out.",
    "xml.well-formed": "Have the message written by an XML library, and send its bytes unchanged.",
    "xml.elements": "Ask for less in one message.",
    "xml.depth": "Nest as the contract does.",
    "xml.attributes": "Use the attributes of the contract.",
    "xml.namespaces": "Declare each namespace once, on the envelope or on the request element.",
    "xml.namespace-name": "Use the namespaces of the contract.",
}

_OPTIONS: Final[dict[str, Any]] = {
    "encoding": "utf-8",
    "resolve_entities": False,
    "load_dtd": False,
    "no_network": True,
    "huge_tree": False,
    "recover": False,
    "remove_comments": True,
    "remove_pis": False,
    "collect_ids": False,
}

NOVEL_BYTES: Final = 1024 * 1024
"""A thread's dictionary of names is given up after so many bytes of messages that brought new names."""
_CONTEXT: Final = "_ParserDictionaryContext"
_thread_dictionary: Final = ctypes.pythonapi.PyThreadState_GetDict
_thread_dictionary.restype = ctypes.c_void_p
_thread_dictionary.argtypes = ()


class _ThreadParser(threading.local):
    """One parser per thread, whose memory stays flat.

    libxml2 keeps every name that it ever read, and runs of blanks too, in a dictionary that lxml
    shares between all parsers of a thread and never frees: a stranger who invents names would fill
    the memory of a worker. Documents hold a reference to the dictionary they were made with, so a
    thread can be given a new one at any time. lxml has no function for that, but keeps it in the
    dictionary of the thread state (`PyThreadState_GetDict`), under a key of its own. Should another
    lxml keep it elsewhere, then taking the key away changes nothing and breaks nothing; a test
    notices.
    """

    def __init__(self) -> None:
        self._names = 0
        self._novel = 0
        self._begin()

    def parse(self, data: bytes) -> etree._Element:
        if self._novel > NOVEL_BYTES:
            self._renew()
        try:
            return etree.fromstring(data, self._parser)
        finally:
            names = known_names()
            if names != self._names:
                self._names = names
                self._novel += len(data)

    def _renew(self) -> None:
        state = ctypes.cast(_thread_dictionary(), ctypes.py_object).value
        cast("dict[str, object]", state).pop(_CONTEXT, None)
        self._novel = 0
        self._begin()

    def _begin(self) -> None:
        # A parser that was never used brings the thread's new dictionary; a used one would put its own back.
        self._parser = etree.XMLParser(**_OPTIONS)
        # A PrefixList may say "#default". lxml hands libxml2 only those prefixes that are in the dictionary,
        # and no document can bring this one, as it is no name; a parser that looks for a tag does.
        primer = etree.XMLPullParser(events=("end",), tag="#default", **_OPTIONS)
        primer.feed(b"<a/>")
        primer.close()


def known_names() -> int:
    """How many names libxml2 remembers for this thread."""
    return cast("int", etree.memory_debugger.dict_size())


_LOCAL: Final = _ThreadParser()
