"""A file in messages: one piece each, numbered without gaps for each subscription (RP-18).

The bodies of HEAD, RECORD and END, one after the other, are the file, byte for byte; that of VOUCHER is its voucher.
So what is pushed has no form, schema or signature of its own. Facts about a piece stand in headers, which nobody signs:
they put pieces in order, and the voucher says whether the order was right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from kruispunt.errors import DataError
from kruispunt.settings import Environment

CONSUMER: Final = "subscriber"
"""Name of the one durable consumer of each stream. The platform makes it; the subscriber can only read with it."""

ACKNOWLEDGE_SECONDS: Final = 60.0
"""After which a piece that its subscriber did not acknowledge is delivered again."""

_NUMBER: Final = "Kruispunt-Number"
_FILE: Final = "Kruispunt-File"
_PART: Final = "Kruispunt-Part"
_ID: Final = "Nats-Msg-Id"
_WHOLE: Final = re.compile(r"[1-9][0-9]{0,17}")


class Part(Enum):
    """What of a file a piece is; the value is what the header says."""

    HEAD = "head"
    """From the XML declaration to the tag that opens `items`."""
    RECORD = "record"
    """One record."""
    END = "end"
    VOUCHER = "voucher"


@dataclass(frozen=True, slots=True)
class Piece:
    """One message."""

    number: int
    """From 1 on, without gaps, for each subscription."""
    file: int
    """Sequence number of the file."""
    part: Part
    body: bytes
    again: int = 0
    """How many times the operator had it sent again: JetStream drops what has the same identification."""


def subject(environment: Environment, code: str) -> str:
    """To which the pieces of a subscription are published."""
    return f"kruispunt.{environment.value}.mutations.{code}"


def stream(environment: Environment, code: str) -> str:
    """Which holds them until the subscriber has them."""
    return f"kruispunt-{environment.value}-mutations-{code}"


def id_of(code: str, piece: Piece) -> str:
    """The name of a message, the same whenever it is sent."""
    return f"{code}/{piece.number}/{piece.again}" if piece.again else f"{code}/{piece.number}"


def write_headers(code: str, piece: Piece) -> dict[str, str]:
    """The headers of a message; the first one is what JetStream knows a repetition by."""
    return {
        _ID: id_of(code, piece),
        _NUMBER: str(piece.number),
        _FILE: str(piece.file),
        _PART: piece.part.value,
    }


def read_piece(headers: Mapping[str, str] | None, body: bytes) -> Piece:
    """The piece in a message. Raises DataError for a message that is none."""
    given = headers or {}
    number, file, part = (given.get(name, "") for name in (_NUMBER, _FILE, _PART))
    if not (_WHOLE.fullmatch(number) and _WHOLE.fullmatch(file) and part in {each.value for each in Part}):
        raise DataError("a message without the headers of a piece; only the platform should be able to publish here")
    return Piece(int(number), int(file), Part(part), body)
