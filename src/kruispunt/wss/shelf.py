"""The revocation lists that are known, and those of a directory, read again when they change (PL-08)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509

from kruispunt.errors import ConfigurationError, DataError
from kruispunt.wss.crl import MAX_CRL_BYTES, RevocationList, read_lists
from kruispunt.wss.statement import AHEAD, Statement, key_of

logger = structlog.get_logger("revocation")

MOST_FETCHED: Final = 256
"""Lists that came from URLs; those that were not renewed for longest are given up."""
SUFFIXES: Final = frozenset({".crl", ".pem", ".der"})


class Shelf:
    """Lists by where they came from: a file or a URL."""

    def __init__(self) -> None:
        self._lists: dict[str, tuple[RevocationList, ...]] = {}
        self._fetched: dict[str, None] = {}
        self._publishers: set[tuple[bytes, bytes]] = set()

    def put(self, source: str, lists: tuple[RevocationList, ...]) -> None:
        """Takes the place of what came from there before."""
        self._lists[source] = lists
        self._publishers.update(one.issuer for one in lists)

    def put_newer(self, source: str, lists: tuple[RevocationList, ...]) -> None:
        """As `put`, for what anybody on the way could have kept back: raises DataError for older lists."""
        before = self._lists.get(source, ())
        if before and max(one.age for one in lists) < max(one.age for one in before):
            raise DataError("the CRL is older than the one that is known", where=source)
        self.put(source, lists)
        self._fetched.pop(source, None)
        self._fetched[source] = None
        if len(self._fetched) > MOST_FETCHED:
            oldest = next(iter(self._fetched))
            del self._fetched[oldest]
            self.drop(oldest)

    def drop(self, source: str) -> None:
        """The issuer stays known as one that publishes: its certificates are not good again for want of a list."""
        self._lists.pop(source, None)

    def publishes(self, issuer: x509.Certificate) -> bool:
        """Whether a list of this issuer was ever seen, expired ones included."""
        return key_of(issuer) in self._publishers

    def statement(
        self, certificate: x509.Certificate, issuer: x509.Certificate, now: datetime, max_age: timedelta
    ) -> Statement | None:
        """What the newest list says that covers the certificate; None when there is no fresh one."""
        known = key_of(issuer)
        newest: RevocationList | None = None
        for lists in self._lists.values():
            for one in lists:
                if one.issuer == known and one.this_update <= now + AHEAD and one.covers(certificate):
                    newest = one if newest is None or one.age > newest.age else newest
        # Only then: an older list that lives longer must not take back what a newer one said.
        return newest.statement(certificate) if newest is not None and newest.fresh(now, max_age) else None


Stamp = tuple[int, int, int]
"""Time of change in ns, size, inode: what tells that a file is another one."""


class CrlDirectory:
    """Files called `*.crl`, `*.pem` or `*.der`. `scan` is for a thread: it reads and checks files."""

    def __init__(self, directory: Path, authorities: Sequence[x509.Certificate]) -> None:
        self._directory = directory
        self._authorities = tuple(authorities)
        self._stamps: dict[str, Stamp] = {}

    def scan(self) -> dict[str, tuple[RevocationList, ...] | None]:
        """What is new or changed since the last time, by path; None for a file that is gone.

        A file that cannot be used is told in the log, once; what it held before stays, until that expires. Raises
        ConfigurationError when the directory cannot be read.
        """
        try:
            found = {
                str(path): _stamp(path)
                for path in sorted(self._directory.iterdir())
                if path.suffix in SUFFIXES and not path.name.startswith(".") and path.is_file()
            }
        except OSError as error:
            raise ConfigurationError(f"crl_dir {self._directory}: {error.strerror}") from error
        changes: dict[str, tuple[RevocationList, ...] | None] = dict.fromkeys(self._stamps.keys() - found.keys())
        for name, stamp in found.items():
            if self._stamps.get(name) != stamp:
                lists = self._read(Path(name))
                if lists is not None:
                    changes[name] = lists
        self._stamps = found
        return changes

    def _read(self, path: Path) -> tuple[RevocationList, ...] | None:
        try:
            with path.open("rb") as file:
                data = file.read(MAX_CRL_BYTES + 1)
            return read_lists(data, self._authorities, path.name)
        except OSError as error:
            logger.error("a file of crl_dir cannot be read", file=path.name, cause=error.strerror)
        except DataError as error:
            logger.error("a file of crl_dir cannot be used; what was there stays", file=path.name, cause=error.what)
        return None


def _stamp(path: Path) -> Stamp:
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
