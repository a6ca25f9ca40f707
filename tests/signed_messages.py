"""Signed messages for tests: right ones, and ones that are wrong in one chosen way but validly signed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from lxml import etree

from kruispunt.errors import Fault
from kruispunt.wss.policy import STRICT, Policy
from kruispunt.wss.sign import PrivateKey, Signer
from kruispunt.wss.trust import TrustStore
from kruispunt.wss.verify import Signed, verify
from kruispunt.xml.namespaces import DS, EXC_C14N, SOAP, WSSE, WSU
from kruispunt.xml.parse import parse

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
NS = {"s": SOAP, "wsse": WSSE, "wsu": WSU, "ds": DS, "ec": EXC_C14N}
INNER = (
    '<fs:consultRequest xmlns:fs="urn:test:fs"><legalContext>TEST:CONTEXT</legalContext>'
    "<ssin>85673099811</ssin></fs:consultRequest>"
)


@cache
def rsa_key(bits: int = 2048, _number: int = 0) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key(curve: type[ec.EllipticCurve] = ec.SECP256R1, _number: int = 0) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve())


def usage(**granted: bool) -> x509.KeyUsage:
    names = [
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ]
    return x509.KeyUsage(**{name: granted.get(name, False) for name in names})


CA = x509.BasicConstraints(ca=True, path_length=None)


def certificate(
    name: str,
    key: PrivateKey,
    issuer: tuple[x509.Certificate, PrivateKey] | None = None,
    *extensions: x509.ExtensionType,
    begin: datetime = NOW - DAY,
    end: datetime = NOW + 365 * DAY,
) -> x509.Certificate:
    """A certificate with nothing but a common name and the extensions asked for; self-signed without issuer."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256())


@cache
def root() -> tuple[x509.Certificate, PrivateKey]:
    key = ec_key(_number=1)
    return certificate("Test root", key, None, CA, usage(key_cert_sign=True)), key


@cache
def rsa_signer() -> Signer:
    return Signer(rsa_key(), certificate("rsa client", rsa_key(), root()))


@cache
def ec_signer(curve: type[ec.EllipticCurve] = ec.SECP256R1) -> Signer:
    return Signer(ec_key(curve), certificate("ec client", ec_key(curve), root()))


def trust() -> TrustStore:
    return TrustStore([root()[0]])


def request(signer: Signer | None = None, inner: str = INNER, now: datetime = NOW) -> bytes:
    return (signer or rsa_signer()).envelope(inner, now)


def accepted(
    data: bytes | etree._Element, policy: Policy = STRICT, now: datetime = NOW, *, reply: bool = False
) -> Signed:
    tree = parse(data) if isinstance(data, bytes) else data
    return verify(tree, trust(), now, lambda _fingerprint: policy, reply=reply)


def rule(data: bytes | etree._Element, policy: Policy = STRICT, now: datetime = NOW, *, reply: bool = False) -> str:
    """The rule by which a message is refused."""
    with pytest.raises(Fault) as refused:
        accepted(data, policy, now, reply=reply)
    return refused.value.rule


def one(tree: etree._Element, path: str) -> etree._Element:
    (found,) = tree.xpath(path, namespaces=NS)
    return found


def edited(data: bytes, change: Callable[[etree._Element], object]) -> bytes:
    """The message after a change, with the signature as it was."""
    tree = parse(data)
    change(tree)
    return etree.tostring(tree)


def resigned(
    data: bytes,
    change: Callable[[etree._Element], object],
    key: rsa.RSAPrivateKey | None = None,
    algorithm: hashes.HashAlgorithm | None = None,
) -> bytes:
    """The message after a change, every digest and the signature made anew: wrong by the profile alone."""
    tree = parse(data)
    change(tree)
    info = one(tree, "//ds:SignedInfo")
    for reference in info.iterfind(f"{{{DS}}}Reference"):
        name = reference.get("URI", "")[1:]
        targets = [e for e in tree.iter() if e.get(f"{{{WSU}}}Id") == name]
        method = reference.find(f"{{{DS}}}DigestMethod")
        value = reference.find(f"{{{DS}}}DigestValue")
        if targets and method is not None and value is not None:
            sort = "sha1" if (method.get("Algorithm") or "").endswith("#sha1") else "sha256"
            value.text = base64.b64encode(hashlib.new(sort, c14n(targets[0])).digest()).decode()
    signature = (key or rsa_key()).sign(c14n(info), padding.PKCS1v15(), algorithm or hashes.SHA256())
    one(tree, "//ds:SignatureValue").text = base64.b64encode(signature).decode()
    return etree.tostring(tree)


def c14n(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False)
