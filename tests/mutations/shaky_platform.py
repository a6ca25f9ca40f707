"""A platform of the tests over HTTPS, by the same addresses as the real one, which does what a test tells it to."""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from kruispunt.demo.pki import Pki
from kruispunt.files.voucher import content_of, voucher_of

_PATH = re.compile(
    r"/mutations/v1/subscriptions(?:/([a-z0-9-]+)/files(?:/([0-9]+)(?:/(voucher|acknowledgement|request))?)?)?(?:\?(.*))?"
)


@dataclass
class Shaky:
    """What it has, what it saw, and what it does wrong."""

    folder: Path
    codes: tuple[str, ...] = ("town",)
    cuts: list[int] = field(default_factory=list)
    """Of the next answers with a file: after so many bytes of each the connection ends."""
    statuses: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """Of the next answers: errors, with headers."""
    ranges: bool = True
    gone: set[int] = field(default_factory=set)
    """Files that are not on its disk any more."""
    hidden: set[int] = field(default_factory=set)
    """Files that are not in its list."""
    change: Callable[[bytes], bytes] = bytes
    """What becomes of the bytes of a file."""
    seen: list[str] = field(default_factory=list)
    """Method, address, and range of each request."""
    acknowledged: dict[int, str] = field(default_factory=dict)
    pushed: bool = False
    """What is asked for again is pushed, and cannot be fetched."""
    forgotten: set[int] = field(default_factory=set)
    """Files that cannot be made again."""
    requested: list[int] = field(default_factory=list)
    answer: bytes | None = None
    """Instead of every list."""
    last: int | None = None
    ended: bool = False
    """Its subscriptions are listed no more."""
    partial: bool = False
    """Whatever is asked for, a part comes."""
    url: str = ""

    def files(self, code: str) -> dict[int, Path]:
        found = {int(path.stem.rsplit("-", 1)[1]): path for path in self.folder.glob(f"{code}-??????????.xml")}
        return {sequence: found[sequence] for sequence in sorted(found)}


@contextmanager
def shaky_platform(folder: Path, pki: Pki) -> Iterator[Shaky]:
    """Serves until the block ends; clients show a certificate of `pki`."""
    shaky = Shaky(folder)

    class Handler(_Handler):
        platform = shaky

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.server, Pki.key_of(pki.server))
    context.load_verify_locations(pki.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    server = _Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    shaky.url = f"https://localhost:{server.server_address[1]}"
    try:
        yield shaky
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Clients that break off are what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    platform: Shaky

    def do_GET(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *_: Any) -> None: ...

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        one = self.platform
        one.seen.append(" ".join(filter(None, (self.command, self.path, self.headers.get("Range")))))
        if one.statuses:
            status, headers = one.statuses.pop(0)
            self._tell(status, json.dumps({"title": "Not now", "detail": "Come back."}).encode(), **headers)
            return
        match = _PATH.fullmatch(self.path)
        if match is None or (match[1] and match[1] not in one.codes):
            self._tell(404, b"{}")
        elif match[1] is None:
            self._list([{"code": code, "lastSequence": self._last(code)} for code in one.codes if not one.ended])
        elif match[2] is None:
            self._files(match[1], match[4] or "")
        else:
            self._file(one.files(match[1]).get(int(match[2])), int(match[2]), match[3], body)

    def _last(self, code: str) -> int:
        files = self.platform.files(code)
        return self.platform.last if self.platform.last is not None else max(files, default=0)

    def _files(self, code: str, query: str) -> None:
        asked = dict(part.split("=") for part in query.split("&"))
        told = []
        for sequence, path in self.platform.files(code).items():
            if sequence > int(asked["after"]) and sequence not in self.platform.hidden:
                found = content_of(path)
                told.append({"sequence": sequence, "size": found.size, "sha256": found.sha256})
        self._list(told[: int(asked["limit"])])

    def _file(self, path: Path | None, sequence: int, part: str | None, body: bytes) -> None:
        one = self.platform
        if path is None:
            self._tell(404, b"{}")
        elif part == "acknowledgement":
            known = one.acknowledged.setdefault(sequence, json.loads(body)["sha256"])
            self._tell(204 if known == json.loads(body)["sha256"] else 409)
        elif part == "request":
            one.requested.append(sequence)
            if sequence in one.forgotten:
                self._tell(410, b'{"title": "Gone", "detail": "It is too old."}')
            else:
                self._tell(202, json.dumps({"pushed": one.pushed}).encode())
        elif part == "voucher":
            self._tell(200, voucher_of(path).read_bytes())
        elif sequence in one.gone:
            self._tell(410, b'{"title": "Gone", "detail": "It was cleaned up."}')
        else:
            self._bytes(path)

    def _bytes(self, path: Path) -> None:
        one = self.platform
        whole, tag = one.change(path.read_bytes()), f'"{content_of(path).sha256}"'
        start = re.fullmatch(r"bytes=([0-9]+)-", self.headers.get("Range") or "")
        status, data, headers = 200, whole, {"ETag": tag}
        if start and one.ranges and self.headers.get("If-Range") == tag:
            first = int(start[1])
            if first >= len(whole):
                self._tell(416, b"", **{"Content-Range": f"bytes */{len(whole)}"})
                return
            status, data = 206, whole[first:]
            headers["Content-Range"] = f"bytes {first}-{len(whole) - 1}/{len(whole)}"
        if one.partial:
            status, headers["Content-Range"] = 206, f"bytes 7-{len(whole) - 1}/{len(whole)}"
        self._tell(status, data, one.cuts.pop(0) if one.cuts else None, **headers)

    def _list(self, items: list[Any]) -> None:
        self._tell(200, json.dumps({"items": items}).encode() if self.platform.answer is None else self.platform.answer)

    def _tell(self, status: int, data: bytes = b"", cut: int | None = None, **headers: str) -> None:
        with suppress(OSError):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:cut])
        if cut is not None:
            self.close_connection = True
