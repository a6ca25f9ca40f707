"""What one exchange may cost, counted instead of timed: statements, flushes, signatures, canonicalisations, memory.

The pipeline runs in this process on a real PostgreSQL, set as production is: replies are not held against the schema.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from kruispunt.app import establish_access, open_platform
from kruispunt.cli.calls import request_body
from kruispunt.demo.build import Options, build_files, load_people
from kruispunt.demo.directory import DemoDirectory
from kruispunt.demo.personas import Numbers, Persona, load_personas
from kruispunt.gateway.caller import tls_client
from kruispunt.pipeline import chain as chain_module
from kruispunt.pipeline import reply as reply_module
from kruispunt.pipeline.chain import answer
from kruispunt.pipeline.context import Incoming, TlsClient
from kruispunt.pipeline.platform import Platform
from kruispunt.pipeline.steps import authenticate as authenticate_module
from kruispunt.pipeline.steps import read_message as read_message_module
from kruispunt.securitylog import write as write_module
from kruispunt.services.discovery import discover
from kruispunt.settings import Settings
from kruispunt.wss import sign as sign_module
from kruispunt.wss import verify as verify_module
from kruispunt.wss.sign import Signer
from kruispunt.wss.trust import TrustStore
from kruispunt.xml.namespaces import SOAP_ACTION
from kruispunt.xml.schemas import Schema

STATEMENTS = 4
"""Of one exchange: entry in with the replay check, subject with the integration control, supplier, entry out."""
CANONICAL_IN = 4
"""SignedInfo, token, Timestamp and Body of a request."""
TOGETHER = 32
WARM_UP, MANY = 1_000, 2_000
GROWTH = 4 * 1024 * 1024
"""Bytes that so many requests may add: 2 KB each, less than one message."""
ONEM = "0206737484"


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


@dataclass(frozen=True, slots=True)
class Ground:
    """A demo's files, and its people on a database of the tests."""

    settings: Settings
    dsn: str
    persona: Persona
    signer: Signer
    client: TlsClient

    def request(self, number: int) -> Incoming:
        """A newly signed request that finds data; no two are the same."""
        persona, now = self.persona, datetime.now(UTC)
        service, operation = persona.service, persona.operation
        ticket = f"count-{number}"
        body = request_body(service, operation, ONEM, persona.legal_context, persona.values, ticket, now)
        action = f'"{SOAP_ACTION}{service.name}/{operation.name}"'
        return Incoming(service.path, action, self.signer.envelope(body, now), "192.0.2.1", self.client)

    def run(self, work: Callable[[Platform], Awaitable[None]]) -> None:
        """`work` on a platform that has answered once: its connections, keys and paths of certificates are there."""

        async def opened() -> None:
            async with open_platform(self.settings, self.dsn, SilentObserver()) as platform:
                await ask(platform, self.request(0))
                await work(platform)

        asyncio.run(opened())


async def ask(platform: Platform, incoming: Incoming) -> None:
    reply = await answer(platform, incoming)
    assert b"<code>MSG00000</code>" in reply.body, reply.body.decode()


@pytest.fixture(scope="module")
def ground(server: Any, template: str) -> Iterator[Ground]:
    root = Path(tempfile.mkdtemp(prefix="kruispunt-test-"))
    directory, options = DemoDirectory(root), Options(people=20)
    settings = build_files(directory, options, print).model_copy(update={"check_replies": False})
    persona = next(p for p in load_personas(discover(), Numbers.BAND) if p.id == "two-cards-and-a-permit")
    signer = Signer.from_files(directory.pki / "onem.key", directory.pki / "onem.pem")
    client = tls_client(signer.certificate.public_bytes(Encoding.DER))
    with server.database(template) as dsn:
        asyncio.run(establish_access(settings, dsn, "test"))
        asyncio.run(load_people(directory, options, dsn, print))
        yield Ground(settings, dsn, persona, signer, client)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str], Counter[str]]:
    """Counts the calls of functions and methods, by name."""
    counter: Counter[str] = Counter()

    def count(owner: Any, name: str) -> Counter[str]:
        function = getattr(owner, name)

        def counting(*arguments: Any, **named: Any) -> Any:
            counter[name] += 1
            return function(*arguments, **named)

        monkeypatch.setattr(owner, name, counting)
        return counter

    return count


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that any connection is given."""
    seen: list[str] = []
    for verb in ("fetch", "fetchrow", "fetchval", "execute", "executemany"):
        function = getattr(asyncpg.Connection, verb)

        def noting(connection: Any, sql: str, *arguments: Any, _function: Any = function, **named: Any) -> Any:
            seen.append(sql)
            return _function(connection, sql, *arguments, **named)

        monkeypatch.setattr(asyncpg.Connection, verb, noting)
    return seen


def test_one_exchange_is_four_statements(ground: Ground, statements: list[str]) -> None:
    async def work(platform: Platform) -> None:
        statements.clear()
        await ask(platform, ground.request(1))
        assert len(statements) <= STATEMENTS, statements

    ground.run(work)


def test_exchanges_at_the_same_time_share_their_statements(ground: Ground, statements: list[str]) -> None:
    """Groups form: far fewer flushes than entries, and far fewer questions than exchanges."""

    async def work(platform: Platform) -> None:
        requests = [ground.request(100 + number) for number in range(TOGETHER)]
        statements.clear()
        flushes, entries = platform.log.flushes, platform.log.entries
        await asyncio.gather(*(ask(platform, request) for request in requests))
        assert platform.log.entries - entries == 2 * TOGETHER
        assert platform.log.flushes - flushes <= 2 * TOGETHER / 8
        assert len(statements) <= STATEMENTS * TOGETHER / 8

    ground.run(work)


def test_one_exchange_is_one_verification_one_validation_and_one_signature(
    ground: Ground, counted: Callable[[Any, str], Counter[str]]
) -> None:
    async def work(platform: Platform) -> None:
        request = ground.request(2)
        counter = counted(platform.signer._signer, "_sign")
        counted(verify_module, "_check_value")
        counted(verify_module, "canonical")
        counted(Schema, "check")
        counted(TrustStore, "_check")
        await ask(platform, request)
        assert counter == {"_sign": 1, "_check_value": 1, "canonical": CANONICAL_IN, "check": 1}

    ground.run(work)


def test_an_ordinary_reply_is_signed_as_it_is_written(
    ground: Ground, counted: Callable[[Any, str], Counter[str]]
) -> None:
    """No canonicalisation and no parsing on the way out; only what is repeated of the request is serialised, once."""

    async def work(platform: Platform) -> None:
        request = ground.request(3)
        counter = counted(sign_module, "canonical_form")
        counted(sign_module, "parse_own")
        counted(reply_module, "parse")
        counted(reply_module, "_dump")
        await ask(platform, request)
        assert counter == {"_dump": 3}

    ground.run(work)


def test_requests_that_come_together_do_each_piece_of_work_one_after_the_other(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code and tables that one leaves in the processor's caches are there for the next: half the cost, or a third."""
    pieces: list[str] = []

    def note(owner: Any, name: str) -> None:
        function = getattr(owner, name)

        def noting(*arguments: Any, **named: Any) -> Any:
            pieces.append(name)
            return function(*arguments, **named)

        monkeypatch.setattr(owner, name, noting)

    async def work(platform: Platform) -> None:
        requests = [ground.request(200 + number) for number in range(TOGETHER)]
        for owner, name in (
            (read_message_module, "parse"),
            (authenticate_module, "verify"),
            (write_module, "seal"),
            (chain_module, "note_probing"),
            (chain_module, "compose"),
        ):
            note(owner, name)
        await asyncio.gather(*(ask(platform, request) for request in requests))
        runs = [(name, len(list(run))) for name, run in groupby(pieces)]
        assert runs == [(name, TOGETHER) for name in ("parse", "verify", "seal", "note_probing", "compose", "seal")]

    ground.run(work)


def test_memory_is_flat(ground: Ground) -> None:
    """From some number of requests on, more of them add nothing that stays."""

    async def work(platform: Platform) -> None:
        await _many(platform, ground, 1_000, WARM_UP)
        before = _resident()
        await _many(platform, ground, 1_000 + WARM_UP, MANY)
        assert _resident() - before < GROWTH

    ground.run(work)


async def _many(platform: Platform, ground: Ground, first: int, count: int) -> None:
    for start in range(first, first + count, TOGETHER):
        requests = [ground.request(number) for number in range(start, start + TOGETHER)]
        await asyncio.gather(*(ask(platform, request) for request in requests))


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
