"""Handicap files of demo people: invented, and the same for the same person, chance and day.

Numbers and contents are assumptions, told in `docs/reference/demo.md`. `adult`, `child` and `pending` make files with
chosen properties.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from kruispunt.identifiers.ssin import Ssin, birth_date
from kruispunt.services.handi.demo.places import somebody
from kruispunt.services.handi.file import (
    AdultResult,
    CardType,
    ChildResult,
    HandicapFile,
    IncomeCategory,
    IndependenceReduction,
    NoDataReason,
    Payment,
    Pillars,
    Recognition,
    RecognitionDetails,
    RequestEvolution,
    Right,
    SocialCard,
    Unsuitability,
)
from kruispunt.services.handi.written import line_of

KIND: Final = "handicap-files"

CENTRE: Final = "0999999823"
"""The demo's centre for social welfare, as `organisations.toml` beside this file has it."""
INSCRIBED: Final = 0.25
"""Of the people whom DGPH knows, how many are inscribed for the centre."""
SHARES: Final = ((21, 0.03), (65, 0.05), (200, 0.15))
"""Of the people younger than so many years, how many DGPH knows."""
MONTHS: Final = 36
"""Of payments, at most."""

INCOME: Final = {
    IncomeCategory.A: Decimal("870.00"),
    IncomeCategory.B: Decimal("1305.00"),
    IncomeCategory.C: Decimal("1760.00"),
    IncomeCategory.NONE: Decimal("0.00"),
}
INTEGRATION: Final = tuple(map(Decimal, ("0.00", "125.00", "415.00", "640.00", "920.00", "1040.00")))
"""By category, the first for none."""
_POINTS: Final = ((17, 5), (15, 4), (12, 3), (9, 2), (7, 1), (0, 0))
"""From so many points on, the category for the integration allowance."""

_ADULT_FROM: Final = 21
_NO_DETAILS: Final = RecognitionDetails(
    lower_limbs_50p=False, full_blindness=False, upper_limbs_amputated=False, upper_limbs_paralyzed=False
)


def rows(person: Mapping[str, Any], chance: random.Random, today: date) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Kind and line of what DGPH knows of a demo person, a row of the import of people; often nothing."""
    ssin = Ssin(person["ssin"])
    years = _years(ssin, today)
    share = next(share for below, share in SHARES if years < below)
    if person.get("replacedBy") is None and not person.get("cancelled") and chance.random() < share:
        yield KIND, line_of(_file(ssin, years, chance, today))
        if chance.random() < INSCRIBED:
            begin = _day(chance, today, 1, 8).isoformat()
            yield (
                "inscriptions",
                {"organisation": CENTRE, "ssin": ssin, "dossierType": "1", "begin": begin, "end": None},
            )


def _years(ssin: Ssin, today: date) -> int:
    """The age at the end of the year; 0 when the number does not tell it."""
    return today.year - (birth_date(ssin).year or today.year)


def _file(ssin: Ssin, years: int, chance: random.Random, today: date) -> HandicapFile:
    draw = chance.random()
    if draw < 0.02:
        return HandicapFile(ssin, somebody(chance, today))
    if draw < 0.12:
        return pending(ssin, chance, today)
    return child(ssin, chance, today) if years < _ADULT_FROM else adult(ssin, chance, today)


def pending(ssin: Ssin, chance: random.Random, today: date) -> HandicapFile:
    """Somebody who waits for the answer to a first request."""
    request = RequestEvolution(
        legislation=chance.choice((5, 6, 7)),
        request_date=today - timedelta(days=chance.randint(5, 250)),
        administrative_pending=True,
        recognition_pending=True,
        file_completion_date=None,
        appeal=False,
    )
    return HandicapFile(ssin, somebody(chance, today), requests=(request,))


def child(ssin: Ssin, chance: random.Random, today: date, *, points: int | None = None) -> HandicapFile:
    """A child who is recognised, with `points` in all, 4 to 36. Children have no rights and payments here."""
    total = chance.randint(4, 36) if points is None else points
    third = min(18, total // 2)
    second = min(12, (total - third) * 2 // 3)
    first = total - third - second
    if first > 6:
        first, second = 6, second + first - 6
    start = _day(chance, today, 1, 8)
    recognition = Recognition(
        decision_date=start + timedelta(days=chance.randint(60, 200)),
        start_date=start,
        end_date=start + timedelta(days=3650),
        details=_NO_DETAILS,
        child=ChildResult(
            inability_follow_course=chance.random() < 0.2,
            inability_to_work=None,
            disability_code=chance.randint(0, 3),
            independency_score=min(3, first // 2),
            pillars=Pillars(first, second, third, total),
            child_pathology=chance.random() < 0.1,
        ),
        adult=None,
    )
    wanted = {CardType.PARKING} if first >= 2 and chance.random() < 0.6 else set()
    return HandicapFile(
        ssin,
        somebody(chance, today),
        requests=(_decided(recognition, legislation=7),),
        recognitions=(recognition,),
        cards=_cards(chance, recognition, wanted),
    )


def adult(
    ssin: Ssin,
    chance: random.Random,
    today: date,
    *,
    points: int | None = None,
    income: IncomeCategory | None = None,
    cards: Collection[CardType] | None = None,
    months: int = MONTHS,
) -> HandicapFile:
    """An adult who is recognised, with so many `points` of independence lost, 0 to 18, in that category for the income
    replacement allowance, with these `cards`, and payments for the last `months` at most. None: chance decides.
    """
    points = min(18, chance.randint(0, 9) + chance.randint(0, 10)) if points is None else points
    income = chance.choices(tuple(INCOME), (15, 25, 20, 40))[0] if income is None else income
    start = _day(chance, today, 1, max(1, min(12, _years(ssin, today) - _ADULT_FROM)))
    recognition = _of_adult(chance, start, points, reduced=income is not IncomeCategory.NONE)
    if cards is None:
        cards = _usual_cards(chance, recognition.details, points)
    category = next(category for least, category in _POINTS if points >= least)
    right = _right(start, income, category, chance)
    return HandicapFile(
        ssin,
        somebody(chance, today),
        requests=(_decided(recognition, legislation=5), *_later_request(chance, today)),
        recognitions=(recognition,),
        rights=() if right is None else (right,),
        cards=_cards(chance, recognition, cards),
        payments=() if right is None else _payments(chance, right, today, months),
    )


def _of_adult(chance: random.Random, start: date, points: int, *, reduced: bool) -> Recognition:
    blind = chance.random() < 0.03
    unsuitability = Unsuitability(
        mental=Decimal(chance.choice((0, 0, 33, 66))), physical=Decimal(chance.choice((0, 33, 50, 66, 80)))
    )
    return Recognition(
        decision_date=start + timedelta(days=chance.randint(60, 200)),
        start_date=start,
        end_date=None,
        details=RecognitionDetails(
            lower_limbs_50p=chance.random() < 0.25,
            full_blindness=blind,
            upper_limbs_amputated=chance.random() < 0.01,
            upper_limbs_paralyzed=chance.random() < 0.02,
        ),
        child=None,
        adult=AdultResult(
            independence_reduction=NoDataReason.NO_DATA_IN_DB if points == 0 else _spread(chance, points),
            earnings_reduction=reduced,
            unsuitability=unsuitability if chance.random() < 0.3 else None,
        ),
    )


def _spread(chance: random.Random, points: int) -> IndependenceReduction:
    """So many points over the six scores, three at most in each."""
    scores = [0] * 6
    for _ in range(points):
        scores[chance.choice([place for place, score in enumerate(scores) if score < 3])] += 1
    mobility, nourishment, hygiene, household, supervision, social_skills = scores
    return IndependenceReduction(mobility, nourishment, hygiene, household, supervision, social_skills, points)


def _usual_cards(chance: random.Random, details: RecognitionDetails, points: int) -> set[CardType]:
    cards = set()
    if details.lower_limbs_50p or details.full_blindness or points >= 12:
        cards.add(CardType.PARKING)
    if details.full_blindness or chance.random() < 0.1:
        cards.add(CardType.REDUCTION)
    return cards


def _cards(chance: random.Random, recognition: Recognition, wanted: Collection[CardType]) -> tuple[SocialCard, ...]:
    return tuple(
        SocialCard(
            delivery_date=recognition.decision_date + timedelta(days=chance.randint(5, 40)),
            end_date=recognition.end_date,
            number=f"{chance.randint(0, 9_999_999):010d}",
            type=card,
        )
        for card in CardType
        if card in wanted
    )


def _decided(recognition: Recognition, *, legislation: int) -> RequestEvolution:
    """The request that led to a recognition."""
    return RequestEvolution(
        legislation=legislation,
        request_date=recognition.start_date - timedelta(days=20),
        administrative_pending=False,
        recognition_pending=False,
        file_completion_date=recognition.decision_date,
        appeal=False,
    )


def _later_request(chance: random.Random, today: date) -> Iterator[RequestEvolution]:
    """Some ask to be seen again, and some of them went to court."""
    if chance.random() < 0.1:
        yield RequestEvolution(
            legislation=5,
            request_date=today - timedelta(days=chance.randint(5, 150)),
            administrative_pending=chance.random() < 0.5,
            recognition_pending=True,
            file_completion_date=None,
            appeal=chance.random() < 0.1,
        )


def _right(start: date, income: IncomeCategory, category: int, chance: random.Random) -> Right | None:
    """None where neither allowance is granted."""
    total = INCOME[income] + INTEGRATION[category]
    if not total:
        return None
    partner = income is IncomeCategory.C and chance.random() < 0.5
    granted = total * Decimal("0.6") if partner else total
    return Right(
        begin_date=start.replace(day=1),
        end_date=None,
        legislation=5,
        total_month_amount=total,
        month_amount=granted.quantize(Decimal("0.01")),
        category_ivt=income,
        category_it=category,
        partner_income=partner,
    )


def _payments(chance: random.Random, right: Right, today: date, months: int) -> tuple[Payment, ...]:
    """One a month until the month before `today`, the oldest first."""
    found: list[Payment] = []
    month = _before(today)
    while month >= right.begin_date and len(found) < months:
        found.append(Payment(month, right.month_amount, chance.random() < 0.01))
        month = _before(month)
    return tuple(reversed(found))


def _before(day: date) -> date:
    """The first day of the month before that of `day`."""
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def _day(chance: random.Random, today: date, least_years: int, most_years: int) -> date:
    return today - timedelta(days=chance.randint(least_years * 365, most_years * 365))
