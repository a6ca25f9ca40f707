"""Keys and certificates of the demo: a root of its own, the platform, and the clients that the personas name.

Every certificate carries a policy and an organisation that say what it is; `is_demo_certificate` in
`wss/trust.py` knows them again, so that no production server starts with one.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kruispunt.wss.sign import PrivateKey
from kruispunt.wss.trust import DEMO_POLICY, is_demo_certificate

ORGANISATION: Final = "Kruispunt demo, not for production"
_YEAR: Final = timedelta(days=365)
_MARGIN: Final = timedelta(days=1)
"""What is valid for less than this is made anew."""
_BACKDATE: Final = timedelta(hours=1)


class KeyType(Enum):
    RSA = "RSA-2048"
    ECDSA = "P-256"


@dataclass(frozen=True, slots=True)
class DemoClient:
    """A client of the demo: `name` is the file's stem and the common name."""

    name: str
    key_type: KeyType = KeyType.RSA


CLIENTS: Final = (
    DemoClient("onem"),
    DemoClient("onem-secondary"),
    DemoClient("onem-inspection"),
    DemoClient("onem-ecdsa", KeyType.ECDSA),
    DemoClient("vdab"),
    DemoClient("limited"),
    DemoClient("stranger"),
    DemoClient("tester"),
    DemoClient("bounded"),
)
HOSTS: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Pki:
    """Where the files are. Every certificate is a PEM file, its key the `.key` beside it (mode 0600)."""

    directory: Path

    @property
    def ca(self) -> Path:
        """The root that issued everything."""
        return self.directory / "ca.pem"

    @property
    def server(self) -> Path:
        """The TLS certificate of the server."""
        return self.directory / "server.pem"

    @property
    def signing(self) -> Path:
        """The certificate that replies are signed with."""
        return self.directory / "signing.pem"

    def client(self, name: str) -> Path:
        """The certificate of a client, for TLS and for signing."""
        return self.directory / f"{name}.pem"

    @staticmethod
    def key_of(certificate: Path) -> Path:
        return certificate.with_suffix(".key")


def create_pki(directory: Path, clients: Sequence[DemoClient] = CLIENTS, hosts: Sequence[str] = HOSTS) -> Pki:
    """Make what is missing, expired, about to expire or not issued by the root that is there; keep the
    rest."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    pki = Pki(directory)
    now = datetime.now(UTC)
    with _alone(directory):
        root = _Root.load(pki.ca, now) or _Root.create(pki.ca, now)
        names = x509.SubjectAlternativeName([_host(host) for host in hosts])
        server_use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        client_use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        root.ensure(pki.server, hosts[0], KeyType.ECDSA, (server_use, names), now)
        root.ensure(pki.signing, "Kruispunt", KeyType.RSA, (), now)
        for client in clients:
            root.ensure(pki.client(client.name), client.name, client.key_type, (client_use,), now)
    return pki


@dataclass(frozen=True, slots=True)
class _Root:
    certificate: x509.Certificate
    key: PrivateKey

    @classmethod
    def load(cls, path: Path, now: datetime) -> _Root | None:
        found = _load(path, now)
        return cls(*found) if found is not None else None

    @classmethod
    def create(cls, path: Path, now: datetime) -> _Root:
        key = _generate(KeyType.ECDSA)
        name = _name("Kruispunt demo root")
        certificate = (
            _builder(name, key, now, now + 10 * _YEAR)
            .issuer_name(name)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(issues=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        _store(path, certificate, key)
        return cls(certificate, key)

    def ensure(
        self,
        path: Path,
        common_name: str,
        key_type: KeyType,
        extensions: tuple[x509.ExtensionType, ...],
        now: datetime,
    ) -> None:
        """Keep the certificate at `path` if it is what would be made now, else make it."""
        found = _load(path, now)
        if found is not None and self._made(found, common_name, key_type, extensions):
            return
        key = _generate(key_type)
        builder = (
            _builder(_name(common_name), key, now, now + _YEAR)
            .issuer_name(self.certificate.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(issues=False), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        _store(path, builder.sign(self.key, hashes.SHA256()), key)

    def _made(
        self,
        found: tuple[x509.Certificate, PrivateKey],
        common_name: str,
        key_type: KeyType,
        extensions: tuple[x509.ExtensionType, ...],
    ) -> bool:
        certificate, key = found
        try:
            certificate.verify_directly_issued_by(self.certificate)
        except (InvalidSignature, ValueError, TypeError):
            return False
        values = [extension.value for extension in certificate.extensions]
        return (
            certificate.subject == _name(common_name)
            and isinstance(key, rsa.RSAPrivateKey) == (key_type is KeyType.RSA)
            and all(extension in values for extension in extensions)
        )


def _load(path: Path, now: datetime) -> tuple[x509.Certificate, PrivateKey] | None:
    """A certificate of ours with its key, if both can be read, belong together and stay valid for a day."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        key = load_pem_private_key(
            Pki.key_of(path).read_bytes(),
            None,
            # The RSA keys of our own: checking their primes would be most of the start-up.
            unsafe_skip_rsa_key_validation=True,
        )
    except (OSError, ValueError, TypeError):
        return None
    usable = (
        isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
        and key.public_key() == certificate.public_key()
        and certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - _MARGIN
        and is_demo_certificate(certificate)
    )
    return (certificate, key) if usable else None  # type: ignore[return-value]


def _builder(subject: x509.Name, key: PrivateKey, now: datetime, until: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.CertificatePolicies([x509.PolicyInformation(DEMO_POLICY, None)]), critical=False)
    )


def _generate(key_type: KeyType) -> PrivateKey:
    if key_type is KeyType.RSA:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "BE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _usage(*, issues: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not issues,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=issues,
        crl_sign=issues,
        encipher_only=False,
        decipher_only=False,
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _store(path: Path, certificate: x509.Certificate, key: PrivateKey) -> None:
    """The key first: a certificate without its key is made anew at the next start."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _replace(Pki.key_of(path), pem, 0o600)
    _replace(path, certificate.public_bytes(Encoding.PEM), 0o644)


def _replace(path: Path, content: bytes, mode: int) -> None:
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    draft.replace(path)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Two starts at once make one PKI."""
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
