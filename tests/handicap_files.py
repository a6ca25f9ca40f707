"""Handicap files of every shape that the contract can carry, for properties; and one that has everything."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from kruispunt.identifiers.ssin import Kind, Ssin, compute
from kruispunt.services.handi.file import (
    Address,
    AddressClass,
    AdultResult,
    CardType,
    ChildResult,
    Description,
    HandicapFile,
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

CONTROLS = "".join(chr(code) for code in range(0x20) if chr(code) not in "\t\n\r")
PEOPLE = [
    compute(date(1985, 7, 30), 933, test_band=True),
    compute(date(2001, 1, 1), 934, test_band=True),
    compute(date(1960, 3, 5), 935, kind=Kind.BIS),
]


def texts(longest: int, shortest: int = 1) -> st.SearchStrategy[str]:
    characters = st.characters(exclude_categories=["Cs"], exclude_characters=CONTROLS + "\ufffe\uffff")
    return st.text(characters, min_size=shortest, max_size=longest)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def digits(count: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=count, max_size=count)


def some(strategy: st.SearchStrategy[Any], most: int = 4) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, max_size=most).map(tuple)


dates = st.dates()
flags = st.booleans()
amounts = st.tuples(st.integers(-999_999_999, 999_999_999), st.integers(0, 2)).map(
    lambda a: Decimal(a[0]).scaleb(-a[1])
)
percentages = st.integers(0, 6).flatmap(
    lambda places: st.integers(0, 100 * 10**places).map(lambda n: Decimal(n).scaleb(-places))
)
descriptions = st.builds(Description, texts(100, 0), maybe(st.sampled_from(Language)))
addresses = st.builds(
    Address,
    st.sampled_from(AddressClass),
    texts(3),
    maybe(texts(24)),
    maybe(digits(10)),
    some(descriptions, 3),
    maybe(texts(10)),
    maybe(texts(10)),
    maybe(texts(15)),
    maybe(texts(5)),
    some(descriptions, 3),
    some(descriptions, 3),
    maybe(dates),
)
persons = st.builds(Person, texts(48), maybe(texts(24)), maybe(addresses))
requests = st.builds(RequestEvolution, st.integers(0, 20), dates, flags, flags, maybe(dates), flags)
no_data = st.just(NoDataReason.NO_DATA_IN_DB)
pillars = st.builds(
    Pillars,
    maybe(st.integers(0, 6)),
    maybe(st.integers(0, 12)),
    maybe(st.integers(0, 18)),
    maybe(st.integers(0, 36)),
).filter(lambda p: (p.pillar1, p.pillar2, p.pillar3, p.total) != (None,) * 4)
scores = maybe(st.integers(0, 3))
children = st.builds(ChildResult, maybe(flags), maybe(flags), scores, scores, maybe(pillars), maybe(flags))
unsuitabilities = st.builds(Unsuitability, maybe(percentages), maybe(percentages)).filter(
    lambda u: (u.mental, u.physical) != (None, None)
)
independences = st.builds(IndependenceReduction, *([scores] * 6), maybe(st.integers(0, 18)))
adults = st.builds(AdultResult, no_data | independences, maybe(flags), maybe(unsuitabilities))
details = st.builds(RecognitionDetails, flags, flags, flags, flags)
results = st.tuples(no_data | children, st.none()) | st.tuples(st.none(), no_data | adults)
recognitions = st.builds(
    lambda decision, start, end, details, result: Recognition(decision, start, end, details, *result),
    dates,
    dates,
    maybe(dates),
    details,
    results,
)
rights = st.builds(
    Right,
    dates,
    maybe(dates),
    st.integers(3, 9),
    amounts,
    amounts,
    st.sampled_from(IncomeCategory),
    st.integers(0, 5),
    flags,
)
cards = st.builds(SocialCard, dates, maybe(dates), digits(10), st.sampled_from(CardType))
payments = st.builds(Payment, dates.map(lambda day: day.replace(day=1)), amounts, flags)
files = st.builds(
    HandicapFile,
    st.sampled_from(PEOPLE),
    maybe(persons),
    some(requests),
    some(recognitions),
    some(rights),
    some(cards),
    some(payments, 30),
)

DETAILS = RecognitionDetails(True, False, False, False)


def whole_file(ssin: Ssin = PEOPLE[0]) -> HandicapFile:
    """A file in which every element that the contract has occurs."""
    address = Address(
        AddressClass.BELGIAN,
        "150",
        "Blok B",
        "0000001024",
        (Description("Dorpsstraat", Language.NL),),
        "12",
        "3",
        "3000",
        "24062",
        (Description("Leuven", Language.NL), Description("Louvain", Language.FR)),
        (
            Description("België", Language.NL),
            Description("Belgique", Language.FR),
            Description("Belgique", Language.DE),
        ),
        date(2019, 5, 1),
    )
    adult = AdultResult(
        IndependenceReduction(3, 2, 2, 1, 0, 1, 9), True, Unsuitability(Decimal("12.50"), Decimal("66"))
    )
    child = ChildResult(False, True, 2, 1, Pillars(4, 6, 12, 22), False)
    return HandicapFile(
        ssin,
        Person("Peeters <& Zoon>", "Lou", address),
        (
            RequestEvolution(6, date(2020, 2, 3), False, False, date(2020, 7, 1), False),
            RequestEvolution(7, date(2024, 2, 3), True, True, None, True),
        ),
        (
            Recognition(date(2005, 4, 1), date(2005, 5, 1), date(2021, 12, 31), DETAILS, child, None),
            Recognition(date(2020, 7, 1), date(2020, 3, 1), None, DETAILS, None, adult),
            Recognition(date(2020, 7, 1), date(2020, 3, 1), None, DETAILS, NoDataReason.NO_DATA_IN_DB, None),
            Recognition(date(2020, 7, 1), date(2020, 3, 1), None, DETAILS, None, NoDataReason.NO_DATA_IN_DB),
            Recognition(
                date(2020, 7, 1),
                date(2020, 3, 1),
                None,
                DETAILS,
                None,
                AdultResult(NoDataReason.NO_DATA_IN_DB, None, None),
            ),
        ),
        (
            Right(
                date(2020, 3, 1), date(2021, 2, 28), 6, Decimal("812.5"), Decimal("812.50"), IncomeCategory.B, 2, False
            ),
            Right(date(2021, 3, 1), None, 6, Decimal("1000"), Decimal("-0.05"), IncomeCategory.NONE, 0, True),
        ),
        (
            SocialCard(date(2020, 8, 1), None, "0000000001", CardType.PARKING),
            SocialCard(date(2020, 8, 1), date(2025, 7, 31), "0000000002", CardType.REDUCTION),
        ),
        (
            Payment(date(2020, 8, 1), Decimal("812.50"), False),
            Payment(date(2020, 9, 1), Decimal("6250000"), True),
        ),
    )
