"""Ways to change a signed message: of its bytes, of its text, of its tree.

Each takes the message, chance, and another valid message to take parts from. It may return the message as it was.
"""

from __future__ import annotations

import base64
import copy
import re
from collections.abc import Callable
from random import Random
from typing import Final

from lxml import etree

from kruispunt.xml.namespaces import DS, EXC_C14N, SOAP, WSSE, WSU

Mutation = Callable[[bytes, Random, bytes], bytes]
TreeMutation = Callable[[etree._Element, Random, etree._Element], object]

_ID: Final = f"{{{WSU}}}Id"
_TAGS: Final = [
    f"{{{SOAP}}}Body",
    f"{{{SOAP}}}Header",
    f"{{{SOAP}}}Envelope",
    f"{{{WSSE}}}Security",
    f"{{{WSSE}}}BinarySecurityToken",
    f"{{{WSU}}}Timestamp",
    f"{{{DS}}}Signature",
    f"{{{DS}}}Object",
    f"{{{DS}}}Reference",
    f"{{{DS}}}SignedInfo",
    f"{{{EXC_C14N}}}InclusiveNamespaces",
    "{http://schemas.xmlsoap.org/soap/envelope}Body",
    "ssin",
    "legalContext",
    "x",
    "{urn:x}x",
]
_VALUES: Final = [
    "",
    " ",
    "0",
    "1",
    "true",
    "85673099811",
    "77643092051",
    "0206737484",
    "0887010362",
    "18",
    "NEO:SOCIAL_INSPECTION",
    "VDAB:DOSSIER_MANAGEMENT",
    "2026-01-31T09:30:00Z",
    "2026-01-31T09:29:59.999Z",
    "2036-01-31T09:35:00Z",
    "2026-01-31T10:30:00+01:00",
    "2026-02-30T09:30:00Z",
    "#",
    "#Body-1",
    "#TS-1",
    "#X509-1",
    "#id-7",
    "Body-1",
    "TS-1",
    "X509-1",
    "id-7",
    "#xpointer(/)",
    "http://127.0.0.1/",
    f"{DS}enveloped-signature",
    EXC_C14N,
    f"{EXC_C14N}WithComments",
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    "http://www.w3.org/TR/1999/REC-xslt-19991116",
    f"{DS}hmac-sha1",
    f"{DS}rsa-sha1",
    f"{DS}sha1",
    "http://www.w3.org/2001/04/xmlenc#sha512",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
    "http://schemas.xmlsoap.org/soap/actor/next",
    "#default xsd soapenv wsu",
    "x" * 300,
    "AAAA",
    "=",
    "\u200b",
    "é",
    "\u202e1",
]
_URIS: Final = [SOAP, WSSE, WSU, DS, EXC_C14N, "urn:x", "x", "", "http://www.w3.org/XML/1998/namespace"]

_BASE64: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_ECDSA_CHARACTERS: Final = 88
"""Of a P-256 signature in base64."""
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

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


# Trees.


def _some(tree: etree._Element, chance: Random) -> etree._Element:
    return chance.choice([e for e in tree.iter() if isinstance(e.tag, str)])


def _inner(tree: etree._Element, chance: Random) -> etree._Element:
    """Any element but the root; the root where it is alone."""
    found = [e for e in tree.iter() if isinstance(e.tag, str)]
    return chance.choice(found[1:] or found)


def _cut(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None:
        element.tail = None
        parent.remove(element)


def move(tree: etree._Element, chance: Random, _other: etree._Element) -> None:
    element = _inner(tree, chance)
    inside = set(element.iter())
    parent = chance.choice([e for e in tree.iter() if e not in inside and isinstance(e.tag, str)] or [tree])
    if parent not in inside:
        _cut(element)
        parent.insert(chance.randint(0, len(parent)), element)


def duplicate(tree: etree._Element, chance: Random, _other: etree._Element) -> None:
    element, parent = copy.deepcopy(_inner(tree, chance)), _some(tree, chance)
    element.tail = None
    parent.insert(chance.randint(0, len(parent)), element)


def remove(tree: etree._Element, chance: Random, _other: etree._Element) -> None:
    _cut(_inner(tree, chance))


def rename(tree: etree._Element, chance: Random, _other: etree._Element) -> None:
    _some(tree, chance).tag = chance.choice([*_TAGS, str(_some(tree, chance).tag)])


def swap_ids(tree: etree._Element, chance: Random, _other: etree._Element) -> None:
    bearers = [e for e in tree.iter() if e.get(_ID) is not None]
    if bearers:
        one, two = chance.choice(bearers), chance.choice([*bearers, _some(tree, chance)])
        a, b = one.get(_ID, ""), two.get(_ID, "")
        one.set(_ID, b)
        two.set(_ID, a)


def change_attribute(tree: etree._Element, chance: Random, _other: etree._Element) -> None:
    bearers = [e for e in tree.iter() if e.attrib]
    if not bearers:
        return
    element = chance.choice(bearers)
    name = chance.choice(sorted(element.attrib))
    doing = chance.random()
    if doing < 0.2:
        del element.attrib[name]
    elif doing < 0.3:
        _some(tree, chance).set(name, element.attrib[name])
    elif doing < 0.4:
        values = list(element.attrib.items())
        element.attrib.clear()
        for key, value in reversed(values):
            element.set(key, value)
    else:
        element.set(name, chance.choice([*_VALUES, element.attrib[name] + " ", element.attrib[name].swapcase()]))


def add_attribute(tree: etree._Element, chance: Random, _other: etree._Element) -> None:
    names = [_ID, "Id", "ID", "{http://www.w3.org/XML/1998/namespace}id", "URI", "x", f"{{{SOAP}}}actor", "PrefixList"]
    _some(tree, chance).set(chance.choice(names), chance.choice(_VALUES))


def wrap(tree: etree._Element, chance: Random, _other: etree._Element) -> None:
    element = _inner(tree, chance)
    parent = element.getparent()
    if parent is not None:
        around = etree.Element(chance.choice([*_TAGS, str(element.tag)]))
        parent.replace(element, around)
        element.tail = None
        around.append(element)


def unwrap(tree: etree._Element, chance: Random, _other: etree._Element) -> None:
    element = _inner(tree, chance)
    parent = element.getparent()
    if parent is not None:
        at = parent.index(element)
        for child in reversed(list(element)):
            parent.insert(at, child)
        _cut(element)


def change_text(tree: etree._Element, chance: Random, _other: etree._Element) -> None:
    element = chance.choice([e for e in tree.iter() if not len(e)])
    text = element.text or ""
    element.text = chance.choice([*_VALUES, text + " ", " " + text, text[::-1], text[:-1], text + text])


def shuffle(tree: etree._Element, chance: Random, _other: etree._Element) -> None:
    parents = [e for e in tree.iter() if len(e) > 1]
    if parents:
        parent = chance.choice(parents)
        children = list(parent)
        chance.shuffle(children)
        parent[:] = children


def times(tree: etree._Element, chance: Random, _other: etree._Element) -> None:
    moments = list(tree.iter(f"{{{WSU}}}Created", f"{{{WSU}}}Expires"))
    if moments:
        minute, second = chance.randrange(60), chance.randrange(60)
        form = chance.choice(["Z", ".0Z", ".000000000Z", "+00:00", "z", "", ".Z"])
        chance.choice(moments).text = f"2026-01-31T09:{minute:02d}:{second:02d}{form}"


def references(tree: etree._Element, chance: Random, _other: etree._Element) -> None:
    """Reorder, retarget or repeat references."""
    found = list(tree.iter(f"{{{DS}}}Reference"))
    if len(found) < 2:
        return
    one, two = chance.sample(found, 2)
    doing = chance.randrange(4)
    parent = one.getparent()
    if doing == 0:
        one.set("URI", two.get("URI", ""))
    elif doing == 1 and parent is not None:
        parent.append(one)
    elif doing == 2 and parent is not None:
        parent.append(copy.deepcopy(one))
    elif len(one) > 2 and len(two) > 2:
        one[2].text, two[2].text = two[2].text, one[2].text


def prefix_list(tree: etree._Element, chance: Random, _other: etree._Element) -> None:
    places = list(tree.iter(f"{{{DS}}}CanonicalizationMethod", f"{{{DS}}}Transform"))
    if places:
        place = chance.choice(places)
        listed = place[0] if len(place) else etree.SubElement(place, f"{{{EXC_C14N}}}InclusiveNamespaces")
        lists = [
            "",
            "q",
            "#default",
            "xsd xsi common",
            "ds wsu",
            "s soapenv",
            "xml",
            " ".join(f"p{n}" for n in range(20)),
        ]
        listed.set("PrefixList", chance.choice(lists))


def false_body(tree: etree._Element, chance: Random, _other: etree._Element) -> None:
    """The classic: the signed element hides somewhere, and a forged one stands in its place."""
    element = chance.choice([e for e in tree.iter() if e.get(_ID) is not None] or [tree])
    parent = element.getparent()
    if parent is None:
        return
    forged, hidden = copy.deepcopy(element), etree.Element(chance.choice(_TAGS))
    for leaf in forged.iter():
        if (leaf.text or "") in ("85673099811", "77643092051"):
            leaf.text = "77643092051" if leaf.text == "85673099811" else "85673099811"
    if chance.random() < 0.5:
        forged.set(_ID, chance.choice(["x", "", forged.get(_ID, "")]))
    parent.replace(element, forged)
    hidden.append(element)
    inside = set(hidden.iter())
    place = chance.choice([e for e in tree.iter() if e not in inside and isinstance(e.tag, str)])
    place.insert(chance.randint(0, len(place)), hidden)


def decoy(tree: etree._Element, chance: Random, _other: etree._Element) -> None:
    """The mirror of that: what was signed stays in its place, and a forged copy stands elsewhere."""
    forged = copy.deepcopy(_inner(tree, chance) if chance.random() < 0.5 else tree[-1])
    forged.tail = None
    for leaf in forged.iter():
        if not len(leaf) and (leaf.text or "") in ("85673099811", "77643092051", "rsa", "true"):
            leaf.text = chance.choice(_VALUES[2:12])
    if chance.random() < 0.5:
        forged.set(_ID, chance.choice(["x", "", f"{forged.get(_ID, 'x')}"]))
    headers = [tree[0], *tree[0], tree]
    place = chance.choice(headers)
    place.insert(chance.randint(0, len(place)), forged)


def respell_signature(tree: etree._Element, chance: Random, _other: etree._Element) -> None:
    """Another text for the same signature: bits that base64 does not read, or the mirror of an ECDSA value."""
    for element in tree.iter(f"{{{DS}}}SignatureValue"):
        text = "".join((element.text or "").split())
        if len(text) == _ECDSA_CHARACTERS and chance.random() < 0.5:
            value = base64.b64decode(text)
            s = _P256_ORDER - int.from_bytes(value[32:], "big")
            element.text = base64.b64encode(value[:32] + (s % _P256_ORDER).to_bytes(32, "big")).decode()
        elif text.endswith("=="):
            last = _BASE64.index(text[-3]) if text[-3] in _BASE64 else 0
            element.text = text[:-3] + _BASE64[last & 0b110000 | chance.randrange(16)] + "=="


def splice(tree: etree._Element, chance: Random, other: etree._Element) -> None:
    """A part of another valid message, beside or instead of the same part."""
    mine = _inner(tree, chance)
    theirs = list(other.iter(mine.tag))
    parent = mine.getparent()
    if not theirs or parent is None:
        return
    part = copy.deepcopy(chance.choice(theirs))
    part.tail = None
    if chance.random() < 0.8:
        parent.replace(mine, part)
    else:
        parent.insert(parent.index(mine) + chance.randint(0, 1), part)


def on_tree(mutation: TreeMutation) -> Mutation:
    """A mutation of trees as one of bytes; what is no XML any more stays as it is."""

    def mutate(data: bytes, chance: Random, other: bytes) -> bytes:
        try:
            tree = etree.fromstring(data, _parser)
        except (etree.XMLSyntaxError, ValueError):
            return data
        try:
            mutation(tree, chance, etree.fromstring(other, _parser))
        except (ValueError, IndexError):  # lxml builds no such tree, or nothing is left to change
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
TREES: Final[tuple[Mutation, ...]] = tuple(
    on_tree(mutation)
    for mutation in (
        move,
        duplicate,
        remove,
        rename,
        swap_ids,
        change_attribute,
        add_attribute,
        wrap,
        unwrap,
        change_text,
        shuffle,
        times,
        references,
        prefix_list,
        false_body,
        decoy,
        respell_signature,
        splice,
        splice,
    )
)
