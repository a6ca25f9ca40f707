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
# One statement each for all who ask at the same time; the first column tells whose row it is.
_EMPLOYMENT: Final = """
    SELECT asked.position, e.kind, e.inception_date, e.expiry_date, e.duplicate, e.number, e.expiration_date, e.comment
    FROM unnest($1::bigint[], $2::smallint[], $3::smallint[]) WITH ORDINALITY AS asked (ssin, low, high, position)
    JOIN foreigner_employment e ON e.ssin = asked.ssin AND e.kind BETWEEN asked.low AND asked.high
    ORDER BY asked.position, e.kind, e.position
"""
_SPECIAL_INFOS: Final = """
    SELECT asked.position, i.inception_date, i.expiry_date, i.comment1, i.comment2, i.reason1, i.reason2, i.base_ssin,
        i.base_fictional
    FROM unnest($1::bigint[]) WITH ORDINALITY AS asked (ssin, position)
    JOIN foreigner_special_info i ON i.ssin = asked.ssin
    ORDER BY asked.position, i.position
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
        rows = await self._database.fetch_together(
            _EMPLOYMENT, to_int(ssin), CARD if cards else PERMIT, PERMIT if permits else CARD
        )
        return Employment(
            cards=tuple(_card(row) for row in rows if row[1] == CARD),
            permits=tuple(_permit(row) for row in rows if row[1] == PERMIT),
        )

    async def special_infos(self, ssin: Ssin) -> tuple[SpecialInfo, ...]:
        """The special information about a person, in one query."""
        return tuple(map(_special_info, await self._database.fetch_together(_SPECIAL_INFOS, to_int(ssin))))


def _card(row: asyncpg.Record) -> EmploymentCard:
    _, _, inception, expiry, duplicate, number, expiration, comment = row
    return EmploymentCard(inception, expiry, duplicate, number, Expiration(expiration, comment))


def _permit(row: asyncpg.Record) -> WorkPermit:
    _, _, inception, expiry, _, number, expiration, comment = row
    return WorkPermit(inception, expiry, number, Expiration(expiration, comment))


def _special_info(row: asyncpg.Record) -> SpecialInfo:
    _, inception, expiry, comment1, comment2, reason1, reason2, base_ssin, base_fictional = row
    limosa = None if reason1 is None else Limosa(reason1, reason2, _base(base_ssin, base_fictional))
    return SpecialInfo(inception, expiry, comment1, comment2, limosa)


def _base(ssin: int | None, fictional: str | None) -> Ssin | FictionalNumber | None:
    if ssin is not None:
        return from_int(ssin)
    return None if fictional is None else FictionalNumber(fictional)
