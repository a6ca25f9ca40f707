"""Keys from files with strict modes."""

from __future__ import annotations

import stat
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kruispunt.errors import ConfigurationError

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def read_secret(path: Path) -> bytes:
    """The contents of a secret file. Raises ConfigurationError when others could read it."""
    try:
        mode = path.stat().st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigurationError(
                f"{path}: others may read this secret (mode {stat.S_IMODE(mode):04o}). Run: chmod 600 {path}"
            )
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error


def read_key(path: Path) -> PrivateKey:
    """An RSA or elliptic-curve private key in PEM form, without a password."""
    try:
        key = load_pem_private_key(read_secret(path), None)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"{path}: not a private key in PEM form without password: {error}") from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ConfigurationError(f"{path}: the key must be RSA or elliptic-curve")
    return key


def read_certificates(path: Path) -> list[x509.Certificate]:
    """All certificates of a PEM file, in their order."""
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError(f"{path}: not certificates in PEM form: {error}") from error
