"""Made-up people for the tests of the registers: lines, and strategies for everything that a register can hold."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Kind, Sex, Ssin
from kruispunt.registers.legal_data import (
    BELGIUM,
    AddressInformation,
    Birth,
    CivilState,
    CivilStateCode,
    Decease,
    Description,
    Gender,
    Inscription,
    Language,
    LegalAddress,
    LegalData,
    LinguisticRegime,
    Location,
    ManagerLocation,
    Name,
    Nationality,
    Origin,
    Partner,
    PlainTextAddress,
    StandardAddress,
    Subregister,
    Unreadable,
)
from kruispunt.registers.people import Register
from kruispunt.registers.person_lines import PersonLine

TODAY = date(2025, 6, 15)
_DAYS = itertools.count()


def fresh(count: int, kind: Kind = Kind.NATIONAL) -> list[Ssin]:
    """Numbers that no other test has: numbers are never removed from the registers."""
    numbers: Iterator[Ssin] = (
        ssins.compute(date(1955, 1, 1) + timedelta(days=next(_DAYS)), 950, kind=kind, test_band=kind is Kind.NATIONAL)
        for _ in range(count)
    )
    return list(numbers)


def legal(last: str = "Peeters", **fields: Any) -> dict[str, Any]:
    """What a line tells of somebody in the National Register."""
    return {
        "name": {"lastName": last, "firstNames": ["An", "Zoë"]},
        "birth": {"date": "1980-02-00"},
        "gender": {"code": 2},
        **fields,
    }


def belgian(street: str = "1234", number: str = "7", **fields: Any) -> dict[str, Any]:
    """Address information with a legal address in Belgium."""
    standard = {
        "country": {"code": BELGIUM},
        "municipality": {"code": "24062", "descriptions": [{"text": "LEUVEN", "language": "nl"}]},
        "postalCode": "3000",
        "street": {"code": street},
        "houseNumber": number,
    }
    return {"legal": {"standard": standard}, **fields}


texts = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="\ufffe\uffff"),
    min_size=1,
    max_size=30,
) | st.sampled_from(("d'Hondt", "Çelik", "Van den  Berghe", "Müller-Ŀ", 'say "x"', "back\\slash", "𠮷野"))
short_texts = st.text(st.sampled_from("0123456789ABbis/"), min_size=1, max_size=6)
days = st.one_of(
    st.dates(date(1900, 1, 1), date(2024, 12, 31)).map(PartialDate.of),
    st.builds(PartialDate, st.integers(1900, 2024), st.integers(1, 12)),
    st.builds(PartialDate, st.integers(1900, 2024)),
)
perhaps_day = st.none() | days


def codes(digits: int) -> st.SearchStrategy[str]:
    return st.integers(0, 10**digits - 1).map(lambda n: f"{n:0{digits}d}")


def locations(digits: int | None = None) -> st.SearchStrategy[Location]:
    code = st.none() | st.integers(2, 5).flatmap(codes) if digits is None else codes(digits)
    descriptions = st.lists(st.builds(Description, texts, st.none() | st.sampled_from(Language)), max_size=5)
    return st.builds(Location, code, descriptions.map(tuple))


def names(*, complete: bool) -> st.SearchStrategy[Name]:
    whole = st.none() | st.booleans() if complete else st.none()
    return st.builds(Name, texts, st.lists(texts, max_size=4).map(tuple), whole, perhaps_day)


plain_addresses = st.builds(PlainTextAddress, texts, st.none() | locations(3), perhaps_day)


def standard_addresses(*, belgian: bool) -> st.SearchStrategy[StandardAddress]:
    country = st.just(Location(BELGIUM)) if belgian else st.just(Location("111"))
    return st.builds(
        StandardAddress,
        country,
        st.none() | (locations(5) if belgian else locations()),
        st.none() | short_texts,
        st.none() | locations(4),
        st.none() | short_texts,
        st.none() | short_texts,
        perhaps_day,
    )


def posted(addresses: AddressInformation) -> AddressInformation:
    """Post abroad for people at a diplomatic post alone."""
    legal, manager = addresses.legal, addresses.manager
    code = "" if manager is None else manager.location.code or ""
    at_a_post = len(code) == 4 if legal is None else legal.diplomatic is not None
    return addresses if at_a_post else replace(addresses, post_abroad=None)


national_addresses = st.builds(
    AddressInformation,
    st.none()
    | st.builds(ManagerLocation, locations(4), st.none(), perhaps_day)
    | st.builds(ManagerLocation, locations(5), st.sampled_from(LinguisticRegime), perhaps_day),
    st.none()
    | st.builds(LegalAddress, standard_addresses(belgian=True))
    | st.builds(LegalAddress, st.none(), plain_addresses),
    st.none() | plain_addresses,
    st.none() | plain_addresses,
    st.none() | plain_addresses,
).map(posted)
cbss_addresses = st.builds(
    AddressInformation, legal=st.none() | st.builds(LegalAddress, standard_addresses(belgian=False))
)
partners = st.builds(
    Partner,
    st.none() | st.just(ssins.compute(date(1960, 1, 1), 951, test_band=True)),
    st.none() | names(complete=True),
)


@st.composite
def legal_data(draw: st.DrawFn, register: Register, origin: Origin) -> LegalData:
    """Everything that a register can hold of somebody of `register`."""
    national = origin is Origin.RR
    subregisters = [each for each in Subregister if each.origin is Origin.RR]
    if not national:
        subregisters = [Subregister.BIS if register is Register.BIS else Subregister.RAD]
    name, addresses = names(complete=national), national_addresses if national else cbss_addresses
    state = st.builds(CivilState, st.sampled_from(CivilStateCode))
    if national:
        code = st.sampled_from(CivilStateCode)
        state = st.builds(CivilState, code, perhaps_day, st.none() | locations(), st.none() | partners)
    parts = list(Unreadable) if national else [Unreadable.SOMETHING, Unreadable.EVERYTHING]
    return LegalData(
        name=draw(name),
        birth=draw(st.builds(Birth, days, st.none() | locations(), perhaps_day)),
        inscription=draw(st.none() | st.builds(Inscription, st.sampled_from(subregisters), perhaps_day)),
        gender=draw(st.none() | st.builds(Gender, st.sampled_from(Sex), perhaps_day)),
        civil_state=draw(st.none() | state),
        decease=draw(st.none() | st.builds(Decease, days, st.none() | locations(), perhaps_day)),
        nationality=draw(st.none() | st.builds(Nationality, locations(3), perhaps_day)),
        address=draw(st.none() | addresses),
        former_names=tuple(draw(st.lists(name, max_size=3))),
        former_addresses=tuple(draw(st.lists(addresses, max_size=2))),
        blocked=draw(st.booleans()) if national else False,
        unreadable=tuple(draw(st.lists(st.sampled_from(parts), max_size=2, unique=True))),
    )


@st.composite
def person_lines(draw: st.DrawFn) -> PersonLine:
    """Somebody new in any register, with everything that it can hold, or the number alone."""
    register = draw(st.sampled_from(Register))
    (ssin,) = fresh(1, Kind.BIS if register is Register.BIS else Kind.NATIONAL)
    national, cbss = None, None
    if register is not Register.BIS:
        national = draw(st.none() | legal_data(register, Origin.RR))
    if register is Register.BIS or (register is Register.RAD and national is not None):
        cbss = draw(legal_data(register, Origin.KSZ))
    return PersonLine(ssin, register, None, draw(st.booleans()), national, cbss)
