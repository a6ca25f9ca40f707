"""What the closed signature profile lets in, and what it makes of it: the edges of the attacks in the suite.

The attacks themselves are in `kruispunt.attack`; test_suite_in_process.py plays them at this level.
"""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hashes
from lxml import etree

from kruispunt.attack.edit import CERTIFICATE, naming, texting
from kruispunt.errors import Fault
from kruispunt.wss.policy import Policy
from kruispunt.wss.trust import token_of
from kruispunt.xml.namespaces import DS, EXC_C14N, WSSE
from kruispunt.xml.parse import parse
from signed_messages import NOW, accepted, c14n, ec_signer, edited, one, request, resigned, rsa_signer, rule

LENIENT = Policy(allow_unsigned_token=True, allow_sha1=True)


def test_another_clients_token_over_an_unsigned_token() -> None:
    """Where the token may be unsigned, the key that verifies is still that of the token."""

    def swap(tree: etree._Element) -> None:
        one(tree, "//ds:SignedInfo").remove(one(tree, "//ds:Reference[@URI='#X509-1']"))

    data = resigned(request(), swap)
    accepted(data, LENIENT)
    stolen = edited(data, texting(CERTIFICATE, token_of(ec_signer().certificate)))
    assert rule(stolen, LENIENT) == "signature.algorithm"


def test_a_comment_never_splits_an_identifier() -> None:
    """Canonicalisation drops comments: the signature stays valid, so the reader must see the whole value."""
    for split in (b"856730<!-- -->99811", b"85673<![CDATA[099]]>811"):
        signed = accepted(request().replace(b"85673099811", split))
        assert [child.text for child in signed.body.iter("ssin")] == ["85673099811"]


def test_sha1_is_for_clients_that_are_named() -> None:
    for data in (
        resigned(request(), naming("//ds:SignatureMethod", DS + "rsa-sha1"), algorithm=hashes.SHA1()),
        resigned(request(), naming("//ds:DigestMethod", DS + "sha1")),
    ):
        assert rule(data) == "signature.algorithm"
        accepted(data, LENIENT)


def test_a_prefix_list_stands_once_and_alone() -> None:
    def add(tree: etree._Element) -> None:
        for found in tree.iter(f"{{{DS}}}Transform"):
            for _ in range(2):
                etree.SubElement(found, f"{{{EXC_C14N}}}InclusiveNamespaces", PrefixList="a")

    assert rule(resigned(request(), add), LENIENT) == "signature.structure"


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


def test_key_info_that_names_the_token() -> None:
    """Without its optional attribute: what the attacks on KeyInfo leave of it is right."""

    def bare(tree: etree._Element) -> None:
        key_info = one(tree, "//ds:KeyInfo")
        key_info.clear()
        reference = etree.SubElement(key_info, f"{{{WSSE}}}SecurityTokenReference")
        etree.SubElement(reference, f"{{{WSSE}}}Reference", URI="#X509-1")

    accepted(edited(request(), bare))


def test_another_signers_valid_signature_is_attributed_to_that_signer() -> None:
    """Who signs a captured Body anew is the signer, and is authorised as such."""
    captured = parse(request())[1][0]
    own = ec_signer().envelope(c14n(captured).decode(), NOW)
    assert accepted(own).certificate.subject == "CN=ec client"
    assert accepted(request(rsa_signer())).certificate.subject == "CN=rsa client"
