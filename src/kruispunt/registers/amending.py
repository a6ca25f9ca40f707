"""What the CBSS register holds of a person is changed; a number is replaced, or cancelled (RP-12, RP-13).

Only what the CBSS register keeps: data of BIS and RAD people, and numbers that it gave out itself. The National
Register changes its own. The number stays when birth date or sex change (SS-06). Every change is kept, with the line
before and after (`history.py`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from kruispunt.errors import DataError
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Ssin, to_int
from kruispunt.registers import legal_json
from kruispunt.registers.changes import Exchange, changing
from kruispunt.registers.facts import Facts, Told
from kruispunt.registers.keys import name_keys
from kruispunt.registers.legal_data import Dossier, LegalData, Origin, Subregister
from kruispunt.registers.people import Register
from kruispunt.registers.registering import DECLARED, FIELDS, WAIT, hold_to_rules

if TYPE_CHECKING:
    from kruispunt.storage.database import Database

REMOVABLE: Final = tuple(name for name in FIELDS if name not in ("name", "birth"))
_SUBREGISTERS: Final = {Register.BIS: Subregister.BIS, Register.RAD: Subregister.RAD}
_FORMER: Final = {"name": "formerNames", "address": "formerAddresses"}
_MODIFIED: Final = "modified"


class Refused(Enum):
    """Why a number cannot be changed."""

    UNKNOWN = "unknown"
    REPLACED = "replaced"
    CANCELLED = "cancelled"
    NOT_OURS = "not-ours"
    """Of the National Register."""
    OTHER_UNKNOWN = "other-unknown"
    """The number that should come in its place is in no register."""
    OTHER_ENDED = "other-ended"
    """That number was itself replaced or cancelled."""


def amended(
    held: Mapping[str, Any], told: Mapping[str, Any], removed: Collection[str], *, today: date
) -> dict[str, Any]:
    """A document with the fields that are told in the place of those that it holds, and without those removed.

    A field that tells what is held already stays as it is. A name or an address that gives way becomes a former one;
    what is told without its day holds from `today`. Raises DataError.
    """
    for name in (*told, *removed):
        if name not in FIELDS:
            raise DataError(f"{DECLARED}.{name[:40]!a}: is not declared of a person; there are: {', '.join(FIELDS)}")
    for name in removed:
        if name not in REMOVABLE or name in told:
            raise DataError(f"{DECLARED}.{name}: cannot be removed, or is told as well")
    after = dict(held)
    for name, value in told.items():
        if not _same(after.get(name), value):
            _make_former(after, name)
            after[name] = _dated(name, value, today)
    for name in removed:
        _make_former(after, name)
        after.pop(name, None)
    return after


async def amend(
    database: Database,
    ssin: Ssin,
    told: Mapping[str, Any],
    removed: Collection[str] = (),
    *,
    today: date,
    test_band: bool,
    author: str,
) -> LegalData | Refused:
    """Change what the CBSS register holds of an active number (RP-12); what it holds now, or why it was not changed.

    The fields have the form of `cbssRegister` in an import. Raises DataError for what breaks a rule, without any
    value of it; StorageError.
    """
    async with changing(database, author, wait=WAIT) as changer:
        facts = (await changer.known([to_int(ssin)])).get(to_int(ssin))
        if facts is None:
            return Refused.UNKNOWN
        refused = _ended(facts)
        if refused is not None:
            return refused
        register = Register(facts.register)
        if register is Register.NATIONAL:
            return Refused.NOT_OURS
        held = (
            {"inscription": {"register": _SUBREGISTERS[register].value}}
            if facts.cbss is None
            else json.loads(facts.cbss)
        )
        legal = legal_json.read(amended(held, told, removed, today=today), DECLARED)
        hold_to_rules(legal, register, today=today, test_band=test_band)
        after = facts._replace(cbss=legal_json.write(legal))
        if not after.fits:
            raise DataError(f"{DECLARED}: all that the registers would hold of this person is more than they can keep")
        await changer.tell([Told(after, name_keys(Dossier(ssin, Origin.KSZ, legal)))])
        return legal


async def replace_bis(
    database: Database, ssin: Ssin, by: Ssin, *, author: str, exchange: Exchange | None = None
) -> Refused | None:
    """An active number comes in the place of an active BIS number (RP-13); or why it does not.

    Chains grow by it, and never into a circle: an active number leads nowhere. Raises DataError when both are the
    same, StorageError.
    """
    if ssin == by:
        raise DataError("a number cannot be replaced by itself")
    async with changing(database, author, wait=WAIT, exchange=exchange) as changer:
        known = await changer.known([to_int(ssin), to_int(by)])
        facts, other = known.get(to_int(ssin)), known.get(to_int(by))
        refused = _not_a_bis(facts)
        if refused is None and other is None:
            return Refused.OTHER_UNKNOWN
        if refused is None and other is not None and _ended(other):
            return Refused.OTHER_ENDED
        if refused is None and facts is not None:
            await changer.tell([Told(facts._replace(replaced_by=to_int(by)))])
        return refused


async def cancel_bis(database: Database, ssin: Ssin, *, author: str) -> Refused | None:
    """An active BIS number is cancelled (RP-13), for ever; or why it is not. Raises StorageError."""
    async with changing(database, author, wait=WAIT) as changer:
        facts = (await changer.known([to_int(ssin)])).get(to_int(ssin))
        refused = _not_a_bis(facts)
        if refused is None and facts is not None:
            await changer.tell([Told(facts._replace(cancelled=True))])
        return refused


def _not_a_bis(facts: Facts | None) -> Refused | None:
    if facts is None:
        return Refused.UNKNOWN
    return _ended(facts) or (None if facts.register == Register.BIS.value else Refused.NOT_OURS)


def _ended(facts: Facts) -> Refused | None:
    if facts.replaced_by is not None:
        return Refused.REPLACED
    return Refused.CANCELLED if facts.cancelled else None


def _same(held: Any, told: Any) -> bool:
    """Whether it tells nothing new; a day that is not told does not count."""
    if not isinstance(held, dict) or not isinstance(told, dict):
        return bool(held == told)
    names = (held.keys() | told.keys()) - ({_MODIFIED} - told.keys())
    return all(_same(held.get(name), told.get(name)) for name in names)


def _make_former(document: dict[str, Any], name: str) -> None:
    former = _FORMER.get(name)
    if former is not None and name in document:
        document[former] = [document[name], *document.get(former, ())]


def _dated(name: str, value: Any, today: date) -> Any:
    """With the day from which it holds, at the place where a reply tells it."""
    day = str(PartialDate.of(today))
    if name in ("name", "gender", "nationality") and isinstance(value, dict):
        return {_MODIFIED: day, **value}
    match value:
        case {"legal": {"standard": dict(standard)} as legal} if name == "address":
            return {**value, "legal": {**legal, "standard": {_MODIFIED: day, **standard}}}
    return value
