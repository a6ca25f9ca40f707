"""A handicap file as one line of an import file: the reverse of `lines.py`, for demo people and for who moves data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kruispunt.services.handi.file import (
    Address,
    AdultResult,
    ChildResult,
    Description,
    HandicapFile,
    NoDataReason,
    Payment,
    Person,
    Recognition,
    RequestEvolution,
    Right,
    SocialCard,
)

Json = Mapping[str, Any]


def line_of(file: HandicapFile) -> Json:
    """The JSON object that brings exactly this file, whatever was there; only identity and address, where the file has
    none, stay as they were.
    """
    return _without_none(
        {
            "ssin": file.ssin,
            "addressHandicappedPerson": None if file.person is None else _person(file.person),
            "evolutionOfRequest": [_request(one) for one in file.requests],
            "handicapRecognition": [_recognition(one) for one in file.recognitions],
            "rights": [_right(one) for one in file.rights],
            "socialCards": [_card(one) for one in file.cards],
            "payments": [_payment(one) for one in file.payments],
        }
    )


def _without_none(fields: dict[str, Any]) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


def _person(person: Person) -> Json:
    return _without_none(
        {
            "lastName": person.last_name,
            "firstName": person.first_name,
            "address": None if person.address is None else _address(person.address),
        }
    )


def _address(address: Address) -> Json:
    return _without_none(
        {
            "class": address.kind.value,
            "building": address.building,
            "streetCode": address.street_code,
            "streetName": [_description(one) for one in address.street_names],
            "houseNumber": address.house_number,
            "boxNumber": address.box_number,
            "postalCode": address.postal_code,
            "cityCode": address.city_code,
            "cityName": [_description(one) for one in address.city_names],
            "countryCode": address.country_code,
            "countryName": [_description(one) for one in address.country_names],
            "date": None if address.since is None else address.since.isoformat(),
        }
    )


def _description(description: Description) -> Json:
    language = description.language
    return _without_none({"text": description.text, "language": None if language is None else language.value})


def _request(request: RequestEvolution) -> Json:
    completed = request.file_completion_date
    return _without_none(
        {
            "legislation": request.legislation,
            "requestDate": request.request_date.isoformat(),
            "administrativePendingRequest": request.administrative_pending,
            "handicapRecognitionPending": request.recognition_pending,
            "fileCompletionDate": None if completed is None else completed.isoformat(),
            "appeal": request.appeal,
        }
    )


def _recognition(recognition: Recognition) -> Json:
    details, child, adult = recognition.details, recognition.child, recognition.adult
    return _without_none(
        {
            "dateOfDecision": recognition.decision_date.isoformat(),
            "startDateRecognition": recognition.start_date.isoformat(),
            "endDateRecognition": None if recognition.end_date is None else recognition.end_date.isoformat(),
            "handicapRecognitionDetails": {
                "lowerLimbs50p": details.lower_limbs_50p,
                "fullBlindness": details.full_blindness,
                "upperLimbsAmputated": details.upper_limbs_amputated,
                "upperLimbsParalyzed": details.upper_limbs_paralyzed,
            },
            "resultRecognitionChild": _child(child) if isinstance(child, ChildResult) else _no_data(child),
            "resultRecognitionAdult": _adult(adult) if isinstance(adult, AdultResult) else _no_data(adult),
        }
    )


def _no_data(reason: NoDataReason | None) -> Json | None:
    return None if reason is None else {"noDataReason": reason.value}


def _child(result: ChildResult) -> Json:
    pillars = result.pillars
    return _without_none(
        {
            "inabilityFollowCourse": result.inability_follow_course,
            "inabilityToWork": result.inability_to_work,
            "disabilityCode": result.disability_code,
            "independencyScore": result.independency_score,
            "pillars": None
            if pillars is None
            else _without_none(
                {
                    "pillar1": pillars.pillar1,
                    "pillar2": pillars.pillar2,
                    "pillar3": pillars.pillar3,
                    "pillarsTotal": pillars.total,
                }
            ),
            "childPathology": result.child_pathology,
        }
    )


def _adult(result: AdultResult) -> Json:
    independence, unsuitability = result.independence_reduction, result.unsuitability
    return _without_none(
        {
            "diminuationIndependence": _no_data(independence)
            if isinstance(independence, NoDataReason)
            else _without_none(
                {
                    "mobility": independence.mobility,
                    "nourishment": independence.nourishment,
                    "hygiene": independence.hygiene,
                    "household": independence.household,
                    "supervision": independence.supervision,
                    "socialSkills": independence.social_skills,
                    "totalPoints": independence.total_points,
                }
            ),
            "diminuationEarnings": result.earnings_reduction,
            "unsuitability": None
            if unsuitability is None
            else _without_none(
                {
                    "mentalUnsuitability": None if unsuitability.mental is None else str(unsuitability.mental),
                    "physicalUnsuitability": None if unsuitability.physical is None else str(unsuitability.physical),
                }
            ),
        }
    )


def _right(right: Right) -> Json:
    period = {"beginDate": right.begin_date.isoformat()}
    return {
        "period": period if right.end_date is None else {**period, "endDate": right.end_date.isoformat()},
        "legislation": right.legislation,
        "totalMonthAmount": str(right.total_month_amount),
        "monthAmount": str(right.month_amount),
        "categoryIVT": right.category_ivt.value,
        "categoryIT": right.category_it,
        "partnerIncome": right.partner_income,
    }


def _card(card: SocialCard) -> Json:
    return _without_none(
        {
            "deliveryDate": card.delivery_date.isoformat(),
            "endDate": None if card.end_date is None else card.end_date.isoformat(),
            "cardNumber": card.number,
            "cardType": card.type.value,
        }
    )


def _payment(payment: Payment) -> Json:
    return {
        "yearMonth": payment.month.isoformat()[:7],
        "amount": str(payment.amount),
        "cancelledPayment": payment.cancelled,
    }
