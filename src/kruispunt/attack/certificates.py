"""Certificates of every wrong kind, made on the spot: for the signer and for the TLS client alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kruispunt.attack.model import Expected, NoTls, Refused
from kruispunt.wss.sign import PrivateKey

DAY: Final = timedelta(days=1)
CA: Final = x509.BasicConstraints(ca=True, path_length=None)

Authority = tuple[x509.Certificate, PrivateKey]


@cache
def rsa_key(bits: int = 2048, _number: int = 0) -> rsa.RSAPrivateKey:
    """A key of this process: made once, because that takes a while."""
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key(curve: type[ec.EllipticCurve] = ec.SECP256R1, _number: int = 0) -> ec.EllipticCurvePrivateKey:
    """As `rsa_key`."""
    return ec.generate_private_key(curve())


def own_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """The attacker's own."""
    return rsa_key(bits, 99)


def usage(**granted: bool) -> x509.KeyUsage:
    """A KeyUsage that grants what is named, and nothing else."""
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


def certificate(
    name: str | x509.Name,
    key: PrivateKey,
    issuer: Authority | None = None,
    *extensions: x509.ExtensionType,
    begin: datetime,
    end: datetime,
    serial: int | None = None,
) -> x509.Certificate:
    """A certificate with a common name, or a whole one, and the extensions asked for; self-signed without issuer."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) if isinstance(name, str) else name
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256())


@dataclass(frozen=True, slots=True)
class Ground:
    """What wrong certificates are made from."""

    now: datetime
    issuer: Authority
    victim: Authority
    """The victim's certificate and key: genuine, and no authority."""

    def issued(
        self,
        *extensions: x509.ExtensionType,
        issuer: Authority | None = None,
        key: PrivateKey | None = None,
        begin: timedelta = -DAY,
        end: timedelta = DAY,
        serial: int | None = None,
    ) -> x509.Certificate:
        """In the victim's whole name; for a key of the attacker, by the genuine issuer, unless told otherwise."""
        return certificate(
            self.victim[0].subject,
            key or own_key(),
            issuer or self.issuer,
            *extensions,
            begin=self.now + begin,
            end=self.now + end,
            serial=serial,
        )

    def false_issuer(self, name: str | x509.Name) -> Authority:
        key = ec_key(_number=99)
        made = certificate(
            name, key, None, CA, usage(key_cert_sign=True), begin=self.now - DAY, end=self.now + 30 * DAY
        )
        return made, key


@dataclass(frozen=True, slots=True)
class Wrong:
    """One kind of wrong certificate, and what it must meet in either role."""

    what: str
    make: Callable[[Ground], x509.Certificate]
    signer: Expected
    tls: Expected
    key: Callable[[Ground], PrivateKey] = lambda _: own_key()


_CERTIFICATE: Final = Refused("MSG00015", "certificate")
_UNTRUSTED: Final = Refused("MSG00015", "certificate", "certificate.untrusted")
_SIGNER: Final = Refused("MSG00015", "registration", "registration.signer")
_TLS: Final = Refused("MSG00015", "registration", "registration.tls")


def _common_name(ground: Ground) -> x509.Certificate:
    genuine = ground.victim[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    name = str(genuine[0].value) if genuine else "client"
    return certificate(name, own_key(), ground.issuer, begin=ground.now - DAY, end=ground.now + DAY)


def _twin(ground: Ground) -> x509.Certificate:
    return ground.issued(serial=ground.victim[0].serial_number)


WRONG: Final[dict[str, Wrong]] = {
    "expired": Wrong(
        "The certificate ended yesterday.",
        lambda g: g.issued(begin=-2 * DAY, end=-DAY),
        Refused("MSG00015", "certificate", "certificate.expired"),
        NoTls(),
    ),
    "not-yet-valid": Wrong(
        "The certificate begins tomorrow.",
        lambda g: g.issued(begin=DAY, end=2 * DAY),
        Refused("MSG00015", "certificate", "certificate.not-yet-valid"),
        NoTls(),
    ),
    "self-signed": Wrong(
        "The certificate has the victim's name and is signed by its own key.",
        lambda g: certificate(g.victim[0].subject, own_key(), begin=g.now - DAY, end=g.now + DAY),
        _UNTRUSTED,
        NoTls(),
    ),
    "other-issuer": Wrong(
        "The certificate is of an issuer that nobody trusts.",
        lambda g: g.issued(issuer=g.false_issuer("Attacker's root")),
        _UNTRUSTED,
        NoTls(),
    ),
    "issuer-of-the-same-name": Wrong(
        "The certificate is of a false issuer with the name of the trusted one.",
        lambda g: g.issued(issuer=g.false_issuer(g.issuer[0].subject)),
        _UNTRUSTED,
        NoTls(),
    ),
    "issued-by-a-client": Wrong(
        "The certificate is signed by the key of a client, which may not issue any.",
        lambda g: g.issued(issuer=g.victim),
        _UNTRUSTED,
        NoTls(),
    ),
    "key-usage": Wrong(
        "The key may encipher keys, and may not sign.",
        lambda g: g.issued(usage(key_encipherment=True)),
        Refused("MSG00015", "certificate", "certificate.usage"),
        NoTls(),
    ),
    "authority-as-leaf": Wrong(
        "The certificate is one of an authority, issued by the trusted one.",
        lambda g: g.issued(CA, usage(key_cert_sign=True)),
        _CERTIFICATE,
        NoTls(),
    ),
    "weak-key": Wrong(
        "The key is RSA with 1,024 bits.",
        lambda g: g.issued(key=own_key(1024)),
        _SIGNER,
        NoTls(),
        lambda _: own_key(1024),
    ),
    "sha-1": Wrong(
        "The issuer's signature on the certificate is made with SHA-1.",
        lambda g: with_sha1(g.issued(), g.issuer[1]),
        _UNTRUSTED,
        NoTls(),
    ),
    "unregistered": Wrong(
        "The certificate is trusted and right in every way, and nobody registered it.",
        lambda g: g.issued(usage(digital_signature=True), x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])),
        _SIGNER,
        _TLS,
    ),
    "common-name-only": Wrong(
        "A trusted certificate with the victim's common name and nothing else.",
        _common_name,
        _SIGNER,
        _TLS,
    ),
    "twin": Wrong(
        "A trusted certificate with the victim's whole name and serial number, for another key.",
        _twin,
        _SIGNER,
        _TLS,
    ),
    "same-key": Wrong(
        "Another trusted certificate over the victim's own key.",
        lambda g: g.issued(key=g.victim[1]),
        _SIGNER,
        _TLS,
        lambda g: g.victim[1],
    ),
}


def with_sha1(genuine: x509.Certificate, key: PrivateKey) -> x509.Certificate:
    """The same certificate, signed anew with SHA-1: `cryptography` makes none, so the DER is put together here."""
    if isinstance(key, rsa.RSAPrivateKey):
        algorithm = bytes.fromhex("300d06092a864886f70d0101050500")
    else:
        algorithm = bytes.fromhex("300906072a8648ce3d0401")
    to_sign = genuine.tbs_certificate_bytes
    # The outer and the inner name of the algorithm are the same; the inner one stands once, behind the serial number.
    named = _algorithm_of(genuine.public_bytes(Encoding.DER), to_sign)
    changed = _wrapped(0x30, _content(to_sign).replace(named, algorithm, 1))
    sha1 = hashes.SHA1()  # noqa: S303
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(changed, padding.PKCS1v15(), sha1)
    else:
        signature = key.sign(changed, ec.ECDSA(sha1))
    return x509.load_der_x509_certificate(_wrapped(0x30, changed + algorithm + _wrapped(0x03, b"\0" + signature)))


def _algorithm_of(der: bytes, to_sign: bytes) -> bytes:
    """The AlgorithmIdentifier that follows what is signed."""
    at = der.index(to_sign) + len(to_sign)
    return der[at : at + 2 + der[at + 1]]


def _content(der: bytes) -> bytes:
    """What stands in a DER value, behind its tag and length."""
    return der[2 + (der[1] & 0x7F if der[1] & 0x80 else 0) :]


def _wrapped(tag: int, content: bytes) -> bytes:
    """A DER value."""
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + content
