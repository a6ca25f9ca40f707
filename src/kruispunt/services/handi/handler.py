"""What HandiService decides once a request has been let in: does DGPH know the person, and was anything found.

What leaves is bounded twice: only the groups that may be told are asked of the supplier, and only they are looked at in
what it answers. A file of somebody else is no answer.
"""

from __future__ import annotations

from typing import Final

from kruispunt.errors import Information, SupplierError, SupplierFailureKind
from kruispunt.pipeline.service import Call, Outcome
from kruispunt.services.handi.codes import DATA_FOUND, NO_DATA_FOUND, UNKNOWN_AT_SUPPLIER
from kruispunt.services.handi.file import SUPPLIER_NAME, DataGroup, HandicapFile
from kruispunt.services.handi.supplier import HandicapRegister
from kruispunt.services.handi.told import MOST_FILES, MOST_PAYMENTS, ToldFile, at_reference_date, over_period

UNKNOWN: Final = Outcome(UNKNOWN_AT_SUPPLIER, information=(("supplier", SUPPLIER_NAME),))
"""HA-08a, PL-36: DGPH has no file of the person, which differs from a file without data."""


async def consult_file(call: Call, register: HandicapRegister) -> Outcome:
    """What DGPH holds at one moment, and payments over a period (HA-01 to HA-03)."""
    file = await _file_of(call, register)
    if file is None:
        return UNKNOWN
    told, payments = at_reference_date(file, call.criteria, call.data_groups)
    return _found((told,), _left_out("payments", MOST_PAYMENTS, payments))


async def consult_rights_and_payments(call: Call, register: HandicapRegister) -> Outcome:
    """Rights and payments over a period; of those two, what the legal context may see."""
    file = await _file_of(call, register)
    if file is None:
        return UNKNOWN
    told = over_period(file, call.criteria.period, call.data_groups)
    return _found(told[:MOST_FILES], _left_out("file", MOST_FILES, len(told)))


async def _file_of(call: Call, register: HandicapRegister) -> HandicapFile | None:
    assert call.ssin is not None, "both operations have SSIN control"
    files = await register.consult((call.ssin,), frozenset(map(DataGroup, call.data_groups)))
    file = files.get(call.ssin)
    if file is not None and file.ssin != call.ssin:
        raise SupplierError(SUPPLIER_NAME, SupplierFailureKind.UNEXPECTED, "the file of another person")
    return file


def _found(files: tuple[ToldFile, ...], information: Information) -> Outcome:
    """HA-06: data when any group that was asked for holds information."""
    code = DATA_FOUND if any(file.has_information for file in files) else NO_DATA_FOUND
    return Outcome(code, files, information)


def _left_out(name: str, most: int, there: int) -> Information:
    """Tells that the contract has no room for all that there is (ours)."""
    return ((name, f"{most} of {there}: ask for a shorter period"),) if there > most else ()
