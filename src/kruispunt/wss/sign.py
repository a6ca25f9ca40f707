"""Signing: replies and faults by the platform (PL-07), requests by a client.

`Signer.envelope` writes a message whose signed parts are in exclusive canonical form already, so that
their bytes are digested as they stand: no parsing and no canonicalisation on the way out.
`Signer.sign_tree` signs an envelope that another library made.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree

from kruispunt.clock import to_text
from kruispunt.errors import ConfigurationError
from kruispunt.wss.canonical import canonical as canonical_form
from kruispunt.wss.policy import BASE64_BINARY, ECDSA_SHA256, ECDSA_SHA384, RSA_SHA256, SHA256, X509_V3
from kruispunt.wss.trust import token_of
from kruispunt.xml.build import attribute
from kruispunt.xml.namespaces import DS, EXC_C14N, SOAP, WSSE, WSSE11, WSU
from kruispunt.xml.parse import parse_own

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

LIFE: Final = timedelta(minutes=5)
"""Between Created and Expires: the most that the profile allows."""
_MIN_RSA_BITS: Final = 2048
_ID: Final = f"{{{WSU}}}Id"
_TOKEN_ID, _TIMESTAMP_ID, _BODY_ID, _CONFIRMATION_ID = "X509-1", "TS-1", "Body-1", "SC-1"


class Signer:
    """Signs with one key. The key is RSA of at least 2048 bits, or ECDSA on P-256 or P-384."""

    def __init__(self, private_key: PrivateKey, certificate: x509.Certificate) -> None:
        if private_key.public_key() != certificate.public_key():
            name = certificate.subject.rfc4514_string()
            raise ConfigurationError(f"the private key does not belong to the certificate of {name}")
        self.certificate = certificate
        algorithm, self._sign = _algorithm(private_key)
        self._token = (
            f'<wsse:BinarySecurityToken xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}" EncodingType="{BASE64_BINARY}"'
            f' ValueType="{X509_V3}" wsu:Id="{_TOKEN_ID}">{token_of(certificate)}</wsse:BinarySecurityToken>'
        )
        self._signed_info = (
            f'<ds:SignedInfo xmlns:ds="{DS}"><ds:CanonicalizationMethod Algorithm="{EXC_C14N}">'
            "</ds:CanonicalizationMethod>"
            f'<ds:SignatureMethod Algorithm="{algorithm}"></ds:SignatureMethod>'
        )
        self._token_reference = _reference(_TOKEN_ID, _digest(self._token))

    @classmethod
    def from_files(cls, key: Path, certificate: Path, password: bytes | None = None) -> Signer:
        """Read a private key and its certificate from PEM files; raises ConfigurationError."""
        try:
            private_key = load_pem_private_key(key.read_bytes(), password)
            public = x509.load_pem_x509_certificate(certificate.read_bytes())
        except (OSError, ValueError, TypeError) as error:
            raise ConfigurationError(f"no signing key can be made of {key} and {certificate}: {error}") from error
        if not isinstance(private_key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise ConfigurationError(f"the key in {key} is neither RSA nor ECDSA")
        return cls(private_key, public)

    def envelope(
        self,
        body_inner: str,
        now: datetime,
        *,
        body_attributes: tuple[tuple[str, str], ...] = (),
        confirm: str | None = None,
        canonical: bool = True,
    ) -> bytes:
        """A signed SOAP 1.1 message around `body_inner`, the XML text of what stands in the Body.

        `body_inner` must be in exclusive canonical form as it would be inside this Body, where the
        prefixes `soapenv` and `wsu` are declared. With `canonical=False` it may be any well-formed XML,
        such as a fragment of the request that is repeated with its own prefixes; that is slower.
        `body_attributes` are attributes of Body in no namespace. `confirm` is the signature value of the
        request that is answered, confirmed as WS-Security 1.1 has it; empty for a request that was not
        signed.
        """
        body = _body(body_inner, body_attributes)
        timestamp = _timestamp(now)
        signed_info = self._signed_info + self._token_reference + _reference(_TIMESTAMP_ID, _digest(timestamp))
        confirmation = ""
        if confirm is not None:
            confirmation = _confirmation(confirm)
            signed_info += _reference(_CONFIRMATION_ID, _digest(confirmation))
        digest = _digest(body) if canonical else _digest_of(parse_own(body.encode()))
        signed_info += _reference(_BODY_ID, digest) + "</ds:SignedInfo>"
        value = b64encode(self._sign(signed_info.encode())).decode("ascii")
        return (
            f"{_HEAD}{self._token}{timestamp}{_SIGNATURE}{signed_info}<ds:SignatureValue>{value}{_KEY_INFO}"
            f"{confirmation}{_NECK}{body}</soapenv:Envelope>"
        ).encode()

    def sign_tree(self, envelope: etree._Element, now: datetime) -> str:
        """Add a Security header to an envelope that another library made; the signature value is returned.

        The tree may be serialised afterwards in any way that changes no text: not indented.
        """
        header, body = _header_and_body(envelope)
        body_id = body.get(_ID, "")
        if body_id in ("", _TOKEN_ID, _TIMESTAMP_ID):
            body_id = _BODY_ID
        body.set(_ID, body_id)
        names = (_TOKEN_ID, _TIMESTAMP_ID, body_id)
        signed_info = self._signed_info + "".join(_reference(name, "") for name in names) + "</ds:SignedInfo>"
        security = parse_own(
            f"{_SECURITY}{self._token}{_timestamp(now)}{_SIGNATURE}{signed_info}<ds:SignatureValue>{_KEY_INFO}"
            "</wsse:Security>".encode()
        )
        header.append(security)
        token, timestamp, signature = security
        # In place, because a prefix that the envelope already has may be put instead of ours.
        for reference, target in zip(list(signature[0])[2:], (token, timestamp, body), strict=True):
            reference[2].text = _digest_of(target)
        value = b64encode(self._sign(canonical_form(signature[0]))).decode("ascii")
        signature[1].text = value
        return value


def _algorithm(key: PrivateKey) -> tuple[str, Callable[[bytes], bytes]]:
    """The name of the signature method that suits a key, and the function that signs."""
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < _MIN_RSA_BITS:
            raise ConfigurationError(f"the signing key has {key.key_size} bits; RSA needs at least {_MIN_RSA_BITS}")
        pkcs1, sha256 = padding.PKCS1v15(), hashes.SHA256()
        return RSA_SHA256, lambda data: key.sign(data, pkcs1, sha256)
    by_curve: dict[str, tuple[str, hashes.HashAlgorithm]] = {
        "secp256r1": (ECDSA_SHA256, hashes.SHA256()),
        "secp384r1": (ECDSA_SHA384, hashes.SHA384()),
    }
    if key.curve.name not in by_curve:
        raise ConfigurationError(f"the signing key is on the curve {key.curve.name}; use P-256 or P-384")
    name, digest = by_curve[key.curve.name]
    length = key.curve.key_size // 8
    method = ec.ECDSA(digest)

    def sign(data: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(data, method))
        return r.to_bytes(length, "big") + s.to_bytes(length, "big")

    return name, sign


def _body(inner: str, attributes: tuple[tuple[str, str], ...]) -> str:
    # Canonical order: attributes in no namespace by name, then those in one.
    own = "".join(attribute(name, value) for name, value in sorted(attributes))
    start = f'<soapenv:Body xmlns:soapenv="{SOAP}" xmlns:wsu="{WSU}"{own} wsu:Id="{_BODY_ID}">'
    return f"{start}{inner}</soapenv:Body>"


def _timestamp(now: datetime) -> str:
    return (
        f'<wsu:Timestamp xmlns:wsu="{WSU}" wsu:Id="{_TIMESTAMP_ID}"><wsu:Created>{to_text(now)}</wsu:Created>'
        f"<wsu:Expires>{to_text(now + LIFE)}</wsu:Expires></wsu:Timestamp>"
    )


def _confirmation(value: str) -> str:
    confirmed = attribute("Value", value) if value else ""
    return (
        f'<wsse11:SignatureConfirmation xmlns:wsse11="{WSSE11}" xmlns:wsu="{WSU}"{confirmed}'
        f' wsu:Id="{_CONFIRMATION_ID}"></wsse11:SignatureConfirmation>'
    )


def _reference(name: str, digest: str) -> str:
    return (
        f"<ds:Reference{attribute('URI', '#' + name)}><ds:Transforms>"
        f'<ds:Transform Algorithm="{EXC_C14N}"></ds:Transform></ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{SHA256}"></ds:DigestMethod>'
        f"<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>"
    )


def _digest(text: str) -> str:
    return b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _digest_of(element: etree._Element) -> str:
    return b64encode(hashlib.sha256(canonical_form(element)).digest()).decode("ascii")


def _header_and_body(envelope: etree._Element) -> tuple[etree._Element, etree._Element]:
    """The Header, made when there is none, and the Body of an envelope that is to be signed."""
    body = envelope.find(f"{{{SOAP}}}Body")
    if envelope.tag != f"{{{SOAP}}}Envelope" or body is None:
        raise ConfigurationError("only an Envelope of SOAP 1.1 with a Body can be signed")
    header = envelope.find(f"{{{SOAP}}}Header")
    if header is None:
        header = etree.Element(f"{{{SOAP}}}Header")
        envelope.insert(0, header)
    if header.find(f"{{{WSSE}}}Security") is not None:
        raise ConfigurationError("the message has a Security header already; let only one part of the client sign")
    return header, body


_SECURITY: Final = f'<wsse:Security xmlns:wsse="{WSSE}" xmlns:soapenv="{SOAP}" soapenv:mustUnderstand="1">'
_HEAD: Final = f'<soapenv:Envelope xmlns:soapenv="{SOAP}"><soapenv:Header>{_SECURITY}'
_SIGNATURE: Final = f'<ds:Signature xmlns:ds="{DS}">'
_KEY_INFO: Final = (
    "</ds:SignatureValue><ds:KeyInfo><wsse:SecurityTokenReference>"
    f'<wsse:Reference URI="#{_TOKEN_ID}" ValueType="{X509_V3}"></wsse:Reference>'
    "</wsse:SecurityTokenReference></ds:KeyInfo></ds:Signature>"
)
_NECK: Final = "</wsse:Security></soapenv:Header>"
