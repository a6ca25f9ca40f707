"""The registers, as the handler asks them: the platform's own tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kruispunt.identifiers.ssin import Ssin
from kruispunt.registers import search
from kruispunt.registers.dossiers import Found, look_up
from kruispunt.registers.search import AddressCriteria, NameCriteria, Resolved, TooMany
from kruispunt.services._common.registers import OwnRegisters

if TYPE_CHECKING:
    from kruispunt.storage.database import Database


class Registers(Protocol):
    """Every method raises StorageError."""

    async def look_up(self, ssin: Ssin) -> Found | None:
        """What the registers know of a number, and hold of the person at the end of its chain."""

    async def by_name(self, criteria: NameCriteria) -> search.Found | TooMany:
        """Who matches, in both registers."""

    async def by_address(self, criteria: AddressCriteria) -> tuple[Ssin, ...]:
        """Whose last Belgian address it is."""

    async def resolve(self, ssins: tuple[Ssin, ...], *, follow: bool = True) -> Resolved:
        """The people for whom numbers stand; without `follow`, replaced numbers stand for nobody."""


class OwnTables:
    def __init__(self, database: Database) -> None:
        self._database = database
        self.lines = OwnRegisters(database)
        """The repertory of CBSS, and the organisations' own registers."""

    async def look_up(self, ssin: Ssin) -> Found | None:
        return (await look_up(self._database, (ssin,))).get(ssin)

    async def by_name(self, criteria: NameCriteria) -> search.Found | TooMany:
        return await search.by_name(self._database, criteria)

    async def by_address(self, criteria: AddressCriteria) -> tuple[Ssin, ...]:
        return await search.by_address(self._database, criteria)

    async def resolve(self, ssins: tuple[Ssin, ...], *, follow: bool = True) -> Resolved:
        return await search.resolve(self._database, ssins, follow=follow)
