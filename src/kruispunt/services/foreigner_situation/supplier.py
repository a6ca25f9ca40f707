"""The platform's own tables as the supplier of ForeignerSituationService (PL-35): two hot statements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kruispunt.identifiers.ssin import Ssin, from_int, to_int
from kruispunt.services.foreigner_situation.situation import (
    Employment,
    EmploymentCard,
    Expiration,
    FictionalNumber,
    Limosa,
    SpecialInfo,
    WorkPermit,
)

if TYPE_CHECKING:
    import asyncpg

    from kruispunt.storage.database import Database

CARD: Final = 1
PERMIT: Final = 2

# The kinds asked for are neighbours, so that one range of the primary key holds them in the order wanted.
_EMPLOYMENT: Final = """
    SELECT kind, inception_date, expiry_date, duplicate, number, expiration_date, comment
    FROM foreigner_employment
    WHERE ssin = $1 AND kind BETWEEN $2 AND $3
    ORDER BY kind, position
"""
_SPECIAL_INFOS: Final = """
    SELECT inception_date, expiry_date, comment1, comment2, reason1, reason2, base_ssin, base_fictional
    FROM foreigner_special_info
    WHERE ssin = $1
    ORDER BY position
"""


class OwnTables:
    """A ForeignerRegister on the platform's database; StorageError when that is away."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    async def employment(self, ssin: Ssin, cards: bool, permits: bool) -> Employment:
        """The cards and permits asked for, in one query; none at all when neither is asked for."""
        if not (cards or permits):
            return Employment()
        rows = await self._database.fetch(
            _EMPLOYMENT, to_int(ssin), CARD if cards else PERMIT, PERMIT if permits else CARD
        )
        return Employment(
            cards=tuple(_card(row) for row in rows if row[0] == CARD),
            permits=tuple(_permit(row) for row in rows if row[0] == PERMIT),
        )

    async def special_infos(self, ssin: Ssin) -> tuple[SpecialInfo, ...]:
        """The special information about a person, in one query."""
        return tuple(map(_special_info, await self._database.fetch(_SPECIAL_INFOS, to_int(ssin))))


def _card(row: asyncpg.Record) -> EmploymentCard:
    _, inception, expiry, duplicate, number, expiration, comment = row
    return EmploymentCard(inception, expiry, duplicate, number, Expiration(expiration, comment))


def _permit(row: asyncpg.Record) -> WorkPermit:
    _, inception, expiry, _, number, expiration, comment = row
    return WorkPermit(inception, expiry, number, Expiration(expiration, comment))


def _special_info(row: asyncpg.Record) -> SpecialInfo:
    inception, expiry, comment1, comment2, reason1, reason2, base_ssin, base_fictional = row
    limosa = None if reason1 is None else Limosa(reason1, reason2, _base(base_ssin, base_fictional))
    return SpecialInfo(inception, expiry, comment1, comment2, limosa)


def _base(ssin: int | None, fictional: str | None) -> Ssin | FictionalNumber | None:
    if ssin is not None:
        return from_int(ssin)
    return None if fictional is None else FictionalNumber(fictional)
