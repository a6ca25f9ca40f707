"""The registers, as the handler asks and changes them: the platform's own tables."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

from kruispunt.errors import StorageError
from kruispunt.identifiers.ssin import Ssin
from kruispunt.registers import amending, registering, search
from kruispunt.registers.amending import Refused
from kruispunt.registers.changes import Exchange
from kruispunt.registers.dossiers import Found, look_up
from kruispunt.registers.legal_data import LegalData
from kruispunt.registers.registering import WAIT, Registered
from kruispunt.registers.resembling import Resembling
from kruispunt.registers.search import NameCriteria, Resolved, TooMany

if TYPE_CHECKING:
    from kruispunt.storage.database import Database


class Registers(Protocol):
    """Every method raises StorageError; those that change people raise DataError when a rule is broken."""

    async def look_up(self, ssin: Ssin) -> Found | None:
        """What the registers know of a number, and hold of the person at the end of its chain."""

    async def by_name(self, criteria: NameCriteria) -> search.Found | TooMany:
        """Who matches, in both registers."""

    async def resolve(self, ssins: tuple[Ssin, ...]) -> Resolved:
        """The people for whom numbers stand."""

    async def register(
        self, declared: LegalData, *, author: str, set_aside: frozenset[Ssin], first_counter: int
    ) -> Registered | Resembling:
        """Give a number, unless somebody resembles."""

    async def amend(
        self,
        ssin: Ssin,
        told: Mapping[str, Any],
        removed: Collection[str],
        *,
        today: date,
        test_band: bool,
        author: str,
    ) -> LegalData | Refused:
        """Change what the CBSS register holds."""

    async def replace(self, ssin: Ssin, by: Ssin, *, author: str, exchange: Exchange) -> Refused | None:
        """Put another number in the place of a BIS number."""

    async def cancel(self, ssin: Ssin, *, author: str) -> Refused | None:
        """Cancel a BIS number."""


class OwnTables:
    """One change at a time: who waits for others to change people holds a connection, and a worker has a few."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changing = asyncio.Lock()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(WAIT):
                await self._changing.acquire()
        except TimeoutError:
            raise StorageError("Others of this worker change people, for longer than can be waited.") from None
        try:
            yield
        finally:
            self._changing.release()

    async def look_up(self, ssin: Ssin) -> Found | None:
        return (await look_up(self._database, (ssin,))).get(ssin)

    async def by_name(self, criteria: NameCriteria) -> search.Found | TooMany:
        return await search.by_name(self._database, criteria)

    async def resolve(self, ssins: tuple[Ssin, ...]) -> Resolved:
        return await search.resolve(self._database, ssins)

    async def register(
        self, declared: LegalData, *, author: str, set_aside: frozenset[Ssin], first_counter: int
    ) -> Registered | Resembling:
        async with self._turn():
            return await registering.register(
                self._database, declared, author=author, set_aside=set_aside, first_counter=first_counter
            )

    async def amend(
        self,
        ssin: Ssin,
        told: Mapping[str, Any],
        removed: Collection[str],
        *,
        today: date,
        test_band: bool,
        author: str,
    ) -> LegalData | Refused:
        async with self._turn():
            return await amending.amend(
                self._database, ssin, told, removed, today=today, test_band=test_band, author=author
            )

    async def replace(self, ssin: Ssin, by: Ssin, *, author: str, exchange: Exchange) -> Refused | None:
        async with self._turn():
            return await amending.replace_bis(self._database, ssin, by, author=author, exchange=exchange)

    async def cancel(self, ssin: Ssin, *, author: str) -> Refused | None:
        async with self._turn():
            return await amending.cancel_bis(self._database, ssin, author=author)
