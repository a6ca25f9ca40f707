"""Algorithms, transforms, references and keys that the closed profile does not know, through the front door (PL-05).

Everything here is signed anew where that is possible: then nothing but the profile refuses it.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac

import pytest
from attacker import Bench
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from kruispunt.xml.namespaces import DS, EXC_C14N, WSSE, WSU
from signed_messages import c14n, edited, one

MORE = "http://www.w3.org/2001/04/xmldsig-more#"
METHOD = "//ds:SignatureMethod"
DIGEST = "//ds:DigestMethod"


def every(path: str, name: str) -> object:
    return lambda tree: [found.set("Algorithm", name) for found in tree.xpath(path, namespaces={"ds": DS})]


@pytest.mark.parametrize("form", [PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1, "certificate"])
def test_hmac_with_what_everybody_knows_as_secret(bench: Bench, form: PublicFormat | str) -> None:
    certificate = bench.signer.certificate
    if isinstance(form, str):
        secret = certificate.public_bytes(Encoding.PEM)
    else:
        secret = certificate.public_key().public_bytes(Encoding.PEM, form)

    def swap(tree: etree._Element) -> None:
        one(tree, METHOD).set("Algorithm", MORE + "hmac-sha256")
        value = hmac.new(secret, c14n(one(tree, "//ds:SignedInfo")), hashlib.sha256).digest()
        one(tree, "//ds:SignatureValue").text = base64.b64encode(value).decode()

    bench.refused(edited(bench.message(), swap), "MSG00015", "signature", rule="signature.algorithm")


@pytest.mark.parametrize(
    "name",
    [
        DS + "rsa-sha1",
        DS + "hmac-sha1",
        DS + "dsa-sha1",
        MORE + "rsa-md5",
        MORE + "ecdsa-sha256",
        "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
        "none",
        "",
    ],
)
def test_other_signature_methods(bench: Bench, name: str) -> None:
    algorithm = hashes.SHA1() if name == DS + "rsa-sha1" else None
    message = bench.resigned(every(METHOD, name), algorithm)
    bench.refused(message, "MSG00015", "signature", rule="signature.algorithm")


@pytest.mark.parametrize("name", [DS + "sha1", MORE + "md5", "http://www.w3.org/2001/04/xmlenc#ripemd160", ""])
def test_other_digests(bench: Bench, name: str) -> None:
    bench.refused(bench.resigned(every(DIGEST, name)), "MSG00015", "signature", rule="signature.algorithm")


@pytest.mark.parametrize("path", ["//ds:CanonicalizationMethod", "//ds:Transform"])
@pytest.mark.parametrize(
    "name",
    [
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
        EXC_C14N + "WithComments",
        DS + "enveloped-signature",
        "http://www.w3.org/TR/1999/REC-xpath-19991116",
        "http://www.w3.org/TR/1999/REC-xslt-19991116",
    ],
)
def test_other_transforms(bench: Bench, path: str, name: str) -> None:
    bench.refused(bench.resigned(every(path, name)), "MSG00015", "signature", rule="signature.algorithm")


def test_a_transform_with_an_expression_that_selects_nothing(bench: Bench) -> None:
    def add(tree: etree._Element) -> None:
        for transforms in tree.iter(f"{{{DS}}}Transforms"):
            transform = etree.SubElement(transforms, f"{{{DS}}}Transform")
            transform.set("Algorithm", "http://www.w3.org/TR/1999/REC-xpath-19991116")
            etree.SubElement(transform, f"{{{DS}}}XPath").text = "false()"

    bench.refused(bench.resigned(add), "MSG00015", "signature", rule="signature.structure")


def test_a_signature_of_no_length(bench: Bench) -> None:
    def add(tree: etree._Element) -> None:
        etree.SubElement(one(tree, METHOD), f"{{{DS}}}HMACOutputLength").text = "0"
        one(tree, "//ds:SignatureValue").text = ""

    bench.refused(bench.resigned(add), "MSG00015", "signature", rule="signature.structure")
    emptied = edited(bench.message(), lambda tree: setattr(one(tree, "//ds:SignatureValue"), "text", ""))
    bench.refused(emptied, "MSG00015", "signature", rule="signature.value")


# The canonicalisation bomb: what a message may cost is limited before anything is canonicalised.


def test_a_thousand_namespaces(bench: Bench) -> None:
    many = " ".join(f'xmlns:p{n}="urn:p{n}"' for n in range(1_000))
    bomb = bench.message().replace(b"<criteria>", f"<criteria {many}>".encode())
    bench.refused(bomb, "MSG00004", rule="xml.namespaces")


@pytest.mark.parametrize("text", [" ".join(f"p{n}" for n in range(17)), "a" * 300, "a " * 4_000])
def test_a_long_prefix_list(bench: Bench, text: str) -> None:
    def add(tree: etree._Element) -> None:
        for found in tree.xpath("//ds:Transform | //ds:CanonicalizationMethod", namespaces={"ds": DS}):
            etree.SubElement(found, f"{{{EXC_C14N}}}InclusiveNamespaces", PrefixList=text)

    bench.refused(bench.resigned(add), "MSG00015", "signature", rule="signature.prefix-list")


def test_a_namespace_without_a_canonical_form(bench: Bench) -> None:
    relative = bench.message().replace(b"<criteria>", b'<criteria xmlns:r="relative">')
    bench.refused(relative, "MSG00015", "signature", rule="signature.canonical")


# References, and what else a signature may not hold.


@pytest.mark.parametrize(
    "uri", ["", "#", "#other", "#xpointer(/)", "#xpointer(id('Body-1'))", "http://127.0.0.1:1/", "file:///etc/passwd"]
)
def test_references_to_something_else(bench: Bench, uri: str) -> None:
    def point(tree: etree._Element) -> None:
        tree[0].append(etree.Element("other", {f"{{{WSU}}}Id": "other"}))
        one(tree, "//ds:Reference[@URI='#Body-1']").set("URI", uri)

    bench.refused(bench.resigned(point), "MSG00015", "signature", rule="signature.coverage")


@pytest.mark.parametrize("uri", ["#other", "#Body-1", ""])
def test_one_reference_too_many(bench: Bench, uri: str) -> None:
    def add(tree: etree._Element) -> None:
        tree[0].append(etree.Element("other", {f"{{{WSU}}}Id": "other"}))
        extra = copy.deepcopy(one(tree, "//ds:Reference[@URI='#Body-1']"))
        extra.set("URI", uri)
        one(tree, "//ds:SignedInfo").append(extra)

    bench.refused(bench.resigned(add), "MSG00015", "signature", rule="signature.coverage")


@pytest.mark.parametrize("name", ["Manifest", "Object", "KeyValue"])
def test_something_more_in_the_signature(bench: Bench, name: str) -> None:
    def add(tree: etree._Element) -> None:
        etree.SubElement(one(tree, "//ds:Signature"), f"{{{DS}}}{name}")

    bench.refused(bench.resigned(add), "MSG00015", "signature", rule="signature.structure")


def test_two_signatures_and_two_security_headers(bench: Bench) -> None:
    def double(tree: etree._Element, path: str) -> None:
        found = one(tree, path)
        found.addnext(copy.deepcopy(found))

    for path in ("//ds:Signature", "//wsse:Security"):
        message = edited(bench.message(), lambda tree, path=path: double(tree, path))
        bench.refused(message, "MSG00015", "signature", rule="signature.security-header")


# KeyInfo.


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("", "signature.structure"),
        ("<ds:KeyValue/>", "signature.structure"),
        ("<ds:X509Data/>", "signature.structure"),
        ('<ds:RetrievalMethod URI="http://127.0.0.1:1/"/>', "signature.structure"),
        ("<w:SecurityTokenReference><w:KeyIdentifier/></w:SecurityTokenReference>", "signature.structure"),
        ('<w:SecurityTokenReference><w:Reference URI="#TS-1"/></w:SecurityTokenReference>', "signature.key-info"),
        (
            '<w:SecurityTokenReference><w:Reference URI="http://127.0.0.1:1/"/></w:SecurityTokenReference>',
            "signature.key-info",
        ),
    ],
)
def test_key_info_that_names_another_key(bench: Bench, content: str, rule: str) -> None:
    def replace(tree: etree._Element) -> None:
        found = one(tree, "//ds:KeyInfo")
        other = etree.fromstring(f'<ds:KeyInfo xmlns:ds="{DS}" xmlns:w="{WSSE}">{content}</ds:KeyInfo>')
        found.getparent().replace(found, other)

    bench.refused(edited(bench.message(), replace), "MSG00015", "signature", rule=rule)
