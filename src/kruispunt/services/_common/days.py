"""Days and periods of the newer services, from XML to values and back.

`xsd:date` may carry a zone (`2012-05-24+02:00`, as some toolkits write it): the day is the one that is written. A year
that is not 1 to 9999 is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from kruispunt.clock import BELGIUM
from kruispunt.errors import InvalidRequest
from kruispunt.periods import ALWAYS, InvalidPeriod, Period
from kruispunt.xml import values
from kruispunt.xml.build import element, optional, wrap
from kruispunt.xml.read import child, child_text

if TYPE_CHECKING:
    from lxml import etree

_DAY: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})?")
_NO_DAY: Final = "a day lies in the years 1 to 9999"


@dataclass(frozen=True, slots=True)
class Days:
    """A period as it was written, both ends included; not judged yet."""

    begin: date
    end: date | None

    def period(self) -> Period | None:
        """None when it ends before it begins."""
        try:
            return Period.days(self.begin, self.end)
        except InvalidPeriod:
            return None


def read_day(text: str, name: str) -> date:
    """A valid `xsd:date`. Raises InvalidRequest for a day that no calendar here has."""
    found = _DAY.fullmatch(text.strip())
    try:
        if found is not None:
            return date.fromisoformat(found[1])
    except ValueError:
        pass
    raise InvalidRequest("date.range", _NO_DAY, element=name)


def read_moment(text: str, name: str) -> datetime:
    """A valid `xsd:dateTime`; one without a zone is Belgian time. Raises InvalidRequest as `read_day`."""
    try:
        moment = values.read_moment(text)
        moment = moment.replace(tzinfo=BELGIUM) if moment.tzinfo is None else moment
        moment.astimezone(BELGIUM)
    except (ValueError, OverflowError):
        raise InvalidRequest("date.range", _NO_DAY, element=name) from None
    return moment


def read_days(parent: etree._Element, name: str = "period") -> Days | None:
    """An OpenPeriodType child; None when there is none. Raises InvalidRequest."""
    node = child(parent, name)
    if node is None:
        return None
    end = child_text(node, "endDate")
    return Days(
        read_day(child_text(node, "beginDate") or "", f"{name}/beginDate"),
        None if end is None else read_day(end, f"{name}/endDate"),
    )


def period_of(days: Days | None) -> Period | None:
    """Of days that may be left out, which stands for all; None when they end before they begin."""
    return ALWAYS if days is None else days.period()


def write_period(period: Period, name: str = "period") -> str:
    """OpenPeriodType. Days that have always been begin on the first day that can be written."""
    end = period.end
    return wrap(
        name,
        element("beginDate", (period.begin or date.min).isoformat())
        + optional("endDate", None if end is None else end.isoformat()),
    )


def compose_period(begin: str, end: str, name: str = "period") -> str:
    """For clients: nothing without a begin."""
    return wrap(name, element("beginDate", begin) + optional("endDate", end or None)) if begin else ""
