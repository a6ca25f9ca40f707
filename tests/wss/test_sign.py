"""PL-07: what is signed here is canonical as it stands, and other implementations verify it."""

from __future__ import annotations

import copy
from datetime import timedelta
from pathlib import Path

import pytest
import signxml
import xmlsec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from kruispunt.errors import ConfigurationError
from kruispunt.wss.sign import Signer
from kruispunt.xml.build import element
from kruispunt.xml.namespaces import SOAP, WSSE, WSU
from kruispunt.xml.parse import parse
from signed_messages import (
    INNER,
    NOW,
    accepted,
    c14n,
    certificate,
    ec_key,
    ec_signer,
    one,
    root,
    rsa_key,
    rsa_signer,
)

SIGNERS = [rsa_signer, ec_signer, lambda: ec_signer(ec.SECP384R1)]


def verified_by_xmlsec(data: bytes, signer: Signer) -> bool:
    tree = etree.fromstring(data)
    context = xmlsec.SignatureContext()
    pem = signer.certificate.public_bytes(Encoding.PEM)
    context.key = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatCertPem)
    for found in tree.iter():
        if found.get(f"{{{WSU}}}Id"):
            context.register_id(found, "Id", WSU)
    try:
        context.verify(one(tree, "//ds:Signature"))
    except xmlsec.Error:
        return False
    return True


def verified_by_signxml(data: bytes, signer: Signer, count: int) -> list[signxml.VerifyResult]:
    results = signxml.XMLVerifier().verify(
        etree.fromstring(data),
        x509_cert=signer.certificate,
        expect_config=signxml.SignatureConfiguration(expect_references=count, require_x509=False),
    )
    assert isinstance(results, list)
    return results


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), include_characters="\t\n\r"), max_size=20)
NAMES = st.sampled_from(["engine", "b", "a", "zone"])


@given(
    st.lists(TEXT, max_size=4),
    st.dictionaries(NAMES, TEXT, max_size=3),
    st.none() | st.just("") | st.just("YWJj+/=="),
)
def test_signed_parts_are_written_in_canonical_form(
    texts: list[str], attributes: dict[str, str], confirm: str | None
) -> None:
    carriable = [t.replace("\ufffe", "").replace("\uffff", "") for t in texts]
    values = {k: v.replace("\ufffe", "").replace("\uffff", "") for k, v in attributes.items()}
    inner = '<t:r xmlns:t="urn:t">' + "".join(element("x", text) for text in carriable) + "</t:r>"
    data = ec_signer().envelope(inner, NOW, body_attributes=tuple(values.items()), confirm=confirm)
    tree = parse(data)
    security = one(tree, "//wsse:Security")
    signature = one(security, "ds:Signature")
    for part in (tree[1], signature[0], *(child for child in security if child is not signature)):
        assert c14n(part) in data
    signed = accepted(tree, reply=True)
    assert signed.confirms == confirm
    assert [x.text or "" for x in signed.body[0]] == carriable
    assert {str(k): v for k, v in signed.body.attrib.items() if "}" not in str(k)} == values


@pytest.mark.parametrize("signer", SIGNERS)
@pytest.mark.parametrize("confirm", [None, "YWJj"])
def test_replies_verify_with_xmlsec_and_signxml(signer: object, confirm: str | None) -> None:
    made = signer()  # type: ignore[operator]
    data = made.envelope(INNER, NOW, body_attributes=(("engine", "D3M"),), confirm=confirm)
    assert verified_by_xmlsec(data, made)
    assert not verified_by_xmlsec(data.replace(b"85673099811", b"85673099822"), made)
    results = verified_by_signxml(data, made, 3 if confirm is None else 4)
    assert {etree.QName(r.signed_xml).localname for r in results if r.signed_xml is not None} >= {"Body"}


@pytest.mark.parametrize(
    "inner",
    [
        '<c:x xmlns:c="urn:c" xmlns:unused="urn:u" b="2" a=\'1\'><!-- note --><a/>\r\n</c:x>',
        '<x xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="q:T" xmlns:q="urn:q">&#233;&gt;</x>',
        f'<soapenv:Fault xmlns:soapenv="{SOAP}"><faultcode>soapenv:Client</faultcode></soapenv:Fault>',
        f'<s:Fault xmlns:s="{SOAP}" xmlns:wsu="urn:other"><wsu:a/></s:Fault>',
    ],
)
def test_a_fragment_with_its_own_prefixes_can_be_repeated(inner: str) -> None:
    data = rsa_signer().envelope(inner, NOW, canonical=False)
    assert inner.encode() in data
    accepted(data)
    assert verified_by_xmlsec(data, rsa_signer())


def test_the_same_moment_gives_the_same_bytes() -> None:
    assert rsa_signer().envelope(INNER, NOW) == rsa_signer().envelope(INNER, NOW)


ENVELOPES = {
    "zeep": f'<e:Envelope xmlns:e="{SOAP}"><e:Body>{INNER}</e:Body></e:Envelope>',
    "suds": (
        f'<SOAP-ENV:Envelope xmlns:ns1="{SOAP}" xmlns:SOAP-ENV="{SOAP}" xmlns:ns0="urn:n">\n<SOAP-ENV:Header/>'
        f"<ns1:Body>{INNER}</ns1:Body></SOAP-ENV:Envelope>"
    ),
    "with the same namespaces under other prefixes": (
        f'<e:Envelope xmlns:e="{SOAP}" xmlns:o="{WSSE}" xmlns:u="{WSU}" xmlns="urn:default"><e:Header><x/>'
        f'</e:Header><e:Body u:Id="mine"><a xmlns="">1</a></e:Body></e:Envelope>'
    ),
    "with an identifier that is taken": (
        f'<e:Envelope xmlns:e="{SOAP}" xmlns:u="{WSU}"><e:Body u:Id="TS-1">{INNER}</e:Body></e:Envelope>'
    ),
}


@pytest.mark.parametrize("signer", SIGNERS)
@pytest.mark.parametrize("envelope", ENVELOPES.values(), ids=ENVELOPES)
def test_an_envelope_of_another_library_is_signed_in_place(signer: object, envelope: str) -> None:
    made = signer()  # type: ignore[operator]
    tree = etree.fromstring(envelope)
    before = copy.deepcopy(tree.find(f"{{{SOAP}}}Body")[0])
    value = made.sign_tree(tree, NOW)
    data = etree.tostring(tree, xml_declaration=True, encoding="utf-8")
    signed = accepted(data)
    assert signed.signature_value == value
    assert c14n(signed.body[0]) == c14n(before)
    assert verified_by_xmlsec(data, made)


def test_only_an_envelope_without_security_header_can_be_signed() -> None:
    tree = etree.fromstring(ENVELOPES["zeep"])
    rsa_signer().sign_tree(tree, NOW)
    with pytest.raises(ConfigurationError, match="already"):
        rsa_signer().sign_tree(tree, NOW)
    for text in ("<a/>", f'<e:Envelope xmlns:e="{SOAP}"/>'):
        with pytest.raises(ConfigurationError, match=r"SOAP 1\.1"):
            rsa_signer().sign_tree(etree.fromstring(text), NOW)


def test_a_life_of_five_minutes() -> None:
    data = rsa_signer().envelope(INNER, NOW + timedelta(milliseconds=7))
    assert b"<wsu:Created>2026-01-31T09:30:00.007Z<" in data
    assert b"<wsu:Expires>2026-01-31T09:35:00.007Z<" in data


def test_keys_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not belong"):
        Signer(rsa_key(_number=5), rsa_signer().certificate)
    with pytest.raises(ConfigurationError, match="1024 bits"):
        Signer(rsa_key(1024), certificate("weak", rsa_key(1024), root()))
    k1 = ec_key(ec.SECP256K1)
    with pytest.raises(ConfigurationError, match="secp256k1"):
        Signer(k1, certificate("k1", k1, root()))
    with pytest.raises(ConfigurationError, match="no signing key"):
        Signer.from_files(tmp_path / "absent.key", tmp_path / "absent.pem")


def test_keys_are_read_from_files(tmp_path: Path) -> None:
    key, cert = tmp_path / "a.key", tmp_path / "a.pem"
    key.write_bytes(rsa_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    cert.write_bytes(rsa_signer().certificate.public_bytes(Encoding.PEM))
    assert Signer.from_files(key, cert).envelope(INNER, NOW) == rsa_signer().envelope(INNER, NOW)
