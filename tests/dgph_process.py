"""A DGPH in a process of its own, over mutual TLS, that can answer well and in every wrong way.

    python tests/dgph_process.py DIRECTORY

As `supplier_process.py`; it knows everybody, with a file that has everything.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path

from handicap_files import whole_file
from kruispunt.identifiers.ssin import Ssin
from kruispunt.services.handi.file import (
    ALL_GROUPS,
    Address,
    AdultResult,
    ChildResult,
    DataGroup,
    Description,
    HandicapFile,
    IndependenceReduction,
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
from kruispunt.services.handi.remote import NAMESPACE, SCHEMA
from kruispunt.xml.build import attribute, boolean, element, wrap
from supplier_process import Asked, Supplier, main, say


class Dgph(Supplier):
    """The Directorate-General for People with a Handicap."""

    namespace = NAMESPACE
    schema = SCHEMA

    def content(self, asked: Asked, number: str | None = None, inner: str | None = None) -> str:
        groups = frozenset(DataGroup(one.text or "") for one in asked.element.iterfind("group"))
        return self._response(asked, groups, number, inner)

    def _response(
        self, asked: Asked, groups: frozenset[DataGroup], number: str | None = None, inner: str | None = None
    ) -> str:
        if asked.action == "test":
            inner = ""
        elif inner is None:
            people = [number] if number else [one.text or "" for one in asked.element.iterfind("ssin")]
            inner = "".join(file_xml(whole_file(Ssin(ssin)), groups) for ssin in people)
        return f'<n:{asked.action}Response xmlns:n="{NAMESPACE}">{inner}</n:{asked.action}Response>'

    async def _everything(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, self.signed(asked, self._response(asked, ALL_GROUPS)))

    async def _tampered(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, self.signed(asked, self.content(asked)).replace(b"Peeters", b"Janssen"))


Value = str | bool | int | Decimal | date | None


def file_xml(file: HandicapFile, groups: frozenset[DataGroup] = ALL_GROUPS) -> str:
    """`file`, with the groups asked for."""
    parts: tuple[tuple[DataGroup, Callable[..., str], Iterable[object]], ...] = (
        (DataGroup.EVOLUTION_OF_REQUEST, _request, file.requests),
        (DataGroup.HANDICAP_RECOGNITION, _recognition, file.recognitions),
        (DataGroup.RIGHTS, _right, file.rights),
        (DataGroup.SOCIAL_CARDS, _card, file.cards),
        (DataGroup.PAYMENTS, _payment, file.payments),
    )
    entries = "".join(
        wrap(group.value, write(entry)) for group, write, entries in parts if group in groups for entry in entries
    )
    person = "" if file.person is None else wrap("addressHandicappedPerson", _person(file.person))
    return wrap("file", element("ssin", file.ssin) + person + entries)


def one(name: str, value: Value) -> str:
    """Nothing for None."""
    if value is None:
        return ""
    return element(name, boolean(value) if isinstance(value, bool) else str(value))


def _person(person: Person) -> str:
    address = "" if person.address is None else _address(person.address)
    return one("lastName", person.last_name) + one("firstName", person.first_name) + address


def _address(address: Address) -> str:
    inner = (
        one("building", address.building)
        + one("streetCode", address.street_code)
        + _names("streetName", address.street_names)
        + one("houseNumber", address.house_number)
        + one("boxNumber", address.box_number)
        + one("postalCode", address.postal_code)
        + one("cityCode", address.city_code)
        + _names("cityName", address.city_names)
        + one("countryCode", address.country_code)
        + _names("countryName", address.country_names)
        + one("date", address.since)
    )
    return f"<address{attribute('class', address.kind.value)}>{inner}</address>"


def _names(name: str, names: Iterable[Description]) -> str:
    return "".join(
        element(name, one.text, "" if one.language is None else attribute("language", one.language.value))
        for one in names
    )


def _request(request: RequestEvolution) -> str:
    return (
        one("legislation", request.legislation)
        + one("requestDate", request.request_date)
        + one("administrativePendingRequest", request.administrative_pending)
        + one("handicapRecognitionPending", request.recognition_pending)
        + one("fileCompletionDate", request.file_completion_date)
        + one("appeal", request.appeal)
    )


def _recognition(recognition: Recognition) -> str:
    child, adult = recognition.child, recognition.adult
    return (
        one("dateOfDecision", recognition.decision_date)
        + one("startDateRecognition", recognition.start_date)
        + one("endDateRecognition", recognition.end_date)
        + wrap("handicapRecognitionDetails", _details(recognition.details))
        + ("" if child is None else wrap("resultRecognitionChild", _child(child)))
        + ("" if adult is None else wrap("resultRecognitionAdult", _adult(adult)))
    )


def _details(details: RecognitionDetails) -> str:
    return (
        one("lowerLimbs50p", details.lower_limbs_50p)
        + one("fullBlindness", details.full_blindness)
        + one("upperLimbsAmputated", details.upper_limbs_amputated)
        + one("upperLimbsParalyzed", details.upper_limbs_paralyzed)
    )


def _child(child: ChildResult | NoDataReason) -> str:
    if isinstance(child, NoDataReason):
        return one("noDataReason", child.value)
    return (
        one("inabilityFollowCourse", child.inability_follow_course)
        + one("inabilityToWork", child.inability_to_work)
        + one("disabilityCode", child.disability_code)
        + one("independencyScore", child.independency_score)
        + ("" if child.pillars is None else wrap("pillars", _pillars(child.pillars)))
        + one("childPathology", child.child_pathology)
    )


def _pillars(pillars: Pillars) -> str:
    return (
        one("pillar1", pillars.pillar1)
        + one("pillar2", pillars.pillar2)
        + one("pillar3", pillars.pillar3)
        + one("pillarsTotal", pillars.total)
    )


def _adult(adult: AdultResult | NoDataReason) -> str:
    if isinstance(adult, NoDataReason):
        return one("noDataReason", adult.value)
    unsuitability = adult.unsuitability
    return (
        wrap("diminuationIndependence", _independence(adult.independence_reduction))
        + one("diminuationEarnings", adult.earnings_reduction)
        + ("" if unsuitability is None else wrap("unsuitability", _unsuitability(unsuitability)))
    )


def _independence(independence: IndependenceReduction | NoDataReason) -> str:
    if isinstance(independence, NoDataReason):
        return one("noDataReason", independence.value)
    return (
        one("mobility", independence.mobility)
        + one("nourishment", independence.nourishment)
        + one("hygiene", independence.hygiene)
        + one("household", independence.household)
        + one("supervision", independence.supervision)
        + one("socialSkills", independence.social_skills)
        + one("totalPoints", independence.total_points)
    )


def _unsuitability(unsuitability: Unsuitability) -> str:
    return one("mentalUnsuitability", unsuitability.mental) + one("physicalUnsuitability", unsuitability.physical)


def _right(right: Right) -> str:
    return (
        wrap("period", one("beginDate", right.begin_date) + one("endDate", right.end_date))
        + one("legislation", right.legislation)
        + one("totalMonthAmount", right.total_month_amount)
        + one("monthAmount", right.month_amount)
        + one("categoryIVT", right.category_ivt.value)
        + one("categoryIT", right.category_it)
        + one("partnerIncome", right.partner_income)
    )


def _card(card: SocialCard) -> str:
    return (
        one("deliveryDate", card.delivery_date)
        + one("endDate", card.end_date)
        + one("cardNumber", card.number)
        + one("cardType", card.type.value)
    )


def _payment(payment: Payment) -> str:
    return (
        one("yearMonth", payment.month.isoformat()[:7])
        + one("amount", payment.amount)
        + one("cancelledPayment", payment.cancelled)
    )


if __name__ == "__main__":
    asyncio.run(main(Dgph, Path(sys.argv[1])))
