"""The pipeline in one process, without anything that is waited for.

The steps are the real ones, from the bytes of the request to the bytes of the signed reply, over a platform that
`app.py` put together. Three of its parts are then replaced by ones that answer at once: the security log, the database,
and the observer that counts for metrics. HTTP and TLS are left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from time import process_time
from types import TracebackType
from typing import Any, Self, cast

from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from benchmarks.asked import ACTION, CLIENTS, FOUND, Messages
from benchmarks.ground import Ground
from kruispunt.app import open_platform
from kruispunt.gateway.caller import tls_client
from kruispunt.gateway.secrets import read_certificates
from kruispunt.pipeline.chain import answer
from kruispunt.pipeline.context import Incoming, TlsClient
from kruispunt.pipeline.platform import Platform
from kruispunt.repertory.integration import FIND_SUBJECT
from kruispunt.securitylog.entry import Entry
from kruispunt.securitylog.write import LogWriter, ReplayKey
from kruispunt.services.foreigner_situation.service import SERVICE
from kruispunt.storage.database import Database

WARM_UP = 60


class InstantLog:
    """Takes every entry for durable and every message for new."""

    async def append(self, entry: Entry, replay: ReplayKey | None = None) -> None:
        pass

    async def append_both(self, incoming: Entry, outgoing: Entry) -> None:
        pass


class InstantDatabase:
    """Knows every number, has it inscribed, and holds two cards and a permit about everybody."""

    _situation: Sequence[tuple[Any, ...]] = (
        (1, 1, "2018-03-01", None, None, "D0451187", "9999-00-00", None),
        (1, 1, "2021-09-15", None, None, "D0451188", "2026-09-14", None),
        (1, 2, "2017-02-01", None, None, "P0088120", "2018-01-31", None),
    )

    async def fetch_together(self, sql: str, ssin: int, *_args: Any) -> Sequence[tuple[Any, ...]]:
        return ((1, 1, 1, ssin, 1, True),) if sql is FIND_SUBJECT else self._situation


class SilentObserver:
    def exchange(self, service: str, operation: str, outcome: str, seconds: float) -> None:
        pass

    def supplier(self, name: str, seconds: float) -> None:
        pass

    def suppressed(self) -> None:
        pass

    def over_volume(self, kind: str) -> None:
        pass

    def probing(self) -> None:
        pass

    def slowed(self) -> None:
        pass

    def supplier_failed(self, name: str, reason: str) -> None:
        pass

    def supplier_state(self, name: str, state: int) -> None:
        pass


class InProcess:
    """An open platform, measured as often as wanted."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._messages = Messages(ground.directory.pki, ground.people)
        self._callers = {c.name: _caller(ground, c.name) for c in CLIENTS}
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        self._platform = self._runner.run(self._open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.close()

    async def _open(self) -> Platform:
        """What is waited for is closed at once: the parts that answer at once need no database."""
        async with open_platform(self._ground.settings, self._ground.dsn, SilentObserver()) as platform:
            return _instant(platform)

    def measure(self, count: int) -> float:
        """Processor time of one exchange in µs, over `count` messages that were signed before."""
        asked = [
            Incoming(SERVICE.path, f'"{ACTION}"', message, "127.0.0.1", self._callers[client.name])
            for client, message in self._messages.several(WARM_UP + count)
        ]
        return self._runner.run(self._answer(asked))

    def reply_body(self) -> str:
        """What stands in the Body of a reply, as text."""
        client, message = next(self._messages.several(1))
        incoming = Incoming(SERVICE.path, f'"{ACTION}"', message, "127.0.0.1", self._callers[client.name])
        reply = self._runner.run(answer(self._platform, incoming)).body
        payload = etree.fromstring(reply)[-1][0]
        return etree.tostring(payload, method="c14n", exclusive=True, with_tail=False).decode()

    async def _answer(self, asked: list[Incoming]) -> float:
        platform = self._platform
        answers = [await answer(platform, incoming) for incoming in asked[:WARM_UP]]
        began = process_time()
        answers += [await answer(platform, incoming) for incoming in asked[WARM_UP:]]
        spent = process_time() - began
        assert all(FOUND in one.body for one in answers)
        return spent / (len(asked) - WARM_UP) * 1e6


def _caller(ground: Ground, name: str) -> TlsClient:
    certificate = read_certificates(ground.directory.pki / f"{name}.pem")[0]
    return tls_client(certificate.public_bytes(Encoding.DER))


def _instant(platform: Platform) -> Platform:
    """The same platform over a log and a database that answer at once."""
    database = cast("Database", InstantDatabase())
    mounted = {path: replace(one, supplier=one.service.supplier(database)) for path, one in platform.mounted.items()}
    return replace(platform, log=cast("LogWriter", InstantLog()), database=database, mounted=mounted)
