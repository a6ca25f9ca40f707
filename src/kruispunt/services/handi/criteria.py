"""What HandiService is asked, and when that makes no sense (HA-01, HA-05). Pure functions."""

from __future__ import annotations

from calendar import isleap
from dataclasses import dataclass
from datetime import date
from typing import Final

from kruispunt.errors import BusinessRefusal, Rule
from kruispunt.services.handi.codes import HandiRule
from kruispunt.services.handi.file import DataGroup

MOST_YEARS: Final = 2
"""Longest period of payments."""
FARTHEST_YEARS: Final = 1
"""How far the date of consultation may lie from today, before or after."""


@dataclass(frozen=True, slots=True)
class AskedPeriod:
    """A period as it was asked for: it may end before it begins, until it is checked."""

    start: date
    end: date

    def covers(self, month: date) -> bool:
        """Whether the period has a day of the month that begins on that day."""
        return self.start.replace(day=1) <= month <= self.end

    def overlaps(self, begin: date, end: date | None) -> bool:
        """Whether a day of the period lies between those two, which count; None is open."""
        return begin <= self.end and (end is None or self.start <= end)


@dataclass(frozen=True, slots=True)
class FileCriteria:
    """`wantedInformation` of consultFile."""

    ssin: str
    """As it was written."""
    reference_date: date | None
    """None when nothing is asked at one moment."""
    at_reference_date: frozenset[DataGroup]
    """The groups whose boolean is true."""
    payments: AskedPeriod | None


@dataclass(frozen=True, slots=True)
class RightsCriteria:
    """`criteria` of consultRightsAndPayments."""

    ssin: str
    period: AskedPeriod


def file_groups(criteria: FileCriteria) -> frozenset[str]:
    """The data groups that consultFile asks for."""
    groups = {group.value for group in criteria.at_reference_date}
    return frozenset(groups if criteria.payments is None else groups | {DataGroup.PAYMENTS.value})


def rights_groups(_criteria: RightsCriteria) -> frozenset[str]:
    """The data groups that consultRightsAndPayments stands for."""
    return frozenset({DataGroup.RIGHTS.value, DataGroup.PAYMENTS.value})


def check_file(criteria: FileCriteria) -> None:
    """Raises BusinessRefusal: MSG00040 for nothing asked, MSG00031 and MSG00030 for the period of payments."""
    if not file_groups(criteria):
        raise BusinessRefusal(
            Rule.NOTHING_ASKED,
            "no boolean is true and no payments are asked for",
            element="wantedInformation",
            remedy="Set one of the booleans to true, or ask for payments over a period.",
        )
    if criteria.payments is not None:
        _check_period(criteria.payments, "wantedInformation/paymentsAtPeriod")


def check_rights(criteria: RightsCriteria) -> None:
    """Raises BusinessRefusal: MSG00031, MSG00030."""
    _check_period(criteria.period, "criteria/period")


def check_reference_date(criteria: FileCriteria, today: date) -> None:
    """Raises BusinessRefusal (MSG00032) when a group is asked for at a date more than a year from today."""
    asked = criteria.reference_date
    if asked is None or not criteria.at_reference_date:
        return
    if not _years_after(today, -FARTHEST_YEARS) <= asked <= _years_after(today, FARTHEST_YEARS):
        raise BusinessRefusal(
            HandiRule.REFERENCE_DATE,
            "the date of consultation is more than a year away",
            element="wantedInformation/informationAtReferenceDate/referenceDate",
            remedy="Take a reference date within a year of today.",
        )


def _check_period(period: AskedPeriod, element: str) -> None:
    if period.end < period.start:
        raise BusinessRefusal(
            HandiRule.PERIOD_ORDER,
            "the period ends before it begins",
            element=element,
            remedy="Let the period begin before it ends.",
        )
    if period.end > _years_after(period.start, MOST_YEARS):
        raise BusinessRefusal(
            HandiRule.PERIOD_LENGTH,
            "the period is longer than two years",
            element=element,
            remedy="Ask for two years at most: the last day is the same day two years later.",
        )


def _years_after(day: date, years: int) -> date:
    """The same day in another year; 28 February for a 29th that the year has not; never beyond what a date can be."""
    year = day.year + years
    if year < date.min.year:
        return date.min
    if year > date.max.year:
        return date.max
    leap_day = (day.month, day.day) == (2, 29)
    return day.replace(year=year, day=28) if leap_day and not isleap(year) else day.replace(year=year)
