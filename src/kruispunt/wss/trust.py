"""Which certificates are trusted: from the text of a token to a certificate whose path was checked (PL-08).

Path building and path validation are those of `cryptography` (RFC 5280: signatures, validity, basic
constraints, path length, name constraints, `keyCertSign`, no unknown critical extension), with a policy
for extensions of our own, because certificates of applications often have a common name and nothing else.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import verification

from kruispunt.errors import AuthenticationRefused, ConfigurationError, RefusalReason
from kruispunt.wss.policy import MAX_TOKEN_CHARACTERS

DEMO_POLICY: Final = x509.ObjectIdentifier("2.25.325719767022242882020774654514570464841")
"""The certificate policy that marks the demo's certificates; below 2.25 anybody may name objects (X.667)."""

CACHE_SIZE: Final = 1024
CACHE_LIFE: Final = timedelta(minutes=10)
_LONGEST_PATH: Final = 4
"""Intermediate certificates between a client's certificate and an anchor."""


def is_demo_certificate(certificate: x509.Certificate) -> bool:
    """Whether `kruispunt demo` made it: such a certificate proves nothing, its keys lie in an open
    directory."""
    try:
        policies = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return any(policy.policy_identifier == DEMO_POLICY for policy in policies)


@dataclass(frozen=True, slots=True)
class Trusted:
    """A certificate whose path was checked."""

    certificate: x509.Certificate
    digest: bytes
    """SHA-256 of its DER form."""
    fingerprint: str
    """The same, as 64 lower-case hexadecimal digits: how a certificate is registered."""
    subject: str
    """Its distinguished name (RFC 4514)."""
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey
    not_before: datetime
    """From when every certificate of the path is valid."""
    not_after: datetime
    path: tuple[x509.Certificate, ...]
    """From the certificate itself to the anchor."""

    def valid_at(self, now: datetime) -> bool:
        return self.not_before <= now <= self.not_after


class Trust(Protocol):
    def trusted(self, token: str, now: datetime) -> Trusted:
        """The certificate in a token (base64 of DER), if it is trusted `now`.

        Raises AuthenticationRefused with reason `certificate` otherwise.
        """
        ...


class TrustStore:
    """Certificates of trusted issuers: what they issued is trusted, within the rules.

    `anchors` and `intermediates` are certificates of authorities; a certificate in a message is never
    taken as an intermediate. Checked paths are remembered by the text of the token, for a while and
    within a bound; validity is checked at every use.
    """

    def __init__(self, anchors: Sequence[x509.Certificate], intermediates: Sequence[x509.Certificate] = ()) -> None:
        if not anchors:
            raise ConfigurationError("no trusted issuer is configured; name at least one CA certificate")
        for authority in (*anchors, *intermediates):
            if not _is_authority(authority):
                name = authority.subject.rfc4514_string()
                raise ConfigurationError(
                    f"{name} cannot issue certificates: it lacks CA:TRUE or keyCertSign; name the certificate"
                    " of the issuer instead"
                )
        self._store = verification.Store(list(anchors))
        self._intermediates = list(intermediates)
        self._known: dict[str, tuple[Trusted, datetime]] = {}

    def trusted(self, token: str, now: datetime) -> Trusted:
        """See `Trust.trusted`."""
        known = self._known.get(token)
        if known is not None:
            trusted, until = known
            if now < until and trusted.valid_at(now):
                return trusted
            del self._known[token]
        try:
            trusted = self._check(certificate_of(token), now)
        except _MALFORMED:
            raise _malformed() from None
        if len(self._known) >= CACHE_SIZE:
            del self._known[next(iter(self._known))]
        self._known[token] = (trusted, now + CACHE_LIFE)
        return trusted

    def _check(self, certificate: x509.Certificate, now: datetime) -> Trusted:
        _check_validity(certificate, now)
        verifier = (
            verification.PolicyBuilder()
            .store(self._store)
            .time(now)
            .max_chain_depth(_LONGEST_PATH)
            .extension_policies(ca_policy=_AUTHORITIES, ee_policy=_CLIENTS)
            .build_client_verifier()
        )
        try:
            path = verifier.verify(certificate, self._intermediates).chain
        except (verification.VerificationError, ValueError):
            raise untrusted(
                "certificate.untrusted",
                "no valid path leads from the certificate to a trusted issuer",
                "Sign with a certificate of an issuer that the platform trusts.",
            ) from None
        _check_usage(certificate)
        return described(certificate, tuple(path))


class PinnedCertificates:
    """Exactly these certificates are trusted, whoever issued them: how a client knows the platform."""

    def __init__(self, certificates: Sequence[x509.Certificate]) -> None:
        if not certificates:
            raise ConfigurationError("no certificate is pinned; name the one that the platform signs with")
        try:
            self._known = {token_of(one): described(one, (one,)) for one in certificates}
        except AuthenticationRefused as refusal:
            raise ConfigurationError(f"a certificate cannot be pinned: {refusal.why}") from refusal

    def trusted(self, token: str, now: datetime) -> Trusted:
        """See `Trust.trusted`."""
        trusted = self._known.get(token)
        if trusted is None:
            raise untrusted("certificate.untrusted", "the certificate is not one of those that are pinned")
        _check_validity(trusted.certificate, now)
        return trusted


def token_of(certificate: x509.Certificate) -> str:
    """The text of the BinarySecurityToken of a certificate: base64 of its DER form, on one line."""
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode("ascii")


def certificate_of(token: str) -> x509.Certificate:
    """The certificate in a token's text; raises AuthenticationRefused unless it is exactly one, in base64."""
    try:
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise ValueError("too long")
        der = binascii.a2b_base64(token, strict_mode=True)
        if base64.b64encode(der).decode("ascii") != token:
            raise ValueError("respelt")
        certificate = x509.load_der_x509_certificate(der)
        # The signature is a bit string of whole bytes; other counts are let through, as one more spelling.
        if not der.endswith(b"\0" + certificate.signature):
            raise ValueError("respelt")
        return certificate
    except _MALFORMED:
        raise _malformed() from None


def described(certificate: x509.Certificate, path: tuple[x509.Certificate, ...]) -> Trusted:
    """What is remembered of a certificate that was found good."""
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise untrusted("certificate.key", "the key of the certificate is neither RSA nor ECDSA")
    digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
    return Trusted(
        certificate=certificate,
        digest=digest,
        fingerprint=digest.hex(),
        subject=certificate.subject.rfc4514_string(),
        key=key,
        not_before=max(one.not_valid_before_utc for one in path),
        not_after=min(one.not_valid_after_utc for one in path),
        path=path,
    )


def untrusted(rule: str, why: str, remedy: str = "") -> AuthenticationRefused:
    """The refusal of a certificate."""
    return AuthenticationRefused(RefusalReason.CERTIFICATE, rule, why, element="BinarySecurityToken", remedy=remedy)


_MALFORMED: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What `cryptography` raises, now or when a part is first read, for a certificate that is none."""


def _malformed() -> AuthenticationRefused:
    return untrusted(
        "certificate.form",
        "the BinarySecurityToken holds no X.509 certificate",
        "Put the DER form of the certificate into it, in base64.",
    )


def _check_validity(certificate: x509.Certificate, now: datetime) -> None:
    if now > certificate.not_valid_after_utc:
        why = f"the certificate was valid until {certificate.not_valid_after_utc.astimezone(UTC):%Y-%m-%d}"
        raise untrusted("certificate.expired", why, "Renew the certificate and have it registered.")
    if now < certificate.not_valid_before_utc:
        why = f"the certificate is valid from {certificate.not_valid_before_utc.astimezone(UTC):%Y-%m-%d} on"
        raise untrusted("certificate.not-yet-valid", why, "Check the clock and the certificate.")


def _check_usage(certificate: x509.Certificate) -> None:
    """The path is valid here, so that extensions can be read; one that is absent forbids nothing."""
    constraints = _extension(certificate, x509.BasicConstraints)
    usage = _extension(certificate, x509.KeyUsage)
    if (constraints is not None and constraints.ca) or (usage is not None and not usage.digital_signature):
        raise untrusted(
            "certificate.usage",
            "the certificate may not sign messages: it is that of an authority, or lacks digitalSignature",
            "Have a certificate issued whose key usage includes digitalSignature.",
        )


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        constraints = _extension(certificate, x509.BasicConstraints)
        usage = _extension(certificate, x509.KeyUsage)
    except ValueError:
        return False
    return constraints is not None and constraints.ca and (usage is None or usage.key_cert_sign)


_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


def _extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _require_authority(
    _policy: verification.Policy, _certificate: x509.Certificate, constraints: x509.BasicConstraints
) -> None:
    if not constraints.ca:
        raise ValueError("not an authority")


def _may_issue(_policy: verification.Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("keyCertSign is missing")


_AUTHORITIES: Final = (
    verification.ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, verification.Criticality.AGNOSTIC, _require_authority)
    .may_be_present(x509.KeyUsage, verification.Criticality.AGNOSTIC, _may_issue)
)
_CLIENTS: Final = verification.ExtensionPolicy.permit_all()
