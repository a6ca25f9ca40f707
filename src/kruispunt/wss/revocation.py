"""Whether a trusted certificate was revoked: by its issuer's lists, and by the responder that it names (PL-08).

Judging costs a dictionary lookup: verdicts are kept until what they rest upon ends, and dropped when something new
is learnt. Asking happens in the background; a request waits for the first answer only, and not for long. What is
not known is refused: an issuer that publishes its revocations must have been heard.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509

from kruispunt.clock import Clock
from kruispunt.errors import AuthenticationRefused, ConfigurationError, DataError, RefusalReason
from kruispunt.wss import crl, ocsp
from kruispunt.wss.fetch import fetch
from kruispunt.wss.inquiries import Inquiries
from kruispunt.wss.shelf import CrlDirectory, Shelf
from kruispunt.wss.statement import Published, Statement, Status, print_of, published
from kruispunt.wss.trust import CACHE_SIZE, Trust, Trusted

logger = structlog.get_logger("revocation")

LOOK_EVERY_SECONDS: Final = 2.0
"""How often the directory is looked at, and questions that are due are asked."""
WAIT_SECONDS: Final = 3.0
"""How long a request waits for the first answer about its certificate."""
VERDICT_LIFE: Final = timedelta(minutes=10)
UNKNOWN_LIFE: Final = timedelta(seconds=5)

SIGNER: Final = "the signer"
TLS_CLIENT: Final = "the TLS client"


@dataclass(frozen=True, slots=True)
class RevocationRules:
    """What an operator decided. The default consults what needs no network."""

    ocsp: bool = False
    """Whether responders are asked that certificates name."""
    fetch_crls: bool = False
    """Whether lists are fetched from the distribution points that certificates name."""
    directory: Path | None = None
    max_age: timedelta = timedelta(days=7)
    """How old a statement may be, whatever it says of itself."""


class RevocationUnknown(AuthenticationRefused):
    """Nothing fresh is known of a certificate whose issuer publishes; asking may help (`Revocation.learn`)."""

    def __init__(self, trusted: Trusted, whose: str) -> None:
        super().__init__(
            RefusalReason.CERTIFICATE,
            "certificate.revocation-unknown",
            f"it is not known whether the certificate of {whose} was revoked",
            element="certificate",
            remedy="Try again, signed anew; if it lasts, ask the operator for a fresh CRL of the issuer.",
        )
        self.trusted = trusted


@dataclass(frozen=True, slots=True)
class _Verdict:
    status: Status
    until: datetime


class Revocation:
    """Judges certificates whose path was checked.

    `rules` None: nothing is checked. `authorities` are the issuers whose lists are accepted.
    """

    def __init__(
        self,
        rules: RevocationRules | None,
        trust: Trust,
        authorities: Sequence[x509.Certificate],
        clock: Clock,
        nonce: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._rules = rules or RevocationRules()
        self._off = rules is None
        self._trust = trust
        self._authorities = tuple(authorities)
        self._clock = clock
        self._nonce = nonce
        self._shelf = Shelf()
        self._directory = (
            None if rules is None or rules.directory is None else CrlDirectory(rules.directory, authorities)
        )
        self._inquiries = Inquiries(clock)
        self._answers: dict[str, Statement] = {}
        self._verdicts: dict[str, _Verdict] = {}
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Reads the directory, then looks after it. Raises ConfigurationError when there is none."""
        if self._off:
            return
        await self._look()
        self._task = asyncio.create_task(self._keep_looking(), name="revocation")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._inquiries.close()

    def check(self, trusted: Trusted, now: datetime, whose: str = SIGNER) -> None:
        """Raises AuthenticationRefused (certificate.revoked), or RevocationUnknown; returns for a good certificate."""
        if self._off:
            return
        verdict = self._verdicts.get(trusted.fingerprint)
        if verdict is None or now >= verdict.until:
            verdict = self._judge(trusted, now)
            self._verdicts.pop(trusted.fingerprint, None)
            if len(self._verdicts) >= CACHE_SIZE:
                del self._verdicts[next(iter(self._verdicts))]
            self._verdicts[trusted.fingerprint] = verdict
        if verdict.status is Status.REVOKED:
            raise AuthenticationRefused(
                RefusalReason.CERTIFICATE,
                "certificate.revoked",
                f"the certificate of {whose} was revoked by its issuer",
                element="certificate",
                remedy="Have a new certificate issued and registered.",
            )
        if verdict.status is Status.UNKNOWN:
            raise RevocationUnknown(trusted, whose)

    async def admit(self, fingerprint: str, token: str) -> None:
        """As `check`, for the TLS client: `token` is its certificate as base64 of DER.

        Raises AuthenticationRefused with reason `certificate` also when no path leads from it to an issuer here.
        """
        if self._off:
            return
        now = self._clock.now()
        verdict = self._verdicts.get(fingerprint)
        if verdict is not None and verdict.status is Status.GOOD and now < verdict.until:
            return
        trusted = self._trust.trusted(token, now)
        try:
            self.check(trusted, now, TLS_CLIENT)
        except RevocationUnknown as unknown:
            if not await self.learn(unknown.trusted):
                raise
            self.check(trusted, self._clock.now(), TLS_CLIENT)

    async def learn(self, trusted: Trusted) -> bool:
        """Asks what can be asked about the certificate, and waits a little for the first answer that settles it.

        False when there is nothing to wait for: no source may be asked, or it failed a moment ago.
        """
        names = [name for pair in _pairs(trusted) for name in self._questions(*pair)]
        running = self._inquiries.started(names)
        waited = bool(running)
        loop = asyncio.get_running_loop()
        until = loop.time() + WAIT_SECONDS
        while running and (left := until - loop.time()) > 0:
            _, running = await asyncio.wait(running, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if self._judge(trusted, self._clock.now()).status is not Status.UNKNOWN:
                break
        if waited:
            self._verdicts.pop(trusted.fingerprint, None)
        return waited

    def _judge(self, trusted: Trusted, now: datetime) -> _Verdict:
        """Every certificate of the path but the anchor. Revoked outweighs good, and one good statement suffices."""
        until = now + VERDICT_LIFE
        for certificate, issuer in _pairs(trusted):
            self._questions(certificate, issuer)
            known = (
                self._shelf.statement(certificate, issuer, now, self._rules.max_age),
                self._answers.get(print_of(certificate)),
            )
            fresh = [
                s
                for s in known
                if s is not None and s.status is not Status.UNKNOWN and s.fresh(now, self._rules.max_age)
            ]
            if any(s.status is Status.REVOKED for s in fresh):
                return _Verdict(Status.REVOKED, min(until, *(s.until(self._rules.max_age) for s in fresh)))
            if fresh:
                until = min(until, max(s.until(self._rules.max_age) for s in fresh))
            elif self._publishes(certificate, issuer):
                return _Verdict(Status.UNKNOWN, now + UNKNOWN_LIFE)
        return _Verdict(Status.GOOD, until)

    def _publishes(self, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
        return published(certificate).named or self._shelf.publishes(issuer)

    def _questions(self, certificate: x509.Certificate, issuer: x509.Certificate) -> list[str]:
        """Says that these questions are needed, and how to ask them; returns their names."""
        sources: Published = published(certificate)
        asks: dict[str, Callable[[], Awaitable[datetime]]] = {}
        if self._rules.ocsp and sources.responders:
            asks["ocsp " + print_of(certificate)] = lambda: self._ask(certificate, issuer, sources.responders)
        if self._rules.fetch_crls:
            for url in sources.crls:
                asks["crl " + url] = lambda url=url: self._fetch(url)  # type: ignore[misc]
        for name, ask in asks.items():
            self._inquiries.need(name, ask)
        return list(asks)

    async def _ask(
        self, certificate: x509.Certificate, issuer: x509.Certificate, responders: Sequence[str]
    ) -> datetime:
        """Asks the responders in the certificate's order, until one answers. Raises the last one's DataError."""
        failure = DataError("no responder")
        for url in responders:
            question = ocsp.Question(certificate, issuer, self._nonce(ocsp.NONCE_BYTES))
            try:
                data = await fetch(url, ocsp.MAX_RESPONSE_BYTES, question.der, ocsp.REQUEST_TYPE)
                statement = ocsp.read_response(data, question, self._clock.now(), self._vouched, url)
                return self._keep(certificate, statement, url)
            except DataError as error:
                failure = error
        raise failure

    def _keep(self, certificate: x509.Certificate, statement: Statement, url: str) -> datetime:
        now, known = self._clock.now(), print_of(certificate)
        if not statement.fresh(now, self._rules.max_age):
            raise DataError("the OCSP response is out of date, or of a time to come", where=url)
        before = self._answers.pop(known, None)
        if before is not None and statement.this_update < before.this_update:
            self._answers[known] = before
            raise DataError("the OCSP response is older than the one that is known", where=url)
        if len(self._answers) >= CACHE_SIZE:
            del self._answers[next(iter(self._answers))]
        self._answers[known] = statement
        if self._verdicts.pop(known, None) is None:
            self._verdicts.clear()  # it may be of an issuer in many paths
        if statement.status is Status.UNKNOWN:
            raise DataError("the responder does not know the certificate", where=url)
        return statement.until(self._rules.max_age)

    def _vouched(self, responder: x509.Certificate, issuer: x509.Certificate) -> bool:
        """Whether a delegated responder may be believed: by the issuer's list, by the issuer's word, or because the
        issuer publishes nothing about it."""
        listed = self._shelf.statement(responder, issuer, self._clock.now(), self._rules.max_age)
        if listed is not None:
            return listed.status is Status.GOOD
        return ocsp.needs_no_check(responder) or not self._publishes(responder, issuer)

    async def _fetch(self, url: str) -> datetime:
        data = await fetch(url, crl.MAX_CRL_BYTES)
        lists = await asyncio.to_thread(crl.read_lists, data, self._authorities, url)
        now = self._clock.now()
        if not any(one.fresh(now, self._rules.max_age) for one in lists):
            raise DataError("the CRL is out of date, or of a time to come", where=url)
        self._shelf.put_newer(url, lists)
        self._verdicts.clear()
        return min(one.next_update for one in lists)

    async def _look(self) -> None:
        if self._directory is None:
            return
        changes = await asyncio.to_thread(self._directory.scan)
        for name, lists in changes.items():
            if lists is None:
                self._shelf.drop(name)
            else:
                self._shelf.put(name, lists)
        if changes:
            self._verdicts.clear()
            logger.info("revocation lists were read", files=len(changes))

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            try:
                await self._look()
            except ConfigurationError as error:
                logger.error("revocation lists could not be read; those that are known stay", cause=str(error))
            self._inquiries.start_due()


def _pairs(trusted: Trusted) -> Iterator[tuple[x509.Certificate, x509.Certificate]]:
    """Each certificate of the path with its issuer; the anchor is trusted by name."""
    return zip(trusted.path, trusted.path[1:], strict=False)
