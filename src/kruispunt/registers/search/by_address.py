"""The search by address (IP-15): people whose last registered Belgian address it is.

That includes those who live abroad now, and the dead. Only the National Register is searched; there is no limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kruispunt.identifiers.ssin import Ssin, from_int
from kruispunt.registers.keys import place_code, place_number
from kruispunt.registers.search.criteria import AddressCriteria

if TYPE_CHECKING:
    from kruispunt.storage.database import Database

_HOUSE: Final = """
    SELECT ssin FROM address_key
    WHERE postal_code = $1 AND street_code = $2 AND house_number = $3
    ORDER BY box, ssin
"""
_BOX: Final = """
    SELECT ssin FROM address_key
    WHERE postal_code = $1 AND street_code = $2 AND house_number = $3 AND box = $4
    ORDER BY ssin
"""


async def by_address(database: Database, criteria: AddressCriteria) -> tuple[Ssin, ...]:
    """Everybody of the house, or of one box in it, in order of box and number. Raises StorageError."""
    house = place_code(criteria.postal_code), place_code(criteria.street_code), place_number(criteria.house_number)
    box = place_number(criteria.box)
    rows = await (database.fetch(_BOX, *house, box) if box else database.fetch(_HOUSE, *house))
    return tuple(from_int(row[0]) for row in rows)
