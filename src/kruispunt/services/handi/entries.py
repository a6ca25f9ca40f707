"""The objects within a line of an import file, each as a value of `file.py`.

Facets are those of `HandiTypesV1` and of DGPH's own types: what is taken here can always be delivered. Every function
raises DataError, whose text holds no value of the line.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Final

from kruispunt.errors import DataError
from kruispunt.registers.jsonfields import (
    bounded,
    optional_choice,
    optional_decimal,
    optional_digits,
    optional_entries,
    optional_flag,
    optional_object,
    optional_whole,
    required_bounded,
    required_choice,
    required_day,
    required_digits,
    required_flag,
    required_object,
    required_whole,
)
from kruispunt.registers.jsonlines import Fields, allow_only, optional_day, text
from kruispunt.services.handi.file import (
    Address,
    AddressClass,
    AdultResult,
    CardType,
    ChildResult,
    Description,
    IncomeCategory,
    IndependenceReduction,
    Language,
    NoDataReason,
    Payment,
    Person,
    Pillars,
    Recognition,
    RecognitionDetails,
    RequestEvolution,
    Right,
    SocialCard,
    Unsuitability,
)

MOST_NAMES: Final = 3
"""Of a street, a municipality or a country: one for each national language."""
LONGEST_DESCRIPTION: Final = 100

_YEAR_MONTH: Final = re.compile(r"(?!0000)([0-9]{4})-(0[1-9]|1[0-2])")


def person(fields: Fields) -> Person:
    """`addressHandicappedPerson`."""
    allow_only(fields, {"lastName", "firstName", "address"})
    return Person(
        required_bounded(fields, "lastName", 48),
        bounded(fields, "firstName", 24, shortest=1),
        optional_object(fields, "address", _address),
    )


def _address(fields: Fields) -> Address:
    allow_only(
        fields,
        {
            "class",
            "building",
            "streetCode",
            "streetName",
            "houseNumber",
            "boxNumber",
            "postalCode",
            "cityCode",
            "cityName",
            "countryCode",
            "countryName",
            "date",
        },
    )
    return Address(
        required_choice(fields, "class", AddressClass),
        required_bounded(fields, "countryCode", 3),
        bounded(fields, "building", 24, shortest=1),
        optional_digits(fields, "streetCode", 10),
        _names(fields, "streetName"),
        bounded(fields, "houseNumber", 10, shortest=1),
        bounded(fields, "boxNumber", 10, shortest=1),
        bounded(fields, "postalCode", 15, shortest=1),
        bounded(fields, "cityCode", 5, shortest=1),
        _names(fields, "cityName"),
        _names(fields, "countryName"),
        optional_day(fields, "date"),
    )


def _names(fields: Fields, name: str) -> tuple[Description, ...]:
    return optional_entries(fields, name, _description, most=MOST_NAMES) or ()


def _description(fields: Fields) -> Description:
    allow_only(fields, {"text", "language"})
    written = bounded(fields, "text", LONGEST_DESCRIPTION)
    if written is None:
        raise DataError("text: missing")
    return Description(written, optional_choice(fields, "language", Language))


def request(fields: Fields) -> RequestEvolution:
    """`evolutionOfRequest`."""
    allow_only(
        fields,
        {
            "legislation",
            "requestDate",
            "administrativePendingRequest",
            "handicapRecognitionPending",
            "fileCompletionDate",
            "appeal",
        },
    )
    return RequestEvolution(
        required_whole(fields, "legislation", 0, 20),
        required_day(fields, "requestDate"),
        required_flag(fields, "administrativePendingRequest"),
        required_flag(fields, "handicapRecognitionPending"),
        optional_day(fields, "fileCompletionDate"),
        required_flag(fields, "appeal"),
    )


def recognition(fields: Fields) -> Recognition:
    """`handicapRecognition`."""
    allow_only(
        fields,
        {
            "dateOfDecision",
            "startDateRecognition",
            "endDateRecognition",
            "handicapRecognitionDetails",
            "resultRecognitionChild",
            "resultRecognitionAdult",
        },
    )
    child = optional_object(fields, "resultRecognitionChild", _child)
    adult = optional_object(fields, "resultRecognitionAdult", _adult)
    if (child is None) == (adult is None):
        raise DataError("holds either resultRecognitionChild or resultRecognitionAdult")
    return Recognition(
        required_day(fields, "dateOfDecision"),
        required_day(fields, "startDateRecognition"),
        optional_day(fields, "endDateRecognition"),
        required_object(fields, "handicapRecognitionDetails", _details),
        child,
        adult,
    )


def _details(fields: Fields) -> RecognitionDetails:
    allow_only(fields, {"lowerLimbs50p", "fullBlindness", "upperLimbsAmputated", "upperLimbsParalyzed"})
    return RecognitionDetails(
        required_flag(fields, "lowerLimbs50p"),
        required_flag(fields, "fullBlindness"),
        required_flag(fields, "upperLimbsAmputated"),
        required_flag(fields, "upperLimbsParalyzed"),
    )


def _child(fields: Fields) -> ChildResult | NoDataReason:
    if fields.get("noDataReason") is not None:
        return _no_data(fields)
    allow_only(
        fields,
        {
            "noDataReason",
            "inabilityFollowCourse",
            "inabilityToWork",
            "disabilityCode",
            "independencyScore",
            "pillars",
            "childPathology",
        },
    )
    return ChildResult(
        optional_flag(fields, "inabilityFollowCourse"),
        optional_flag(fields, "inabilityToWork"),
        optional_whole(fields, "disabilityCode", 0, 3),
        optional_whole(fields, "independencyScore", 0, 3),
        optional_object(fields, "pillars", _pillars),
        optional_flag(fields, "childPathology"),
    )


def _pillars(fields: Fields) -> Pillars:
    allow_only(fields, {"pillar1", "pillar2", "pillar3", "pillarsTotal"})
    if all(value is None for value in fields.values()):
        raise DataError("names no pillar; leave it out")
    return Pillars(
        optional_whole(fields, "pillar1", 0, 6),
        optional_whole(fields, "pillar2", 0, 12),
        optional_whole(fields, "pillar3", 0, 18),
        optional_whole(fields, "pillarsTotal", 0, 36),
    )


def _adult(fields: Fields) -> AdultResult | NoDataReason:
    if fields.get("noDataReason") is not None:
        return _no_data(fields)
    allow_only(fields, {"noDataReason", "diminuationIndependence", "diminuationEarnings", "unsuitability"})
    return AdultResult(
        required_object(fields, "diminuationIndependence", _independence),
        optional_flag(fields, "diminuationEarnings"),
        optional_object(fields, "unsuitability", _unsuitability),
    )


def _independence(fields: Fields) -> IndependenceReduction | NoDataReason:
    if fields.get("noDataReason") is not None:
        return _no_data(fields)
    allow_only(
        fields,
        {
            "noDataReason",
            "mobility",
            "nourishment",
            "hygiene",
            "household",
            "supervision",
            "socialSkills",
            "totalPoints",
        },
    )
    return IndependenceReduction(
        optional_whole(fields, "mobility", 0, 3),
        optional_whole(fields, "nourishment", 0, 3),
        optional_whole(fields, "hygiene", 0, 3),
        optional_whole(fields, "household", 0, 3),
        optional_whole(fields, "supervision", 0, 3),
        optional_whole(fields, "socialSkills", 0, 3),
        optional_whole(fields, "totalPoints", 0, 18),
    )


def _unsuitability(fields: Fields) -> Unsuitability:
    allow_only(fields, {"mentalUnsuitability", "physicalUnsuitability"})
    if all(value is None for value in fields.values()):
        raise DataError("names no percentage; leave it out")
    return Unsuitability(_percentage(fields, "mentalUnsuitability"), _percentage(fields, "physicalUnsuitability"))


def _no_data(fields: Fields) -> NoDataReason:
    """Whether something was asked for, and by whom, a supplier's own data cannot say."""
    allow_only(fields, {"noDataReason"})
    if fields["noDataReason"] != NoDataReason.NO_DATA_IN_DB.value:
        raise DataError(f"noDataReason: can only be {NoDataReason.NO_DATA_IN_DB.value!r} here")
    return NoDataReason.NO_DATA_IN_DB


def right(fields: Fields) -> Right:
    """`rights`."""
    allow_only(
        fields,
        {"period", "legislation", "totalMonthAmount", "monthAmount", "categoryIVT", "categoryIT", "partnerIncome"},
    )
    begin, end = required_object(fields, "period", _period)
    return Right(
        begin,
        end,
        required_whole(fields, "legislation", 3, 9),
        _amount(fields, "totalMonthAmount"),
        _amount(fields, "monthAmount"),
        required_choice(fields, "categoryIVT", IncomeCategory),
        required_whole(fields, "categoryIT", 0, 5),
        required_flag(fields, "partnerIncome"),
    )


def _period(fields: Fields) -> tuple[date, date | None]:
    allow_only(fields, {"beginDate", "endDate"})
    return required_day(fields, "beginDate"), optional_day(fields, "endDate")


def card(fields: Fields) -> SocialCard:
    """`socialCards`."""
    allow_only(fields, {"deliveryDate", "endDate", "cardNumber", "cardType"})
    return SocialCard(
        required_day(fields, "deliveryDate"),
        optional_day(fields, "endDate"),
        required_digits(fields, "cardNumber", 10),
        required_choice(fields, "cardType", CardType),
    )


def payment(fields: Fields) -> Payment:
    """`payments`."""
    allow_only(fields, {"yearMonth", "amount", "cancelledPayment"})
    month = _YEAR_MONTH.fullmatch(text(fields, "yearMonth"))
    if month is None:
        raise DataError("yearMonth: must be a month, written YYYY-MM")
    return Payment(
        date(int(month[1]), int(month[2]), 1), _amount(fields, "amount"), required_flag(fields, "cancelledPayment")
    )


def _amount(fields: Fields, name: str) -> Decimal:
    """`MoneyAmountType`."""
    value = optional_decimal(fields, name, digits=9, fraction=2)
    if value is None:
        raise DataError(f"{name}: missing")
    return value


def _percentage(fields: Fields, name: str) -> Decimal | None:
    return optional_decimal(fields, name, digits=9, fraction=6, lowest=0, highest=100)
