"""A refusal as problem+json (RFC 9457, Belgif): what happened, why, what to do, under which ticket."""

from __future__ import annotations

import json
from typing import Final

from kruispunt.errors import AuthenticationRefused, Information, Refusal, TransportRefusal, VolumeExceeded, sentence
from kruispunt.identifiers.ticket import Ticket

CONTENT_TYPE: Final = "application/problem+json"

_BELGIF: Final = "urn:problem-type:belgif:"
_OWN: Final = "urn:problem-type:kruispunt:"
TYPES: Final = {
    400: (_BELGIF + "badRequest", "Bad request"),
    403: (_BELGIF + "missingPermission", "Missing permission"),
    404: (_BELGIF + "resourceNotFound", "Resource not found"),
    405: (_OWN + "methodNotAllowed", "Method not allowed"),
    406: (_OWN + "notAcceptable", "Not acceptable"),
    409: (_OWN + "otherChecksum", "Another checksum"),
    410: (_OWN + "fileGone", "The file is not there any more"),
    412: (_OWN + "preconditionFailed", "Precondition failed"),
    413: (_BELGIF + "payloadTooLarge", "Payload too large"),
    415: (_OWN + "unsupportedMediaType", "Unsupported media type"),
    416: (_OWN + "rangeNotSatisfiable", "Range not satisfiable"),
    429: (_BELGIF + "tooManyRequests", "Too many requests"),
    500: (_BELGIF + "internalServerError", "Internal server error"),
    503: (_BELGIF + "serviceUnavailable", "Service unavailable"),
}
"""Type and title by status."""

_UNAVAILABLE: Final = frozenset({"storage.away", "storage.log"})
"""Rules of an internal failure that passes."""


class Declined(TransportRefusal):
    """A request that is refused with a problem, and headers beside it."""

    def __init__(self, status: int, rule: str, why: str, *, remedy: str = "", headers: Information = ()) -> None:
        super().__init__(status, rule, why, remedy=remedy)
        self.headers = headers


def status_of(refusal: Refusal) -> int:
    if isinstance(refusal, TransportRefusal):
        return refusal.status
    if isinstance(refusal, VolumeExceeded):
        return 429
    if isinstance(refusal, AuthenticationRefused):
        return 403
    return 503 if refusal.rule in _UNAVAILABLE else 500


def headers_of(refusal: Refusal) -> Information:
    if isinstance(refusal, VolumeExceeded):
        return (("retry-after", str(refusal.retry_after)),)
    return refusal.headers if isinstance(refusal, Declined) else ()


def problem(refusal: Refusal, ticket: Ticket) -> bytes:
    """The document, in UTF-8."""
    status = status_of(refusal)
    kind, title = TYPES[status]
    told = {
        "type": kind,
        "title": title,
        "status": status,
        "detail": f"{sentence(refusal.why)} {refusal.remedy}".rstrip(),
        "instance": f"urn:uuid:{ticket}",
    }
    return json.dumps(told, ensure_ascii=False).encode()
