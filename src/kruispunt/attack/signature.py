"""What a signature says and covers: stripped, partial, of other things, and values in pieces.

Where a change needs a valid signature to be interesting, the message is signed anew by the victim's own key: then
nothing but the closed profile refuses it.
"""

from __future__ import annotations

import base64
import copy
import hashlib
from collections.abc import Iterator
from functools import partial
from typing import Final

from lxml import etree

from kruispunt.attack.algorithms import INFO, VALUE, refused, signed
from kruispunt.attack.bench import Bench
from kruispunt.attack.edit import ID, Change, c14n, every, one, remove, texting
from kruispunt.attack.model import Answered, Attack, Expected, Shot
from kruispunt.xml.namespaces import DS, SOAP, WSSE

BODY_REFERENCE: Final = "//ds:Reference[@URI='#Body-1']"


def attacks() -> Iterator[Attack]:
    """All of them."""
    yield from _stripped()
    yield from _partial()
    yield from _references()
    yield from _values()
    yield from _headers()


def _plain(name: str, what: str, change: Change, expected: Expected) -> Attack:
    """The signature stays as it was."""

    def shots(bench: Bench) -> Iterator[Shot]:
        yield Shot(bench.edited(change), expected)

    return Attack(f"signature/{name}", what, shots)


# Stripped and partial.


def _stripped() -> Iterator[Attack]:
    for name, path, expected in (
        ("header", "//s:Header", refused("missing")),
        ("security", "//wsse:Security", refused("missing")),
        ("signature", "//ds:Signature", refused("missing")),
        ("timestamp", "//wsu:Timestamp", refused("security-header")),
        ("token", "//wsse:BinarySecurityToken", refused("security-header")),
        ("signed-info", INFO, refused("structure")),
        ("value", VALUE, refused("structure")),
        ("key-info", "//ds:KeyInfo", refused("structure")),
    ):
        yield _plain(f"stripped-{name}", f"The {path.rpartition(':')[2]} is taken out.", _removing(path), expected)
    yield _plain("emptied", "The SignatureValue is empty.", texting(VALUE, ""), refused("value"))


def _removing(path: str) -> Change:
    return lambda tree: remove(one(tree, path))


def _partial() -> Iterator[Attack]:
    for names in (("Body-1",), ("TS-1",), ("X509-1",), ("Body-1", "TS-1"), ("Body-1", "TS-1", "X509-1")):
        told = ", ".join({"Body-1": "Body", "TS-1": "Timestamp", "X509-1": "token"}[n] for n in names)

        def leave_out(tree: etree._Element, names: tuple[str, ...] = names) -> None:
            for name in names:
                remove(one(tree, f"//ds:Reference[@URI='#{name}']"))

        yield signed(
            f"partial-without-{told.lower().replace(', ', '-')}",
            f"A valid signature that does not cover: {told}.",
            leave_out,
            refused("coverage"),
        )


# References.


def _references() -> Iterator[Attack]:
    for name, uri in (
        ("empty", ""),
        ("hash", "#"),
        ("without-hash", "Body-1"),
        ("other-case", "#body-1"),
        ("blank", "#Body-1 "),
        ("other-element", "#other"),
        ("xpointer-root", "#xpointer(/)"),
        ("xpointer-id", "#xpointer(id('Body-1'))"),
        ("file", "file:///etc/passwd"),
        ("attachment", "cid:attachment"),
    ):
        yield signed(
            f"reference-{name}", f"The reference to the Body is {uri!r}.", partial(_point, uri), refused("coverage")
        )
    yield Attack("signature/reference-http", "The reference to the Body names an address.", _fetched)
    yield signed("reference-without-uri", "The reference to the Body has no URI.", _no_uri, refused("coverage"))
    yield signed(
        "reference-manifest", "A Manifest in the place of the reference to the Body.", _manifest, refused("coverage")
    )
    yield signed(
        "reference-twice",
        "The Timestamp is referred to twice, the Body never.",
        partial(_point, "#TS-1"),
        refused("coverage"),
    )
    for name, uri, number in (
        ("another", "#other", 1),
        ("body-again", "#Body-1", 1),
        ("document", "", 1),
        ("many", "#Body-1", 400),
    ):
        yield signed(
            f"references-{name}",
            f"{number} reference{'s' if number > 1 else ''} more, to {uri or 'the document'}.",
            partial(_extra, uri, number),
            refused("coverage"),
        )


def _point(uri: str, tree: etree._Element) -> None:
    tree[0].append(etree.Element("other", {ID: "other"}))
    one(tree, BODY_REFERENCE).set("URI", uri)


def _fetched(bench: Bench) -> Iterator[Shot]:
    yield Shot(bench.resigned(partial(_point, bench.trap)), refused("coverage"))


def _no_uri(tree: etree._Element) -> None:
    del one(tree, BODY_REFERENCE).attrib["URI"]


def _manifest(tree: etree._Element) -> None:
    one(tree, BODY_REFERENCE).tag = f"{{{DS}}}Manifest"


def _extra(uri: str, number: int, tree: etree._Element) -> None:
    tree[0].append(etree.Element("other", {ID: "other"}))
    extra = copy.deepcopy(one(tree, BODY_REFERENCE))
    extra.set("URI", uri)
    one(tree, INFO).extend([copy.deepcopy(extra) for _ in range(number)])


# Values.


def _values() -> Iterator[Attack]:
    for name, text in (("blank", "\n"), ("short", "AA=="), ("padding", "===="), ("no-base64", "*"), ("unpadded", "YQ")):
        yield _plain(f"value-{name}", f"The SignatureValue is {text!r}.", texting(VALUE, text), refused("value"))
    yield Attack("signature/changed-number", "The number asked about is changed.", partial(_changed, digest=False))
    yield Attack("signature/changed-digest", "Number and digest are changed together.", partial(_changed, digest=True))
    yield Attack("signature/added-attribute", "The request element gets an attribute.", _added_attribute)
    for name, path in (("value", VALUE), ("digest", "//ds:DigestValue"), ("created", "//wsu:Created")):
        where = path.rpartition(":")[2]
        yield _plain(
            f"comment-in-{name}",
            f"A comment splits {where}: the signature holds, so the whole value must be read.",
            partial(_split, path, etree.Comment),
            Answered(),
        )
        yield signed(
            f"element-in-{name}",
            f"An element splits {where}.",
            partial(_split, path, lambda _text: etree.Element("x")),
            refused("structure"),
        )


def _changed(bench: Bench, *, digest: bool) -> Iterator[Shot]:
    def change(tree: etree._Element) -> None:
        for found in tree[1].iter():
            if found.text == bench.question.ssin:
                found.text = bench.question.forged
        if digest:
            value = base64.b64encode(hashlib.sha256(c14n(tree[1])).digest()).decode()
            one(tree, f"{BODY_REFERENCE}/ds:DigestValue").text = value

    yield Shot(bench.edited(change), refused("value" if digest else "digest"))


def _added_attribute(bench: Bench) -> Iterator[Shot]:
    yield Shot(bench.edited(lambda tree: tree[1][0].set("a", "1")), refused("digest"))


def _split(path: str, make: object, tree: etree._Element) -> None:
    assert callable(make)
    for found in every(tree, path):
        text = found.text or ""
        part = make(" x ")
        part.tail = text[8:]
        found.text = text[:8]
        found.append(part)


# What stands around.


def _headers() -> Iterator[Attack]:
    for name, path in (
        ("signature", "//ds:Signature"),
        ("security", "//wsse:Security"),
        ("timestamp", "//wsu:Timestamp"),
    ):
        yield _plain(
            f"two-{name}",
            f"The {path.rpartition(':')[2]} stands twice.",
            partial(_twice, path),
            refused("security-header"),
        )
    yield _plain(
        "another-actor", "The Security header is addressed to somebody else.", _actor, refused("security-header")
    )
    yield _plain("outside", "The Signature stands outside the Security header.", _outside, refused("missing"))
    for name in ("UsernameToken", "SecurityTokenReference", "BinarySecurityToken"):
        yield _plain(
            f"more-{name}",
            f"Beside the three parts stands a fourth: {name}.",
            partial(_more, name),
            refused("security-header"),
        )
    for name in ("Object", "Manifest", "SignatureProperties", "KeyValue"):
        yield signed(
            f"inside-{name}",
            f"The Signature holds one thing more: {name}.",
            partial(_inside, name),
            refused("structure"),
        )
    yield _plain("other-order", "The parts of the Signature stand in another order.", _turned, refused("structure"))
    yield signed("one-id-for-two", "Body and Timestamp have the same id.", _merged, refused("identifiers"))
    yield _plain("id-without-namespace", "The Body's id stands in no namespace.", _plain_id, refused("identifiers"))


def _twice(path: str, tree: etree._Element) -> None:
    found = one(tree, path)
    found.addnext(copy.deepcopy(found))


def _actor(tree: etree._Element) -> None:
    one(tree, "//wsse:Security").set(f"{{{SOAP}}}actor", "urn:other")


def _outside(tree: etree._Element) -> None:
    tree[0].append(one(tree, "//ds:Signature"))


def _more(name: str, tree: etree._Element) -> None:
    etree.SubElement(one(tree, "//wsse:Security"), f"{{{WSSE}}}{name}", {ID: "more"})


def _inside(name: str, tree: etree._Element) -> None:
    etree.SubElement(one(tree, "//ds:Signature"), f"{{{DS}}}{name}")


def _turned(tree: etree._Element) -> None:
    signature = one(tree, "//ds:Signature")
    signature[:] = list(reversed(signature))


def _merged(tree: etree._Element) -> None:
    one(tree, "//wsu:Timestamp").set(ID, "Body-1")
    one(tree, "//ds:Reference[@URI='#TS-1']").set("URI", "#Body-1")


def _plain_id(tree: etree._Element) -> None:
    body = tree[1]
    body.set("Id", body.attrib.pop(ID))
