"""What can be said of a line from itself alone, in the form in which the database takes it."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from kruispunt.batch.items import Item, Kind, Read, Unreadable
from kruispunt.errors import DataError
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.identifiers.ssin import InvalidSsin, validate
from kruispunt.repertory.lines import NO_ORGANISATION, organisation_key

_LAST_DAY: Final = date.max.toordinal()


class Good(NamedTuple):
    """A line that is sound in itself."""

    ssin: int
    organisation: OrganisationKey
    dossier_type: str
    first: int | None
    """Ordinal of the first day; None: always."""
    until: int | None
    """Ordinal of the day after the last one; None: no end."""


class NoNumber(NamedTuple):
    """The line tells eleven digits that are no SSIN."""

    why: str


def judge(read: Read, kind: Kind, today: date, *, test_band: bool) -> Good | NoNumber | Unreadable:
    """The line in numbers, or why it is refused; `today` is the civil day in Belgium."""
    if not isinstance(read, Item):
        return read
    try:
        validate(read.ssin, today=today, test_band=test_band)
    except InvalidSsin as error:
        return NoNumber(str(error))
    try:
        first = None if read.begin is None else _ordinal(read.begin)
        last = None if read.end is None else _ordinal(read.end)
        if first is None and kind is Kind.INSERT:
            raise DataError("the period has no begin")
        if first is not None and last is not None and last < first:
            raise DataError("the period ends before it begins")
        # An end after which no day can be written is an open end.
        until = None if last is None or last == _LAST_DAY else last + 1
        return Good(int(read.ssin), _organisation(read.organisation), read.dossier_type, first, until)
    except DataError as error:
        return Unreadable(error.what)


@lru_cache(maxsize=65_536)
def _ordinal(text: str) -> int:
    try:
        return date.fromisoformat(text).toordinal()
    except ValueError:
        raise DataError("a day that is not in the calendar") from None


@lru_cache(maxsize=4_096)
def _organisation(text: str) -> OrganisationKey:
    return organisation_key(text) if text else NO_ORGANISATION
