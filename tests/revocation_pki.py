"""An issuer that revokes: certificates, CRLs, and an OCSP responder over HTTP on the loopback interface."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from signed_messages import usage

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
RESPONDER_USE = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])

Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Issued:
    certificate: x509.Certificate
    key: Key

    @property
    def serial(self) -> int:
        return self.certificate.serial_number


def url(address: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(address)


def crl_points(*addresses: str) -> x509.CRLDistributionPoints:
    return x509.CRLDistributionPoints([x509.DistributionPoint([url(a)], None, None, None) for a in addresses])


def responders(*addresses: str) -> x509.AuthorityInformationAccess:
    return x509.AuthorityInformationAccess(
        [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, url(a)) for a in addresses]
    )


def issue(name: str, issuer: Issued | None, *extensions: x509.ExtensionType, end: datetime = NOW + 30 * DAY) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 30 * DAY)
        .not_valid_after(end)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return Issued(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def authority(name: str = "Test issuer", *, crl_sign: bool = True) -> Issued:
    """A root of its own."""
    return issue(
        name,
        None,
        x509.BasicConstraints(ca=True, path_length=None),
        usage(key_cert_sign=True, crl_sign=crl_sign),
    )


Revoked = Mapping[int, x509.ReasonFlags | None]


def revocation_list(
    issuer: Issued,
    revoked: Revoked | None = None,
    *extensions: x509.ExtensionType,
    this_update: datetime = NOW - HOUR,
    next_update: datetime = NOW + DAY,
    signed_by: Key | None = None,
) -> bytes:
    """A CRL in DER form."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(this_update)
        .next_update(next_update)
    )
    for serial, reason in (revoked or {}).items():
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(this_update)
        if reason is not None:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    for extension in extensions:
        builder = builder.add_extension(extension, critical=not isinstance(extension, x509.CRLNumber))
    return builder.sign(signed_by or issuer.key, hashes.SHA256()).public_bytes(Encoding.DER)


def ocsp_response(
    subject: Issued,
    issuer: Issued,
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    *,
    by: Issued | None = None,
    named: bool = False,
    this_update: datetime = NOW - HOUR,
    next_update: datetime | None = NOW + DAY,
    nonce: bytes | None = None,
    digest: hashes.HashAlgorithm | None = None,
) -> bytes:
    """A response, signed by the issuer or by a delegate, whose certificate comes with it."""
    signer = by or issuer
    revoked = status is ocsp.OCSPCertStatus.REVOKED
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=subject.certificate,
            issuer=issuer.certificate,
            algorithm=digest or hashes.SHA1(),
            cert_status=status,
            this_update=this_update,
            next_update=next_update,
            revocation_time=this_update if revoked else None,
            revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.NAME if named else ocsp.OCSPResponderEncoding.HASH, signer.certificate)
    )
    if by is not None:
        builder = builder.certificates([by.certificate])
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.DER)


Answering = Callable[[str, bytes], bytes | None]
"""From path and body to the content; None: no answer ever."""


@dataclass
class Web:
    """An HTTP server in a thread. What it answers can be replaced while it runs."""

    address: str
    answering: Answering = lambda _path, _body: b""
    asked: list[tuple[str, bytes]] = field(default_factory=list)
    status: int = 200
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def web() -> Iterator[Web]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.asked.append((self.path, body))
            answer = found.answering(self.path, body)
            if answer is None:
                found.over.wait(60)
                return
            self.send_response(found.status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def do_GET(self) -> None:
            self.headers["Content-Length"] = "0"
            self.do_POST()

        def log_message(self, *args: Any) -> None:
            """Nothing: what was asked is kept."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found = Web(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
