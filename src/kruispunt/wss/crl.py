"""Certificate revocation lists (RFC 5280, §5 and §6.3): complete ones, of the issuer itself (PL-08).

Delta lists, indirect lists and lists of some reasons only are refused: read alone, each of them says too little.
Only `cryptography` reads the ASN.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from kruispunt.errors import DataError
from kruispunt.wss.statement import MALFORMED, STRONG_DIGESTS, Statement, Status, key_of, point_names

MAX_CRL_BYTES: Final = 16 * 1024 * 1024
_PEM: Final = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----", re.DOTALL)
_UNDERSTOOD: Final = (x509.CRLNumber, x509.AuthorityKeyIdentifier, x509.IssuingDistributionPoint)


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A list whose signature was checked against an issuer that is trusted."""

    crl: x509.CertificateRevocationList
    issuer: tuple[bytes, bytes]
    """See `key_of`."""
    this_update: datetime
    next_update: datetime
    number: int
    """CRLNumber; 0 where there is none."""
    users: bool
    """Whether it covers certificates of those who are no authority."""
    authorities: bool
    points: frozenset[str] | None
    """A list in parts covers certificates that name one of these; None: all of them."""

    @property
    def age(self) -> tuple[datetime, int]:
        """The larger, the newer."""
        return self.this_update, self.number

    def fresh(self, now: datetime, max_age: timedelta) -> bool:
        return Statement(Status.GOOD, self.this_update, self.next_update).fresh(now, max_age)

    def covers(self, certificate: x509.Certificate) -> bool:
        if not (self.authorities if _is_authority(certificate) else self.users):
            return False
        return self.points is None or not self.points.isdisjoint(point_names(certificate))

    def statement(self, certificate: x509.Certificate) -> Statement:
        revoked = _revoked(self.crl, certificate.serial_number)
        return Statement(Status.REVOKED if revoked else Status.GOOD, self.this_update, self.next_update)


def read_lists(data: bytes, authorities: Iterable[x509.Certificate], where: str) -> tuple[RevocationList, ...]:
    """The lists in a file or an answer: one in DER form, or any number in PEM form.

    Raises DataError, which says why a list cannot be used; then none of them is.
    """
    known = tuple(authorities)
    return tuple(_accepted(crl, known, where) for crl in _parsed(data, where))


def _parsed(data: bytes, where: str) -> list[x509.CertificateRevocationList]:
    if len(data) > MAX_CRL_BYTES:
        raise DataError(f"larger than {MAX_CRL_BYTES:,} bytes", where=where)
    try:
        if b"-----BEGIN" not in data[:4096]:
            return [x509.load_der_x509_crl(data)]
        blocks = _PEM.findall(data)
        if not blocks or len(blocks) != data.count(b"-----BEGIN"):
            raise DataError("not whole CRLs in PEM form", where=where)
        return [x509.load_pem_x509_crl(block) for block in blocks]
    except MALFORMED:
        raise DataError("no CRL in DER or PEM form", where=where) from None


def _accepted(
    crl: x509.CertificateRevocationList, authorities: tuple[x509.Certificate, ...], where: str
) -> RevocationList:
    try:
        issuer = _issuer(crl, authorities, where)
        point = _checked_extensions(crl, where)
        if crl.next_update_utc is None:
            raise DataError("it does not say when the next one comes (nextUpdate)", where=where)
        if crl.next_update_utc <= crl.last_update_utc:
            raise DataError("nextUpdate does not lie after thisUpdate", where=where)
        return RevocationList(
            crl=crl,
            issuer=key_of(issuer),
            this_update=crl.last_update_utc,
            next_update=crl.next_update_utc,
            number=_number(crl),
            users=point is None or not point.only_contains_ca_certs,
            authorities=point is None or not point.only_contains_user_certs,
            points=_names(point, where),
        )
    except MALFORMED:
        raise DataError("a CRL that is not well made", where=where) from None


def _issuer(
    crl: x509.CertificateRevocationList, authorities: tuple[x509.Certificate, ...], where: str
) -> x509.Certificate:
    named = [one for one in authorities if one.subject == crl.issuer]
    if not named:
        raise DataError("a CRL of an issuer that is not trusted here (client_ca)", where=where)
    digest = crl.signature_hash_algorithm
    if digest is None or digest.name not in STRONG_DIGESTS:
        raise DataError("the CRL is not signed with SHA-256 or more", where=where)
    for one in named:
        key = one.public_key()
        if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) and crl.is_signature_valid(key):
            if not _may_sign(one):
                raise DataError("the key usage of the issuer lacks cRLSign", where=where)
            return one
    raise DataError("the signature of the CRL is not that of the issuer that it names", where=where)


def _checked_extensions(crl: x509.CertificateRevocationList, where: str) -> x509.IssuingDistributionPoint | None:
    """The distribution point of a list that is complete for what it covers."""
    found = None
    for extension in crl.extensions:
        value = extension.value
        if isinstance(value, x509.DeltaCRLIndicator):
            raise DataError("a delta CRL, which is not supported: give the complete one", where=where)
        if extension.critical and not isinstance(value, _UNDERSTOOD):
            raise DataError(f"unknown critical extension {extension.oid.dotted_string}", where=where)
        if isinstance(value, x509.IssuingDistributionPoint):
            found = value
    if found is None:
        return None
    if found.indirect_crl:
        raise DataError("an indirect CRL, which is not supported: give that of the issuer itself", where=where)
    if found.only_some_reasons is not None or found.only_contains_attribute_certs:
        raise DataError("a CRL of some reasons only, or of attribute certificates: not supported", where=where)
    return found


def _names(point: x509.IssuingDistributionPoint | None, where: str) -> frozenset[str] | None:
    if point is None or (point.full_name is None and point.relative_name is None):
        return None
    names = frozenset(n.value for n in point.full_name or () if isinstance(n, x509.UniformResourceIdentifier))
    if not names:
        raise DataError("the distribution point of the CRL is named by no URL: not supported", where=where)
    return names


def _number(crl: x509.CertificateRevocationList) -> int:
    try:
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        return 0


def _revoked(crl: x509.CertificateRevocationList, serial: int) -> bool:
    """Whatever the reason, on hold included; only an entry that says `removeFromCRL` takes nothing away."""
    entry = crl.get_revoked_certificate_by_serial_number(serial)
    if entry is None:
        return False
    # The first entry of a number is found; another one may follow a removal.
    return not _is_removal(entry) or any(one.serial_number == serial and not _is_removal(one) for one in crl)


def _is_removal(entry: x509.RevokedCertificate) -> bool:
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        return False
    except MALFORMED:
        return False
    return reason is x509.ReasonFlags.remove_from_crl


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _may_sign(authority: x509.Certificate) -> bool:
    try:
        return authority.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True
