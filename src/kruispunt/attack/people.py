"""Who speaks: certificates of every wrong kind as signer and as TLS client, and certificates in HTTP headers."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from kruispunt.attack.bench import Bench, Identity
from kruispunt.attack.certificates import DAY, WRONG, Wrong
from kruispunt.attack.edit import CERTIFICATE, edited, texting
from kruispunt.attack.model import Attack, Means, NoTls, Refused, Shot
from kruispunt.wss.trust import token_of

_ISSUER: Final = frozenset({Means.ISSUER})

OTHER_KEYS: Final[dict[str, tuple[Callable[[], object], str]]] = {
    "ed25519": (ed25519.Ed25519PrivateKey.generate, "certificate"),
    "dsa": (lambda: dsa.generate_private_key(1024), "certificate"),  # noqa: S505  a larger one takes long to make
    "p-521": (lambda: ec.generate_private_key(ec.SECP521R1()), "registration"),
    "brainpool": (lambda: ec.generate_private_key(ec.BrainpoolP256R1()), "registration"),
}
"""Kinds of keys that the profile does not know, and the reason of the refusal: an unknown curve is looked at only
once somebody registered such a certificate."""


def signers() -> Iterator[Attack]:
    """The victim's question, signed by somebody who is not the victim."""
    for name, wrong in WRONG.items():
        yield Attack(f"signer/{name}", wrong.what, partial(_signed, wrong), _ISSUER)
    for name, (make, reason) in OTHER_KEYS.items():
        yield Attack(
            f"signer/key-{name}",
            f"A certificate of the trusted issuer for a key of kind {name}.",
            partial(_key, make, Refused("MSG00015", reason)),
            _ISSUER,
        )
    yield Attack("signer/issuer-itself", "The trusted issuer's own certificate signs.", _issuer, _ISSUER)
    yield Attack(
        "signer/of-the-server",
        "The server's TLS certificate signs.",
        partial(_by, Means.SERVER),
        frozenset({Means.SERVER}),
    )
    yield Attack(
        "signer/stranger",
        "Somebody whom nobody registered signs.",
        partial(_by, Means.STRANGER),
        frozenset({Means.STRANGER}),
    )
    yield Attack(
        "signer/of-another-service",
        "Another client signs and carries, who is registered for another service.",
        _other_service,
        frozenset({Means.OTHER}),
    )


def _signed(wrong: Wrong, bench: Bench) -> Iterator[Shot]:
    ground = bench.ground
    key, token = wrong.key(ground), token_of(wrong.make(ground))
    assert isinstance(key, rsa.RSAPrivateKey)
    message = bench.resigned(texting(CERTIFICATE, token), by=key)
    yield Shot(message, wrong.signer)


def _key(make: Callable[[], object], expected: Refused, bench: Bench) -> Iterator[Shot]:
    key = make()
    issuer = bench.means[Means.ISSUER]
    assert isinstance(key, ed25519.Ed25519PrivateKey | dsa.DSAPrivateKey | ec.EllipticCurvePrivateKey)
    made = (
        x509.CertificateBuilder()
        .subject_name(bench.victim.certificate.subject)
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(bench.now - DAY)
        .not_valid_after(bench.now + DAY)
    )
    token = token_of(made.sign(issuer.key, hashes.SHA256()))
    message = edited(bench.message(), texting(CERTIFICATE, token))
    yield Shot(message, expected)


def _issuer(bench: Bench) -> Iterator[Shot]:
    yield Shot(bench.message(signer=bench.means[Means.ISSUER]), Refused("MSG00015", "certificate"))


def _by(means: Means, bench: Bench) -> Iterator[Shot]:
    message = bench.message(signer=bench.means[means])
    yield Shot(message, Refused("MSG00015", "registration", "registration.signer"))


def _other_service(bench: Bench) -> Iterator[Shot]:
    other = bench.means[Means.OTHER]
    yield Shot(
        bench.message(signer=other),
        Refused("MSG00015", "registration", "registration.service"),
        over=bench.tls(other),
    )


def tls_clients() -> Iterator[Attack]:
    """The victim's message, rightly signed, over a connection of somebody else."""
    for name, wrong in WRONG.items():
        yield Attack(f"tls/{name}", wrong.what, partial(_over, wrong), _ISSUER)
    yield Attack("tls/issuer-itself", "The trusted issuer's own certificate is shown.", _over_issuer, _ISSUER)
    yield Attack(
        "tls/of-the-server",
        "The server's own certificate, which is for servers, is shown.",
        _over_server,
        frozenset({Means.SERVER}),
    )
    yield Attack(
        "tls/stranger",
        "Somebody whom nobody registered carries the victim's message.",
        partial(_carried, Means.STRANGER, "registration.tls"),
        frozenset({Means.STRANGER}),
    )
    for means, told in ((Means.OTHER, "Another client"), (Means.ECDSA, "Another application of the same organisation")):
        yield Attack(
            f"tls/carried-by-{means.name.lower()}",
            f"{told} carries the victim's message, and was not allowed to.",
            partial(_carried, means, "registration.transport"),
            frozenset({means}),
        )
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        yield Attack(
            f"tls/no-certificate-{version.name[-1]}",
            f"No certificate is shown, in TLS 1.{version.name[-1]}.",
            partial(_anonymous, version),
        )
    yield Attack("tls/old-version", "TLS 1.0 and 1.1.", _old)
    yield Attack("tls/plain-http", "HTTP without TLS.", _plain)


def _weak(context: ssl.SSLContext) -> None:
    """A client that shows what OpenSSL would not let it show."""
    context.set_ciphers("DEFAULT:@SECLEVEL=0")


def _over(wrong: Wrong, bench: Bench) -> Iterator[Shot]:
    ground = bench.ground
    shown = Identity(wrong.make(ground), wrong.key(ground))
    yield Shot(bench.message(), wrong.tls, over=bench.tls(shown, _weak))


def _over_issuer(bench: Bench) -> Iterator[Shot]:
    yield Shot(bench.message(), NoTls(), over=bench.tls(bench.means[Means.ISSUER], _weak))


def _over_server(bench: Bench) -> Iterator[Shot]:
    yield Shot(bench.message(), NoTls(), over=bench.tls(bench.means[Means.SERVER]))


def _carried(means: Means, rule: str, bench: Bench) -> Iterator[Shot]:
    yield Shot(bench.message(), Refused("MSG00015", "registration", rule), over=bench.tls(bench.means[means]))


def _anonymous(version: ssl.TLSVersion, bench: Bench) -> Iterator[Shot]:
    def only(context: ssl.SSLContext) -> None:
        context.minimum_version = context.maximum_version = version

    yield Shot(bench.message(), NoTls(), over=bench.tls(None, only))


def _old(bench: Bench) -> Iterator[Shot]:
    def old(context: ssl.SSLContext) -> None:
        _weak(context)
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.minimum_version = ssl.TLSVersion.TLSv1

    yield Shot(bench.message(), NoTls(), over=bench.tls(bench.victim, old))


def _plain(bench: Bench) -> Iterator[Shot]:
    request = f"GET {bench.question.path}?wsdl HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    yield Shot(request.encode(), NoTls(), raw=True, plain=True)


# Certificates in headers: over direct TLS they mean nothing.

Lines = tuple[tuple[str, str], ...]

HEADERS: Final[dict[str, tuple[str, Callable[[x509.Certificate], Lines]]]] = {
    "client-cert": ("Client-Cert (RFC 9440)", lambda shown: (("Client-Cert", f":{token_of(shown)}:"),)),
    "client-cert-twice": ("Client-Cert, twice", lambda shown: (("Client-Cert", f":{token_of(shown)}:"),) * 2),
    "client-cert-chain": (
        "Client-Cert and Client-Cert-Chain",
        lambda shown: (("Client-Cert", f":{token_of(shown)}:"), ("Client-Cert-Chain", f":{token_of(shown)}:")),
    ),
    "client-cert-bare": ("Client-Cert without colons (HAProxy)", lambda shown: (("Client-Cert", token_of(shown)),)),
    "haproxy": (
        "X-SSL-Client-DER (HAProxy)",
        lambda shown: (("X-SSL-Client-DER", token_of(shown)), ("X-SSL-Client-Verify", "0")),
    ),
    "nginx": (
        "X-SSL-Cert (nginx)",
        lambda shown: (
            ("X-SSL-Cert", base64.b64encode(shown.public_bytes(Encoding.PEM)).decode()),
            ("X-SSL-Client-Verify", "SUCCESS"),
        ),
    ),
    "envoy": (
        "X-Forwarded-Client-Cert (Envoy)",
        lambda shown: (("X-Forwarded-Client-Cert", f'Subject="{shown.subject.rfc4514_string()}"'),),
    ),
    "subject": (
        "SSL_CLIENT_S_DN (Apache)",
        lambda shown: (("SSL_CLIENT_S_DN", shown.subject.rfc4514_string()), ("SSL_CLIENT_VERIFY", "SUCCESS")),
    ),
    "forwarded": (
        "Forwarded and X-Forwarded-For of the machine itself",
        lambda _: (("Forwarded", "for=127.0.0.1;proto=https"), ("X-Forwarded-For", "127.0.0.1")),
    ),
}
"""How proxies hand on a certificate, by name."""


def headers() -> Iterator[Attack]:
    """A stranger's connection, and the victim's certificate in a header."""
    for name, (told, make) in HEADERS.items():
        yield Attack(
            f"headers/{name}",
            f"A stranger carries the victim's message, with a header: {told}.",
            partial(_claimed, make),
            frozenset({Means.STRANGER}),
        )


def _claimed(make: Callable[[x509.Certificate], Lines], bench: Bench) -> Iterator[Shot]:
    yield Shot(
        bench.message(),
        Refused("MSG00015", "registration", "registration.tls"),
        over=bench.tls(bench.means[Means.STRANGER]),
        headers=make(bench.victim.certificate),
    )
