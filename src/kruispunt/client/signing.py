"""A client's half of WS-Security, for any SOAP toolkit: sign what goes out, trust nothing unsigned.

`zeep_plugin` and `suds_plugin` fit it to those two toolkits.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path

from cryptography import x509
from lxml import etree

from kruispunt.clock import Clock, SystemClock
from kruispunt.errors import ConfigurationError, Refusal, ReplyNotTrusted
from kruispunt.wss.policy import STRICT, Policy
from kruispunt.wss.sign import Signer
from kruispunt.wss.trust import PinnedCertificates, Trust, Trusted, TrustStore, untrusted
from kruispunt.wss.verify import Signed, verify
from kruispunt.xml.parse import REPLY_LIMITS, parse


class NamedSigner:
    """Trusts one signer by name: a certificate of a trusted issuer whose subject is exactly this one.

    That the issuer is trusted is not enough: every client of the platform has a certificate of it too.
    """

    def __init__(self, store: TrustStore, subject: str) -> None:
        self._store = store
        self._subject = subject

    def trusted(self, token: str, now: datetime) -> Trusted:
        """The certificate in a token; raises AuthenticationRefused when it is not the platform's."""
        found = self._store.trusted(token, now)
        if found.subject != self._subject:
            raise untrusted("certificate.untrusted", f"the reply is signed by {found.subject}")
        return found


def platform_trust(trusted: Path | Sequence[Path], subject: str | None = None) -> Trust:
    """Whom a client trusts, from PEM files.

    Without `subject` the files hold the very certificates that the platform signs with. With `subject`, its
    distinguished name as RFC 4514 writes it ("CN=Kruispunt,O=…"), they hold those of the issuers.
    """
    certificates: list[x509.Certificate] = []
    for path in [trusted] if isinstance(trusted, Path) else trusted:
        try:
            certificates += x509.load_pem_x509_certificates(path.read_bytes())
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"no certificate can be read from {path}: {error}") from error
    if subject is not None:
        return NamedSigner(TrustStore(certificates), subject)
    return PinnedCertificates(certificates)


class ClientSecurity:
    """Signs requests with the client's key and verifies replies and faults.

    A reply that confirms a signature (WS-Security 1.1) must confirm that of the request sent last in the same
    thread or task; with `confirmed=True` every reply must. May be shared between threads and tasks.
    """

    def __init__(
        self,
        signer: Signer,
        trust: Trust,
        *,
        clock: Clock | None = None,
        policy: Policy = STRICT,
        confirmed: bool = False,
    ) -> None:
        self._signer = signer
        self._trust = trust
        self._clock = clock or SystemClock()
        self._policy = policy
        self._confirmed = confirmed
        self._sent: ContextVar[str | None] = ContextVar("signature_value", default=None)

    def sign_tree(self, envelope: etree._Element) -> None:
        """Add a signature to the envelope of a request."""
        self._sent.set(self._signer.sign_tree(envelope, self._clock.now()))

    def sign(self, envelope: bytes) -> bytes:
        """As `sign_tree`, from bytes to bytes."""
        root = parse(envelope, REPLY_LIMITS)
        self.sign_tree(root)
        return etree.tostring(root, encoding="utf-8", xml_declaration=True)

    def verify_tree(self, envelope: etree._Element) -> Signed:
        """Verify a reply or a fault; raises ReplyNotTrusted. Use only the `body` of what is returned."""
        # Canonicalisation drops comments and reads past them; a reader of `.text` stops at one.
        unread = (etree.Comment, etree.ProcessingInstruction, etree.Entity)
        if next(envelope.iter(*unread), None) is not None:
            raise ReplyNotTrusted("the reply holds comments, processing instructions or entities")
        try:
            signed = verify(envelope, self._trust, self._clock.now(), lambda _: self._policy, reply=True)
        except Refusal as refusal:
            raise ReplyNotTrusted(f"the reply must not be used: {refusal.why} ({refusal.rule})") from refusal
        self._check_confirmation(signed)
        return signed

    def verify(self, envelope: bytes) -> tuple[etree._Element, Signed]:
        """As `verify_tree`, from bytes; the envelope as it was parsed, and what is signed of it."""
        try:
            root = parse(envelope, REPLY_LIMITS)
        except Refusal as refusal:
            raise ReplyNotTrusted(f"the reply must not be used: {refusal.why} ({refusal.rule})") from refusal
        return root, self.verify_tree(root)

    def _check_confirmation(self, signed: Signed) -> None:
        if signed.confirms is None:
            if self._confirmed:
                raise ReplyNotTrusted("the reply does not confirm the signature of the request")
        elif signed.confirms != self._sent.get():
            raise ReplyNotTrusted("the reply confirms the signature of another request")
