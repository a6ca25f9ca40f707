"""A message in the security log: compressed, then encrypted with AES-GCM, bound to its ticket and direction.

Layout before compression: four bytes, big-endian, the length of the notes; the notes as JSON (a list of pairs); the
message as it was on the wire. Layout of the result: twelve bytes nonce, then ciphertext and tag.
"""

from __future__ import annotations

import json
import secrets

import zstandard
from cryptography.exceptions import InvalidTag

from kruispunt.errors import StorageError
from kruispunt.identifiers.ticket import Ticket
from kruispunt.securitylog.entry import Kind, Message
from kruispunt.securitylog.keys import DataKey

NONCE_BYTES = 12
MAX_BYTES = 64 * 1024 * 1024

_encoder = json.JSONEncoder(separators=(",", ":"))
_compressor = zstandard.ZstdCompressor(level=1)
_decompressor = zstandard.ZstdDecompressor()


def seal(message: Message, key: DataKey, ticket: Ticket, kind: Kind) -> bytes:
    notes = _encoder.encode(message.notes).encode()
    plain = _compressor.compress(len(notes).to_bytes(4, "big") + notes + message.data)
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + key.cipher.encrypt(nonce, plain, _bound_to(ticket, kind))


def unseal(payload: bytes, key: DataKey, owner: str, ticket: Ticket, kind: Kind) -> Message:
    """Raises StorageError when the payload is not the one that was sealed for this entry."""
    try:
        packed = key.cipher.decrypt(payload[:NONCE_BYTES], payload[NONCE_BYTES:], _bound_to(ticket, kind))
    except InvalidTag as error:
        raise StorageError(f"the message of entry {ticket}/{kind.name} was altered, or belongs to another") from error
    plain = _decompressor.decompress(packed, max_output_size=MAX_BYTES)
    end = 4 + int.from_bytes(plain[:4], "big")
    notes = tuple((step, text) for step, text in json.loads(plain[4:end]))
    return Message(owner, plain[end:], notes)


def _bound_to(ticket: Ticket, kind: Kind) -> bytes:
    return bytes.fromhex(ticket.replace("-", "")) + bytes((kind,))
