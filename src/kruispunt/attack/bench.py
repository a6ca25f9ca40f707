"""What attacks are played on: a victim, a question that is answered, and what other certificates an attacker has."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from lxml import etree

from kruispunt.attack.certificates import Ground
from kruispunt.attack.edit import Change, edited, resigned
from kruispunt.attack.model import Means
from kruispunt.clock import Clock
from kruispunt.errors import ConfigurationError
from kruispunt.wss.sign import PrivateKey, Signer
from kruispunt.xml.build import attribute
from kruispunt.xml.namespaces import SOAP


@dataclass(frozen=True)
class Identity:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: PrivateKey

    @classmethod
    def from_files(cls, certificate: Path, key: Path) -> Identity:
        """From PEM files; ConfigurationError when they cannot be used."""
        try:
            found = load_pem_private_key(key.read_bytes(), None)
            shown = x509.load_pem_x509_certificate(certificate.read_bytes())
        except (OSError, ValueError, TypeError) as error:
            raise ConfigurationError(f"{certificate} and {key} cannot be read: {error}") from error
        if not isinstance(found, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise ConfigurationError(f"{key} holds neither an RSA nor an ECDSA key")
        if found.public_key() != shown.public_key():
            raise ConfigurationError(f"{key} is not the key of {certificate}")
        return cls(shown, found)

    @cached_property
    def signer(self) -> Signer:
        return Signer(self.key, self.certificate)


class Compose(Protocol):
    """Writes a request element as canonical text; what is not given is as in the question that is answered."""

    def __call__(
        self,
        *,
        ssin: str | None = None,
        organisation: str | None = None,
        legal_context: str | None = None,
        ticket: str | None = None,
    ) -> str: ...


@dataclass(frozen=True, slots=True)
class Question:
    """A question of the victim that the server answers with data."""

    path: str
    soap_action: str
    compose: Compose
    ssin: str
    """The number that is asked about."""
    forged: str
    """Another number that the victim may ask about: what an attacker wants to put in its place."""
    legal_context: str
    other_action: str
    """The SOAPAction of another operation of the same service."""
    organisations: Sequence[str] = ()
    """Other organisations that exist, as CBE number or sector/institution; the victim may not speak for them."""
    legal_contexts: Sequence[str] = ()
    """Legal contexts that exist, and that the victim may not use."""


@dataclass(frozen=True, slots=True)
class Form:
    """One operation of a contract: where it is asked, and a request of somebody that is answered."""

    name: str
    """As in the attacks' names: service and operation."""
    path: str
    soap_action: str
    schema: Path
    """The XSD that declares the request element."""
    sample: str
    """A request that is answered, as canonical text."""
    client: str
    """Name of the client in `Bench.clients` who may send it."""


@dataclass(frozen=True)
class Bench:
    """One victim, whose right message is to be misused."""

    question: Question
    victim: Identity
    ca: bytes
    """Whom the TLS client trusts; PEM."""
    clock: Clock
    means: Mapping[Means, Identity] = field(default_factory=dict)
    forms: Sequence[Form] = ()
    clients: Mapping[str, Identity] = field(default_factory=dict)
    """Who may send the forms, by name."""
    trap: str = "http://127.0.0.1:1"
    """An address where nobody may ever knock: what a message names is not fetched."""

    @property
    def now(self) -> datetime:
        return self.clock.now()

    @property
    def key(self) -> rsa.RSAPrivateKey:
        assert isinstance(self.victim.key, rsa.RSAPrivateKey)
        return self.victim.key

    @property
    def ground(self) -> Ground:
        issuer = self.means[Means.ISSUER]
        return Ground(self.now, (issuer.certificate, issuer.key), (self.victim.certificate, self.victim.key))

    def body(
        self,
        *,
        ssin: str | None = None,
        organisation: str | None = None,
        legal_context: str | None = None,
        ticket: str | None = None,
    ) -> str:
        """The victim's request element."""
        return self.question.compose(ssin=ssin, organisation=organisation, legal_context=legal_context, ticket=ticket)

    def forged(self) -> str:
        """The request element that the attacker wants to be answered."""
        return self.body(ssin=self.question.forged)

    def message(self, body: str | None = None, signer: Identity | None = None) -> bytes:
        """A message that is answered with data; or another one, signed now by the victim or somebody else."""
        return (signer or self.victim).signer.envelope(self.body() if body is None else body, self.now)

    def around(self, content: str, signer: Identity | None = None, **declared: str) -> bytes:
        """An envelope around any well-formed content, signed; `declared` on the Envelope, by prefix."""
        names = "".join(attribute(f"xmlns:{prefix}", uri) for prefix, uri in declared.items())
        envelope = etree.fromstring(
            f'<s:Envelope xmlns:s="{SOAP}"{names}><s:Header/><s:Body>{content}</s:Body></s:Envelope>'.encode()
        )
        (signer or self.victim).signer.sign_tree(envelope, self.now)
        return etree.tostring(envelope)

    def edited(self, change: Change) -> bytes:
        """The victim's message after a change, with the signature as it was."""
        return edited(self.message(), change)

    def resigned(
        self, change: Change, algorithm: HashAlgorithm | None = None, by: rsa.RSAPrivateKey | None = None
    ) -> bytes:
        """The victim's message after a change, signed anew by the victim: wrong by the profile alone.

        With `by`, it is another key that signs.
        """
        return resigned(self.message(), change, by or self.key, algorithm)

    def tls(
        self, identity: Identity | None, prepare: Callable[[ssl.SSLContext], object] = lambda _: None
    ) -> ssl.SSLContext:
        """TLS with somebody's certificate, or with none; `prepare` may loosen what a decent client insists on."""
        context = ssl.create_default_context(cadata=self.ca.decode("ascii"))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        prepare(context)
        if identity is not None:
            _load(context, identity)
        return context


def _load(context: ssl.SSLContext, identity: Identity) -> None:
    """OpenSSL takes certificates from files only."""
    pem = identity.certificate.public_bytes(Encoding.PEM)
    key = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with tempfile.NamedTemporaryFile(prefix="kruispunt-attack-") as file:
        file.write(key + pem)
        file.flush()
        context.load_cert_chain(file.name)
