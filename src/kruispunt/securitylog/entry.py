"""What one entry of the security log says (PL-30), and the bytes by which it can be proved.

The canonical bytes of an entry are JSON: keys sorted, no white space, ASCII only, every value a string, a number, a
list of strings or null. They hold the digest of the encrypted message, not the message: destroying the key leaves
every proof valid. They are what a hash tree takes as its leaf.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from hashlib import sha256
from typing import Final

from kruispunt.clock import to_text
from kruispunt.identifiers.ticket import Ticket

FORM = 1
"""Version of the canonical form; it stands in every entry."""
_text: Final = json.encoder.encode_basestring_ascii


class Kind(IntEnum):
    INCOMING = 0
    OUTGOING = 1
    READING = 2
    KEYS = 3
    """A change of the log's own keys; no message."""


@dataclass(frozen=True, slots=True)
class Message:
    """The message of an entry, before it is encrypted under the key of the signer's organisation."""

    owner: str
    """Code of the organisation that the *signer's certificate* is registered under; never what the message claims."""
    data: bytes
    notes: tuple[tuple[str, str], ...] = ()
    """What each step of the pipeline did, for `kruispunt why`; encrypted with the message."""
    usual: bool = True
    """Whether it is SOAP, as most are; from another one nothing is learnt for those that follow (`pack.py`)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One exchange, one direction. Texts are empty where nothing is known."""

    ticket: Ticket
    kind: Kind
    at: datetime
    peer: str
    """Address of the TLS peer."""
    tls_client: str
    """SHA-256 of the TLS client certificate."""
    path: str
    operation: str = ""
    """`Service/operation`."""
    signer: str = ""
    """SHA-256 of the signer's certificate."""
    application: str = ""
    """URN under which the signer is registered."""
    organisation: str = ""
    """Key of the organisation that the request names: CBE number or sector/institution."""
    legal_context: str = ""
    client_reference: str = ""
    """The client's own ticket."""
    outcome: str = ""
    """Code of the reply or fault; empty for an incoming message."""
    rule: str = ""
    """The rule that stopped the exchange; empty when none did."""
    subjects: tuple[str, ...] = ()
    """SSINs consulted or returned, in clear: they are stored as keyed digests only (PL-33)."""
    size: int = 0
    digest: str = ""
    """SHA-256 of the message, for refused messages that are not kept themselves."""
    suppressed: int = 0
    """Refusals of the same source that were counted and not logged one by one, since the last entry."""
    message: Message | None = None


def canonical(entry: Entry, subjects: list[bytes], payload: bytes | None, key: int | None) -> bytes:
    """The bytes that prove an entry. `subjects` are the keyed digests, `payload` the ciphertext.

    Written as text in the order of the keys, at a third of what an encoder needs; a test holds it against one.
    """
    digests = ",".join([f'"{subject.hex()}"' for subject in subjects])
    return (
        f'{{"application":{_text(entry.application)},"at":"{to_text(entry.at)}"'
        f',"client_reference":{_text(entry.client_reference)},"digest":{_text(entry.digest)},"form":{FORM}'
        f',"key":{"null" if key is None else key},"kind":{entry.kind:d},"legal_context":{_text(entry.legal_context)}'
        f',"operation":{_text(entry.operation)},"organisation":{_text(entry.organisation)}'
        f',"outcome":{_text(entry.outcome)},"path":{_text(entry.path)}'
        f',"payload":{"null" if payload is None else _text(sha256(payload).hexdigest())},"peer":{_text(entry.peer)}'
        f',"rule":{_text(entry.rule)},"signer":{_text(entry.signer)},"size":{entry.size}'
        f',"subjects":[{digests}],"suppressed":{entry.suppressed}'
        f',"ticket":{_text(entry.ticket)},"tls_client":{_text(entry.tls_client)}}}'
    ).encode("ascii")
