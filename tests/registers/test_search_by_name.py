"""The search by name (IP-07 to IP-13), against a search that looks at everybody.

Each test empties the keys, so that it is alone with the people whom it makes.
"""

import itertools
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Sex, Ssin
from kruispunt.registers import key_tables
from kruispunt.registers.legal_data import Birth, Dossier, Gender, LegalData, Name, Origin
from kruispunt.registers.phonetics import shared
from kruispunt.registers.search import Found, NameCriteria, TooMany, by_name
from kruispunt.storage.database import Database

Ask = Callable[[Callable[[Database], Awaitable[Any]]], Any]

LAST_NAMES = ["Janssens", "Jansens", "Janssen", "De Clercq", "Deklerk", "Lefèvre", "Lefebvre", "Wauters", "Peeters"]
FIRST_NAMES = ["Jan", "Jean-Pierre", "Jan Baptist", "Marie", "Maria", "Mia", "Élise", "Elise Anne", "Ann"]


def number(position: int) -> Ssin:
    return ssins.compute(date(1930, 1, 1) + timedelta(days=position // 90), 900 + position % 90, test_band=True)


def person(
    position: int,
    last: str = "Janssens",
    first: str | None = "Jan",
    birth: PartialDate = PartialDate(1985, 7, 30),  # noqa: B008 - frozen
    *,
    origin: Origin = Origin.RR,
    sex: Sex | None = None,
    former: Sequence[tuple[str, str | None]] = (),
) -> Dossier:
    def name(last: str, first: str | None) -> Name:
        return Name(last, () if first is None else (first,))

    return Dossier(
        number(position),
        origin,
        LegalData(
            name=name(last, first),
            birth=Birth(birth),
            gender=None if sex is None else Gender(sex),
            former_names=tuple(itertools.starmap(name, former)),
        ),
    )


def search(ask: Ask, people: Iterable[Dossier], *asked: NameCriteria) -> list[Found | TooMany]:
    """What each search gives when nobody but these people is there."""

    async def question(database: Database) -> list[Found | TooMany]:
        async with database.connection() as connection, connection.transaction():
            await connection.execute("TRUNCATE name_key, address_key")
            await key_tables.write(connection, people, 60)
        return [await by_name(database, criteria) for criteria in asked]

    answer = ask(question)
    assert isinstance(answer, list)
    return answer


def positions(found: Found | TooMany) -> list[int] | None:
    """Whom a search found, as they were numbered; None for too many."""
    if isinstance(found, TooMany):
        return None
    return [next(n for n in itertools.count() if number(n) == ssin) for ssin in found.ssins]


def criteria(
    last: str = "Janssens",
    birth: PartialDate = PartialDate(1985, 7, 30),  # noqa: B008 - frozen
    first: str | None = None,
    sex: Sex | None = None,
    tolerance: int = 0,
    maximum: int = 80,
) -> NameCriteria:
    return NameCriteria(last, birth, first, sex, tolerance, maximum)


def born_then(birth: PartialDate, asked: PartialDate, tolerance: int) -> bool:
    """IP-07 and IP-08, over the calendar. A date that is not known in full lies between two days."""
    if not asked.month:
        return abs(birth.year - asked.year) <= tolerance
    if not asked.day:
        months = [birth.month] if birth.month else [0, 1]
        distances = [birth.year * 12 + month - asked.year * 12 - asked.month for month in months]
        return all(abs(distance) <= tolerance for distance in distances)
    middle = date(asked.year, asked.month, asked.day)
    first = date(birth.year, birth.month or 1, birth.day or 1)
    days = [first] if birth.day else [first - timedelta(days=1), first]
    return all(abs((day - middle).days) <= tolerance for day in days)


def first_name_matches(name: Name, asked: str | None, origin: Origin) -> bool:
    """IP-09."""
    if asked is None or not name.firsts:
        return True
    if origin is Origin.KSZ:
        return name.firsts[0].replace("É", "E")[0] == asked.replace("É", "E")[0]
    parts = [first.replace("-", " ").split(" ")[0] for first in (name.firsts[0], asked)]
    return bool(shared(parts))


def matches(dossier: Dossier, asked: NameCriteria) -> bool:
    legal, origin = dossier.legal, dossier.origin
    exact = origin is Origin.RR and asked.birth.complete
    return (
        born_then(legal.birth.date, asked.birth, 0 if exact else asked.tolerance)
        and (asked.sex is None or legal.gender is None or legal.gender.code is asked.sex)
        and any(
            bool(shared([name.last, asked.last_name])) and first_name_matches(name, asked.first_name, origin)
            for name in legal.names
        )
    )


def everybody_looked_at(people: Iterable[Dossier], asked: NameCriteria) -> list[Ssin] | None:
    """The reference: IP-07 to IP-13 as they are written."""
    found = {origin: {d.ssin for d in people if d.origin is origin and matches(d, asked)} for origin in Origin}
    national, cbss = len(found[Origin.RR]), len(found[Origin.KSZ])
    if national > min(30, asked.maximum) or cbss > min(50, asked.maximum) or national + cbss > asked.maximum:
        return None
    return sorted(found[Origin.RR] | found[Origin.KSZ])


BIRTHS = st.one_of(
    st.dates(date(1984, 12, 20), date(1985, 2, 10)).map(PartialDate.of),
    st.dates(date(1984, 2, 20), date(1984, 3, 10)).map(PartialDate.of),
    st.builds(PartialDate, st.integers(1983, 1986), st.integers(1, 12)),
    st.builds(PartialDate, st.integers(1980, 1990)),
)
NAMES = st.tuples(st.sampled_from(LAST_NAMES), st.none() | st.sampled_from(FIRST_NAMES))
DOSSIERS = st.lists(
    st.tuples(NAMES, BIRTHS, st.none() | st.sampled_from(Sex), st.lists(NAMES, max_size=2), st.sampled_from([1, 2, 3])),
    max_size=25,
)
CRITERIA = st.builds(
    NameCriteria,
    st.sampled_from(LAST_NAMES),
    BIRTHS,
    st.none() | st.sampled_from(FIRST_NAMES),
    st.none() | st.sampled_from(Sex),
    st.integers(0, 30),
    st.integers(1, 80),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(DOSSIERS, st.lists(CRITERIA, min_size=1, max_size=12))
def test_ip_07_to_ip_13_the_rules_alone_define_who_is_found(ask: Ask, drawn: Any, asked: list[NameCriteria]) -> None:
    people = [
        person(position, *name, birth, origin=origin, sex=sex, former=former)
        for position, (name, birth, sex, former, registers) in enumerate(drawn)
        for origin in Origin
        if registers & origin.value
    ]
    for each, found in zip(asked, search(ask, people, *asked), strict=True):
        expected = everybody_looked_at(people, each)
        assert (None if isinstance(found, TooMany) else list(found.ssins)) == expected, each


def test_ip_07_the_national_register_ignores_a_tolerance_in_days(ask: Ask) -> None:
    exact, near = PartialDate(1985, 7, 30), PartialDate(1985, 7, 31)
    people = [
        person(2 * n + register.value, birth=birth, origin=register)
        for n, birth in enumerate((exact, near))
        for register in Origin
    ]
    [found, month] = search(ask, people, criteria(tolerance=1), criteria(birth=PartialDate(1985, 7)))
    assert positions(found) == [1, 2, 4]
    assert positions(month) == [1, 2, 3, 4]


def test_ip_07_leap_days_and_the_border_of_a_year(ask: Ask) -> None:
    births = [PartialDate(2024, 2, 28), PartialDate(2024, 2, 29), PartialDate(2024, 3, 1), PartialDate(2023, 12, 31)]
    people = [person(n, birth=birth, origin=Origin.KSZ) for n, birth in enumerate(births)]
    leap, next_day, year, months = search(
        ask,
        people,
        criteria(birth=PartialDate(2024, 2, 29)),
        criteria(birth=PartialDate(2024, 3, 1), tolerance=1),
        criteria(birth=PartialDate(2024, 1, 1), tolerance=1),
        criteria(birth=PartialDate(2024, 1), tolerance=1),
    )
    assert [positions(each) for each in (leap, next_day, year, months)] == [[1], [1, 2], [3], [0, 1, 3]]


def test_ip_07_months_under_tolerance_in_both_registers(ask: Ask) -> None:
    births = [PartialDate(1985, month, 15) for month in (4, 5, 6, 7, 8)] + [PartialDate(1985, 6), PartialDate(1985)]
    people = [person(n, birth=birth, origin=origin) for n, birth in enumerate(births) for origin in Origin]
    [one, none] = search(
        ask, people, criteria(birth=PartialDate(1985, 6), tolerance=1), criteria(birth=PartialDate(1985, 6))
    )
    assert positions(one) == [1, 2, 3, 5]
    assert positions(none) == [2, 5]


def test_ip_08_only_the_significant_part_is_compared(ask: Ask) -> None:
    births = [PartialDate(1985), PartialDate(1985, 7), PartialDate(1985, 7, 30), PartialDate(1986)]
    people = [person(n, birth=birth) for n, birth in enumerate(births)]
    year, month, day = search(
        ask, people, *(criteria(birth=birth) for birth in (PartialDate(1985), PartialDate(1985, 7), births[2]))
    )
    assert [positions(each) for each in (year, month, day)] == [[0, 1, 2], [1, 2], [2]]


def test_ip_09_first_names_in_each_register(ask: Ask) -> None:
    firsts = ["Jean-Pierre", "Jehan Karel", "Johanna", "Jozef", "Karel", None]
    people = [
        person(10 * origin.value + n, first=first, origin=origin) for n, first in enumerate(firsts) for origin in Origin
    ]
    [found] = search(ask, people, criteria(first="Jean Marie"))
    assert positions(found) == [10, 11, 15, 20, 21, 22, 23, 25], (
        "phonetic first part; first letter; unknown ones in both"
    )


def test_ip_10_whoever_ever_had_the_name_is_found(ask: Ask) -> None:
    people = [
        person(0, "Peeters", former=[("Lefèvre", "Anna"), ("Janssens", "Maria")]),
        person(1, "Peeters", former=[("Janssens", None)], origin=Origin.KSZ),
        person(2, "Peeters"),
    ]
    by_last, by_both, mixed = search(
        ask, people, criteria(), criteria(first="Maria"), criteria("Lefèvre", first="Maria")
    )
    assert positions(by_last) == [0, 1]
    assert positions(by_both) == [0, 1]
    assert positions(mixed) == [], "last and first name are of one name, not of two"


def test_ip_11_a_sex_finds_the_unknown_as_well(ask: Ask) -> None:
    people = [person(n, sex=sex) for n, sex in enumerate((None, Sex.MALE, Sex.FEMALE))]
    found = search(ask, people, criteria(), criteria(sex=Sex.MALE), criteria(sex=Sex.FEMALE))
    assert [positions(each) for each in found] == [[0, 1, 2], [0, 1], [0, 2]]


@pytest.mark.parametrize(
    ("national", "cbss", "maximum", "too_many"),
    [
        (30, 0, 80, False),
        (31, 0, 80, True),
        (0, 50, 80, False),
        (0, 51, 80, True),
        (30, 50, 80, False),
        (30, 50, 79, True),
        (5, 0, 5, False),
        (6, 0, 5, True),
        (0, 6, 5, True),
        (3, 3, 5, True),
    ],
)
def test_ip_12_exactly_as_many_as_may_be_and_one_more(
    ask: Ask, national: int, cbss: int, maximum: int, too_many: bool
) -> None:
    people = [person(n) for n in range(national)]
    people += [person(100 + n, origin=Origin.KSZ) for n in range(cbss)]
    # Half of them sound the same to one reading only, and all have a second name that matches as well.
    people = [
        person(n, "Janssen" if n % 2 else "Janssens", former=[("Jansens", "Jan")], origin=each.origin)
        for n, each in enumerate(people)
    ]
    both = search(ask, people, criteria(maximum=maximum), criteria(first="Jan", maximum=maximum))
    for found in both:
        assert isinstance(found, TooMany) == too_many
        if isinstance(found, Found):
            assert len(found.hits) == national + cbss


def test_ip_12_who_stands_in_both_registers_counts_twice_and_is_told_once(ask: Ask) -> None:
    people = [person(n, origin=origin) for n in range(3) for origin in Origin]
    six, five = search(ask, people, criteria(maximum=6), criteria(maximum=5))
    assert isinstance(five, TooMany)
    assert positions(six) == [0, 1, 2]
    assert isinstance(six, Found)
    assert {hit.origins for hit in six.hits} == {frozenset(Origin)}


def test_ip_12_nobody(ask: Ask) -> None:
    assert search(ask, [person(0)], criteria("Wauters"), criteria("%")) == [Found(()), Found(())]
