"""Asking an OCSP responder about one certificate (RFC 6960), and judging what it answers (PL-08).

Only `cryptography` reads and writes the ASN.1.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID

from kruispunt.errors import DataError
from kruispunt.wss.statement import MALFORMED, STRONG_DIGESTS, Statement, Status

MAX_RESPONSE_BYTES: Final = 64 * 1024
NONCE_BYTES: Final = 16
REQUEST_TYPE: Final = "application/ocsp-request"

_RSA: Final = {
    SignatureAlgorithmOID.RSA_WITH_SHA256,
    SignatureAlgorithmOID.RSA_WITH_SHA384,
    SignatureAlgorithmOID.RSA_WITH_SHA512,
}
_ECDSA: Final = {
    SignatureAlgorithmOID.ECDSA_WITH_SHA256,
    SignatureAlgorithmOID.ECDSA_WITH_SHA384,
    SignatureAlgorithmOID.ECDSA_WITH_SHA512,
}
_STATUSES: Final = {
    ocsp.OCSPCertStatus.GOOD: Status.GOOD,
    ocsp.OCSPCertStatus.REVOKED: Status.REVOKED,
    ocsp.OCSPCertStatus.UNKNOWN: Status.UNKNOWN,
}
_MIN_RSA_BITS: Final = 2048

Admit = Callable[[x509.Certificate, x509.Certificate], bool]
"""Of a delegated responder's certificate and its issuer: whether it may be believed, as far as lists tell."""


@dataclass(frozen=True, slots=True)
class Question:
    """One certificate, its issuer, and a nonce that a responder may repeat."""

    certificate: x509.Certificate
    issuer: x509.Certificate
    nonce: bytes

    @property
    def der(self) -> bytes:
        """The request. SHA-1 only names the issuer here, and every responder knows it (RFC 5019, §2.1.1)."""
        builder = ocsp.OCSPRequestBuilder().add_certificate(self.certificate, self.issuer, hashes.SHA1())  # noqa: S303
        return builder.add_extension(x509.OCSPNonce(self.nonce), critical=False).build().public_bytes(Encoding.DER)


def read_response(data: bytes, question: Question, now: datetime, admit: Admit, where: str) -> Statement:
    """What the answer says of the certificate. Raises DataError unless issuer or delegate signed it for this one."""
    try:
        response = ocsp.load_der_ocsp_response(data)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise DataError(f"the responder answered {response.response_status.name.lower()}", where=where)
        _check_nonce(response, question, where)
        _check_signature(response, question, now, admit, where)
        found = [one for one in response.responses if _is_about(one, question)]
        if len(found) != 1:
            raise DataError("the OCSP response is not about this certificate", where=where)
        return Statement(_STATUSES[found[0].certificate_status], found[0].this_update_utc, found[0].next_update_utc)
    except MALFORMED:
        raise DataError("no well-made OCSP response", where=where) from None


def _check_nonce(response: ocsp.OCSPResponse, question: Question, where: str) -> None:
    """Many responders answer with what they signed before, without nonce; another nonce is another's answer."""
    for extension in response.extensions:
        value = extension.value
        if isinstance(value, x509.OCSPNonce):
            if not hmac.compare_digest(value.nonce, question.nonce):
                raise DataError("the OCSP response repeats another nonce", where=where)
        elif extension.critical:
            raise DataError(f"unknown critical extension {extension.oid.dotted_string}", where=where)


def _is_about(one: ocsp.OCSPSingleResponse, question: Question) -> bool:
    """The certID: serial number, and name and key of the issuer under the responder's digest."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(question.certificate, question.issuer, one.hash_algorithm)
    asked = builder.build()
    return (one.serial_number, one.issuer_name_hash, one.issuer_key_hash) == (
        asked.serial_number,
        asked.issuer_name_hash,
        asked.issuer_key_hash,
    )


def _check_signature(response: ocsp.OCSPResponse, question: Question, now: datetime, admit: Admit, where: str) -> None:
    signer = question.issuer
    if not _is_responder(response, signer):
        signer = _delegate(response, question.issuer, now, admit, where)
    key, digest = signer.public_key(), response.signature_hash_algorithm
    try:
        if digest is None:
            raise ValueError
        if isinstance(key, rsa.RSAPublicKey) and response.signature_algorithm_oid in _RSA:
            key.verify(response.signature, response.tbs_response_bytes, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey) and response.signature_algorithm_oid in _ECDSA:
            key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(digest))
        else:
            raise ValueError
    except MALFORMED:
        raise DataError("the signature of the OCSP response does not hold", where=where) from None


def _is_responder(response: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    """Whether the response says that this certificate's key signed it: by name, or by SHA-1 of the key."""
    if response.responder_name is not None:
        return response.responder_name == certificate.subject
    return response.responder_key_hash == x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest


def _delegate(
    response: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime, admit: Admit, where: str
) -> x509.Certificate:
    """The certificate that the issuer itself gave to its responder (RFC 6960, §4.2.2.2)."""
    for one in response.certificates:
        if _is_responder(response, one):
            _check_delegate(one, issuer, now, where)
            if not admit(one, issuer):
                raise DataError("the responder's certificate is revoked, or that is not known", where=where)
            return one
    raise DataError("the OCSP response is signed neither by the issuer nor by a responder of it", where=where)


def _check_delegate(one: x509.Certificate, issuer: x509.Certificate, now: datetime, where: str) -> None:
    digest = one.signature_hash_algorithm
    if digest is None or digest.name not in STRONG_DIGESTS:
        raise DataError("the responder's certificate is not signed with SHA-256 or more", where=where)
    try:
        one.verify_directly_issued_by(issuer)
    except MALFORMED:
        raise DataError("the responder's certificate is not of the same issuer", where=where) from None
    if not one.not_valid_before_utc <= now <= one.not_valid_after_utc:
        raise DataError("the responder's certificate is not valid now", where=where)
    if not _may_answer(one):
        raise DataError("the responder's certificate may not sign OCSP responses (OCSPSigning)", where=where)


def _may_answer(one: x509.Certificate) -> bool:
    """OCSPSigning by name: `anyExtendedKeyUsage` is not enough (RFC 6960, §4.2.2.2)."""
    key = one.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _MIN_RSA_BITS:
        return False
    try:
        if not one.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature:
            return False
    except x509.ExtensionNotFound:
        pass
    try:
        uses = one.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in uses


def needs_no_check(responder: x509.Certificate) -> bool:
    """Whether the issuer answers for a responder's certificate as long as it lives (`id-pkix-ocsp-nocheck`)."""
    try:
        responder.extensions.get_extension_for_class(x509.OCSPNoCheck)
    except x509.ExtensionNotFound:
        return False
    return True
