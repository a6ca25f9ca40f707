"""The XML of HandiService: requests read and composed, replies written (CT-03), by the names of the contract.

What is read was validated against the schema before, so that every element looked for is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeVar

from kruispunt.pipeline.service import Reply
from kruispunt.services.handi.criteria import AskedPeriod, FileCriteria, RightsCriteria
from kruispunt.services.handi.file import (
    Address,
    AdultResult,
    ChildResult,
    DataGroup,
    Description,
    IndependenceReduction,
    NoDataReason,
    Payment,
    Person,
    Pillars,
    Recognition,
    RequestEvolution,
    Right,
    SocialCard,
    Unsuitability,
)
from kruispunt.services.handi.told import ToldFile
from kruispunt.xml.build import attribute, boolean, element, optional, wrap
from kruispunt.xml.values import read_boolean, read_date

if TYPE_CHECKING:
    from datetime import date

    from lxml import etree

AT_REFERENCE_DATE: Final = (
    DataGroup.EVOLUTION_OF_REQUEST,
    DataGroup.HANDICAP_RECOGNITION,
    DataGroup.RIGHTS,
    DataGroup.SOCIAL_CARDS,
)
"""The groups with a boolean, in the order of the contract."""

_Part = TypeVar("_Part")


def read_file(request: etree._Element) -> FileCriteria:
    """The criteria of a valid `consultFileRequest`."""
    wanted = request.find("wantedInformation")
    assert wanted is not None, "the schema asks for it"
    at_date, payments = wanted.find("informationAtReferenceDate"), wanted.find("paymentsAtPeriod")
    return FileCriteria(
        ssin=wanted.findtext("ssin") or "",
        reference_date=None if at_date is None else _date(at_date, "referenceDate"),
        at_reference_date=frozenset()
        if at_date is None
        else frozenset(group for group in AT_REFERENCE_DATE if read_boolean(at_date.findtext(group) or "")),
        payments=None if payments is None else AskedPeriod(_date(payments, "startDate"), _date(payments, "endDate")),
    )


def read_rights(request: etree._Element) -> RightsCriteria:
    """The criteria of a valid `consultRightsAndPaymentsRequest`."""
    criteria = request.find("criteria")
    assert criteria is not None, "the schema asks for it"
    return RightsCriteria(
        ssin=criteria.findtext("ssin") or "",
        period=AskedPeriod(_date(criteria, "period/beginDate"), _date(criteria, "period/endDate")),
    )


def _date(parent: etree._Element, path: str) -> date:
    return read_date(parent.findtext(path) or "")


def compose_file(values: Mapping[str, Any]) -> str:
    """`wantedInformation`: a moment unless `referenceDate` is empty, a period of payments when one is given."""
    inner = element("ssin", values["ssin"])
    day = values.get("referenceDate", "today")
    if day:
        flags = "".join(element(group, boolean(values.get(group, True))) for group in AT_REFERENCE_DATE)
        inner += wrap("informationAtReferenceDate", element("referenceDate", day) + flags)
    start, end = values.get("paymentsStartDate", ""), values.get("paymentsEndDate", "")
    if start or end:
        inner += wrap("paymentsAtPeriod", element("startDate", start or end) + element("endDate", end or start))
    return wrap("wantedInformation", inner)


def compose_rights(values: Mapping[str, Any]) -> str:
    """`criteria` from `ssin`, `beginDate` and `endDate`."""
    period = element("beginDate", values["beginDate"]) + element("endDate", values["endDate"])
    return wrap("criteria", element("ssin", values["ssin"]) + wrap("period", period))


def write(reply: Reply) -> str:
    """Both replies: the request's own fragments, then the files, which a refusal has none of."""
    customer, legal_context, criteria = reply.echo
    files = () if reply.outcome is None else reply.outcome.result or ()
    return f"{customer}{reply.information_cbss}{legal_context}{criteria}{reply.status}" + "".join(map(_file, files))


def _file(file: ToldFile) -> str:
    return wrap(
        "file",
        element("ssin", file.ssin)
        + _when(file.person, _person)
        + _or_reason("evolutionOfRequest", file.evolution, _evolution)
        + _or_reason("handicapRecognition", file.recognition, _recognition)
        + _or_reason("rights", file.right, _right)
        + _each("socialCards", file.cards, _card)
        + _each("payments", file.payments, _payment),
    )


def _or_reason(name: str, part: _Part | NoDataReason, write_part: Callable[[_Part], str]) -> str:
    """The choice that stands in every group: information, or the reason why there is none (HA-03)."""
    if isinstance(part, NoDataReason):
        return wrap(name, element("noDataReason", part.value))
    return wrap(name, write_part(part))


def _each(name: str, parts: tuple[_Part, ...] | NoDataReason, write_part: Callable[[_Part], str]) -> str:
    if isinstance(parts, NoDataReason):
        return _or_reason(name, parts, write_part)
    return "".join(wrap(name, write_part(part)) for part in parts)


def _when(part: _Part | None, write_part: Callable[[_Part], str]) -> str:
    return "" if part is None else write_part(part)


def _person(person: Person) -> str:
    return wrap(
        "addressHandicappedPerson",
        element("lastName", person.last_name)
        + optional("firstName", person.first_name)
        + _when(person.address, _address),
    )


def _address(address: Address) -> str:
    inner = (
        optional("building", address.building)
        + optional("streetCode", address.street_code)
        + _descriptions("streetName", address.street_names)
        + optional("houseNumber", address.house_number)
        + optional("boxNumber", address.box_number)
        + optional("postalCode", address.postal_code)
        + optional("cityCode", address.city_code)
        + _descriptions("cityName", address.city_names)
        + element("countryCode", address.country_code)
        + _descriptions("countryName", address.country_names)
        + _day("date", address.since)
    )
    return f"<address{attribute('class', address.kind.value)}>{inner}</address>"


def _descriptions(name: str, descriptions: tuple[Description, ...]) -> str:
    """As the supplier has them (HA-04): not translated, not filled up."""
    return "".join(
        element(name, one.text, "" if one.language is None else attribute("language", one.language.value))
        for one in descriptions
    )


def _evolution(evolution: RequestEvolution) -> str:
    return (
        _number("legislation", evolution.legislation)
        + _day("requestDate", evolution.request_date)
        + element("administrativePendingRequest", boolean(evolution.administrative_pending))
        + element("handicapRecognitionPending", boolean(evolution.recognition_pending))
        + _day("fileCompletionDate", evolution.file_completion_date)
        + element("appeal", boolean(evolution.appeal))
    )


def _recognition(recognition: Recognition) -> str:
    details = recognition.details
    flags = (
        element("lowerLimbs50p", boolean(details.lower_limbs_50p))
        + element("fullBlindness", boolean(details.full_blindness))
        + element("upperLimbsAmputated", boolean(details.upper_limbs_amputated))
        + element("upperLimbsParalyzed", boolean(details.upper_limbs_paralyzed))
    )
    return (
        _day("dateOfDecision", recognition.decision_date)
        + _day("startDateRecognition", recognition.start_date)
        + _day("endDateRecognition", recognition.end_date)
        + wrap("handicapRecognitionDetails", flags)
        + ("" if recognition.child is None else _or_reason("resultRecognitionChild", recognition.child, _child))
        + ("" if recognition.adult is None else _or_reason("resultRecognitionAdult", recognition.adult, _adult))
    )


def _child(child: ChildResult) -> str:
    return (
        _flag("inabilityFollowCourse", child.inability_follow_course)
        + _flag("inabilityToWork", child.inability_to_work)
        + _number("disabilityCode", child.disability_code)
        + _number("independencyScore", child.independency_score)
        + _when(child.pillars, _pillars)
        + _flag("childPathology", child.child_pathology)
    )


def _pillars(pillars: Pillars) -> str:
    return wrap(
        "pillars",
        _number("pillar1", pillars.pillar1)
        + _number("pillar2", pillars.pillar2)
        + _number("pillar3", pillars.pillar3)
        + _number("pillarsTotal", pillars.total),
    )


def _adult(adult: AdultResult) -> str:
    return (
        _or_reason("diminuationIndependence", adult.independence_reduction, _independence)
        + _flag("diminuationEarnings", adult.earnings_reduction)
        + _when(adult.unsuitability, _unsuitability)
    )


def _independence(reduction: IndependenceReduction) -> str:
    return (
        _number("mobility", reduction.mobility)
        + _number("nourishment", reduction.nourishment)
        + _number("hygiene", reduction.hygiene)
        + _number("household", reduction.household)
        + _number("supervision", reduction.supervision)
        + _number("socialSkills", reduction.social_skills)
        + _number("totalPoints", reduction.total_points)
    )


def _unsuitability(unsuitability: Unsuitability) -> str:
    return wrap(
        "unsuitability",
        _decimal("mentalUnsuitability", unsuitability.mental)
        + _decimal("physicalUnsuitability", unsuitability.physical),
    )


def _right(right: Right) -> str:
    return (
        wrap("period", _day("beginDate", right.begin_date) + _day("endDate", right.end_date))
        + _number("legislation", right.legislation)
        + _decimal("totalMonthAmount", right.total_month_amount)
        + _decimal("monthAmount", right.month_amount)
        + element("categoryIVT", right.category_ivt.value)
        + _number("categoryIT", right.category_it)
        + element("partnerIncome", boolean(right.partner_income))
    )


def _card(card: SocialCard) -> str:
    return (
        _day("deliveryDate", card.delivery_date)
        + _day("endDate", card.end_date)
        + element("cardNumber", card.number)
        + element("cardType", card.type.value)
    )


def _payment(payment: Payment) -> str:
    return (
        element("yearMonth", payment.month.isoformat()[:7])
        + _decimal("amount", payment.amount)
        + element("cancelledPayment", boolean(payment.cancelled))
    )


def _day(name: str, day: date | None) -> str:
    return optional(name, None if day is None else day.isoformat())


def _flag(name: str, flag: bool | None) -> str:
    return optional(name, None if flag is None else boolean(flag))


def _number(name: str, number: int | None) -> str:
    return optional(name, None if number is None else str(number))


def _decimal(name: str, number: Decimal | None) -> str:
    """Never with an exponent, which `xsd:decimal` has none of."""
    return optional(name, None if number is None else format(number, "f"))
