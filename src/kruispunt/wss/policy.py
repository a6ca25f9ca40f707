"""What a signature may look like: the algorithms, and what may differ per client (PL-05, PL-06).

The profile is closed: one way is right and everything else is refused. Only what stands in `Policy` can be
loosened, and then for one client, by name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final

from cryptography.hazmat.primitives import hashes

from kruispunt.xml.namespaces import DS

_XMLENC: Final = "http://www.w3.org/2001/04/xmlenc#"
_DSIG_MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"
_MESSAGE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#"
_X509: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#"

X509_V3: Final = _X509 + "X509v3"
"""The only kind of token: one certificate (X.509 token profile 1.0 and 1.1)."""
BASE64_BINARY: Final = _MESSAGE + "Base64Binary"
RSA_SHA256: Final = _DSIG_MORE + "rsa-sha256"
ECDSA_SHA256: Final = _DSIG_MORE + "ecdsa-sha256"
ECDSA_SHA384: Final = _DSIG_MORE + "ecdsa-sha384"
SHA256: Final = _XMLENC + "sha256"
SHA1_DIGEST: Final = DS + "sha1"

MAX_TOKEN_CHARACTERS: Final = 16 * 1024
"""Of one BinarySecurityToken: a certificate has some two thousand."""
MAX_PREFIX_LIST_CHARACTERS: Final = 256
MAX_PREFIXES: Final = 16
"""In one `PrefixList`: every name in it is looked up again at every element that is canonicalised."""


class KeyKind(Enum):
    RSA = "RSA"
    ECDSA = "ECDSA"


@dataclass(frozen=True, slots=True)
class SignatureMethod:
    """One algorithm of `SignatureMethod`."""

    kind: KeyKind
    digest: hashes.HashAlgorithm
    weak: bool = False
    """Only for a client that an operator names (`Policy.allow_sha1`)."""


@dataclass(frozen=True, slots=True)
class DigestMethod:
    """One algorithm of `DigestMethod`."""

    digest: Callable[[bytes], bytes]
    weak: bool = False


SIGNATURE_METHODS: Final = {
    RSA_SHA256: SignatureMethod(KeyKind.RSA, hashes.SHA256()),
    _DSIG_MORE + "rsa-sha384": SignatureMethod(KeyKind.RSA, hashes.SHA384()),
    _DSIG_MORE + "rsa-sha512": SignatureMethod(KeyKind.RSA, hashes.SHA512()),
    ECDSA_SHA256: SignatureMethod(KeyKind.ECDSA, hashes.SHA256()),
    ECDSA_SHA384: SignatureMethod(KeyKind.ECDSA, hashes.SHA384()),
    _DSIG_MORE + "ecdsa-sha512": SignatureMethod(KeyKind.ECDSA, hashes.SHA512()),
    DS + "rsa-sha1": SignatureMethod(KeyKind.RSA, hashes.SHA1(), weak=True),  # noqa: S303
}

DIGEST_METHODS: Final = {
    SHA256: DigestMethod(lambda data: hashlib.sha256(data).digest()),
    _DSIG_MORE + "sha384": DigestMethod(lambda data: hashlib.sha384(data).digest()),
    _XMLENC + "sha512": DigestMethod(lambda data: hashlib.sha512(data).digest()),
    SHA1_DIGEST: DigestMethod(lambda data: hashlib.sha1(data, usedforsecurity=False).digest(), weak=True),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """What one client's messages must satisfy. The default is the strict one."""

    ahead: timedelta = timedelta(seconds=60)
    """How far `Created` may lie in the future: clocks differ."""
    age: timedelta = timedelta(minutes=5)
    """How old `Created` may be."""
    life: timedelta = timedelta(minutes=5)
    """How long after `Created` `Expires` may lie."""
    allow_unsigned_token: bool = False
    """For a toolkit that cannot sign its BinarySecurityToken."""
    allow_sha1: bool = False
    """For a client that cannot do SHA-256: `rsa-sha1` and `sha1`."""
    min_rsa_bits: int = 2048
    max_rsa_bits: int = 8192
    """The cost of a verification grows with the square of the key."""
    curves: frozenset[str] = frozenset({"secp256r1", "secp384r1"})
    """P-256 and P-384, by the names that `cryptography` uses."""


STRICT: Final = Policy()
