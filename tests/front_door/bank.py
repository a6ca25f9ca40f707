"""What a test may do with a running bank: what any client and any operator could."""

from __future__ import annotations

import asyncio
import re
import ssl
import subprocess
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from kruispunt.access.files import SHIPPED_ORGANISATIONS
from kruispunt.attack.answer import Answer
from kruispunt.cli.calls import request_body
from kruispunt.cli.calls import soap_action as action_of
from kruispunt.cli.opening import dsn_of
from kruispunt.cli.reading import open_log
from kruispunt.client.signing import ClientSecurity, platform_trust
from kruispunt.client.transport import Connection, tls_context
from kruispunt.demo import additions
from kruispunt.demo.directory import DemoDirectory
from kruispunt.demo.personas import Persona
from kruispunt.pipeline.dialect import Told
from kruispunt.pipeline.service import Operation, Service
from kruispunt.securitylog.read import Found
from kruispunt.services.discovery import discover
from kruispunt.services.identify_person.connector import Connector
from kruispunt.settings_read import load
from kruispunt.wss.sign import Signer
from kruispunt.xml.namespaces import SOAP, SOAP12
from kruispunt.xml.soap import unsigned_envelope

CONNECTOR = Connector()
EXCHANGES = "kruispunt_exchange_seconds_count"
SUPPLIER_CALLS = "kruispunt_supplier_seconds_count"


def _organisations() -> dict[str, str]:
    """The number by which each organisation of the demo names itself, by code and by the name of its client."""
    services = discover()
    shipped = (SHIPPED_ORGANISATIONS, *(s.folder / "organisations.toml" for s in services))
    texts = [path.read_text(encoding="utf-8") for path in shipped if path.exists()]
    rows = [row for text in (*texts, additions.organisations(services)) for row in tomllib.loads(text)["organisation"]]
    numbers = {row["code"]: row.get("cbe") or f"{row['sector']}/{row['institution']}" for row in rows}
    return numbers | {client: numbers[code] for client, code in additions.owners(s.folder for s in services).items()}


ORGANISATIONS = _organisations()


class Got(Answer):
    """A reply, as a client reads it; also one of the connector."""

    @property
    def told(self) -> Told | None:
        """What a reply of the connector tells; None for every other one."""
        return CONNECTOR.told(self.payload) if self.payload.tag == CONNECTOR.element else None

    @property
    def code(self) -> str:
        return super().code if self.told is None else self.told.code

    @property
    def ticket(self) -> str:
        return super().ticket if self.told is None else self.told.ticket

    @property
    def information(self) -> dict[str, str]:
        return super().information if self.told is None else dict(self.told.information)


_FIRST_REPLIES: dict[tuple[Path, str], Got] = {}


ReadLog = Callable[[Iterable[str]], dict[str, tuple[Found, ...]]]
"""What the security log holds under each ticket."""


@dataclass(frozen=True, slots=True)
class Bank:
    directory: Path
    url: str
    local_url: str
    process: subprocess.Popen[bytes]
    dsn: str | None

    @property
    def pki(self) -> Path:
        return self.directory / "pki"

    def signer(self, client: str = "onem") -> Signer:
        return _signer(self.pki / f"{client}.key", self.pki / f"{client}.pem")

    def connect(self, client: str = "onem") -> Connection:
        return Connection(self.url, self.pki / "ca.pem", self.pki / f"{client}.pem", self.pki / f"{client}.key")

    def tls(self, client: str = "onem") -> ssl.SSLContext:
        """For those who speak HTTP by hand."""
        return tls_context(self.pki / "ca.pem", self.pki / f"{client}.pem", self.pki / f"{client}.key")

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def local(self, path: str) -> tuple[int, str]:
        """Status and text of a page on the local port."""
        try:
            with urllib.request.urlopen(self.local_url + path, timeout=10) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metrics(self, *names: str) -> tuple[float, ...]:
        """Figures of /metrics at one moment, each added up over all its labels."""
        page = self.local("/metrics")[1]
        found = (re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", page, re.MULTILINE) for name in names)
        return tuple(sum(map(float, figures)) for figures in found)

    def metric(self, name: str) -> float:
        """One of them."""
        return self.metrics(name)[0]

    @property
    def supplier_calls(self) -> float:
        """How often any supplier was asked."""
        return self.metric(SUPPLIER_CALLS)

    @property
    def work(self) -> tuple[float, ...]:
        """Exchanges, and how often any supplier was asked."""
        return self.metrics(EXCHANGES, SUPPLIER_CALLS)

    def verify(self, reply: bytes) -> None:
        """Raises ReplyNotTrusted unless the platform signed Body, Timestamp and token."""
        security = ClientSecurity(self.signer(), platform_trust(self.pki / "signing.pem"))
        security.verify(reply)

    def send(
        self,
        service: Service,
        operation: Operation,
        message: bytes,
        *,
        client: str = "onem",
        soap_action: str | None = None,
        path: str | None = None,
        content_type: str = "text/xml; charset=utf-8",
    ) -> Got:
        """Posts bytes as they are, over TLS with a client's certificate."""
        action = action_of(service, operation) if soap_action is None else soap_action
        with self.connect(client) as connection:
            return Got(*connection.post(path or service.path, action, message, content_type))

    def body(self, service: Service, operation: Operation, **asked: Any) -> str:
        """The request element as text; `organisation`, `legal_context` and the criteria by field name."""
        organisation = asked.pop("organisation", "onem")
        context = asked.pop("legal_context", "NEO:UNEMPLOYMENT")
        ticket = asked.pop("ticket", "front-door-test")
        return request_body(
            service, operation, ORGANISATIONS.get(organisation, organisation), context, asked, ticket, datetime.now(UTC)
        )

    def message(self, persona: Persona) -> bytes:
        """The message that a persona's client would send now."""
        now = datetime.now(UTC)
        body = self.body(
            persona.service,
            persona.operation,
            organisation=persona.organisation,
            legal_context=persona.legal_context,
            **persona.values,
        )
        deviation = persona.deviation
        if deviation.sign:
            created = now + timedelta(seconds=deviation.created_offset)
            message = self.signer(persona.client).envelope(body, created)
        else:
            message = unsigned_envelope(body)
        return message.replace(SOAP.encode(), SOAP12.encode()) if deviation.soap_version == "1.2" else message

    def call(self, persona: Persona) -> Got:
        """The reply to a persona's request; to one that changes what it asks about, the first reply."""
        if not persona.once:
            return self._call(persona)
        key = self.directory, persona.id
        if key not in _FIRST_REPLIES:
            _FIRST_REPLIES[key] = self._call(persona)
        return _FIRST_REPLIES[key]

    def _call(self, persona: Persona) -> Got:
        deviation = persona.deviation
        kind = "application/soap+xml" if deviation.soap_version == "1.2" else "text/xml"
        return self.send(
            persona.service,
            persona.operation,
            self.message(persona),
            client=persona.client,
            soap_action=deviation.soap_action,
            path=deviation.path,
            content_type=f"{kind}; charset=utf-8",
        )

    @property
    def said(self) -> str:
        """What the server wrote to standard error, since the first start in this directory."""
        return self.directory.with_suffix(".log").read_text()

    def logged(self, ticket: str) -> tuple[Found, ...]:
        """What the security log holds under a ticket, read as an operator would."""
        return self.logged_all([ticket])[ticket]

    def logged_all(self, tickets: Iterable[str]) -> dict[str, tuple[Found, ...]]:
        """The same for many; also of a server that does not run any more."""
        with self.open_log() as read:
            return read(tickets)

    @contextmanager
    def open_log(self) -> Iterator[ReadLog]:
        """The log, kept open: to look at it once takes as long as five exchanges."""

        async def read(tickets: Iterable[str]) -> dict[str, tuple[Found, ...]]:
            return {t: await log.reader.by_ticket(t, "os-user:test", "test") for t in tickets}

        settings = load(DemoDirectory(self.directory).settings)
        with dsn_of(settings) as dsn, asyncio.Runner() as runner:
            stack = AsyncExitStack()
            log = runner.run(stack.enter_async_context(open_log(settings, dsn)))
            try:
                yield lambda tickets: runner.run(read(tickets))
            finally:
                runner.run(stack.aclose())


@cache
def _signer(key: Path, certificate: Path) -> Signer:
    """Reading an RSA key checks its primes, which takes longer than a whole exchange."""
    return Signer.from_files(key, certificate)


_volatile = re.compile(
    rb"(?<=<ticketCBSS>)[^<]+|(?<=<timestampReceive>)[^<]+|(?<=<timestampReply>)[^<]+|(?<=<timestampSent>)[^<]+"
    rb"|(?<=<ssdn:Ticket>)[^<]+|(?<=<ssdn:TimeRequest>)[^<]+|(?<=<ssdn:TimeReceive>)[^<]+"
    rb"|(?<=<ssdn:TimeResponse>)[^<]+|(?<=<timestamp>)[^<]+"
)


def steady(payload: bytes) -> bytes:
    """A payload without what differs each time: ticket and times."""
    return _volatile.sub(b"*", payload)


def operation_of(service: Service, name: str) -> Operation:
    """One that the service has."""
    found = service.operation(name)
    assert found is not None
    return found
