"""One question over plain HTTP to the address that a certificate names, within a time and a size (PL-08).

Plain HTTP is right here: what comes back is signed. Redirects are not followed, and nothing is tried twice.
"""

from __future__ import annotations

import asyncio
import re
from typing import Final
from urllib.parse import urlsplit

import httptools

from kruispunt.errors import DataError

FETCH_SECONDS: Final = 10.0
"""For the whole of one question: name, connection, request and answer."""
MAX_HEAD_BYTES: Final = 16 * 1024
_CHUNK: Final = 64 * 1024
_PLAIN: Final = re.compile(r"[\x21-\x7e]{1,2048}")
_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")


class _Answer:
    """What the parser found; httptools calls the methods by their names."""

    def __init__(self, limit: int) -> None:
        self.done = False
        self.parts: list[bytes] = []
        self._left = limit

    def on_body(self, part: bytes) -> None:
        self._left -= len(part)
        if self._left < 0:
            raise DataError("the answer is too large")
        self.parts.append(part)

    def on_message_complete(self) -> None:
        self.done = True


async def fetch(url: str, limit: int, body: bytes | None = None, content_type: str = "") -> bytes:
    """The content behind `url`: GET, or POST of `body`. Raises DataError unless the answer is 200, in time and
    within `limit` bytes."""
    host, port, target = _split(url)
    lines = [f"{'GET' if body is None else 'POST'} {target} HTTP/1.1", f"Host: {_named(host, port)}"]
    lines += ["Connection: close", "User-Agent: kruispunt"]
    if body is not None:
        lines += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    request = "\r\n".join((*lines, "", "")).encode("ascii") + (body or b"")
    try:
        async with asyncio.timeout(FETCH_SECONDS):
            return await _exchange(host, port, request, limit)
    except TimeoutError:
        raise DataError(f"no answer within {FETCH_SECONDS:.0f} seconds", where=url) from None
    except (OSError, UnicodeError) as error:
        raise DataError(f"no connection: {type(error).__name__}", where=url) from error
    except httptools.HttpParserError as error:
        # What a callback raised stands behind the parser's own error.
        why = error.__context__.what if isinstance(error.__context__, DataError) else "the answer is not HTTP"
        raise DataError(why, where=url) from None
    except DataError as error:
        raise DataError(error.what, where=url) from None


async def _exchange(host: str, port: int, request: bytes, limit: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port, limit=_CHUNK)
    try:
        writer.write(request)
        await writer.drain()
        answer = _Answer(limit)
        parser = httptools.HttpResponseParser(answer)
        left = 2 * limit + MAX_HEAD_BYTES  # the framing of chunks takes some as well
        while not answer.done:
            data = await reader.read(_CHUNK)
            left -= len(data)
            if left < 0:
                raise DataError("the answer is too large")
            if not data:
                break
            parser.feed_data(data)
        # Without a length the end of the connection ends the answer; a cut one does not get past its signature.
        status = parser.get_status_code()
        if status != 200:
            raise DataError(f"HTTP status {status}" if status else "no answer")
        return b"".join(answer.parts)
    finally:
        writer.transport.abort()


def _split(url: str) -> tuple[str, int, str]:
    """Host, port, and path with query. Raises DataError for anything but a plain http URL."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 80
    except ValueError:
        raise DataError("no URL", where=repr(url[:200])) from None
    plain = _PLAIN.fullmatch(url) is not None and _HOST.fullmatch(host) is not None
    if not plain or parts.scheme != "http" or parts.username is not None or parts.password is not None:
        raise DataError("no plain http URL", where=repr(url[:200]))
    return host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _named(host: str, port: int) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port == 80 else f"{name}:{port}"
