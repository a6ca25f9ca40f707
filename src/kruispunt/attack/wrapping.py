"""Wrapping, as a cross product: which signed part is moved, to where, and with which id a forged one replaces it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from itertools import product
from typing import Final

from cryptography import x509
from lxml import etree

from kruispunt.attack.bench import Bench
from kruispunt.attack.certificates import DAY, certificate, own_key
from kruispunt.attack.edit import ID, edited, one, replace
from kruispunt.attack.model import Attack, Refused, Shot
from kruispunt.clock import to_text
from kruispunt.wss.trust import token_of
from kruispunt.xml.namespaces import DS, SOAP

PARTS: Final = {"body": "s:Body", "timestamp": "wsu:Timestamp", "token": "wsse:BinarySecurityToken"}
NAMES: Final = {"body": "the Body", "timestamp": "the Timestamp", "token": "the token"}
HOMES: Final = {
    "header": "the Header",
    "wrapper": "a new element of the Header",
    "security": "the Security header",
    "object": "an Object of the Signature",
    "forged": "the forged one",
    "envelope": "the Envelope",
    "beside": "where it was, beside the forged one",
}
IDS: Final = {"same-id": "the same id", "other-id": "another id", "no-id": "no id"}
SIDES: Final = {"before": "first", "after": "last"}
ANOTHER: Final = "forged-1"

_SIGNATURE: Final = Refused("MSG00015", "signature")
_STRUCTURE: Final = Refused("MSG00004", rule="soap.structure")
_UNTRUSTED: Final = Refused("MSG00015", "certificate", "certificate.untrusted")


def attacks() -> Iterator[Attack]:
    """Every combination, and the forms that are no combination."""
    for part, home, side, name in product(PARTS, HOMES, SIDES, IDS):
        place = f"{HOMES[home]}, {SIDES[side]}" if home != "beside" else f"just {side} the forged one"
        yield Attack(
            f"wrapping/{part}-to-{home}-{side}-{name}",
            f"The signed {NAMES[part].removeprefix('the ')} is moved to {place}; the forged one has {IDS[name]}.",
            partial(_moved, part, home, side, name),
        )
    for part, side, name in product(PARTS, SIDES, IDS):
        yield Attack(
            f"wrapping/{part}-decoy-{side}-{name}",
            f"A forged copy stands {'first' if side == 'before' else 'last'} in the Header with {IDS[name]}, "
            f"and {NAMES[part]} in its place is changed.",
            partial(_decoy, part, side, name),
        )
    yield Attack("wrapping/envelope-in-header", "A whole signed message stands in the Header of a forged one.", _whole)
    yield Attack("wrapping/envelope-in-body", "A whole signed message stands in the Body of an unsigned one.", _inside)
    yield Attack("wrapping/second-request", "A forged request stands in the signed Body, before the genuine one.", _two)
    yield Attack(
        "wrapping/body-of-another-namespace", "An element named Body in another namespace comes first.", _alien
    )
    for kind in ("Id", "ID", "xml:id"):
        yield Attack(
            f"wrapping/decoy-by-{kind.replace(':', '-')}",
            f"The genuine Body is offered elsewhere under an attribute {kind}, and the one in its place is changed.",
            partial(_by_attribute, kind),
        )


def _message(bench: Bench, part: str) -> bytes:
    """What was captured: for a forged Timestamp, an old message that is to be brought to life."""
    age = timedelta(hours=1) if part == "timestamp" else timedelta()
    return bench.victim.signer.envelope(bench.body(), bench.now - age)


def _forged(bench: Bench, part: str, genuine: etree._Element, name: str) -> etree._Element:
    """What the attacker wants to be read in the place of a signed part."""
    made = copy.deepcopy(genuine)
    if part == "body":
        made = etree.fromstring(f'<s:Body xmlns:s="{SOAP}">{bench.forged()}</s:Body>')
    elif part == "timestamp":
        now = bench.now  # asked once: a millisecond later the message would be valid for too long
        made[0].text, made[1].text = to_text(now), to_text(now + timedelta(minutes=5))
    else:
        made.text = token_of(_own(bench))
    made.tail = None
    made.attrib.pop(ID, "")
    if name != "no-id":
        made.set(ID, ANOTHER if name == "other-id" else genuine.get(ID, ""))
    return made


def _own(bench: Bench) -> x509.Certificate:
    """A certificate of the attacker's own making."""
    return certificate(bench.victim.certificate.subject, own_key(), begin=bench.now - DAY, end=bench.now + DAY)


def _moved(part: str, home: str, side: str, name: str, bench: Bench) -> Iterator[Shot]:
    def change(tree: etree._Element) -> None:
        signed = one(tree, f"//{PARTS[part]}")
        forged = _forged(bench, part, signed, name)
        replace(signed, forged)
        if home == "beside":
            (forged.addprevious if side == "before" else forged.addnext)(signed)
            return
        homes: dict[str, Callable[[], etree._Element]] = {
            "header": lambda: tree[0],
            "wrapper": lambda: _added(tree[0], "{urn:x}Wrapper", side),
            "security": lambda: one(tree, "//wsse:Security"),
            "object": lambda: _added(one(tree, "//ds:Signature"), f"{{{DS}}}Object", "after"),
            "forged": lambda: forged,
            "envelope": lambda: tree,
        }
        place = homes[home]()
        place.insert(0 if side == "before" else len(place), signed)

    yield Shot(edited(_message(bench, part), change), _expected(part, home, name))


def _added(parent: etree._Element, tag: str, side: str) -> etree._Element:
    made = etree.Element(tag)
    parent.insert(0 if side == "before" else len(parent), made)
    return made


def _expected(part: str, home: str, name: str) -> Refused:
    """An Envelope has two children; a token of one's own is found to be one before anything is computed."""
    if home == "envelope" or (part == "body" and home == "beside"):
        return _STRUCTURE
    if part == "token" and name == "same-id" and home in ("header", "wrapper"):
        return _UNTRUSTED
    return _SIGNATURE


def _decoy(part: str, side: str, name: str, bench: Bench) -> Iterator[Shot]:
    def change(tree: etree._Element) -> None:
        signed = one(tree, f"//{PARTS[part]}")
        copied = copy.deepcopy(signed)
        copied.tail = None
        forged = _forged(bench, part, signed, "same-id")
        replace(signed, forged)
        copied.attrib.pop(ID, "")
        if name != "no-id":
            copied.set(ID, ANOTHER if name == "other-id" else forged.get(ID, ""))
        header = tree[0]
        wrapper = _added(header, "{urn:x}Wrapper", side)
        wrapper.append(copied)

    yield Shot(edited(_message(bench, part), change), _UNTRUSTED if part == "token" else _SIGNATURE)


def _whole(bench: Bench) -> Iterator[Shot]:
    forged = f'<s:Envelope xmlns:s="{SOAP}"><s:Header>{{}}</s:Header><s:Body>{bench.forged()}</s:Body></s:Envelope>'
    yield Shot(
        forged.replace("{}", bench.message().decode()).encode(), Refused("MSG00015", "signature", "signature.missing")
    )


def _inside(bench: Bench) -> Iterator[Shot]:
    outer = f'<s:Envelope xmlns:s="{SOAP}"><s:Header/><s:Body>{bench.message().decode()}</s:Body></s:Envelope>'
    yield Shot(outer.encode(), Refused("MSG00015", "signature", "signature.missing"))


def _two(bench: Bench) -> Iterator[Shot]:
    def change(tree: etree._Element) -> None:
        tree[1].insert(0, etree.fromstring(bench.forged()))

    yield Shot(bench.edited(change), Refused("MSG00015", "signature", "signature.digest"))


def _alien(bench: Bench) -> Iterator[Shot]:
    def change(tree: etree._Element) -> None:
        other = copy.deepcopy(tree[1])
        other.tag = "{urn:other}Body"
        tree.insert(1, other)

    yield Shot(bench.edited(change), _STRUCTURE)


def _by_attribute(kind: str, bench: Bench) -> Iterator[Shot]:
    attribute = "{http://www.w3.org/XML/1998/namespace}id" if kind == "xml:id" else kind

    def change(tree: etree._Element) -> None:
        genuine = tree[1]
        forged = _forged(bench, "body", genuine, "same-id")
        replace(genuine, forged)
        fake = etree.SubElement(tree[0], "decoy", {attribute: forged.get(ID, "")})
        fake.extend(list(genuine))

    yield Shot(bench.edited(change), Refused("MSG00015", "signature", "signature.digest"))
