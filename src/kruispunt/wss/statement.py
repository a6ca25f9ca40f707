"""What an issuer says of a certificate at some moment, and how long that may be relied upon (PL-08)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import AuthorityInformationAccessOID

AHEAD: Final = timedelta(minutes=5)
"""How far a statement may lie in the future: the issuer's clock and ours differ."""

STRONG_DIGESTS: Final = frozenset({"sha256", "sha384", "sha512"})
"""What a signature under a CRL, an OCSP response or a responder's certificate may be made with."""

MALFORMED: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    InvalidSignature,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What `cryptography` raises, now or when a part is first read, for what is not what it should be."""


class Status(Enum):
    GOOD = "good"
    REVOKED = "revoked"
    """Also while a certificate is on hold."""
    UNKNOWN = "unknown"
    """The responder said that it does not know the certificate: no information."""


@dataclass(frozen=True, slots=True)
class Statement:
    """The status of one certificate, signed by its issuer or in its name."""

    status: Status
    this_update: datetime
    next_update: datetime | None

    def until(self, max_age: timedelta) -> datetime:
        """The moment from which it is no longer relied upon."""
        end = self.this_update + max_age
        return end if self.next_update is None else min(end, self.next_update)

    def fresh(self, now: datetime, max_age: timedelta) -> bool:
        return self.this_update <= now + AHEAD and now < self.until(max_age)


@dataclass(frozen=True, slots=True)
class Published:
    """Where a certificate says that its status can be asked."""

    crls: tuple[str, ...]
    """URLs by http of complete lists of its own issuer."""
    responders: tuple[str, ...]
    """URLs by http of OCSP responders."""
    named: bool
    """Whether it names any source at all, also one that is not used here."""


def published(certificate: x509.Certificate) -> Published:
    """What the certificate's own extensions name. Raises one of MALFORMED."""
    points = _points(certificate)
    access = _access(certificate)
    responders = [
        a.access_location.value
        for a in access
        if a.access_method == AuthorityInformationAccessOID.OCSP
        and isinstance(a.access_location, x509.UniformResourceIdentifier)
    ]
    names_ocsp = any(a.access_method == AuthorityInformationAccessOID.OCSP for a in access)
    return Published(_http(point_names(certificate)), _http(responders), bool(points) or names_ocsp)


def point_names(certificate: x509.Certificate) -> list[str]:
    """Names of the distribution points whose lists hold all reasons and come from the issuer itself."""
    return [
        name.value
        for point in _points(certificate)
        if point.crl_issuer is None and point.reasons is None
        for name in point.full_name or ()
        if isinstance(name, x509.UniformResourceIdentifier)
    ]


def key_of(authority: x509.Certificate) -> tuple[bytes, bytes]:
    """By which an issuer is known: name and key. A renewed certificate of the same issuer has the same."""
    key = authority.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return authority.subject.public_bytes(), key


def print_of(certificate: x509.Certificate) -> str:
    """SHA-256 of the DER form, lower-case hexadecimal."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def _points(certificate: x509.Certificate) -> list[x509.DistributionPoint]:
    try:
        return list(certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value)
    except x509.ExtensionNotFound:
        return []


def _access(certificate: x509.Certificate) -> list[x509.AccessDescription]:
    try:
        return list(certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value)
    except x509.ExtensionNotFound:
        return []


def _http(urls: list[str]) -> tuple[str, ...]:
    return tuple(url for url in urls if url.lower().startswith("http://"))
