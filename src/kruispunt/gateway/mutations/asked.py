"""What a request for files of subscriptions asks: from its line and headers to a value.

Addresses are matched as they came, before anything is decoded: they need no character that would be written in another
way, so one that is written so is no address here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from kruispunt.gateway.mutations.problems import Declined

PREFIX: Final = "/mutations/"
"""Below which nothing is SOAP."""
SHOWN: Final = ("accept", "range", "if-range", "if-match", "if-none-match", "content-type")
"""Headers that decide about the answer: they are logged with the request."""
DEFAULT_LIMIT: Final = 100
LARGEST_LIMIT: Final = 1_000

_PATH: Final = re.compile(
    rb"/mutations/v1/subscriptions"
    rb"(?:/([a-z0-9][a-z0-9-]{0,63})/files(?:/([1-9][0-9]{0,14})(?:/(voucher|acknowledgement|request))?)?)?"
).fullmatch
_NUMBER: Final = re.compile(rb"0|[1-9][0-9]{0,14}").fullmatch
_SHA256: Final = re.compile(r"[0-9a-f]{64}").fullmatch
_QUALITY: Final = re.compile(r"[ \t]*q[ \t]*=[ \t]*0(?:\.0{0,3})?[ \t]*", re.IGNORECASE).fullmatch


class Operation(Enum):
    """What can be asked; the value is its name in the log and in metrics."""

    SUBSCRIPTIONS = "listSubscriptions"
    FILES = "listFiles"
    FILE = "fetchFile"
    VOUCHER = "fetchVoucher"
    ACKNOWLEDGEMENT = "acknowledge"
    REQUEST = "requestAgain"


_LAST: Final = {
    b"voucher": Operation.VOUCHER,
    b"acknowledgement": Operation.ACKNOWLEDGEMENT,
    b"request": Operation.REQUEST,
}
_METHODS: Final = {Operation.ACKNOWLEDGEMENT: ("PUT",), Operation.REQUEST: ("POST",)}
"""Of the others: GET and HEAD."""
_KINDS: Final = {Operation.FILE: "application/xml", Operation.VOUCHER: "application/xml"}
"""Of the others: JSON."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that can be answered, if its client may have the answer."""

    operation: Operation
    code: str = ""
    sequence: int = 0
    after: int = 0
    limit: int = DEFAULT_LIMIT
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came."""

    method: str
    path: bytes
    query: bytes
    headers: Mapping[str, str]
    """By name in lower case; of one that came several times the values with a comma between, as HTTP has it."""

    @property
    def written(self) -> bytes:
        """Its head, of which what decides about the answer: for the security log."""
        target = self.path + (b"?" + self.query if self.query else b"")
        lines = [f"{self.method} {target.decode('latin-1')} HTTP/1.1"]
        lines += [f"{name}: {self.headers[name]}" for name in SHOWN if name in self.headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def request_of(scope: Mapping[str, Any]) -> Request:
    headers: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name, text = raw.decode("latin-1").lower(), value.decode("latin-1")
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return Request(scope["method"], scope["raw_path"], scope["query_string"], headers)


def asked(request: Request, body: bytes) -> Asked:
    """Raises Declined for what is no request here."""
    match = _PATH(request.path)
    if match is None:
        raise unknown()
    code, sequence, last = match.groups()
    operation = _operation(code, sequence, last)
    methods = _METHODS.get(operation, ("GET", "HEAD"))
    if request.method not in methods:
        allowed = ", ".join(methods)
        raise Declined(405, "http.method", f"This address takes {allowed}.", headers=(("allow", allowed),))
    _check_accepts(request.headers.get("accept"), _KINDS.get(operation, "application/json"))
    known = Asked(operation, (code or b"").decode("ascii"), int(sequence or 0))
    if operation is Operation.FILES:
        after, limit = _page(request.query)
        return Asked(operation, known.code, after=after, limit=limit)
    if request.query:
        raise _query("This address takes no parameters.")
    if operation is Operation.ACKNOWLEDGEMENT:
        return Asked(operation, known.code, known.sequence, sha256=_checksum(request, body))
    if body:
        raise Declined(
            400, "http.content", "This request takes no content, and has some.", remedy="Send it without a body."
        )
    return known


def unknown() -> Declined:
    """The same for what is not there and for what is somebody else's, so that nobody learns which."""
    return Declined(
        404,
        "mutations.unknown",
        "There is no such subscription or file for this certificate.",
        remedy="GET /mutations/v1/subscriptions lists the subscriptions, and /files below each one its files.",
    )


def _operation(code: bytes | None, sequence: bytes | None, last: bytes | None) -> Operation:
    if code is None:
        return Operation.SUBSCRIPTIONS
    if sequence is None:
        return Operation.FILES
    return Operation.FILE if last is None else _LAST[last]


def _page(query: bytes) -> tuple[int, int]:
    found: dict[bytes, int] = {}
    for part in query.split(b"&") if query else ():
        name, _, value = part.partition(b"=")
        if name not in {b"after", b"limit"} or name in found or not _NUMBER(value):
            raise _query("The parameters are after and limit, once each, a whole number without leading zeros.")
        found[name] = int(value)
    limit = found.get(b"limit", DEFAULT_LIMIT)
    if not 1 <= limit <= LARGEST_LIMIT:
        raise _query(f"limit is a number from 1 to {LARGEST_LIMIT}.")
    return found.get(b"after", 0), limit


def _query(why: str) -> Declined:
    return Declined(400, "http.query", why, remedy="Correct what stands behind the question mark.")


def _check_accepts(accept: str | None, kind: str) -> None:
    """Of the ranges that fit, the most precise one decides (RFC 9110, section 12.5.1)."""
    if accept is None:
        return
    fitting = [kind, f"{kind.partition('/')[0]}/*", "*/*"]
    told = {}
    for part in accept.split(","):
        name, *parameters = part.split(";")
        told[name.strip(" \t").lower()] = not any(_QUALITY(one) for one in parameters)
    if not next((told[name] for name in fitting if name in told), False):
        raise Declined(406, "http.accept", f"The answer is {kind}, which Accept does not allow.", remedy="Accept it.")


def _checksum(request: Request, body: bytes) -> str:
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    if kind.strip().lower() != "application/json" or request.headers.get("content-encoding", "identity") != "identity":
        raise Declined(415, "http.content-type", "Send JSON, not compressed.", remedy="Content-Type: application/json")
    charset = parameters.strip().lower().replace('"', "")
    if charset not in {"", "charset=utf-8"}:
        raise Declined(415, "http.charset", "Send UTF-8.")
    try:
        content = json.loads(body.decode("utf-8"), object_pairs_hook=tuple)  # an array is a list
    except (ValueError, RecursionError):
        content = None
    match content:
        case tuple([("sha256", str() as sha256)]) if _SHA256(sha256):
            return sha256
    raise Declined(
        400,
        "http.content",
        'The content is not {"sha256": "…"} with 64 hexadecimal digits in lower case.',
        remedy="Send the checksum of the file that you have, as its voucher tells it.",
    )
