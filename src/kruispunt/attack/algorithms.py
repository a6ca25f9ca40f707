"""Algorithms and transforms that the closed profile does not know, and methods that are not the key's.

The message is signed anew by the victim's own key where that is possible: then nothing but the profile refuses it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from functools import partial
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from kruispunt.attack.bench import Bench
from kruispunt.attack.edit import Change, c14n, edited, every, naming, one
from kruispunt.attack.model import Attack, Expected, Means, Refused, Shot
from kruispunt.xml.namespaces import DS, EXC_C14N

MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"
INCLUSIVE: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
METHOD: Final = "//ds:SignatureMethod"
VALUE: Final = "//ds:SignatureValue"
INFO: Final = "//ds:SignedInfo"
TRANSFORMS: Final = {
    "inclusive": INCLUSIVE,
    "inclusive-comments": INCLUSIVE + "#WithComments",
    "inclusive-1-1": "http://www.w3.org/2006/12/xml-c14n11",
    "exclusive-comments": EXC_C14N + "WithComments",
    "enveloped": DS + "enveloped-signature",
    "base64": DS + "base64",
    "xpath": "http://www.w3.org/TR/1999/REC-xpath-19991116",
    "xpath-filter": "http://www.w3.org/2002/06/xmldsig-filter2",
    "xslt": "http://www.w3.org/TR/1999/REC-xslt-19991116",
    "str-transform": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#STR-Transform",
}


def refused(rule: str) -> Refused:
    """MSG00015 with reason signature, by the rule `signature.<rule>`."""
    return Refused("MSG00015", "signature", f"signature.{rule}")


def signed(
    name: str, what: str, change: Change, expected: Expected, digest: hashes.HashAlgorithm | None = None
) -> Attack:
    """Signed anew by the victim's key."""

    def shots(bench: Bench) -> Iterator[Shot]:
        yield Shot(bench.resigned(change, digest), expected)

    return Attack(f"signature/{name}", what, shots)


def attacks() -> Iterator[Attack]:
    """All of them."""
    yield from _methods()
    yield from _transforms()


def _methods() -> Iterator[Attack]:
    for form in ("certificate", "public-key", "pkcs1"):
        yield Attack(
            f"signature/hmac-{form}",
            "HMAC-SHA256 with what everybody knows, the victim's "
            + {"certificate": "certificate", "public-key": "public key", "pkcs1": "public key in PKCS#1 form"}[form]
            + ", as the secret.",
            partial(_hmac, form),
        )
    for name, method in (
        ("rsa-md5", MORE + "rsa-md5"),
        ("hmac-sha1", DS + "hmac-sha1"),
        ("dsa-sha1", DS + "dsa-sha1"),
        ("ecdsa-sha1", MORE + "ecdsa-sha1"),
        ("rsa-pss", "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"),
        ("none", "none"),
        ("empty", ""),
        ("of-the-other-key", MORE + "ecdsa-sha256"),
    ):
        yield signed(
            f"method-{name}", f"The method is {method or 'empty'}.", naming(METHOD, method), refused("algorithm")
        )
    yield signed(
        "method-rsa-sha1",
        "A valid signature with SHA-1, which nobody allowed this client.",
        naming(METHOD, DS + "rsa-sha1"),
        refused("algorithm"),
        hashes.SHA1(),  # noqa: S303
    )
    yield signed(
        "method-other-digest",
        "Signed with SHA-256 under the name of SHA-512.",
        naming(METHOD, MORE + "rsa-sha512"),
        refused("value"),
    )
    yield Attack("signature/method-pss-as-pkcs1", "RSA-PSS under the name of PKCS#1.", _pss)
    yield Attack(
        "signature/method-rsa-for-ecdsa",
        "The RSA method over the token of an ECDSA key.",
        _rsa_for_ecdsa,
        frozenset({Means.ECDSA}),
    )
    for name, digest in (
        ("sha1", DS + "sha1"),
        ("md5", MORE + "md5"),
        ("ripemd160", "http://www.w3.org/2001/04/xmlenc#ripemd160"),
        ("empty", ""),
    ):
        yield signed(
            f"digest-{name}",
            f"The parts are digested with {digest or 'no named method'}.",
            naming("//ds:DigestMethod", digest),
            refused("algorithm"),
        )


def _hmac(form: str, bench: Bench) -> Iterator[Shot]:
    shown = bench.victim.certificate
    public = shown.public_key()
    secret = {
        "certificate": lambda: shown.public_bytes(Encoding.PEM),
        "public-key": lambda: public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "pkcs1": lambda: public.public_bytes(Encoding.PEM, PublicFormat.PKCS1),
    }[form]()

    def swap(tree: etree._Element) -> None:
        one(tree, METHOD).set("Algorithm", MORE + "hmac-sha256")
        value = hmac.new(secret, c14n(one(tree, INFO)), hashlib.sha256).digest()
        one(tree, VALUE).text = base64.b64encode(value).decode()

    yield Shot(bench.edited(swap), refused("algorithm"))


def _pss(bench: Bench) -> Iterator[Shot]:
    def swap(tree: etree._Element) -> None:
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
        value = bench.key.sign(c14n(one(tree, INFO)), pss, hashes.SHA256())
        one(tree, VALUE).text = base64.b64encode(value).decode()

    yield Shot(bench.edited(swap), refused("value"))


def _rsa_for_ecdsa(bench: Bench) -> Iterator[Shot]:
    message = bench.message(signer=bench.means[Means.ECDSA])
    yield Shot(edited(message, naming(METHOD, MORE + "rsa-sha256")), refused("algorithm"))


# Canonicalisation and transforms.


def _transforms() -> Iterator[Attack]:
    for name, algorithm in TRANSFORMS.items():
        for path, told in (("//ds:CanonicalizationMethod", "canonicalisation"), ("//ds:Transform", "transform")):
            yield signed(f"{told}-{name}", f"The {told} is {algorithm}.", naming(path, algorithm), refused("algorithm"))
        yield signed(
            f"second-transform-{name}",
            f"Before the right transform another one, {algorithm}.",
            partial(_second_transform, algorithm),
            refused("structure"),
        )
    yield signed("no-transform", "The parts are digested without any transform.", _no_transform, refused("structure"))
    yield signed("xpath-selects-nothing", "An XPath transform that selects nothing.", _xpath, refused("structure"))
    for name in ("HMACOutputLength", "XPath"):
        for path in (METHOD, "//ds:DigestMethod", "//ds:Transform"):
            where = path.rpartition(":")[2]
            yield signed(
                f"parameter-{name}-{where}",
                f"{name} as a parameter of {where}.",
                partial(_parameter, path, name),
                refused("structure"),
            )


def _second_transform(algorithm: str, tree: etree._Element) -> None:
    for transforms in every(tree, "//ds:Transforms"):
        transforms.insert(0, etree.Element(f"{{{DS}}}Transform", Algorithm=algorithm))


def _no_transform(tree: etree._Element) -> None:
    for transforms in every(tree, "//ds:Transforms"):
        transforms.clear()


def _xpath(tree: etree._Element) -> None:
    for transform in every(tree, "//ds:Transform"):
        etree.SubElement(transform, f"{{{DS}}}XPath").text = "false()"


def _parameter(path: str, name: str, tree: etree._Element) -> None:
    for found in every(tree, path):
        etree.SubElement(found, f"{{{DS}}}{name}").text = "0"
