"""Ways to change the tree of a signed message. Each changes `tree` in place; `other` is another valid message."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable
from random import Random
from typing import Final

from lxml import etree

from kruispunt.xml.namespaces import DS, EXC_C14N, SOAP, WSSE, WSU

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
_BASE64: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_ECDSA_CHARACTERS: Final = 88
"""Of a P-256 signature in base64."""
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


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
    last = [e for e in tree if isinstance(e.tag, str)][-1]
    forged = copy.deepcopy(_inner(tree, chance) if chance.random() < 0.5 else last)
    forged.tail = None
    for leaf in forged.iter():
        if not len(leaf) and (leaf.text or "") in ("85673099811", "77643092051", "rsa", "true"):
            leaf.text = chance.choice(_VALUES[2:12])
    if chance.random() < 0.5:
        forged.set(_ID, chance.choice(["x", "", f"{forged.get(_ID, 'x')}"]))
    place = chance.choice([e for e in (tree[0], *tree[0], tree) if isinstance(e.tag, str)])
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


ALL: Final[tuple[TreeMutation, ...]] = (
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
