"""The client's certificate as a proxy hands it on (RFC 9440), and what is still checked of it.

The proxy has done the TLS handshake, so it alone knows that the client holds the key. That is all it is trusted for:
whether the certificate is one of a trusted issuer, valid now, fit for a client and of a key that is large enough, is
decided here.

| form | written by |
|---|---|
| `:MIIB…:` | RFC 9440, a byte sequence of RFC 8941, without parameters |
| `MIIB…` | HAProxy's `%[ssl_c_der,base64]` |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from kruispunt.clock import Clock
from kruispunt.errors import AuthenticationRefused, TransportRefusal
from kruispunt.gateway.http import peer_of
from kruispunt.pipeline.context import TlsClient
from kruispunt.wss.policy import STRICT
from kruispunt.wss.trust import Trust, Trusted

ADDRESS_HEADER: Final = b"x-forwarded-for"
"""Of the client; one address, which the proxy sets."""
MALFORMED: Final = "certificate.form"
"""The trust store's rule, whose words are about a message."""
_CLIENT_USES: Final = frozenset({ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})


@dataclass(frozen=True, slots=True)
class Forwarded:
    """Reads the certificate of each request; for connections that come from the proxy, and from nobody else."""

    header: bytes
    """Its name, in lower case."""
    trust: Trust
    clock: Clock

    def __call__(self, scope: Any) -> TlsClient:
        """The TLS client of a request; raises TransportRefusal with status 403."""
        token = _token(_only(scope["headers"], self.header))
        try:
            trusted = self.trust.trusted(token, self.clock.now())
        except AuthenticationRefused as refusal:
            held = "the header holds no X.509 certificate in base64" if refusal.rule == MALFORMED else refusal.why
            raise TransportRefusal(403, "proxy.certificate", f"No client certificate: {held}.") from refusal
        _check_use(trusted.certificate)
        _check_key(trusted)
        return TlsClient(trusted.fingerprint, trusted.subject, token)


def address_of(scope: Any) -> str:
    """The client's address as the proxy tells it, or else the proxy's own. Raises TransportRefusal (403)."""
    told = [value for name, value in scope["headers"] if name == ADDRESS_HEADER]
    if not told:
        return peer_of(scope)
    try:
        (one,) = told
        return str(ip_address(one.decode("ascii")))
    except ValueError:
        raise TransportRefusal(403, "proxy.address", "X-Forwarded-For must be one address, set by the proxy.") from None


def _only(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> bytes:
    found = [value for one, value in headers if one == name]
    if not found or found == [b""]:
        raise TransportRefusal(403, "proxy.no-certificate", "A client certificate is required.")
    if len(found) > 1:
        raise TransportRefusal(403, "proxy.repeated", "The header of the client certificate stands there twice.")
    return found[0]


def _token(value: bytes) -> str:
    if value.startswith(b":"):
        if len(value) < 3 or not value.endswith(b":"):
            raise TransportRefusal(403, "proxy.form", "The header of the client certificate has another form.")
        value = value[1:-1]
    return value.decode("latin-1")


def _check_key(trusted: Trusted) -> None:
    """As a handshake would: OpenSSL takes no RSA key of less than 2,048 bits from a client, a proxy may."""
    if isinstance(trusted.key, rsa.RSAPublicKey) and trusted.key.key_size < STRICT.min_rsa_bits:
        raise TransportRefusal(403, "proxy.key", "The key of the client certificate is too small.")


def _check_use(certificate: x509.Certificate) -> None:
    """As a handshake would: a certificate that is meant for something else is no client's."""
    try:
        uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return
    if _CLIENT_USES.isdisjoint(uses):
        raise TransportRefusal(403, "proxy.usage", "The client certificate is not meant for clients.")
