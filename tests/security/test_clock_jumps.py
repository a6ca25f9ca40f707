"""The platform's own clock jumps, forward and back: nothing old comes to life, right answers come again (PL-06).

The whole pipeline with a real database, from the ASGI application on; the clock is the one thing that is set.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kruispunt.app import establish_access, gateway, open_platform
from kruispunt.attack.answer import Answer
from kruispunt.cli.calls import request_body
from kruispunt.clock import FixedClock
from kruispunt.demo.build import Options, build_files
from kruispunt.demo.directory import DemoDirectory
from kruispunt.gateway.caller import EXTENSION
from kruispunt.gateway.secrets import read_certificates
from kruispunt.pipeline.context import TlsClient
from kruispunt.securitylog.write import forget_before
from kruispunt.services.test_connection.service import SERVICE
from kruispunt.wss.sign import Signer
from kruispunt.wss.trust import described
from kruispunt.xml.namespaces import SOAP_ACTION

OPERATION = SERVICE.operations[0]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ANSWERED, REPLAY, TIMESTAMP, CERTIFICATE = "answered", "MSG00015 replay", "MSG00015 timestamp", "MSG00015 certificate"


class Silent:
    def exchange(self, *_: object) -> None: ...
    def supplier(self, *_: object) -> None: ...
    def suppressed(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Bank:
    """A platform whose clock can be set, and a client whose clock is right."""

    app: Any
    platform: Any
    clock: FixedClock
    signer: Signer
    client: TlsClient
    noon: datetime

    def signed(self, at: datetime) -> bytes:
        """A new message of a client whose clock says `at`."""
        # An RSA signature has no chance in it: the same words at the same moment would be the same message.
        body = request_body(SERVICE, OPERATION, "", "", {"echo": secrets.token_hex(8)}, "ticket", at)
        return self.signer.envelope(body, at)

    async def at(self, moment: datetime, message: bytes) -> str:
        """What the platform answers when its clock says `moment`."""
        self.clock.moment = moment
        scope = {
            "type": "http",
            "method": "POST",
            "path": SERVICE.path,
            "query_string": b"",
            "headers": [
                (b"content-type", b"text/xml"),
                (b"soapaction", f"{SOAP_ACTION}{SERVICE.name}/{OPERATION.name}".encode()),
                (b"content-length", str(len(message)).encode()),
            ],
            "extensions": {EXTENSION: {"client": self.client}},
        }
        said: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": message, "more_body": False}

        async def send(event: dict[str, Any]) -> None:
            said.append(event)

        await self.app(scope, receive, send)
        return str(Answer(said[0]["status"], {"content-type": "text/xml"}, said[1]["body"]))


def play(dsn: str, folder: Path, work: Callable[[Bank], Awaitable[None]]) -> None:
    directory = DemoDirectory(folder)
    settings = build_files(directory, Options(dsn=dsn), lambda _: None)
    certificate = read_certificates(directory.pki / "onem.pem")[0]
    known = described(certificate, (certificate,))
    noon = datetime.now(UTC).replace(microsecond=0)

    async def whole() -> None:
        await establish_access(settings, dsn, "test")
        async with open_platform(settings, dsn, Silent()) as opened:  # type: ignore[arg-type]
            clock = FixedClock(noon)
            platform = replace(opened, clock=clock)
            app = gateway(platform, settings.max_message_bytes)
            signer = Signer.from_files(directory.pki / "onem.key", directory.pki / "onem.pem")
            await work(Bank(app, platform, clock, signer, TlsClient(known.fingerprint, known.subject), noon))

    asyncio.run(whole())


def test_forward_and_back_again(fresh_dsn: str, tmp_path: Path) -> None:
    async def work(bank: Bank) -> None:
        noon, first, second = bank.noon, bank.signed(bank.noon), bank.signed(bank.noon)
        assert await bank.at(noon, first) == ANSWERED
        assert await bank.at(noon + HOUR, first) == TIMESTAMP
        assert await bank.at(noon + HOUR, second) == TIMESTAMP
        assert await bank.at(noon + HOUR, bank.signed(noon + HOUR)) == ANSWERED
        # Set right again: what was answered stays answered, what was refused for its time is let in once.
        assert await bank.at(noon, first) == REPLAY
        assert await bank.at(noon, second) == ANSWERED
        assert await bank.at(noon, second) == REPLAY

    play(fresh_dsn, tmp_path, work)


def test_back_and_forward_again(fresh_dsn: str, tmp_path: Path) -> None:
    async def work(bank: Bank) -> None:
        noon, first, second = bank.noon, bank.signed(bank.noon), bank.signed(bank.noon)
        assert await bank.at(noon, first) == ANSWERED
        for moment in (noon - HOUR, noon - timedelta(seconds=61)):
            assert await bank.at(moment, first) == TIMESTAMP
            assert await bank.at(moment, second) == TIMESTAMP
        # Clocks differ by some seconds: that is no jump.
        assert await bank.at(noon - timedelta(seconds=59), first) == REPLAY
        assert await bank.at(noon - timedelta(seconds=59), second) == ANSWERED
        assert await bank.at(noon + timedelta(seconds=1), second) == REPLAY

    play(fresh_dsn, tmp_path, work)


def test_a_jump_forward_while_replay_keys_are_forgotten(fresh_dsn: str, tmp_path: Path) -> None:
    """What was forgotten is not new: below the floor nothing is let in, not even what was never seen."""

    async def work(bank: Bank) -> None:
        noon, first, second = bank.noon, bank.signed(bank.noon), bank.signed(bank.noon)
        assert await bank.at(noon, first) == ANSWERED
        await bank.platform.log.forget_replays(forget_before(noon + DAY))
        assert await bank.at(noon, first) == REPLAY
        assert await bank.at(noon, second) == REPLAY
        assert await bank.at(noon + DAY, bank.signed(noon + DAY)) == ANSWERED

    play(fresh_dsn, tmp_path, work)


def test_a_clock_that_was_a_year_ahead_shuts_nobody_out_for_a_year(fresh_dsn: str, tmp_path: Path) -> None:
    """PL-06: keys are forgotten by the clock of the moment; what was not forgotten can be told apart as before."""

    async def work(bank: Bank) -> None:
        noon, first = bank.noon, bank.signed(bank.noon)
        assert await bank.at(noon, first) == ANSWERED
        for _ in range(2):
            await bank.platform.log.forget_replays(forget_before(noon + 365 * DAY))
        soon = noon + timedelta(seconds=1)
        assert await bank.at(soon, first) == REPLAY
        fresh = bank.signed(soon)
        assert await bank.at(soon, fresh) == ANSWERED
        assert await bank.at(soon, fresh) == REPLAY

    play(fresh_dsn, tmp_path, work)


def test_a_certificate_is_judged_by_the_clock_of_the_moment(fresh_dsn: str, tmp_path: Path) -> None:
    """A path that was found good is remembered, its validity is not."""

    async def work(bank: Bank) -> None:
        noon = bank.noon
        assert await bank.at(noon, bank.signed(noon)) == ANSWERED
        for years in (2, -2):
            other = noon + years * 365 * DAY
            assert await bank.at(other, bank.signed(other)) == CERTIFICATE
        assert await bank.at(noon, bank.signed(noon)) == ANSWERED

    play(fresh_dsn, tmp_path, work)
