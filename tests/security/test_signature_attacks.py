"""The attacks that the closed signature profile must hold, at the level of `parse` and `verify`.

Where a change needs a valid signature to be interesting, `resigned` makes one: then nothing but the profile refuses.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from kruispunt.errors import Fault
from kruispunt.wss import verify as verify_module
from kruispunt.wss.policy import Policy
from kruispunt.wss.sign import Signer
from kruispunt.wss.trust import token_of
from kruispunt.xml.namespaces import DS, EXC_C14N, SOAP, WSSE, WSU
from kruispunt.xml.parse import parse
from signed_messages import (
    INNER,
    NOW,
    accepted,
    c14n,
    certificate,
    ec_signer,
    edited,
    one,
    request,
    resigned,
    rsa_key,
    rsa_signer,
    rule,
)

ID = f"{{{WSU}}}Id"
FORGED = INNER.replace("85673099811", "85673099822")
LENIENT = Policy(allow_unsigned_token=True, allow_sha1=True)
"""The loosest that an operator can configure: no attack may pass it either."""

Change = Callable[[etree._Element], object]


def refused(data: bytes, policy: Policy = LENIENT) -> str:
    """Refused under the loosest policy, by the rule returned; and under the strict one."""
    rule(data)
    return rule(data, policy)


# Wrapping: the signed part is moved to where nobody reads, a forged one is put in its place.


def forged_body(name: str | None) -> etree._Element:
    body = etree.fromstring(f'<s:Body xmlns:s="{SOAP}">{FORGED}</s:Body>')
    if name is not None:
        body.set(ID, name)
    return body


@pytest.mark.parametrize("name", [None, "Body-1", "Body-2", "TS-1", ""])
@pytest.mark.parametrize("place", ["header", "wrapper", "security", "object", "body", "envelope"])
def test_a_signed_body_that_was_moved(place: str, name: str | None) -> None:
    def wrap(tree: etree._Element) -> None:
        signed = tree[1]
        forged = forged_body(name)
        tree.replace(signed, forged)
        if place == "header":
            tree[0].append(signed)
        elif place == "wrapper":
            etree.SubElement(tree[0], "{urn:x}Wrapper").append(signed)
        elif place == "security":
            one(tree, "//wsse:Security").append(signed)
        elif place == "object":
            etree.SubElement(one(tree, "//ds:Signature"), f"{{{DS}}}Object").append(signed)
        elif place == "body":
            forged.append(signed)
        else:
            tree.append(signed)

    data = edited(request(), wrap)
    assert b"85673099811" in data
    assert refused(data) in {
        "signature.identifiers",
        "signature.coverage",
        "signature.digest",
        "signature.security-header",
        "signature.structure",
        "soap.structure",
    }


@pytest.mark.parametrize("first", [True, False])
def test_two_bodies(first: bool) -> None:
    def add(tree: etree._Element) -> None:
        tree.insert(1 if first else 2, forged_body("Body-1"))

    assert refused(edited(request(), add)) == "soap.structure"


def test_two_envelopes_in_one() -> None:
    outer = f'<s:Envelope xmlns:s="{SOAP}"><s:Header/><s:Body>{request().decode()}</s:Body></s:Envelope>'
    assert refused(outer.encode()) == "signature.missing"


def test_a_body_in_another_namespace() -> None:
    def add(tree: etree._Element) -> None:
        other = copy.deepcopy(tree[1])
        other.tag = "{urn:other}Body"
        tree.insert(1, other)

    assert refused(edited(request(), add)) == "soap.structure"


def test_a_timestamp_that_was_moved_and_replaced_by_a_long_lived_one() -> None:
    def swap(tree: etree._Element) -> None:
        signed = one(tree, "//wsu:Timestamp")
        fresh = copy.deepcopy(signed)
        one(fresh, "wsu:Created").text = "2026-01-31T10:30:00Z"
        one(fresh, "wsu:Expires").text = "2026-01-31T10:35:00Z"
        signed.getparent().replace(signed, fresh)
        tree[0].append(signed)

    data = edited(request(), swap)
    assert rule(data, now=NOW + timedelta(hours=1)) == "signature.digest"


def test_a_long_lived_timestamp_is_refused_even_when_signed() -> None:
    def stretch(tree: etree._Element) -> None:
        one(tree, "//wsu:Expires").text = "2036-01-31T09:30:00Z"

    assert refused(resigned(request(), stretch)) == "timestamp.life"


def test_a_token_that_was_replaced() -> None:
    """The attacker's certificate in the place of the signer's, the signed one kept elsewhere."""
    key = rsa_key(_number=5)
    other = Signer(key, certificate("other", key))

    def swap(tree: etree._Element) -> None:
        signed = one(tree, "//wsse:BinarySecurityToken")
        forged = copy.deepcopy(signed)
        forged.text = token_of(other.certificate)
        signed.getparent().replace(signed, forged)
        tree[0].append(signed)

    assert refused(edited(request(), swap)) == "certificate.untrusted"


def test_another_clients_token_over_an_unsigned_token() -> None:
    """Where the token may be unsigned, the key that verifies is still that of the token."""

    def swap(tree: etree._Element) -> None:
        one(tree, "//ds:SignedInfo").remove(one(tree, "//ds:Reference[@URI='#X509-1']"))

    data = resigned(request(), swap)
    accepted(data, LENIENT)
    token = token_of(ec_signer().certificate)
    stolen = edited(data, lambda tree: setattr(one(tree, "//wsse:BinarySecurityToken"), "text", token))
    assert refused(stolen) == "signature.algorithm"


# Stripping.


@pytest.mark.parametrize("path", ["//wsse:Security", "//ds:Signature", "//wsu:Timestamp", "//wsse:BinarySecurityToken"])
def test_something_stripped(path: str) -> None:
    def strip(tree: etree._Element) -> None:
        found = one(tree, path)
        found.getparent().remove(found)

    assert refused(edited(request(), strip)) in {"signature.missing", "signature.security-header"}


@pytest.mark.parametrize("path", ["ds:SignedInfo", "ds:SignatureValue", "ds:KeyInfo"])
def test_a_part_of_the_signature_stripped(path: str) -> None:
    def strip(tree: etree._Element) -> None:
        found = one(tree, "//ds:Signature/" + path)
        found.getparent().remove(found)

    assert refused(edited(request(), strip)) == "signature.structure"


@pytest.mark.parametrize("names", [("Body-1",), ("TS-1",), ("Body-1", "TS-1"), ("Body-1", "TS-1", "X509-1")])
def test_something_unsigned(names: tuple[str, ...]) -> None:
    def leave_out(tree: etree._Element) -> None:
        for name in names:
            one(tree, "//ds:SignedInfo").remove(one(tree, f"//ds:Reference[@URI='#{name}']"))

    assert refused(resigned(request(), leave_out)) == "signature.coverage"


@pytest.mark.parametrize("text", ["", "\n", "AA==", "====", "*", "YQ"])
def test_an_empty_or_malformed_signature_value(text: str) -> None:
    data = edited(request(), lambda tree: setattr(one(tree, "//ds:SignatureValue"), "text", text))
    assert refused(data) == "signature.value"


# Tampering.


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"85673099811", b"85673099822"),
        (b"<legalContext>", b"<legalContext >x"),
        (b"09:35:00.000Z", b"09:34:59.000Z"),
        (b"<fs:consultRequest ", b'<fs:consultRequest a="1" '),
    ],
)
def test_a_changed_message(old: bytes, new: bytes) -> None:
    message = request()
    assert message.count(old) == 1
    assert refused(message.replace(old, new)) == "signature.digest"


def test_a_changed_digest() -> None:
    """The Body and its digest changed together: then SignedInfo is another."""

    def change(tree: etree._Element) -> None:
        one(tree, "//ssin").text = "85673099822"
        digest = base64.b64encode(hashlib.sha256(c14n(tree[1])).digest()).decode()
        one(tree, "//ds:Reference[@URI='#Body-1']/ds:DigestValue").text = digest

    assert refused(edited(request(), change)) == "signature.value"


def test_a_comment_never_splits_an_identifier() -> None:
    """Canonicalisation drops comments: the signature stays valid, so the reader must see the whole value."""
    split = request().replace(b"85673099811", b"856730<!-- -->99811")
    signed = accepted(split)
    assert one(signed.body, ".//ssin").text == "85673099811"
    assert [child.text for child in signed.body.iter("ssin")] == ["85673099811"]


@pytest.mark.parametrize("where", [b"2026-01-31T09:30:00.000Z", b"X509v3"])
def test_a_comment_inside_the_header_changes_nothing(where: bytes) -> None:
    message = request()
    if where.startswith(b"2026"):
        accepted(message.replace(where, where[:10] + b"<!-- x -->" + where[10:]))
    else:
        assert refused(message.replace(where, b"<!---->" + where)) in {"xml.well-formed"}


def test_cdata_is_read_as_it_is_digested() -> None:
    data = request().replace(b"85673099811", b"85673<![CDATA[099]]>811")
    assert one(accepted(data).body, ".//ssin").text == "85673099811"


# Algorithms.


def algorithm(path: str, name: str) -> Change:
    return lambda tree: [found.set("Algorithm", name) for found in tree.xpath(path, namespaces={"ds": DS})]


METHOD = "//ds:SignatureMethod"


def test_hmac_with_the_public_key_as_secret() -> None:
    def swap(tree: etree._Element) -> None:
        one(tree, METHOD).set("Algorithm", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256")
        public = rsa_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        value = hmac.new(public, c14n(one(tree, "//ds:SignedInfo")), hashlib.sha256).digest()
        one(tree, "//ds:SignatureValue").text = base64.b64encode(value).decode()

    assert refused(edited(request(), swap)) == "signature.algorithm"


@pytest.mark.parametrize(
    "name",
    [
        DS + "hmac-sha1",
        DS + "dsa-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1",
        "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
        "",
        "none",
    ],
)
def test_other_signature_methods(name: str) -> None:
    assert refused(resigned(request(), algorithm(METHOD, name))) == "signature.algorithm"


def test_sha1_is_refused_unless_the_client_is_named() -> None:
    signed = resigned(request(), algorithm(METHOD, DS + "rsa-sha1"), algorithm=hashes.SHA1())
    assert rule(signed) == "signature.algorithm"
    digested = resigned(request(), algorithm("//ds:DigestMethod", DS + "sha1"))
    assert rule(digested) == "signature.algorithm"
    for data in (signed, digested):
        accepted(data, LENIENT)


@pytest.mark.parametrize(
    "name", ["http://www.w3.org/2001/04/xmldsig-more#md5", "http://www.w3.org/2001/04/xmlenc#ripemd160", ""]
)
def test_other_digests(name: str) -> None:
    assert refused(resigned(request(), algorithm("//ds:DigestMethod", name))) == "signature.algorithm"


def test_the_method_must_belong_to_the_key() -> None:
    ecdsa = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
    assert refused(resigned(request(), algorithm(METHOD, ecdsa))) == "signature.algorithm"
    rsa = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
    assert refused(edited(request(ec_signer()), algorithm(METHOD, rsa))) == "signature.algorithm"


def test_a_signature_of_another_digest_than_named() -> None:
    sha512 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"
    assert refused(resigned(request(), algorithm(METHOD, sha512))) == "signature.value"


def test_rsa_pss_under_the_name_of_pkcs1() -> None:
    def swap(tree: etree._Element) -> None:
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
        value = rsa_key().sign(c14n(one(tree, "//ds:SignedInfo")), pss, hashes.SHA256())
        one(tree, "//ds:SignatureValue").text = base64.b64encode(value).decode()

    assert refused(edited(request(), swap)) == "signature.value"


# Canonicalisation and transforms.

INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
TRANSFORMS = [
    INCLUSIVE,
    INCLUSIVE + "#WithComments",
    "http://www.w3.org/2006/12/xml-c14n11",
    EXC_C14N + "WithComments",
    DS + "enveloped-signature",
    DS + "base64",
    "http://www.w3.org/TR/1999/REC-xpath-19991116",
    "http://www.w3.org/2002/06/xmldsig-filter2",
    "http://www.w3.org/TR/1999/REC-xslt-19991116",
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#STR-Transform",
]


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("path", ["//ds:CanonicalizationMethod", "//ds:Transform"])
def test_other_transforms(path: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused before anything is canonicalised, and no stylesheet or expression is ever evaluated."""
    data = resigned(request(), algorithm(path, name))
    monkeypatch.setattr(verify_module, "canonical", forbidden)
    assert refused(data) == "signature.algorithm"


def forbidden(*_: object) -> bytes:
    raise AssertionError("canonicalised before the message was refused")


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("name", [EXC_C14N, *TRANSFORMS])
def test_more_than_one_transform(name: str, position: int) -> None:
    def add(tree: etree._Element) -> None:
        for transforms in tree.iter(f"{{{DS}}}Transforms"):
            transforms.insert(position, etree.Element(f"{{{DS}}}Transform", Algorithm=name))

    assert refused(resigned(request(), add)) == "signature.structure"


def test_no_transform() -> None:
    def clear(tree: etree._Element) -> None:
        for transforms in tree.iter(f"{{{DS}}}Transforms"):
            transforms.clear()

    assert refused(resigned(request(), clear)) == "signature.structure"


@pytest.mark.parametrize("name", ["XPath", "HMACOutputLength", "InclusiveNamespaces"])
@pytest.mark.parametrize("path", ["//ds:Transform", "//ds:SignatureMethod", "//ds:DigestMethod"])
def test_parameters_of_algorithms(path: str, name: str) -> None:
    """A zero HMACOutputLength, an XPath that selects nothing, and anything else where the profile has nothing."""

    def add(tree: etree._Element) -> None:
        for found in tree.xpath(path, namespaces={"ds": DS}):
            etree.SubElement(found, f"{{{DS}}}{name}").text = "0"

    assert refused(resigned(request(), add)) == "signature.structure"


def prefix_list(text: str, number: int = 1) -> Change:
    def add(tree: etree._Element) -> None:
        for found in tree.xpath("//ds:Transform | //ds:CanonicalizationMethod", namespaces={"ds": DS}):
            for _ in range(number):
                etree.SubElement(found, f"{{{EXC_C14N}}}InclusiveNamespaces", PrefixList=text)

    return add


@pytest.mark.parametrize("text", [" ".join(f"p{n}" for n in range(17)), "p" * 257, "a " * 200])
def test_a_long_prefix_list_is_refused_before_canonicalisation(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = resigned(request(), prefix_list(text))
    monkeypatch.setattr(verify_module, "canonical", forbidden)
    assert refused(data) == "signature.prefix-list"


def test_a_prefix_list_stands_once_and_alone() -> None:
    assert refused(resigned(request(), prefix_list("a", 2))) == "signature.structure"


@pytest.mark.parametrize("number", [129, 1_000])
def test_the_canonicalisation_bomb_is_refused_while_parsing(number: int) -> None:
    """A thousand namespace declarations cost the inclusive form seconds; they never reach a canonicaliser."""
    many = " ".join(f'xmlns:p{n}="urn:p{n}"' for n in range(number))
    message = request(inner=f"<a {many}>{'<b></b>' * 100}</a>")
    with pytest.raises(Fault) as error:
        parse(message)
    assert error.value.rule == "xml.namespaces"


def test_a_long_namespace_name_is_refused_while_parsing() -> None:
    """Repeated at each of many elements, it makes 288 MB of canonical form out of a message of 94 KB."""
    content = f'<x xmlns:p="urn:{"x" * 64_000}">{"<p:b></p:b>" * 4_000}</x>'
    with pytest.raises(Fault) as error:
        parse(request(inner=content))
    assert error.value.rule == "xml.namespace-name"


def test_a_relative_namespace_has_no_canonical_form() -> None:
    data = request().replace(b"<legalContext>", b'<legalContext xmlns:r="relative">')
    assert refused(data) == "signature.canonical"


# References.


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "#",
        "Body-1",
        "#body-1",
        "#xpointer(/)",
        "#xpointer(id('Body-1'))",
        "http://127.0.0.1:1/",
        "file:///etc/passwd",
        "cid:attachment",
        "#Body-1 ",
        "#other",
    ],
)
def test_references_to_something_else(uri: str) -> None:
    def point(tree: etree._Element) -> None:
        tree[0].append(etree.Element("other", {ID: "other"}))
        one(tree, "//ds:Reference[@URI='#Body-1']").set("URI", uri)

    assert refused(resigned(request(), point)) == "signature.coverage"


def test_something_that_looks_like_a_reference() -> None:
    def rename(tree: etree._Element) -> None:
        one(tree, "//ds:Reference[@URI='#Body-1']").tag = f"{{{DS}}}Manifest"

    assert refused(resigned(request(), rename)) == "signature.coverage"


def test_a_reference_without_uri() -> None:
    def point(tree: etree._Element) -> None:
        del one(tree, "//ds:Reference[@URI='#Body-1']").attrib["URI"]

    assert refused(resigned(request(), point)) == "signature.coverage"


@pytest.mark.parametrize("uri", ["#other", "#Body-1", "", "#TS-1"])
def test_one_reference_too_many(uri: str) -> None:
    def add(tree: etree._Element) -> None:
        tree[0].append(etree.Element("other", {ID: "other"}))
        extra = copy.deepcopy(one(tree, "//ds:Reference[@URI='#Body-1']"))
        extra.set("URI", uri)
        one(tree, "//ds:SignedInfo").append(extra)

    assert refused(resigned(request(), add)) == "signature.coverage"


def test_the_same_part_twice_and_another_never() -> None:
    def point(tree: etree._Element) -> None:
        one(tree, "//ds:Reference[@URI='#Body-1']").set("URI", "#TS-1")

    assert refused(resigned(request(), point)) == "signature.coverage"


@pytest.mark.parametrize("name", ["Manifest", "Object", "SignatureProperties", "KeyValue"])
def test_something_more_in_the_signature(name: str) -> None:
    for path in ("//ds:Signature", "//ds:SignedInfo", "//ds:KeyInfo", "//ds:Reference[1]"):

        def add(tree: etree._Element, path: str = path) -> None:
            etree.SubElement(tree.xpath(path, namespaces={"ds": DS})[0], f"{{{DS}}}{name}")

        assert refused(resigned(request(), add)) in {"signature.structure", "signature.coverage"}


def test_the_parts_of_the_signature_in_another_order() -> None:
    def turn(tree: etree._Element) -> None:
        signature = one(tree, "//ds:Signature")
        signature[:] = reversed(signature)

    assert refused(resigned(request(), turn)) == "signature.structure"


def test_two_signatures() -> None:
    """The second one is the attacker's own, and covers what the first does not."""

    def double(tree: etree._Element) -> None:
        security = one(tree, "//wsse:Security")
        security.append(copy.deepcopy(one(security, "ds:Signature")))

    assert refused(edited(request(), double)) == "signature.security-header"


@pytest.mark.parametrize("first", [True, False])
def test_two_security_headers(first: bool) -> None:
    def double(tree: etree._Element) -> None:
        tree[0].insert(0 if first else 1, copy.deepcopy(one(tree, "//wsse:Security")))

    assert refused(edited(request(), double)) == "signature.security-header"


def test_a_security_header_for_somebody_else() -> None:
    data = edited(request(), lambda tree: one(tree, "//wsse:Security").set(f"{{{SOAP}}}actor", "urn:other"))
    assert refused(data) == "signature.security-header"


def test_a_signature_outside_the_security_header() -> None:
    def move(tree: etree._Element) -> None:
        tree[0].append(one(tree, "//ds:Signature"))

    assert refused(edited(request(), move)) == "signature.missing"


@pytest.mark.parametrize("name", ["UsernameToken", "SecurityTokenReference", "BinarySecurityToken"])
def test_something_more_in_the_security_header(name: str) -> None:
    def add(tree: etree._Element) -> None:
        etree.SubElement(one(tree, "//wsse:Security"), f"{{{WSSE}}}{name}", {ID: "more"})

    assert refused(edited(request(), add)) == "signature.security-header"


# Identifiers.


@pytest.mark.parametrize("name", ["Body-1", "TS-1", "X509-1"])
def test_duplicate_identifiers_decide_nothing(name: str) -> None:
    """A decoy with the identifier of a signed part, before it and after it, of every kind of attribute."""
    for attribute in (ID, "Id", "ID", "id", "{http://www.w3.org/XML/1998/namespace}id"):

        def decoy(tree: etree._Element, attribute: str = attribute) -> None:
            one(tree, "//ssin").text = "85673099822"
            genuine = parse(request())[1]
            for place in (0, len(tree[0])):
                fake = etree.Element("decoy", {attribute: name})
                fake.extend(copy.deepcopy(genuine))
                tree[0].insert(place, fake)

        assert refused(edited(request(), decoy)) == "signature.digest"


def test_one_identifier_for_two_signed_parts() -> None:
    def merge(tree: etree._Element) -> None:
        one(tree, "//wsu:Timestamp").set(ID, "Body-1")
        one(tree, "//ds:Reference[@URI='#TS-1']").set("URI", "#Body-1")

    assert refused(resigned(request(), merge)) == "signature.identifiers"


def test_an_identifier_in_no_namespace_is_none() -> None:
    def strip(tree: etree._Element) -> None:
        del tree[1].attrib[ID]
        tree[1].set("Id", "Body-1")

    assert refused(edited(request(), strip)) == "signature.identifiers"


# KeyInfo and token.


def key_info(content: str) -> Change:
    def replace(tree: etree._Element) -> None:
        found = one(tree, "//ds:KeyInfo")
        other = etree.fromstring(f'<ds:KeyInfo xmlns:ds="{DS}" xmlns:w="{WSSE}">{content}</ds:KeyInfo>')
        found.getparent().replace(found, other)

    return replace


@pytest.mark.parametrize(
    "content",
    [
        "",
        "<ds:KeyValue/>",
        "<ds:X509Data/>",
        "<ds:KeyName>x</ds:KeyName>",
        '<ds:RetrievalMethod URI="http://127.0.0.1:1/"/>',
        "<w:SecurityTokenReference/>",
        "<w:SecurityTokenReference><w:KeyIdentifier/></w:SecurityTokenReference>",
        "<w:SecurityTokenReference><w:Embedded/></w:SecurityTokenReference>",
        '<w:SecurityTokenReference><w:Reference URI="#TS-1"/></w:SecurityTokenReference>',
        '<w:SecurityTokenReference><w:Reference URI="#other"/></w:SecurityTokenReference>',
        '<w:SecurityTokenReference><w:Reference URI=""/></w:SecurityTokenReference>',
        '<w:SecurityTokenReference><w:Reference URI="#X509-1" ValueType="urn:x"/></w:SecurityTokenReference>',
        '<w:SecurityTokenReference><w:Reference URI="#X509-1"><w:x/></w:Reference></w:SecurityTokenReference>',
        '<w:SecurityTokenReference><w:Reference URI="#X509-1"/></w:SecurityTokenReference><ds:KeyValue/>',
        '<w:SecurityTokenReference><w:Reference URI="#X509-1"/><w:Reference URI="#other"/></w:SecurityTokenReference>',
    ],
)
def test_key_info_that_names_another_key(content: str) -> None:
    assert refused(edited(request(), key_info(content))) in {"signature.structure", "signature.key-info"}


def test_key_info_that_names_the_token() -> None:
    content = '<w:SecurityTokenReference><w:Reference URI="#X509-1"/></w:SecurityTokenReference>'
    accepted(edited(request(), key_info(content)))


def test_a_second_token_under_the_same_identifier() -> None:
    """KeyInfo resolves by position: a token elsewhere with that identifier is never found."""
    key = rsa_key(_number=5)
    other = certificate("other", key)

    def add(tree: etree._Element) -> None:
        token = copy.deepcopy(one(tree, "//wsse:BinarySecurityToken"))
        token.text = token_of(other)
        tree[0].insert(0, token)

    assert refused(resigned(request(), add, key)) == "signature.value"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ValueType", "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509PKIPathv1"),
        ("ValueType", ""),
        ("EncodingType", "urn:hex"),
    ],
)
def test_tokens_of_another_kind(name: str, value: str) -> None:
    data = resigned(request(), lambda tree: one(tree, "//wsse:BinarySecurityToken").set(name, value))
    assert refused(data) == "signature.token"


def test_a_token_with_an_element_inside() -> None:
    def split(tree: etree._Element) -> None:
        token = one(tree, "//wsse:BinarySecurityToken")
        child = etree.SubElement(token, "x")
        child.tail, token.text = token.text, ""

    assert refused(resigned(request(), split)) == "signature.token"


@pytest.mark.parametrize("path", ["//ds:SignatureValue", "//ds:DigestValue", "//wsu:Created"])
def test_a_value_with_an_element_inside(path: str) -> None:
    """Different readers see different text in `ab<x/>cd`: there is no such value."""

    def split(tree: etree._Element) -> None:
        for found in tree.xpath(path, namespaces={"ds": DS, "wsu": WSU}):
            etree.SubElement(found, "x").tail = "tail"

    assert refused(resigned(request(), split)) in {"signature.structure", "timestamp.form"}


@pytest.mark.parametrize("name", ["Created", "Expires"])
def test_a_timestamp_with_a_moment_too_many_or_too_few(name: str) -> None:
    def double(tree: etree._Element) -> None:
        found = one(tree, f"//wsu:{name}")
        found.addnext(copy.deepcopy(found))

    def drop(tree: etree._Element) -> None:
        found = one(tree, f"//wsu:{name}")
        found.getparent().remove(found)

    for change in (double, drop):
        assert refused(resigned(request(), change)) == "signature.structure"


def test_expires_before_created() -> None:
    def turn(tree: etree._Element) -> None:
        stamp = one(tree, "//wsu:Timestamp")
        stamp[:] = reversed(stamp)

    assert refused(resigned(request(), turn)) == "signature.structure"


# Entities.


def test_entities_that_change_the_value_after_signing() -> None:
    doctype = b'<!DOCTYPE x [<!ENTITY ssin "85673099822"><!ATTLIST x a CDATA "b">]>'
    with pytest.raises(Fault) as error:
        parse(doctype + request().replace(b"85673099811", b"&ssin;"))
    assert error.value.rule == "xml.doctype"
    with pytest.raises(Fault) as undeclared:
        parse(request().replace(b"85673099811", b"&ssin;"))
    assert undeclared.value.rule == "xml.well-formed"


def test_a_processing_instruction_inside_a_value() -> None:
    with pytest.raises(Fault) as error:
        parse(request().replace(b"85673099811", b"856730<?x?>99811"))
    assert error.value.rule == "xml.processing-instruction"


def test_nothing_internal_and_nothing_personal_is_told() -> None:
    for data in (
        request().replace(b"85673099811", b"85673099822"),
        edited(request(), lambda tree: one(tree, "//ds:Signature").clear()),
        resigned(request(), lambda tree: None, rsa_key(_number=5)),
    ):
        with pytest.raises(Fault) as error:
            accepted(data)
        told = f"{error.value} {error.value.why} {error.value.remedy} {error.value.information}"
        assert "8567309" not in told
        assert "CN=" not in told
        assert "Traceback" not in told


def test_another_signers_valid_signature_is_attributed_to_that_signer() -> None:
    """Who signs a captured Body anew is the signer, and is authorised as such."""
    captured = parse(request())[1][0]
    own = ec_signer().envelope(c14n(captured).decode(), NOW)
    assert accepted(own).certificate.subject == "CN=ec client"
    assert accepted(request(rsa_signer())).certificate.subject == "CN=rsa client"
