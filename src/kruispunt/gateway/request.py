"""One spelling of HTTP: what two servers could read differently is refused before the application sees it.

httptools refuses much by itself: Content-Length beside Transfer-Encoding, several lengths or malformed ones, folded
lines, bare CR and LF, malformed chunks. What it lets through stands here; tests hold the whole list against a running
gateway, so that a newer httptools cannot open a hole unnoticed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from kruispunt.errors import TransportRefusal

HEAD_BYTES: Final = 64 * 1024
"""What a request may have beside its body: request line, headers, framing of chunks."""
LINE_BYTES: Final = 4 * 1024
"""Of the request line. The longest that is of use is a URI with `?xsd=` and a file name."""

_line: Final = re.compile(rb"[A-Z-]{1,32} (/[\x21-\x7e]*) HTTP/([0-9])\.([0-9])\r\n").fullmatch
_beginning: Final = re.compile(rb"[A-Z-]{1,32}(?: [\x20-\x7e]*\r?)?").fullmatch
_length: Final = re.compile(rb"0|[1-9][0-9]{0,15}").fullmatch

_ONCE: Final = frozenset(
    {
        b"host",
        b"content-type",
        b"content-length",
        b"content-encoding",
        b"transfer-encoding",
        b"soapaction",
        b"expect",
    }
)
"""Headers of which the second would be read by one server and the first by another."""


def check_beginning(line: bytes) -> None:
    """A request line that has not come to its end yet; raises TransportRefusal when it can become none."""
    if not _beginning(line) or len(line) > LINE_BYTES:
        raise TransportRefusal(400, "http.line", "The request line is not METHOD /path HTTP/1.1.")


def check_line(line: bytes) -> None:
    """The request line, its end included; raises TransportRefusal for anything but `METHOD /path HTTP/1.1`.

    So refused are HTTP/0.9 (no version), absolute and authority forms, tabs and double blanks, fragments, and the
    protocols that httptools reads beside HTTP (RTSP, ICE).
    """
    match = _line(line)
    if match is None or b"#" in match[1] or len(line) > LINE_BYTES:
        raise TransportRefusal(400, "http.line", "The request line is not METHOD /path HTTP/1.1.")
    if match[2] + match[3] != b"11":
        raise TransportRefusal(505, "http.version", "Use HTTP/1.1.")


def check_head(method: str, headers: Sequence[tuple[bytes, bytes]]) -> None:
    """The headers, names in lower case; raises TransportRefusal."""
    found: dict[bytes, bytes] = {}
    if sum(len(name) + len(value) for name, value in headers) > HEAD_BYTES:
        raise too_large()
    for name, value in headers:
        if name in _ONCE and name in found:
            raise TransportRefusal(400, "http.repeated", f"The header {name.decode('latin-1')} stands there twice.")
        found[name] = value
    if b"host" not in found:
        raise TransportRefusal(400, "http.host", "The Host header is missing.")
    if method == "CONNECT":
        raise TransportRefusal(405, "http.method", "This is no proxy.")
    if b"upgrade" in found or b"http2-settings" in found:
        raise TransportRefusal(400, "http.upgrade", "No other protocol is offered on this connection.")
    if found.get(b"expect", b"100-continue").lower() != b"100-continue":
        raise TransportRefusal(417, "http.expect", "Only Expect: 100-continue is understood.")
    if found.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
        raise TransportRefusal(501, "http.transfer-encoding", "Only the transfer coding chunked is understood.")
    if not _length(found.get(b"content-length", b"0")):
        raise TransportRefusal(400, "http.length", "Content-Length is not a number of bytes.")


def too_large() -> TransportRefusal:
    """More than `HEAD_BYTES` beside the body."""
    return TransportRefusal(400, "http.head", "The headers are too large.")
