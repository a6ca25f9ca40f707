"""Signed messages for tests: right ones, and ones that are wrong in one chosen way but validly signed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree

from kruispunt.attack import certificates, edit
from kruispunt.attack.certificates import CA as CA
from kruispunt.attack.certificates import ec_key as ec_key
from kruispunt.attack.certificates import rsa_key as rsa_key
from kruispunt.attack.certificates import usage as usage
from kruispunt.attack.edit import NS as NS
from kruispunt.attack.edit import Change
from kruispunt.attack.edit import c14n as c14n
from kruispunt.attack.edit import edited as edited
from kruispunt.attack.edit import one as one
from kruispunt.errors import Fault
from kruispunt.wss.policy import STRICT, Policy
from kruispunt.wss.sign import PrivateKey, Signer
from kruispunt.wss.trust import TrustStore
from kruispunt.wss.verify import Signed, verify
from kruispunt.xml.parse import parse

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
INNER = (
    '<fs:consultRequest xmlns:fs="urn:test:fs"><legalContext>TEST:CONTEXT</legalContext>'
    "<ssin>85673099811</ssin></fs:consultRequest>"
)


def certificate(
    name: str,
    key: PrivateKey,
    issuer: tuple[x509.Certificate, PrivateKey] | None = None,
    *extensions: x509.ExtensionType,
    begin: datetime = NOW - DAY,
    end: datetime = NOW + 365 * DAY,
) -> x509.Certificate:
    """A certificate with nothing but a common name and the extensions asked for; self-signed without issuer."""
    return certificates.certificate(name, key, issuer, *extensions, begin=begin, end=end)


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


def resigned(
    data: bytes,
    change: Change,
    key: rsa.RSAPrivateKey | None = None,
    algorithm: hashes.HashAlgorithm | None = None,
) -> bytes:
    """The message after a change, every digest and the signature made anew: wrong by the profile alone."""
    return edit.resigned(data, change, key or rsa_key(), algorithm)
