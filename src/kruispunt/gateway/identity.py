"""The platform's own certificates and keys, and how others take their place while the server runs (PL-08).

A pair is read and judged as a whole. What cannot be used leaves the pair in force as it is, and the log says why.
Files are looked at every two seconds, by content: that works for files, links and mounted secrets alike, on every
server, and nobody has to remember a signal.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kruispunt.clock import Clock
from kruispunt.errors import ConfigurationError
from kruispunt.gateway.secrets import PrivateKey, read_certificates, read_key
from kruispunt.gateway.tls import context_for_clients_of
from kruispunt.settings import Settings
from kruispunt.wss.trust import is_demo_certificate

logger = structlog.get_logger("certificates")

LOOK_EVERY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Pair:
    """A private key and the certificates that go with it, the key's own first."""

    key: PrivateKey
    certificates: tuple[x509.Certificate, ...]

    @property
    def certificate(self) -> x509.Certificate:
        return self.certificates[0]

    def check(self, now: datetime, production: bool) -> None:
        """Raises ConfigurationError unless it can be used now, in this environment."""
        for one in self.certificates:
            name = one.subject.rfc4514_string()
            if production and is_demo_certificate(one):
                raise ConfigurationError(f"{name} is of the demo PKI, whose keys are no secret. Production refuses it.")
            if not one.not_valid_before_utc <= now <= one.not_valid_after_utc:
                raise ConfigurationError(
                    f"{name} is valid from {one.not_valid_before_utc:%Y-%m-%d %H:%M} to "
                    f"{one.not_valid_after_utc:%Y-%m-%d %H:%M} UTC, and it is {now:%Y-%m-%d %H:%M}"
                )


def read_pair(certificate: Path, key: Path) -> Pair:
    """The pair of two files. Raises ConfigurationError: unreadable, open to others, or not belonging together."""
    pair = Pair(read_key(key), tuple(read_certificates(certificate)))
    if pair.key.public_key() != pair.certificate.public_key():
        raise ConfigurationError(f"{key} is not the key of {certificate}")
    return pair


class PairWatch:
    """Looks at two files, and hands over each new pair that can be used.

    `use` may refuse a pair with ConfigurationError, and leaves everything as it was then. A `quiet` one logs nothing.
    """

    def __init__(
        self,
        name: str,
        files: tuple[Path, Path],
        use: Callable[[Pair], None],
        clock: Clock,
        production: bool,
        in_force: x509.Certificate,
        *,
        quiet: bool = False,
    ) -> None:
        self._name = name
        self._files = files
        self._use = use
        self._clock = clock
        self._production = production
        self._certificate = in_force
        self._quiet = quiet
        self._settled: bytes | None = None
        """The content that was taken over. None at first: the files may have changed since the start read them."""
        self._last = _content(files)
        self._told = ""

    def look(self) -> None:
        """Takes over what is there when it is new, complete and usable.

        Content must be the same at two looks: certificate and key are two files, and are not written at once.
        """
        content = _content(self._files)
        if content == self._settled:
            self._last, self._told = content, ""
            return
        if content != self._last:
            self._last = content
            return
        try:
            pair = read_pair(*self._files)
            pair.check(self._clock.now(), self._production)
            if _content(self._files) != content:
                return
            self._use(pair)
        except ConfigurationError as error:
            if str(error) != self._told and not self._quiet:
                logger.error("new files cannot be used; the old ones stay in force", what=self._name, cause=str(error))
            self._told = str(error)
            return
        first, self._settled, self._told = self._settled is None, content, ""
        if not self._quiet and (not first or pair.certificate != self._certificate):
            until = f"{pair.certificate.not_valid_after_utc:%Y-%m-%d}"
            logger.info("another certificate is in force", what=self._name, until=until)
        self._certificate = pair.certificate


async def watch(watches: Sequence[PairWatch]) -> None:
    """Looks for ever, on the loop: files of a few kilobytes, and each change is one step between two handshakes."""
    while True:
        await asyncio.sleep(LOOK_EVERY_SECONDS)
        for one in watches:
            try:
                one.look()
            except Exception as error:  # whatever the files hold: watching must go on
                logger.error("certificates could not be looked at", cause=type(error).__name__)


class TlsFront:
    """The TLS context of the listening socket, which sends each handshake to the context in force."""

    def __init__(self, settings: Settings) -> None:
        assert settings.tls_pair is not None, "behind a proxy there is no front"
        self._settings = settings
        self.files = settings.tls_pair
        pair = read_pair(*self.files)
        self.context = context_of(pair, settings.client_ca)
        self.pair = pair
        self._current = self.context
        self.context.sni_callback = self._choose

    def use(self, pair: Pair) -> None:
        """From now on handshakes get this certificate; connections that exist are not touched."""
        self._current, self.pair = context_of(pair, self._settings.client_ca), pair

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        # Called in every handshake, also without a server name. A context of its own for each pair: a context to
        # which a key of another kind is loaded would keep both, and go on with the old one for some clients.
        if self._current is not self.context:
            connection.context = self._current


def context_of(pair: Pair, client_ca: Path) -> ssl.SSLContext:
    """A context for this pair, from memory: what was judged is what is used, whatever the files hold by now."""
    context = context_for_clients_of(client_ca)
    pem = pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem += b"".join(one.public_bytes(Encoding.PEM) for one in pair.certificates)
    descriptor = os.memfd_create("pair", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, pem)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    except (OSError, ssl.SSLError) as error:
        name = pair.certificate.subject.rfc4514_string()
        raise ConfigurationError(f"TLS cannot use the certificate of {name}: {error}") from error
    finally:
        os.close(descriptor)
    return context


def _content(files: tuple[Path, Path]) -> bytes:
    """Both files as they are now; one that cannot be read counts as empty."""
    parts = []
    for path in files:
        try:
            data = path.read_bytes()
            parts.append(b"%o %d " % (path.stat().st_mode, len(data)) + data)
        except OSError:
            parts.append(b"-")
    return b"".join(parts)
