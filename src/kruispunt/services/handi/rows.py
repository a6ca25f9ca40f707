"""The values of a handicap file as rows of the tables; `tables.py` reads them back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kruispunt.services.handi.file import (
    Address,
    AdultResult,
    ChildResult,
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
from kruispunt.services.handi.tables import (
    ADULT,
    ADULT_WITHOUT_DATA,
    CHILD,
    CHILD_WITHOUT_DATA,
    CITY,
    COUNTRY,
    STREET,
)

Row = tuple[object, ...]

PERSON_COLUMNS: Final = (
    "last_name",
    "first_name",
    "address_class",
    "country_code",
    "building",
    "street_code",
    "house_number",
    "box_number",
    "postal_code",
    "city_code",
    "address_date",
)
NAME_COLUMNS: Final = ("part", "position", "text", "language")

_NO_ADDRESS: Final[Row] = (None,) * 9
_NO_CHILD: Final[Row] = (None,) * 9
_NO_PILLARS: Final[Row] = (None,) * 4
_NO_SCORES: Final[Row] = (None,) * 7
_NO_ADULT: Final[Row] = (None,) * 11
_NO_PERCENTAGES: Final[Row] = (None,) * 2


def person_row(person: Person) -> Row:
    """In the order of PERSON_COLUMNS."""
    address = person.address
    if address is None:
        return (person.last_name, person.first_name, *_NO_ADDRESS)
    return (
        person.last_name,
        person.first_name,
        address.kind.value,
        address.country_code,
        address.building,
        address.street_code,
        address.house_number,
        address.box_number,
        address.postal_code,
        address.city_code,
        address.since,
    )


def name_rows(address: Address | None) -> Iterator[Row]:
    """The names of street, municipality and country, in the order of NAME_COLUMNS."""
    if address is None:
        return
    parts = ((STREET, address.street_names), (CITY, address.city_names), (COUNTRY, address.country_names))
    for part, names in parts:
        for position, name in enumerate(names):
            yield part, position, name.text, None if name.language is None else name.language.value


def request_row(request: RequestEvolution) -> Row:
    """In the order of REQUEST_COLUMNS."""
    return (
        request.legislation,
        request.request_date,
        request.administrative_pending,
        request.recognition_pending,
        request.file_completion_date,
        request.appeal,
    )


def recognition_row(recognition: Recognition) -> Row:
    """In the order of RECOGNITION_COLUMNS."""
    details = recognition.details
    common = (
        recognition.decision_date,
        recognition.start_date,
        recognition.end_date,
        details.lower_limbs_50p,
        details.full_blindness,
        details.upper_limbs_amputated,
        details.upper_limbs_paralyzed,
    )
    child, adult = recognition.child, recognition.adult
    if isinstance(child, ChildResult):
        return (*common, CHILD, *_child(child), *_NO_ADULT)
    if isinstance(adult, AdultResult):
        return (*common, ADULT, *_NO_CHILD, *_adult(adult))
    return (*common, CHILD_WITHOUT_DATA if adult is None else ADULT_WITHOUT_DATA, *_NO_CHILD, *_NO_ADULT)


def _child(result: ChildResult) -> Row:
    return (
        result.inability_follow_course,
        result.inability_to_work,
        result.disability_code,
        result.independency_score,
        *(_NO_PILLARS if result.pillars is None else _pillars(result.pillars)),
        result.child_pathology,
    )


def _pillars(pillars: Pillars) -> Row:
    return (pillars.pillar1, pillars.pillar2, pillars.pillar3, pillars.total)


def _adult(result: AdultResult) -> Row:
    independence, unsuitability = result.independence_reduction, result.unsuitability
    return (
        not isinstance(independence, NoDataReason),
        *(_NO_SCORES if isinstance(independence, NoDataReason) else _scores(independence)),
        result.earnings_reduction,
        *(_NO_PERCENTAGES if unsuitability is None else _percentages(unsuitability)),
    )


def _scores(independence: IndependenceReduction) -> Row:
    return (
        independence.mobility,
        independence.nourishment,
        independence.hygiene,
        independence.household,
        independence.supervision,
        independence.social_skills,
        independence.total_points,
    )


def _percentages(unsuitability: Unsuitability) -> Row:
    return (unsuitability.mental, unsuitability.physical)


def right_row(right: Right) -> Row:
    """In the order of RIGHT_COLUMNS."""
    return (
        right.begin_date,
        right.end_date,
        right.legislation,
        right.total_month_amount,
        right.month_amount,
        right.category_ivt.value,
        right.category_it,
        right.partner_income,
    )


def card_row(card: SocialCard) -> Row:
    """In the order of CARD_COLUMNS."""
    return (card.delivery_date, card.end_date, card.number, card.type.value)


def payment_row(payment: Payment) -> Row:
    """In the order of PAYMENT_COLUMNS."""
    return (payment.month, payment.amount, payment.cancelled)
