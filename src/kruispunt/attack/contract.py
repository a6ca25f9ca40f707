"""The text fields of a request, read from its XSD: every element without children, and every attribute."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lxml import etree

from kruispunt.xml.namespaces import XSD
from kruispunt.xml.schemas import reachable

DEEPEST: Final = 16
"""Elements within each other: types that hold themselves end here."""
_LOCAL: Final = "{" + XSD + "}"
_CANDIDATES: Final = (
    "x",
    "1",
    "true",
    "2026-01-31",
    "2026-01-31T09:30:00Z",
    "0000000196",
    "100000000",
    "85673099811",
    "019a6f5e-7c1b-7e0f-8d3a-5f2b8c9d0e1f",
    "BE",
    "XX:X",
)
"""Values for fields that must be there beside the one that is attacked."""
_BUILT_IN: Final = {"dateTime": 4, "date": 3, "boolean": 2, "string": 0, "token": 0, "normalizedString": 0, "anyURI": 0}
"""Which of them is a value of a type of XML Schema itself; the second of all others, which are numbers."""

Path_ = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Element:
    """An element of a contract."""

    tag: str
    """With its namespace, where it has one."""
    required: bool
    content: Group | None
    """None for an element that holds text."""
    attributes: tuple[str, ...]
    value: str
    """A text that is valid."""

    @property
    def name(self) -> str:
        return etree.QName(self.tag).localname


@dataclass(frozen=True, slots=True)
class Group:
    """A sequence, of which everything stands there, or a choice, of which one does."""

    parts: tuple[Element | Group, ...]
    choice: bool
    required: bool


class Contract:
    """The request elements that a schema file declares."""

    def __init__(self, schema: Path) -> None:
        self._trees = [tree.getroot() for tree in reachable(schema).values()]
        self._named: dict[tuple[str, str], etree._Element] = {}
        for root in self._trees:
            for node in root:
                if isinstance(node.tag, str) and node.get("name"):
                    kind = "type" if node.tag.endswith("Type") else etree.QName(node).localname
                    self._named[kind, f"{{{root.get('targetNamespace', '')}}}{node.get('name')}"] = node

    def element(self, tag: str) -> Element:
        """A global element, by its name with the namespace, with all that it may hold."""
        return self._element(self._named["element", tag], 0)

    def _element(self, node: etree._Element, depth: int) -> Element:
        required = node.get("minOccurs", "1") != "0"
        if node.get("ref"):
            node = self._named["element", _qualified(node, node.get("ref", ""))]
        root = node.getroottree().getroot()
        top = node.getparent() is root
        qualified = top or node.get("form", root.get("elementFormDefault")) == "qualified"
        tag = f"{{{root.get('targetNamespace')}}}{node.get('name')}" if qualified else str(node.get("name"))
        kind = self._type(node)
        content = None if kind is None or depth >= DEEPEST else self._content(kind, depth)
        attributes = () if kind is None else tuple(self._attributes(kind))
        return Element(tag, required, content, attributes, self._value(node))

    def _type(self, node: etree._Element) -> etree._Element | None:
        """The declaration of an element's type; None for one of XML Schema itself."""
        named = node.get("type")
        if named is None:
            return next((c for c in node if c.tag in (_LOCAL + "complexType", _LOCAL + "simpleType")), None)
        return self._named.get(("type", _qualified(node, named)))

    def _content(self, kind: etree._Element, depth: int) -> Group | None:
        parts: list[Element | Group] = []
        for node in kind:
            if node.tag == _LOCAL + "complexContent":
                extension = node[-1]
                base = self._named.get(("type", _qualified(extension, extension.get("base", ""))))
                inherited = None if base is None else self._content(base, depth)
                own = self._content(extension, depth)
                parts += [group for group in (inherited, own) if group is not None]
            elif node.tag in (_LOCAL + "sequence", _LOCAL + "choice", _LOCAL + "all", _LOCAL + "group"):
                parts.append(self._group(node, depth))
        return Group(tuple(parts), choice=False, required=True) if parts else None

    def _group(self, node: etree._Element, depth: int) -> Group:
        required = node.get("minOccurs", "1") != "0"
        if node.tag == _LOCAL + "group" and node.get("ref"):
            node = self._named["group", _qualified(node, node.get("ref", ""))]
        parts: list[Element | Group] = []
        for child in node:
            if child.tag == _LOCAL + "element":
                parts.append(self._element(child, depth + 1))
            elif child.tag in (_LOCAL + "sequence", _LOCAL + "choice", _LOCAL + "all", _LOCAL + "group"):
                parts.append(self._group(child, depth))
        return Group(tuple(parts), node.tag == _LOCAL + "choice", required)

    def _attributes(self, kind: etree._Element) -> Iterator[str]:
        for node in kind.iter(_LOCAL + "attribute"):
            if node.get("name"):
                yield str(node.get("name"))
        for node in kind.iter(_LOCAL + "extension"):
            base = self._named.get(("type", _qualified(node, node.get("base", ""))))
            if base is not None:
                yield from self._attributes(base)

    def _value(self, node: etree._Element) -> str:
        """A text that the facets of a simple type allow, as far as they are known here."""
        named = node.get("type") or ""
        kind = self._type(node)
        while kind is not None:
            listed = next(kind.iter(_LOCAL + "enumeration"), None)
            if listed is not None:
                return listed.get("value", "")
            patterns = [p.get("value", "") for p in kind.iter(_LOCAL + "pattern")]
            fitting = [c for c in _CANDIDATES if any(re.fullmatch(p, c) for p in patterns)]
            if fitting:
                return fitting[0]
            below = next(kind.iter(_LOCAL + "restriction", _LOCAL + "extension"), None)
            if below is None:
                break
            named = below.get("base", "")
            kind = self._named.get(("type", _qualified(below, named)))
        return _CANDIDATES[_BUILT_IN.get(named.rpartition(":")[2], 1)]


def _qualified(node: etree._Element, name: str) -> str:
    prefix, colon, local = name.rpartition(":")
    return f"{{{node.nsmap.get(prefix if colon else None, '')}}}{local}"


def fields(element: Element) -> list[Path_]:
    """Where text may stand: names of elements from the root's child on; an attribute's begins with `@`."""
    return list(_fields(element, ()))


def _fields(element: Element, above: Path_) -> Iterator[Path_]:
    for name in element.attributes:
        yield (*above, "@" + name)
    if element.content is None:
        yield above
    else:
        yield from _within(element.content, above)


def _within(group: Group, above: Path_) -> Iterator[Path_]:
    for part in group.parts:
        if isinstance(part, Element):
            yield from _fields(part, (*above, part.name))
        else:
            yield from _within(part, above)


def written(element: Element, sample: etree._Element | None, at: Path_, text: str) -> etree._Element:
    """The element as in the sample, with a text at one place; what must be there besides gets some valid value."""
    made = etree.Element(element.tag)
    for name, value in _attributes_of(element, sample, at, text).items():
        made.set(name, value)
    if element.content is None:
        made.text = text if at == () else (element.value if sample is None else sample.text)
    else:
        made.extend(_children(element.content, sample, at, text))
    return made


def _attributes_of(element: Element, sample: etree._Element | None, at: Path_, text: str) -> Mapping[str, str]:
    kept = {} if sample is None else {str(n): str(v) for n, v in sample.attrib.items() if n in element.attributes}
    return {**kept, at[0][1:]: text} if len(at) == 1 and at[0].startswith("@") else kept


def _children(group: Group, sample: etree._Element | None, at: Path_, text: str) -> Iterator[etree._Element]:
    parts = group.parts
    if group.choice:
        parts = (next((p for p in parts if _leads(p, at)), next((p for p in parts if _present(p, sample)), parts[0])),)
    for part in parts:
        if isinstance(part, Group):
            if part.required or _leads(part, at) or _present(part, sample):
                yield from _children(part, sample, at, text)
            continue
        found = [] if sample is None else [child for child in sample if child.tag == part.tag]
        # Of elements that stand there several times the first is the one on the way.
        for number, one in enumerate(found or [None] * (part.required or _leads(part, at))):
            # An empty path means the text of the element itself: what is not on the way gets a path that leads nowhere.
            yield written(part, one, at[1:] if not number and _leads(part, at) else ("",), text)


def _leads(part: Element | Group, at: Path_) -> bool:
    if isinstance(part, Element):
        return bool(at) and part.name == at[0]
    return any(_leads(inner, at) for inner in part.parts)


def _present(part: Element | Group, sample: etree._Element | None) -> bool:
    if sample is None:
        return False
    if isinstance(part, Element):
        return any(child.tag == part.tag for child in sample)
    return any(_present(inner, sample) for inner in part.parts)
