"""Trying the way to a supplier, step by step: name, connection, TLS. For an operator, and apart from any request."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from cryptography import x509

from kruispunt.suppliers.configuration import SupplierConfiguration
from kruispunt.suppliers.tls import WHOSE, client_context
from kruispunt.unreached import cause_of


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was tried."""

    name: str
    seconds: float
    found: str
    """What was found, or why it failed."""
    ok: bool
    remedy: str = ""


_REMEDIES = {
    "name": "Check the host in url, and the name servers of this machine.",
    "connection": "Check the port in url, and whether a firewall lets this machine through.",
    "TLS": "Check ca (who issued the supplier's certificate) and the host in url (the certificate must name it).",
}


async def try_connection(configuration: SupplierConfiguration, monotonic: Callable[[], float]) -> list[Step]:
    """The steps in their order; the last one is the one that failed, if any did."""
    trial = _Trial(configuration, monotonic)
    await trial.run()
    return trial.steps


class _Trial:
    def __init__(self, configuration: SupplierConfiguration, monotonic: Callable[[], float]) -> None:
        parts = urlsplit(configuration.url)
        self._host, self._port = parts.hostname or "", parts.port or 443
        self._configuration = configuration
        self._monotonic = monotonic
        self.steps: list[Step] = []

    async def run(self) -> None:
        seconds = self._configuration.connect_seconds
        loop = asyncio.get_running_loop()
        with self._step("name") as found:
            async with asyncio.timeout(seconds):
                infos = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            found.append(", ".join(dict.fromkeys(str(info[4][0]) for info in infos)))
        if self._failed():
            return
        with self._step("connection") as found:
            async with asyncio.timeout(seconds):
                _, writer = await asyncio.open_connection(self._host, self._port)
            found.append(f"to {writer.get_extra_info('peername')[0]}, port {self._port}")
        if self._failed():
            return
        try:
            with self._step("TLS") as found:
                async with asyncio.timeout(seconds):
                    await writer.start_tls(self._context(), server_hostname=self._host)
                found.append(_described(writer.get_extra_info("ssl_object")))
        finally:
            writer.transport.abort()

    def _failed(self) -> bool:
        return not self.steps[-1].ok

    def _context(self) -> ssl.SSLContext:
        c = self._configuration
        return client_context(c.ca, c.client_certificate, c.client_key)

    @contextmanager
    def _step(self, name: str) -> Iterator[list[str]]:
        begun, found, why = self._monotonic(), list[str](), ""
        try:
            yield found
        except TimeoutError:
            why = f"nothing within {self._configuration.connect_seconds:g} s"
        except OSError as error:
            why = cause_of(error, WHOSE)
        seconds = self._monotonic() - begun
        remedy = _REMEDIES[name] if why else ""
        self.steps.append(Step(name, seconds, why or "".join(found), not why, remedy))


def _described(tls: ssl.SSLObject) -> str:
    certificate = x509.load_der_x509_certificate(tls.getpeercert(binary_form=True) or b"")
    until = certificate.not_valid_after_utc.date()
    return f"{tls.version()}; certificate of {certificate.subject.rfc4514_string()}, valid until {until}"
