"""Dossiers: what the registers hold of people, by number (IP-01 to IP-04).

Reads the tables `person` and `dossier`; `changes.py` alone writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from kruispunt.identifiers.ssin import Ssin, to_int
from kruispunt.registers import legal_json
from kruispunt.registers.legal_data import Dossier, Origin, Unreadable
from kruispunt.registers.people import Person, to_person

if TYPE_CHECKING:
    from kruispunt.storage.database import Asked

# A document is asked for as the bytes that it is read from, which spares making a text of them and bytes again.
# OFFSET 0 keeps the planner from joining in another way than one probe a person, whatever its statistics say.
_LOOK_UP: Final = """
    SELECT p.ssin, p.register, p.state, p.replaced_by, p.final_ssin, d.origin, d.document
    FROM person p
    LEFT JOIN LATERAL (
        SELECT origin, convert_to(document, 'UTF8') AS document FROM dossier
        WHERE ssin = CASE p.state WHEN 1 THEN p.ssin WHEN 2 THEN p.final_ssin END OFFSET 0
    ) d ON true
    WHERE p.ssin = ANY($1::bigint[])
"""

_ORIGINS: Final = {origin.value: origin for origin in Origin}


class Found(Struct, frozen=True):
    """A number that a register knows, and what the registers hold of the person at the end of its chain."""

    person: Person
    """Of the number that was asked; `final_ssin` differs from it when it was replaced (IP-03)."""
    dossiers: dict[Origin, Dossier]
    """Of the final number: none when it is cancelled, or when the registers know no more than the number."""

    @property
    def latest(self) -> Dossier | None:
        """What is given: of somebody who stands in both registers the CBSS register's data alone (IP-02)."""
        return self.dossiers.get(Origin.KSZ) or self.dossiers.get(Origin.RR)

    @property
    def comparable(self) -> Dossier | None:
        """What may be compared with what somebody tells: to say whether it differs tells of it. So `latest`, and None
        while access is blocked or nothing can be read (IP-18)."""
        latest = self.latest
        if latest is None or latest.legal.blocked or Unreadable.EVERYTHING in latest.legal.unreadable:
            return None
        return latest


async def look_up(database: Asked, ssins: Iterable[Ssin]) -> Mapping[Ssin, Found]:
    """Everything about many numbers, by the number asked, with one statement; unknown ones are left out.

    Raises StorageError.
    """
    asked = {to_int(ssin): ssin for ssin in ssins}
    found: dict[Ssin, Found] = {}
    for number, register, state, replaced_by, final, origin, document in await database.fetch(_LOOK_UP, list(asked)):
        ssin = asked[number]
        known = found.get(ssin)
        if known is None:
            known = found[ssin] = Found(to_person(ssin, register, state, replaced_by, final), {})
        if document is not None:
            assert known.person.final_ssin is not None, "who has none has no dossier"
            of = _ORIGINS[origin]
            known.dossiers[of] = Dossier(known.person.final_ssin, of, legal_json.parse(document))
    return found
