"""What xmlsec and signxml make of the platform's messages, and it of theirs: nobody grades his own work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import signxml
import xmlsec
from cryptography import x509
from lxml import etree

from kruispunt.clock import to_text
from kruispunt.wss.policy import BASE64_BINARY, X509_V3
from kruispunt.wss.trust import token_of
from kruispunt.xml.namespaces import DS, EXC_C14N, SOAP, WSSE, WSU
from signed_messages import one

PARTS = ("X509-A", "TS-A", "id-A")
EXCLUSIVE = signxml.CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0


def unsigned(body: str, certificate: Path) -> etree._Element:
    """As WSS4J lays a message out: namespaces on the envelope, mustUnderstand, nothing signed yet."""
    now = datetime.now(UTC)
    token = token_of(x509.load_pem_x509_certificate(certificate.read_bytes()))
    return etree.fromstring(
        f'<soapenv:Envelope xmlns:soapenv="{SOAP}" xmlns:unused="urn:x"><soapenv:Header>'
        f'<wsse:Security xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}" soapenv:mustUnderstand="1">'
        f'<wsse:BinarySecurityToken EncodingType="{BASE64_BINARY}" ValueType="{X509_V3}" wsu:Id="X509-A">'
        f'{token}</wsse:BinarySecurityToken><wsu:Timestamp wsu:Id="TS-A"><wsu:Created>{to_text(now)}</wsu:Created>'
        f"<wsu:Expires>{to_text(now + timedelta(minutes=5))}</wsu:Expires></wsu:Timestamp></wsse:Security>"
        f'</soapenv:Header><soapenv:Body xmlns:wsu="{WSU}" wsu:Id="id-A">{body}</soapenv:Body></soapenv:Envelope>'
    )


def signed_by_xmlsec(body: str, certificate: Path, key: Path, prefixes: str | None = None) -> bytes:
    """With an `InclusiveNamespaces` list wherever one may stand, when `prefixes` is given."""
    tree = unsigned(body, certificate)
    ecdsa = b"EC PRIVATE" in key.read_bytes() or certificate.stem.endswith("ecdsa")
    method = xmlsec.Transform.ECDSA_SHA256 if ecdsa else xmlsec.Transform.RSA_SHA256
    signature = xmlsec.template.create(tree, xmlsec.Transform.EXCL_C14N, method, ns="ds")
    one(tree, "//wsse:Security").append(signature)
    for name in PARTS:
        reference = xmlsec.template.add_reference(signature, xmlsec.Transform.SHA256, uri="#" + name)
        xmlsec.template.add_transform(reference, xmlsec.Transform.EXCL_C14N)
    if prefixes is not None:
        for found in signature.xpath("//ds:Transform | //ds:CanonicalizationMethod", namespaces={"ds": DS}):
            etree.SubElement(found, f"{{{EXC_C14N}}}InclusiveNamespaces", PrefixList=prefixes)
    pointer = etree.SubElement(xmlsec.template.ensure_key_info(signature), f"{{{WSSE}}}SecurityTokenReference")
    etree.SubElement(pointer, f"{{{WSSE}}}Reference", URI="#X509-A", ValueType=X509_V3)
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_file(str(key), xmlsec.constants.KeyDataFormatPem)
    _register(context, tree)
    context.sign(signature)
    return etree.tostring(tree)


def signed_by_signxml(body: str, certificate: Path, key: Path) -> bytes:
    tree = unsigned(body, certificate)
    signer = signxml.XMLSigner(
        method=signxml.methods.detached,
        signature_algorithm="ecdsa-sha256" if certificate.stem.endswith("ecdsa") else "rsa-sha256",
        c14n_algorithm=EXCLUSIVE,
    )
    key_info = etree.fromstring(
        f'<ds:KeyInfo xmlns:ds="{DS}"><w:SecurityTokenReference xmlns:w="{WSSE}">'
        f'<w:Reference URI="#X509-A" ValueType="{X509_V3}"/></w:SecurityTokenReference></ds:KeyInfo>'
    )
    signature = signer.sign(
        tree,
        key=key.read_bytes(),
        cert=[x509.load_pem_x509_certificate(certificate.read_bytes())],
        reference_uri=[signxml.SignatureReference(URI="#" + name, c14n_method=EXCLUSIVE) for name in PARTS],
        key_info=key_info,
        id_attribute="Id",
    )
    one(tree, "//wsse:Security").append(signature)
    return etree.tostring(tree)


def verify_with_xmlsec(reply: bytes, certificate: Path) -> None:
    """Raises unless the signature in the reply holds under this certificate, and covers Body, Timestamp and token."""
    tree = etree.fromstring(reply)
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_file(str(certificate), xmlsec.constants.KeyDataFormatCertPem)
    _register(context, tree)
    context.verify(one(tree, "//ds:Signature"))
    covered = {found.get("URI", "")[1:] for found in tree.iter(f"{{{DS}}}Reference")}
    wanted = (tree[1], one(tree, "//wsu:Timestamp"), one(tree, "//wsse:BinarySecurityToken"))
    assert {part.get(f"{{{WSU}}}Id") for part in wanted} == covered


def verify_with_signxml(reply: bytes, certificate: Path) -> None:
    """As `verify_with_xmlsec`."""
    results = signxml.XMLVerifier().verify(
        reply,
        x509_cert=x509.load_pem_x509_certificate(certificate.read_bytes()),
        id_attribute="Id",
        expect_config=signxml.SignatureConfiguration(location=".//", expect_references=3),
    )
    assert {str(etree.QName(one_.signed_xml).localname) for one_ in results} == {
        "Body",
        "Timestamp",
        "BinarySecurityToken",
    }


def _register(context: xmlsec.SignatureContext, tree: etree._Element) -> None:
    for found in tree.iter():
        if found.get(f"{{{WSU}}}Id"):
            context.register_id(found, "Id", WSU)
