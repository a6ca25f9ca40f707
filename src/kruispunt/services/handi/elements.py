"""The elements of a remote DGPH's reply, each as a value of `file.py`.

They are valid by `contract/DgphSupplier.xsd`: what it requires is there, in the one spelling that it admits.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from lxml import etree


def person(entry: etree._Element) -> Person:
    """`addressHandicappedPerson`."""
    address = entry.find("address")
    return Person(_text(entry, "lastName"), entry.findtext("firstName"), None if address is None else _address(address))


def _address(entry: etree._Element) -> Address:
    return Address(
        AddressClass(entry.get("class", "")),
        _text(entry, "countryCode"),
        entry.findtext("building"),
        entry.findtext("streetCode"),
        _names(entry, "streetName"),
        entry.findtext("houseNumber"),
        entry.findtext("boxNumber"),
        entry.findtext("postalCode"),
        entry.findtext("cityCode"),
        _names(entry, "cityName"),
        _names(entry, "countryName"),
        _optional_date(entry, "date"),
    )


def _names(entry: etree._Element, name: str) -> tuple[Description, ...]:
    return tuple(
        Description(one.text or "", None if (language := one.get("language")) is None else Language(language))
        for one in entry.iterfind(name)
    )


def request(entry: etree._Element) -> RequestEvolution:
    """`evolutionOfRequest`."""
    return RequestEvolution(
        _whole(entry, "legislation"),
        _date(entry, "requestDate"),
        _flag(entry, "administrativePendingRequest"),
        _flag(entry, "handicapRecognitionPending"),
        _optional_date(entry, "fileCompletionDate"),
        _flag(entry, "appeal"),
    )


def recognition(entry: etree._Element) -> Recognition:
    """`handicapRecognition`."""
    details = _child(entry, "handicapRecognitionDetails")
    child, adult = entry.find("resultRecognitionChild"), entry.find("resultRecognitionAdult")
    return Recognition(
        _date(entry, "dateOfDecision"),
        _date(entry, "startDateRecognition"),
        _optional_date(entry, "endDateRecognition"),
        RecognitionDetails(
            _flag(details, "lowerLimbs50p"),
            _flag(details, "fullBlindness"),
            _flag(details, "upperLimbsAmputated"),
            _flag(details, "upperLimbsParalyzed"),
        ),
        None if child is None else _no_data(child) or _child_result(child),
        None if adult is None else _no_data(adult) or _adult_result(adult),
    )


def _no_data(entry: etree._Element) -> NoDataReason | None:
    reason = entry.findtext("noDataReason")
    return None if reason is None else NoDataReason(reason)


def _child_result(entry: etree._Element) -> ChildResult:
    pillars = entry.find("pillars")
    return ChildResult(
        _optional_flag(entry, "inabilityFollowCourse"),
        _optional_flag(entry, "inabilityToWork"),
        _optional_whole(entry, "disabilityCode"),
        _optional_whole(entry, "independencyScore"),
        None if pillars is None or not len(pillars) else _pillars(pillars),
        _optional_flag(entry, "childPathology"),
    )


def _pillars(entry: etree._Element) -> Pillars:
    return Pillars(
        _optional_whole(entry, "pillar1"),
        _optional_whole(entry, "pillar2"),
        _optional_whole(entry, "pillar3"),
        _optional_whole(entry, "pillarsTotal"),
    )


def _adult_result(entry: etree._Element) -> AdultResult:
    independence, unsuitability = _child(entry, "diminuationIndependence"), entry.find("unsuitability")
    return AdultResult(
        _no_data(independence) or _independence(independence),
        _optional_flag(entry, "diminuationEarnings"),
        None if unsuitability is None or not len(unsuitability) else _unsuitability(unsuitability),
    )


def _independence(entry: etree._Element) -> IndependenceReduction:
    return IndependenceReduction(
        _optional_whole(entry, "mobility"),
        _optional_whole(entry, "nourishment"),
        _optional_whole(entry, "hygiene"),
        _optional_whole(entry, "household"),
        _optional_whole(entry, "supervision"),
        _optional_whole(entry, "socialSkills"),
        _optional_whole(entry, "totalPoints"),
    )


def _unsuitability(entry: etree._Element) -> Unsuitability:
    return Unsuitability(
        _optional_decimal(entry, "mentalUnsuitability"), _optional_decimal(entry, "physicalUnsuitability")
    )


def right(entry: etree._Element) -> Right:
    """`rights`."""
    period = _child(entry, "period")
    return Right(
        _date(period, "beginDate"),
        _optional_date(period, "endDate"),
        _whole(entry, "legislation"),
        _decimal(entry, "totalMonthAmount"),
        _decimal(entry, "monthAmount"),
        IncomeCategory(_text(entry, "categoryIVT")),
        _whole(entry, "categoryIT"),
        _flag(entry, "partnerIncome"),
    )


def card(entry: etree._Element) -> SocialCard:
    """`socialCards`."""
    return SocialCard(
        _date(entry, "deliveryDate"),
        _optional_date(entry, "endDate"),
        _text(entry, "cardNumber"),
        CardType(_text(entry, "cardType")),
    )


def payment(entry: etree._Element) -> Payment:
    """`payments`."""
    return Payment(
        date.fromisoformat(f"{_value(entry, 'yearMonth')}-01"),
        _decimal(entry, "amount"),
        _flag(entry, "cancelledPayment"),
    )


def _child(entry: etree._Element, name: str) -> etree._Element:
    found = entry.find(name)
    assert found is not None, "the schema requires it"
    return found


def _text(entry: etree._Element, name: str) -> str:
    found = entry.findtext(name)
    assert found is not None, "the schema requires it"
    return found


def _value(entry: etree._Element, name: str) -> str:
    """Of a day, number or flag: white space around it means nothing there."""
    return _text(entry, name).strip()


def _date(entry: etree._Element, name: str) -> date:
    return date.fromisoformat(_value(entry, name))


def _optional_date(entry: etree._Element, name: str) -> date | None:
    return None if entry.find(name) is None else _date(entry, name)


def _flag(entry: etree._Element, name: str) -> bool:
    return _value(entry, name) == "true"


def _optional_flag(entry: etree._Element, name: str) -> bool | None:
    return None if entry.find(name) is None else _flag(entry, name)


def _whole(entry: etree._Element, name: str) -> int:
    return int(_value(entry, name))


def _optional_whole(entry: etree._Element, name: str) -> int | None:
    return None if entry.find(name) is None else _whole(entry, name)


def _decimal(entry: etree._Element, name: str) -> Decimal:
    return Decimal(_value(entry, name))


def _optional_decimal(entry: etree._Element, name: str) -> Decimal | None:
    return None if entry.find(name) is None else _decimal(entry, name)
