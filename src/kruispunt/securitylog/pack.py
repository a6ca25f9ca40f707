"""Compression of messages: most of a message stands in every other message of the same organisation.

Namespaces, certificate and the shape of the body come again with each exchange. So a data key gets a *sample*, made of
the first exchange that it encrypts, and messages are compressed against it: to a third of what they would take alone,
in four fifths of the time. Later messages of another shape are compressed as well as without it. The notes of an
exchange are in it too: they are sentences that come again with other numbers.

A sample says nothing about anybody: what stands between the tags of the Body is left out, and so are digits of notes
and what was wrong with a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec
import zstandard

LEVEL: Final = -1
"""The quick one: with a sample there is little left to look for."""
SAMPLE_BYTES: Final = 16 * 1024
"""Of one message: what stands beyond it is not worth remembering."""
MAX_BYTES: Final = 64 * 1024 * 1024

_ALONE: Final = zstandard.ZstdCompressor(level=LEVEL)
_ALONE_BACK: Final = zstandard.ZstdDecompressor()
# A table as large as the default would cost each organisation 128 KB of every worker.
_TABLE: Final = zstandard.ZstdCompressionParameters.from_level(LEVEL, hash_log=13, window_log=20)
_between_tags: Final = re.compile(rb">[^<]+").sub
_digits: Final = re.compile(rb"[0-9]+").sub
_FROM_A_MESSAGE: Final = frozenset({"why", "element"})
"""Notes that may repeat what somebody wrote."""
_written: Final = msgspec.json.Encoder().encode


class Packing:
    """Packs and unpacks with one sample, or with none."""

    __slots__ = ("_back", "_forth")

    def __init__(self, sample: bytes = b"") -> None:
        if not sample:
            self._forth, self._back = _ALONE, _ALONE_BACK
            return
        known = zstandard.ZstdCompressionDict(sample, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        known.precompute_compress(compression_params=_TABLE)
        self._forth = zstandard.ZstdCompressor(compression_params=_TABLE, dict_data=known)
        self._back = zstandard.ZstdDecompressor(dict_data=known)

    def pack(self, data: bytes) -> bytes:
        return self._forth.compress(data)

    def unpack(self, packed: bytes) -> bytes:
        """Also what was packed before there was a sample. Raises zstandard.ZstdError on what is no such data."""
        return self._back.decompress(packed, max_output_size=MAX_BYTES)


def sample_of(message: bytes) -> bytes:
    """What is worth remembering of a message: all of its header, of its Body the tags alone."""
    head, body, rest = message[:SAMPLE_BYTES].partition(b"Body")
    return head + body + _between_tags(b">", rest)


def notes_as_json(notes: Iterable[tuple[str, str]]) -> bytes:
    """A list of pairs, in UTF-8, as it stands before the message."""
    return _written(tuple(notes))


def sample_of_notes(notes: Iterable[tuple[str, str]]) -> bytes:
    """What is worth remembering of notes: the sentences, without numbers."""
    said = notes_as_json((name, text) for name, text in notes if name not in _FROM_A_MESSAGE)
    return _digits(b"", said)[:SAMPLE_BYTES]
