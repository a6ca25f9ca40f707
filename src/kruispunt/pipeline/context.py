"""What is known of one request while it walks through the pipeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kruispunt.access.model import Grant, Organisation, Registration
from kruispunt.errors import Refusal
from kruispunt.identifiers.ssin import Ssin
from kruispunt.identifiers.ticket import Ticket
from kruispunt.pipeline.service import Operation, Outcome, Service
from kruispunt.repertory.integration import Subject

if TYPE_CHECKING:
    from lxml import etree

    from kruispunt.wss.verify import Signed


@dataclass(frozen=True, slots=True)
class TlsClient:
    """The certificate that the TLS client showed; the handshake has verified it."""

    fingerprint: str
    """SHA-256 of the DER form, lower-case hexadecimal."""
    subject: str
    """Distinguished name (RFC 4514)."""
    token: str = ""
    """The certificate itself: base64 of its DER form. Without it nobody can tell whether it was revoked."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One HTTP request, as the gateway hands it over."""

    path: str
    soap_action: str | None
    """The header's value as sent, quotes included; None when there is no such header."""
    body: bytes
    peer: str
    tls: TlsClient


@dataclass(frozen=True, slots=True)
class Claims:
    """What the verified message says of itself, read without trust in its structure; for the log."""

    organisation: str = ""
    legal_context: str = ""
    client_reference: str = ""
    ssins: tuple[str, ...] = ()
    """What stands in elements called `ssin`, when it looks like one."""


@dataclass(slots=True)
class Exchange:
    """Filled by the steps in their order; a step may rely on what the steps before it have set."""

    ticket: Ticket
    received: datetime
    incoming: Incoming
    service: Service | None = None
    operation: Operation | None = None
    parsed: etree._Element | None = None
    signed: Signed | None = None
    registration: Registration | None = None
    entered: bool = False
    """Whether the entry in is durable: from then on messages are logged whole."""
    request: etree._Element | None = None
    """The request element inside the very Body that was signed."""
    claims: Claims = field(default_factory=Claims)
    criteria: Any = None
    organisation: Organisation | None = None
    grant: Grant | None = None
    data_groups: frozenset[str] = frozenset()
    subject: Subject | None = None
    ssin: Ssin | None = None
    """The final SSIN, once the SSIN control let the request through."""
    outcome: Outcome | None = None
    refusal: Refusal | None = None
    delayed: float = 0.0
    """Seconds that the answer was held up on purpose (PL-16); no part of the platform's own time."""
    document: etree._Element | None = None
    """What a dialect opened: the document inside the element of the Body."""
    requests: list[Exchange] = field(default_factory=list)
    """In a dialect whose messages carry requests: each of them, in their order. Elsewhere the exchange is its own."""
    notes: list[tuple[str, str]] = field(default_factory=list)
    """What each step did, for `kruispunt why`; kept encrypted with the reply."""

    @property
    def root(self) -> etree._Element:
        """The Envelope; read_message has set it."""
        assert self.parsed is not None
        return self.parsed

    @property
    def stopped(self) -> Refusal | None:
        """What ended it: its own refusal, else the first of those of its requests."""
        if self.refusal is not None or not self.requests:
            return self.refusal
        return next((r.refusal for r in self.requests if r.refusal is not None), None)

    def note(self, step: str, text: str) -> None:
        self.notes.append((step, text))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway sends."""

    status: int
    body: bytes
    content_type: str = "text/xml; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
