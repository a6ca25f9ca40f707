"""A relay for clients that can neither sign nor show a certificate (IP-20).

It listens on the loopback interface, takes plain requests, adds mutual TLS and the signature, verifies the signature of
the reply, and passes the reply on without the header that it has dealt with. Whoever can reach it speaks for the
organisation whose key it holds: therefore it refuses to listen elsewhere unless it is told to, and refuses what a web
browser would send for a page (an `Origin`, a `Host` that is not its own).

What it refuses itself is a SOAP fault with what to do; what the platform refuses comes through as it is.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from lxml import etree

from kruispunt.client.signing import ClientSecurity, platform_trust
from kruispunt.client.transport import Connection
from kruispunt.errors import ConfigurationError, Refusal, ReplyNotTrusted, sentence
from kruispunt.wss.sign import Signer
from kruispunt.xml.build import attribute, element
from kruispunt.xml.namespaces import FAULT, SOAP, WSSE
from kruispunt.xml.parse import Limits, parse

CLIENT, SERVER = "Client", "Server"
XML: Final = "text/xml; charset=utf-8"
REQUEST_LIMITS: Final = Limits(size=1024 * 1024, elements=50_000, namespaces=1_024)
"""The platform has its own, which are narrower."""
AT_ONCE: Final = 32
"""Clients that are served at the same time."""
IDLE_SECONDS: Final = 30.0
"""How long a client may take to send, or keep a connection without using it."""
_LENGTH: Final = re.compile(r"0|[1-9][0-9]{0,9}").fullmatch
_SOAP_TYPES: Final = frozenset({"text/xml", "application/xml"})

logger = structlog.get_logger("relay")


@dataclass(frozen=True, slots=True)
class Platform:
    """Where the platform is, who asks it, and whose signature is believed; all files in PEM."""

    url: str
    ca: Path
    certificate: Path
    key: Path
    trusted: Path
    signer: str | None = None
    """Distinguished name of the certificate that signs replies, when `trusted` holds that of its issuer."""
    timeout: float = 60.0


class _Refused(Exception):
    """A SOAP fault of the relay itself."""

    def __init__(self, side: str, rule: str, why: str, remedy: str) -> None:
        super().__init__(why)
        self.side, self.rule, self.why, self.remedy = side, rule, why, remedy


class Relay(ThreadingHTTPServer):
    """Serves until `shutdown`; a thread for each client connection, which has its own to the platform."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, host: str, port: int, platform: Platform, *, anywhere: bool = False) -> None:
        """Port 0 takes a free one. Raises ConfigurationError."""
        self.address_family, address = _address(host, port)
        self.loopback = ipaddress.ip_address(address[0].partition("%")[0]).is_loopback
        if not (self.loopback or anywhere):
            raise ConfigurationError(
                f"{host} is not a loopback address: everybody who reaches it would speak for your organisation. "
                "Listen on 127.0.0.1, or add --anywhere and let a firewall say who may reach it."
            )
        self.platform = platform
        self.security = ClientSecurity(
            Signer.from_files(platform.key, platform.certificate), platform_trust(platform.trusted, platform.signer)
        )
        self.room = threading.BoundedSemaphore(AT_ONCE)
        self.connect().close()
        try:
            super().__init__(address[:2], _Exchange)
        except OSError as error:
            raise ConfigurationError(f"cannot listen on {host} port {port}: {error.strerror}") from error

    @property
    def url(self) -> str:
        """Its own address, as clients write it."""
        host, port = self.server_address[:2]
        name = str(host)
        return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"

    def connect(self) -> Connection:
        """A connection that is made when it is first used. Raises ConfigurationError."""
        one = self.platform
        return Connection(one.url, one.ca, one.certificate, one.key, timeout=one.timeout)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Called by the server for each new connection; one too many is closed."""
        if not self.room.acquire(blocking=False):
            logger.warning("too many clients at once; a connection was closed", limit=AT_ONCE)
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Called by the server in the thread of the connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.room.release()

    def handle_error(self, *_: Any) -> None:
        """Called by the server when a client broke off."""
        logger.info("a client broke off")


class _Exchange(BaseHTTPRequestHandler):
    """One client connection."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "kruispunt-relay", ""
    timeout = IDLE_SECONDS
    server: Relay
    connection_out: Connection

    def setup(self) -> None:
        super().setup()
        self.connection_out = self.server.connect()

    def finish(self) -> None:
        self.connection_out.close()
        super().finish()

    def do_POST(self) -> None:
        headers: tuple[tuple[str, str], ...] = ()
        try:
            self._check_sender()
            status, headers, body = self._relayed(self._body())
            rule = ""
        except _Refused as refused:
            status, body, rule = 500, _fault(refused), refused.rule
            self.close_connection = True
        logger.info(
            "relayed" if not rule else "refused", path=self.path.partition("?")[0][:256], status=status, rule=rule
        )
        self._send(status, XML, body, headers)

    def do_GET(self) -> None:
        """`?wsdl` and `?xsd=`, with the relay's own address in the place of the platform's."""
        try:
            self._check_sender()
            status, received, body = self.connection_out.get(self.path)
        except _Refused as refused:
            self._send(403, "text/plain; charset=utf-8", f"{refused.why}. {refused.remedy}\n".encode())
            return
        except (OSError, http.client.HTTPException) as error:
            away = _away(self.server.platform.url, error)
            self._send(502, "text/plain; charset=utf-8", f"{away.why}. {away.remedy}\n".encode())
            return
        here = f"http://{self.headers['Host']}".encode()
        for there in _bases(self.server.platform.url):
            body = body.replace(there.encode() + b"/", here + b"/")
        self._send(status, received.get("content-type", XML), body)

    def log_message(self, *_: Any) -> None:
        """Nothing: what is logged is logged by `logger`."""

    def _check_sender(self) -> None:
        """A page in a browser on this machine must not be able to ask anything."""
        if self.headers.get("Origin") is not None:
            raise _Refused(CLIENT, "relay.origin", "a web page must not use this relay", "Send no Origin header.")
        if not (self.path.isascii() and self.path.isprintable()):
            raise _Refused(
                CLIENT, "relay.path", "the path holds something else than ASCII characters", "Write it percent-encoded."
            )
        host = self.headers.get_all("Host") or []
        if len(host) != 1 or (self.server.loopback and not _is_loopback(host[0])):
            raise _Refused(
                CLIENT, "relay.host", "the Host header is not this relay's", f"Address it as {self.server.url}."
            )

    def _body(self) -> bytes:
        kind = (self.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        if kind not in _SOAP_TYPES:
            raise _Refused(CLIENT, "relay.content-type", f"{kind or 'no type'} is not SOAP 1.1", "Send text/xml.")
        lengths = self.headers.get_all("Content-Length") or []
        if "Transfer-Encoding" in self.headers or len(lengths) != 1 or not _LENGTH(lengths[0]):
            raise _Refused(
                CLIENT,
                "relay.length",
                "the request does not tell its length",
                "Send one Content-Length, not in chunks.",
            )
        if int(lengths[0]) > REQUEST_LIMITS.size:
            raise _Refused(
                CLIENT, "relay.size", f"a request may have {REQUEST_LIMITS.size} bytes", "Ask for less in one message."
            )
        body: bytes = self.rfile.read(int(lengths[0]))
        if len(body) != int(lengths[0]):
            raise _Refused(CLIENT, "relay.cut-off", "the request is shorter than it said", "Send it whole.")
        return body

    def _relayed(self, request: bytes) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
        signed = self._signed(request)
        action = (self.headers.get("SOAPAction") or "").strip().removeprefix('"').removesuffix('"')
        try:
            status, headers, reply = self.connection_out.post(self.path.partition("?")[0], action, signed)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _away(self.server.platform.url, error) from error
        if not reply.lstrip().startswith(b"<"):
            told = " ".join(reply.decode("utf-8", "replace").split())[:200]
            raise _Refused(
                SERVER if status >= 500 else CLIENT,
                "relay.http",
                f"the platform answered HTTP {status}: {told}",
                "Do what it says; a certificate that is not accepted is answered so too.",
            )
        try:
            envelope, _ = self.server.security.verify(reply)
        except ReplyNotTrusted as error:
            raise _Refused(
                SERVER,
                "relay.reply",
                str(error),
                "Nothing of the reply is passed on. Check whose certificate the relay was given, and whether the "
                "platform signs replies for this client.",
            ) from error
        passed = (("Retry-After", headers["retry-after"]),) if "retry-after" in headers else ()
        return status, passed, _without_security(envelope)

    def _signed(self, request: bytes) -> bytes:
        try:
            envelope = parse(request, REQUEST_LIMITS)
            self.server.security.sign_tree(envelope)
        except Refusal as refusal:
            raise _Refused(CLIENT, refusal.rule, refusal.why, refusal.remedy) from refusal
        except ConfigurationError as error:
            raise _Refused(
                CLIENT, "relay.envelope", str(error), "Send a plain SOAP 1.1 envelope; the relay signs it."
            ) from error
        return etree.tostring(envelope, encoding="utf-8", xml_declaration=True)

    def _send(self, status: int, kind: str, body: bytes, headers: Iterable[tuple[str, str]] = ()) -> None:
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


def _address(host: str, port: int) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ConfigurationError(f"{host}: there is no such address here ({error.strerror})") from error
    return found[0][0], found[0][4]


def _is_loopback(host: str) -> bool:
    """Whether a Host header names this machine by a name that nobody else can give it."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _bases(url: str) -> tuple[str, ...]:
    """How the platform may write its own address; the longest first."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return (f"https://{host}:{parts.port or 443}", f"https://{host}")


def _away(url: str, error: Exception) -> _Refused:
    return _Refused(
        SERVER,
        "relay.platform",
        f"the platform at {url} did not answer: {error or type(error).__name__}",
        "See whether it runs there, and whether it accepts the relay's certificate.",
    )


def _without_security(envelope: etree._Element) -> bytes:
    """The reply as it was verified, without the header that was meant for the relay."""
    for header in envelope.iterchildren(f"{{{SOAP}}}Header"):
        for security in list(header.iterchildren(f"{{{WSSE}}}Security")):
            header.remove(security)
    return etree.tostring(envelope, encoding="utf-8", xml_declaration=True)


def _fault(refused: _Refused) -> bytes:
    text = f"{sentence(refused.why)} {refused.remedy}"
    carriable = "".join(c if c.isprintable() else " " for c in text)
    return (
        f"<soapenv:Envelope{attribute('xmlns:soapenv', SOAP)}><soapenv:Body><soapenv:Fault>"
        f"<faultcode>soapenv:{refused.side}</faultcode>{element('faultstring', carriable)}"
        f"<detail><relay:refused{attribute('xmlns:relay', FAULT)}>{element('rule', refused.rule)}"
        "</relay:refused></detail>"
        "</soapenv:Fault></soapenv:Body></soapenv:Envelope>"
    ).encode()
