"""Below SOAP: requests that two servers would read differently, sizes, methods, hosts, and files of the server."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from kruispunt.attack.bench import Bench
from kruispunt.attack.model import Attack, Shot, Status

LARGEST: Final = 128 * 1024
"""Bytes of a message that are allowed."""

TWO_WAYS: Final[dict[str, tuple[str, ...]]] = {
    "length-and-chunks": ("Content-Length: 5", "Transfer-Encoding: chunked"),
    "chunks-and-identity": ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
    "chunks-not-last": ("Transfer-Encoding: chunked, identity",),
    "two-lengths": ("Content-Length: 5", "Content-Length: 6"),
    "negative-length": ("Content-Length: -1",),
    "huge-length": ("Content-Length: " + "9" * 5_000,),
    "hexadecimal-length": ("Content-Length: 0x10",),
    "blank-before-colon": ("Content-Length : 5",),
    "folded": ("X: a", " folded"),
    "zero-byte": ("X: \x00",),
    "bare-return": ("X: a\rY: b",),
}
"""Header lines that a proxy in front may read in another way, by name."""

UNREAD: Final[dict[str, str]] = {
    "none": "X: no content type",
    "json": "Content-Type: application/json",
    "multipart": "Content-Type: multipart/related; type=text/xml",
    "plain": "Content-Type: text/plain",
    "utf-16": "Content-Type: text/xml; charset=utf-16",
    "latin-1": "Content-Type: text/xml; charset=iso-8859-1",
    "gzip": "Content-Type: text/xml\r\nContent-Encoding: gzip",
    "brotli": "Content-Type: text/xml\r\nContent-Encoding: br",
}
"""Content that is not read, by name."""

HOSTS: Final[dict[str, str]] = {
    "empty": "",
    "markup": 'x"><evil a="',
    "path": "x/y",
    "user": "user@x",
    "blank": "x y",
    "tab": "x\ty",
    "two-ports": "x:1:2",
    "accent": "é",
    "fragment": "x#",
    "query": "x?y",
    "open-bracket": "[::1",
    "long": "a" * 300,
}
"""Host headers that name no host, by name."""

FILES: Final[dict[str, str]] = {
    "dots": "../../../../../etc/passwd",
    "dots-encoded": "%2e%2e%2fcodes.py",
    "code": "codes.py",
    "absolute": "/etc/passwd",
    "empty": "",
    "zero": "%00",
    "address": "http://127.0.0.1:1/x",
}
"""Files that are asked for in the place of a schema, by name."""


def attacks() -> Iterator[Attack]:
    """All of them; each on a connection of its own."""
    for name, lines in TWO_WAYS.items():
        yield _request(
            f"two-ways-{name}", f"Two servers would read it differently: {name.replace('-', ' ')}.", 400, *lines
        )
    for name, line in UNREAD.items():
        yield _request(
            f"content-{name}", f"Content that is not read: {name}.", 415, line, "Content-Length: 0", typed=False
        )
    yield _request("too-large", "A length beyond the limit is announced.", 413, f"Content-Length: {LARGEST + 1}")
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        yield _request(f"method-{method.lower()}", f"The method {method}.", 405, "Content-Length: 0", method=method)
    yield Attack("http/method-get", "The method GET, for no file of the contract.", _get_service)
    for name, data in (
        ("zeros", b"\x00" * 100),
        ("http-2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("connect", b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("tls-in-tls", b"\r\n\x16\x03\x01"),
    ):
        yield Attack(f"http/no-http-{name}", f"No HTTP: {name.replace('-', ' ')}.", partial(_bytes, data))
    for path in ("/metrics", "/health/live", "/health/ready", "/", "/docs", "/openapi.json"):
        yield Attack(
            f"http/get{path.replace('/', '-')}", f"A page that is not for strangers: {path}.", partial(_get, path, 404)
        )
    for name, host in HOSTS.items():
        yield Attack(
            f"http/host-{name}", f"A Host header that is none: {name.replace('-', ' ')}.", partial(_host, host)
        )
    for name, file in FILES.items():
        yield Attack(f"http/file-{name}", f"A file that is no schema: {file or 'without name'}.", partial(_file, file))


def _request(name: str, what: str, status: int, *lines: str, method: str = "POST", typed: bool = True) -> Attack:
    def shots(bench: Bench) -> Iterator[Shot]:
        content = ("Content-Type: text/xml",) if typed else ()
        yield Shot(head(method, bench.question.path, *content, *lines), Status(status), raw=True)

    return Attack(f"http/{name}", what, shots)


def head(method: str, path: str, *lines: str, host: str = "localhost") -> bytes:
    """The head of a request, after which the server is to close."""
    first = f"{method} {path} HTTP/1.1"
    return "\r\n".join([first, f"Host: {host}", "Connection: close", *lines, "", ""]).encode("latin-1")


def _bytes(data: bytes, _bench: Bench) -> Iterator[Shot]:
    yield Shot(data, Status(400), raw=True)


def _get(path: str, status: int, _bench: Bench) -> Iterator[Shot]:
    yield Shot(head("GET", path), Status(status), raw=True)


def _get_service(bench: Bench) -> Iterator[Shot]:
    yield Shot(head("GET", bench.question.path), Status(405), raw=True)


def _host(host: str, bench: Bench) -> Iterator[Shot]:
    yield Shot(head("GET", f"{bench.question.path}?wsdl", host=host), Status(400), raw=True)


def _file(name: str, bench: Bench) -> Iterator[Shot]:
    yield Shot(head("GET", f"{bench.question.path}?xsd={name}"), Status(404), raw=True)
