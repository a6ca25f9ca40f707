"""Messages that other implementations sign, in the ways that toolkits sign them, are accepted (PL-02, PL-05)."""

from __future__ import annotations

import pytest
import signxml
import xmlsec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lxml import etree

from kruispunt.wss.policy import BASE64_BINARY, X509_V3, Policy
from kruispunt.wss.sign import Signer
from kruispunt.wss.trust import token_of
from kruispunt.xml.namespaces import DS, EXC_C14N, SOAP, WSSE, WSU
from kruispunt.xml.parse import NOVEL_BYTES, parse
from signed_messages import NOW, accepted, ec_key, ec_signer, one, rsa_key, rsa_signer, rule


def unsigned(signer: Signer, extra: str = "") -> etree._Element:
    """As WSS4J lays a message out: namespaces on the envelope, some of them used nowhere."""
    return etree.fromstring(
        f'<soapenv:Envelope xmlns:soapenv="{SOAP}" xmlns:fs="urn:test:fs" xmlns="urn:default" {extra}>'
        f'<soapenv:Header><wsse:Security xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}" soapenv:mustUnderstand="1">'
        f'<wsse:BinarySecurityToken EncodingType="{BASE64_BINARY}" ValueType="{X509_V3}" wsu:Id="X509-A">'
        f"{token_of(signer.certificate)}</wsse:BinarySecurityToken>"
        '<wsu:Timestamp wsu:Id="TS-A"><wsu:Created>2026-01-31T09:30:00Z</wsu:Created>'
        "<wsu:Expires>2026-01-31T09:35:00Z</wsu:Expires></wsu:Timestamp></wsse:Security></soapenv:Header>\n"
        f'<soapenv:Body xmlns:wsu="{WSU}" wsu:Id="id-A"><fs:consult xmlns:xsi="urn:x" a="&#9;&#xD;é">'
        '<ssin xmlns="">85673099811</ssin> &gt;<b/></fs:consult></soapenv:Body></soapenv:Envelope>'
    )


def signed_by_xmlsec(
    signer: Signer, lists: dict[str, str] | None = None, digest: str = "Sha256", method: str = "RsaSha256"
) -> bytes:
    """Signed with the `PrefixList` given per identifier; that of CanonicalizationMethod under `""`."""
    tree = unsigned(signer)
    signature = xmlsec.template.create(
        tree, xmlsec.Transform.EXCL_C14N, getattr(xmlsec.Transform, _TRANSFORM[method]), ns="ds"
    )
    one(tree, "//wsse:Security").append(signature)
    _prefix_list(one(signature, "ds:SignedInfo/ds:CanonicalizationMethod"), (lists or {}).get(""))
    for name in ("X509-A", "TS-A", "id-A"):
        reference = xmlsec.template.add_reference(
            signature, getattr(xmlsec.Transform, _TRANSFORM[digest]), uri="#" + name
        )
        xmlsec.template.add_transform(reference, xmlsec.Transform.EXCL_C14N)
        _prefix_list(one(reference, ".//ds:Transform"), (lists or {}).get(name))
    key_info = xmlsec.template.ensure_key_info(signature)
    pointer = etree.SubElement(key_info, f"{{{WSSE}}}SecurityTokenReference")
    etree.SubElement(pointer, f"{{{WSSE}}}Reference", URI="#X509-A", ValueType=X509_V3)
    context = xmlsec.SignatureContext()
    pem = signer_key(signer)
    context.key = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatPem)
    for found in tree.iter():
        if found.get(f"{{{WSU}}}Id"):
            context.register_id(found, "Id", WSU)
    context.sign(signature)
    return etree.tostring(tree)


_TRANSFORM = {
    "Sha1": "SHA1",
    "Sha256": "SHA256",
    "Sha384": "SHA384",
    "Sha512": "SHA512",
    "RsaSha1": "RSA_SHA1",
    "RsaSha256": "RSA_SHA256",
    "RsaSha384": "RSA_SHA384",
    "RsaSha512": "RSA_SHA512",
    "EcdsaSha256": "ECDSA_SHA256",
    "EcdsaSha384": "ECDSA_SHA384",
}


def signer_key(signer: Signer) -> bytes:
    key = rsa_key() if signer is rsa_signer() else ec_key(ec.SECP256R1)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _prefix_list(element: etree._Element, prefixes: str | None) -> None:
    if prefixes is not None:
        etree.SubElement(
            element, f"{{{EXC_C14N}}}InclusiveNamespaces", {"PrefixList": prefixes}, nsmap={"ec": EXC_C14N}
        )


@pytest.mark.parametrize("digest", ["Sha256", "Sha384", "Sha512"])
@pytest.mark.parametrize("method", ["RsaSha256", "RsaSha384", "RsaSha512"])
def test_xmlsec_with_rsa(method: str, digest: str) -> None:
    accepted(signed_by_xmlsec(rsa_signer(), method=method, digest=digest))


@pytest.mark.parametrize("method", ["EcdsaSha256", "EcdsaSha384"])
def test_xmlsec_with_ecdsa(method: str) -> None:
    accepted(signed_by_xmlsec(ec_signer(), method=method))


@pytest.mark.parametrize(
    "lists",
    [
        {"": "soapenv"},
        {"": "soapenv fs", "id-A": "fs", "TS-A": "wsse soapenv", "X509-A": ""},
        {"": "", "id-A": "#default xsi soapenv", "TS-A": "#default", "X509-A": "fs"},
        {"": "#default absent", "id-A": "absent", "TS-A": "soapenv fs"},
        {"id-A": "xsi"},
    ],
)
def test_xmlsec_with_prefix_lists(lists: dict[str, str]) -> None:
    """WSS4J and .NET send `InclusiveNamespaces`; the namespaces are declared on ancestors of what is signed."""
    data = signed_by_xmlsec(rsa_signer(), lists)
    accepted(data)
    assert rule(data.replace(b"85673099811", b"85673099822")) == "signature.digest"


def test_prefix_lists_after_the_names_were_forgotten() -> None:
    """The message was parsed before the thread got a new dictionary of names."""
    tree = parse(signed_by_xmlsec(rsa_signer(), {"": "soapenv fs", "id-A": "xsi #default", "TS-A": "wsse"}))
    sent = 0
    while sent <= NOVEL_BYTES:
        data = b"<r>" + b"".join(b"<o%d_%d/>" % (sent, i) for i in range(3_000)) + b"</r>"
        parse(data)
        sent += len(data)
    parse(b"<r/>")
    accepted(tree)


def test_xmlsec_with_sha1_only_for_a_client_that_is_named() -> None:
    named = Policy(allow_sha1=True)
    for method, digest in (("RsaSha1", "Sha256"), ("RsaSha256", "Sha1"), ("RsaSha1", "Sha1")):
        data = signed_by_xmlsec(rsa_signer(), method=method, digest=digest)
        assert rule(data) == "signature.algorithm"
        accepted(data, named)


@pytest.mark.parametrize("make", [rsa_signer, ec_signer])
def test_signxml(make: object) -> None:
    signer = make()  # type: ignore[operator]
    tree = unsigned(signer)
    exclusive = signxml.CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0
    xml_signer = signxml.XMLSigner(
        method=signxml.methods.detached,
        signature_algorithm="rsa-sha256" if signer is rsa_signer() else "ecdsa-sha256",
        c14n_algorithm=exclusive,
    )
    references = [
        signxml.SignatureReference(URI="#" + name, c14n_method=exclusive) for name in ("X509-A", "TS-A", "id-A")
    ]
    key_info = etree.fromstring(
        f'<ds:KeyInfo xmlns:ds="{DS}"><w:SecurityTokenReference xmlns:w="{WSSE}">'
        f'<w:Reference URI="#X509-A" ValueType="{X509_V3}"/></w:SecurityTokenReference></ds:KeyInfo>'
    )
    signature = xml_signer.sign(
        tree,
        key=signer_key(signer),
        cert=[signer.certificate],
        reference_uri=references,
        key_info=key_info,
        id_attribute="Id",
    )
    one(tree, "//wsse:Security").append(signature)
    assert accepted(etree.tostring(tree)).created == NOW
