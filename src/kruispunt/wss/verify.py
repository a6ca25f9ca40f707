"""Verifying a signed message, and handing back only what was signed (PL-05, PL-06).

The order is that of rising cost: structure and algorithms, the certificate, the signature over SignedInfo,
freshness, the digests, and the Body's digest last. A stranger, or a message that was tampered with, gets no
expensive work.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from kruispunt.errors import AuthenticationRefused, RefusalReason
from kruispunt.wss.canonical import NotCanonical, canonical
from kruispunt.wss.policy import SIGNATURE_METHODS, KeyKind, Policy, SignatureMethod
from kruispunt.wss.structure import Reference, Secured, locate, refused
from kruispunt.wss.trust import Trust, Trusted, untrusted

_PKCS1: Final = padding.PKCS1v15()
_ECDSA: Final = {method.digest.name: ec.ECDSA(method.digest) for method in SIGNATURE_METHODS.values()}
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z")
_NO_TIME: Final = timedelta()


@dataclass(frozen=True, slots=True)
class Signed:
    """What a valid signature covers. Nothing else of the message may be used."""

    body: etree._Element
    created: datetime
    expires: datetime
    certificate: Trusted
    replay_key: bytes
    """32 bytes, the same for every spelling of this signature: by signer and canonical SignedInfo (PL-06)."""
    signature_value: str
    """Base64 without blanks; a reply confirms it."""
    confirms: str | None
    """Of a reply: the signature value of the request that it answers, when it says so."""


def verify(
    root: etree._Element,
    trust: Trust,
    now: datetime,
    policy_for: Callable[[str], Policy],
    *,
    reply: bool = False,
    admit: Callable[[Trusted], None] | None = None,
) -> Signed:
    """Verify a message whose Envelope is `root`.

    `policy_for` gives the policy of a signer by the fingerprint of the certificate; it is asked only
    about trusted ones. `admit` may refuse a signer before the signature costs anything. Raises
    AuthenticationRefused with reason signature, certificate or timestamp; InvalidSoapVersion and
    InvalidRequest for what is no signed SOAP 1.1 message at all.
    """
    secured = locate(root, reply=reply)
    signer = trust.trusted(secured.token, now)
    policy = policy_for(signer.fingerprint)
    if admit is not None:
        admit(signer)
    _check_policy(secured, signer, policy)
    signed_info = _canonical(secured.signed_info, secured.prefixes)
    _check_value(secured, signer, signed_info)
    created, expires = _check_freshness(secured, now, policy)
    for reference in secured.references:
        _check_digest(reference)
    return Signed(
        body=secured.body,
        created=created,
        expires=expires,
        certificate=signer,
        replay_key=hashlib.sha256(signer.digest + hashlib.sha256(signed_info).digest()).digest(),
        signature_value=secured.value,
        confirms=secured.confirms,
    )


def _check_policy(secured: Secured, signer: Trusted, policy: Policy) -> None:
    """What differs per client: weak algorithms, an unsigned token, sizes of keys."""
    weak = secured.method.weak or any(reference.method.weak for reference in secured.references)
    if weak and not policy.allow_sha1:
        raise refused(
            "signature.algorithm",
            "SHA-1 is not allowed for this client",
            "SignedInfo",
            "Sign with rsa-sha256 and digest with sha256.",
        )
    if not secured.token_is_signed and not policy.allow_unsigned_token:
        raise refused(
            "signature.coverage",
            "the signature does not cover: BinarySecurityToken",
            "SignedInfo",
            "Add a reference to the BinarySecurityToken to the signature.",
        )
    _check_key(secured.method, signer, policy)


def _check_key(method: SignatureMethod, signer: Trusted, policy: Policy) -> None:
    key = signer.key
    if isinstance(key, rsa.RSAPublicKey):
        fits = method.kind is KeyKind.RSA
        strong = policy.min_rsa_bits <= key.key_size <= policy.max_rsa_bits
    else:
        fits = method.kind is KeyKind.ECDSA
        strong = key.curve.name in policy.curves
    if not strong:
        raise untrusted(
            "certificate.key",
            f"the key of the certificate is not allowed: RSA of {policy.min_rsa_bits} bits and more is,"
            " and ECDSA on P-256 and P-384",
            "Have a certificate issued for such a key.",
        )
    if not fits:
        raise refused(
            "signature.algorithm",
            "the signature method does not belong to the kind of key of the certificate",
            "SignatureMethod",
        )


def _check_value(secured: Secured, signer: Trusted, signed_info: bytes) -> None:
    key = signer.key
    try:
        value = binascii.a2b_base64(secured.value, strict_mode=True)
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(value, signed_info, _PKCS1, secured.method.digest)
        else:
            key.verify(_der(value, key.curve.key_size), signed_info, _ECDSA[secured.method.digest.name])
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        raise refused(
            "signature.value",
            "the signature over SignedInfo does not belong to the key of the certificate",
            "SignatureValue",
            "Check that the key belongs to the certificate, and that nothing is changed or reformatted after signing.",
        ) from None


def _der(value: bytes, bits: int) -> bytes:
    """XML Signature writes an ECDSA signature as r and s, of the curve's length each (RFC 4050, §3.3)."""
    length = (bits + 7) // 8
    if len(value) != 2 * length:
        raise ValueError("wrong length")
    return encode_dss_signature(int.from_bytes(value[:length], "big"), int.from_bytes(value[length:], "big"))


def _check_freshness(secured: Secured, now: datetime, policy: Policy) -> tuple[datetime, datetime]:
    created = _moment(secured.created, "Created")
    expires = _moment(secured.expires, "Expires")
    life = expires - created
    age = now - created
    if life <= _NO_TIME or life > policy.life:
        longest = int(policy.life.total_seconds())
        raise _stale("timestamp.life", f"Expires must lie after Created, by {longest} seconds at most", "Expires")
    if -age > policy.ahead:
        raise _stale("timestamp.future", "the message was created in the future", "Created")
    if age > policy.age or now >= expires:
        raise _stale("timestamp.expired", "the message is too old", "Expires" if now >= expires else "Created")
    return created, expires


def _moment(text: str, name: str) -> datetime:
    try:
        if _MOMENT.fullmatch(text) is None:
            raise ValueError
        return datetime.fromisoformat(text)
    except ValueError:
        raise _stale("timestamp.form", f"{name} is not a moment in UTC such as 2026-01-31T09:30:00Z", name) from None


def _stale(rule: str, why: str, element: str) -> AuthenticationRefused:
    return AuthenticationRefused(
        RefusalReason.TIMESTAMP,
        rule,
        why,
        element=element,
        remedy="Set the clock (NTP), and sign right before sending; Expires at most 5 minutes after Created.",
    )


def _check_digest(reference: Reference) -> None:
    content = _canonical(reference.target, reference.prefixes)
    # Compared as text: the one spelling of a digest in base64 is required.
    digest = base64.b64encode(reference.method.digest(content)).decode("ascii")
    if digest != reference.digest:
        name = etree.QName(reference.target).localname
        raise refused(
            "signature.digest",
            f"the digest of {name} differs: it was changed or reformatted after signing",
            name,
            "Send the signed bytes unchanged: no indenting, no conversion on the way.",
        )


def _canonical(element: etree._Element, prefixes: tuple[str, ...]) -> bytes:
    try:
        return canonical(element, prefixes)
    except NotCanonical:
        name = etree.QName(element).localname
        raise refused("signature.canonical", f"{name} has no canonical form: a namespace is relative", name) from None
