"""When certificates end: a metric, and a line in the log at 30, 14, 7 and 1 days (PL-08).

The supervisor follows them, so that each is told once and not by every worker. Of its own pairs it tells what is in
force, judged as the workers judge it, not what lies on the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from kruispunt.access.model import Registration
from kruispunt.access.store import current
from kruispunt.clock import Clock, SystemClock
from kruispunt.errors import ConfigurationError, StorageError
from kruispunt.gateway.identity import LOOK_EVERY_SECONDS, Pair, PairWatch, read_pair
from kruispunt.gateway.secrets import read_certificates
from kruispunt.settings import Settings
from kruispunt.storage.database import Database

logger = structlog.get_logger("certificates")

STEPS = (1, 7, 14, 30)
"""Days before the end; each day from the first step on is told once."""
LOOKS = 30
"""How many looks at the own files go before one at everything else: a minute."""


@dataclass(frozen=True, slots=True)
class Ending:
    """A certificate, and when it ends."""

    kind: str
    """tls, signing, client-ca or client."""
    name: str
    until: datetime

    def step(self, now: datetime) -> int | None:
        """The number of days that it is told under; 0 when it has ended, None while there is time."""
        left = (self.until - now).total_seconds() / 86_400
        if left < 0:
            return 0
        return next((step for step in STEPS if left <= step), None)


class Endings(Collector):
    """What is known now; read by Prometheus, told to the log."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self.known: tuple[Ending, ...] = ()
        self._told: set[tuple[Ending, int, date]] = set()

    def collect(self) -> Iterator[Metric]:
        now = self._clock.now()
        family = GaugeMetricFamily(
            "kruispunt_certificate_expiry_seconds",
            "Seconds until a certificate ends; negative when it has ended",
            labels=["kind", "name"],
        )
        for ending in self.known:
            family.add_metric([ending.kind, ending.name], round((ending.until - now).total_seconds()))
        yield family

    def tell(self) -> None:
        """One line per certificate, step and day."""
        now = self._clock.now()
        self._told = {told for told in self._told if told[2] == now.date()}
        for ending in self.known:
            step = ending.step(now)
            if step is None or (ending, step, now.date()) in self._told:
                continue
            self._told.add((ending, step, now.date()))
            tell = logger.error if step <= 1 else logger.warning
            event = "a certificate has ended" if step == 0 else f"a certificate ends within {step} days"
            tell(event, kind=ending.kind, name=ending.name, until=ending.until.isoformat())

    async def follow(self, settings: Settings, dsn: str) -> None:
        """Goes on until it is cancelled."""
        try:
            await self._follow(settings, dsn)
        except Exception as error:  # this task has nobody else who would tell that it ended
            logger.error("ends of certificates are not followed any more", cause=str(error))

    async def _follow(self, settings: Settings, dsn: str) -> None:
        pairs: dict[str, Pair] = {}
        clients: tuple[Ending, ...] = ()
        own = {"tls": settings.tls_pair, "signing": settings.signing_pair}
        watches = [
            _watch(what, files, settings, self._clock, pairs) for what, files in own.items() if files is not None
        ]
        while True:
            clients = await _clients(dsn, clients)
            self.known = tuple(_unique((*_own(pairs), *_authorities(settings), *clients)))
            self.tell()
            for _ in range(LOOKS):
                await asyncio.sleep(LOOK_EVERY_SECONDS)
                for one in watches:
                    one.look()


def endings_of(kind: str, certificates: Iterable[x509.Certificate]) -> list[Ending]:
    return [Ending(kind, _name(c.subject.rfc4514_string(), _print(c)), c.not_valid_after_utc) for c in certificates]


def client_endings(registrations: Iterable[Registration]) -> list[Ending]:
    """Of those that were registered by their file: of a bare fingerprint nothing is known."""
    return [
        Ending("client", _name(r.urn, r.fingerprint), datetime.fromisoformat(r.not_after).astimezone(UTC))
        for r in registrations
        if r.not_after
    ]


def _watch(what: str, files: tuple[Path, Path], settings: Settings, clock: Clock, pairs: dict[str, Pair]) -> PairWatch:
    pairs[what] = read_pair(*files)

    def use(pair: Pair) -> None:
        pairs[what] = pair

    return PairWatch(what, files, use, clock, settings.production, pairs[what].certificate, quiet=True)


def _own(pairs: dict[str, Pair]) -> list[Ending]:
    return [ending for what, pair in pairs.items() for ending in endings_of(what, pair.certificates)]


def _authorities(settings: Settings) -> list[Ending]:
    try:
        return endings_of("client-ca", read_certificates(settings.client_ca))
    except ConfigurationError:
        return []


async def _clients(dsn: str, before: tuple[Ending, ...]) -> tuple[Ending, ...]:
    """Of the access table in force; what was known before while the database is away."""
    try:
        database = await Database.open(dsn, size=1)
        try:
            return tuple(client_endings((await current(database)).table.registrations.values()))
        finally:
            await database.close()
    except StorageError:
        return before


def _unique(endings: Sequence[Ending]) -> Iterable[Ending]:
    """One of each: a certificate may stand twice in a file, and a metric may not."""
    return {(ending.kind, ending.name): ending for ending in endings}.values()


def _name(who: str, fingerprint: str) -> str:
    """An application has several certificates while it changes them."""
    return f"{who} {fingerprint[:16]}"


def _print(certificate: x509.Certificate) -> str:
    return sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
