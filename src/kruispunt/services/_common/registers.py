"""The repertory, as the handlers of the services that write lines ask it: the platform's own tables."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from kruispunt.errors import BusinessRefusal, Rule
from kruispunt.identifiers import cbe
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.cbe import CbeNumber
from kruispunt.identifiers.ssin import InvalidSsin, Ssin
from kruispunt.pipeline.service import Call
from kruispunt.repertory import history, tenants
from kruispunt.repertory.history import Change
from kruispunt.repertory.lines import Line
from kruispunt.repertory.register import Register
from kruispunt.repertory.tenants import DossierType
from kruispunt.repertory.writing import Author

if TYPE_CHECKING:
    from kruispunt.storage.database import Database


class OwnRegisters:
    """Every method is keyed by the owner that the call itself gives: no message names the register it is about."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def repertory(self, call: Call) -> Register:
        """The repertory of CBSS."""
        return self._of(cbe.CBSS, call)

    def own(self, call: Call) -> Register:
        """The register of the organisation that asks. Raises BusinessRefusal as `owner_of`."""
        return self._of(owner_of(call), call)

    async def history(self, call: Call, ssin: Ssin) -> tuple[Change, ...]:
        """Every change of its lines about a number. Raises BusinessRefusal, StorageError."""
        return await history.history(self._database, owner_of(call), ssin)

    async def as_of(self, call: Call, ssin: Ssin, moment: datetime) -> tuple[Line, ...]:
        """Its lines about a number as they were at a moment. Raises BusinessRefusal, StorageError."""
        return await history.as_of(self._database, owner_of(call), ssin, moment)

    async def types(self, call: Call) -> tuple[DossierType, ...]:
        """Its dossier types. Raises BusinessRefusal, StorageError."""
        return await tenants.types_of(self._database, owner_of(call))

    def _of(self, owner: CbeNumber, call: Call) -> Register:
        return Register(self._database, owner, today=lambda: call.today, test_band=call.test_numbers)


def owner_of(call: Call) -> CbeNumber:
    """The CBE number by which a user of registers is known. Raises BusinessRefusal when it has none."""
    assert call.organisation is not None, "these operations ask for an organisation"
    if call.organisation.cbe is None:
        raise BusinessRefusal(
            Rule.ORGANISATION,
            "the user of a register is known by its CBE number, and this organisation has none",
            element="customerIdentification",
            remedy="Name an organisation that has a CBE number.",
        )
    return CbeNumber(call.organisation.cbe)


def author_of(call: Call) -> Author:
    """Who changes lines: the application by its URN, in this exchange (RP-06, RP-07)."""
    return Author(call.application, call.ticket)


def usable(text: str, call: Call) -> Ssin:
    """A well-made number, known or not. Raises BusinessRefusal."""
    try:
        return ssins.validate(text, today=call.today, test_band=call.test_numbers)
    except InvalidSsin as error:
        raise BusinessRefusal(
            Rule.SSIN_STRUCTURE,
            str(error),
            element="ssin",
            remedy="Check the number: eleven digits, a birth date, a counter and a check number.",
        ) from None
