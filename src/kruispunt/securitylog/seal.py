"""A message in the security log: compressed, then encrypted with AES-GCM, bound to its ticket and direction.

Layout before compression: four bytes, big-endian, the length of the notes; the notes as JSON (a list of pairs); the
message as it was on the wire. Compression is zstd, with the sample of the data key once it has one (`pack.py`).
Layout of the result: twelve bytes nonce, then ciphertext and tag. A sample is encrypted likewise, bound to its key.
"""

from __future__ import annotations

import json

import zstandard
from cryptography.exceptions import InvalidTag

from kruispunt.errors import StorageError
from kruispunt.identifiers.ticket import Ticket
from kruispunt.securitylog.entry import Kind, Message
from kruispunt.securitylog.keys import DataKey
from kruispunt.securitylog.pack import notes_as_json


def seal(message: Message, key: DataKey, ticket: Ticket, kind: Kind) -> bytes:
    notes = notes_as_json(message.notes)
    plain = key.packing.pack(len(notes).to_bytes(4, "big") + notes + message.data)
    return key.encrypt(plain, _bound_to(ticket, kind))


def unseal(payload: bytes, key: DataKey, owner: str, ticket: Ticket, kind: Kind) -> Message:
    """Raises StorageError when the payload is not the one that was sealed for this entry."""
    try:
        plain = key.packing.unpack(key.decrypt(payload, _bound_to(ticket, kind)))
    except (InvalidTag, zstandard.ZstdError) as error:
        raise StorageError(f"the message of entry {ticket}/{kind.name} was altered, or belongs to another") from error
    end = 4 + int.from_bytes(plain[:4], "big")
    notes = tuple((step, text) for step, text in json.loads(plain[4:end]))
    return Message(owner, plain[end:], notes)


def _bound_to(ticket: Ticket, kind: Kind) -> bytes:
    return bytes.fromhex(ticket.replace("-", "")) + bytes((kind,))
