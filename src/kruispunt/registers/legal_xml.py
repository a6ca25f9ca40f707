"""Groups of a person's data as XML, by the types of PersonV1.xsd: for replies of PersonService and in mutation files.

Everything that is written here is in canonical form.
"""

from __future__ import annotations

from functools import lru_cache

from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Kind, Ssin
from kruispunt.registers.legal_data import (
    Birth,
    CivilState,
    Decease,
    Gender,
    Language,
    LegalAddress,
    Location,
    Name,
    Nationality,
    Origin,
    StandardAddress,
)
from kruispunt.xml.build import attribute, element, optional, wrap


def write_register(ssin: Ssin, origin: Origin) -> str:
    """The attribute that tells whose data these are: NR, BIS or RAD."""
    if origin is Origin.RR:
        return attribute("register", "NR")
    return attribute("register", "BIS" if ssins.kind(ssin) is Kind.BIS else "RAD")


def write_name(name: Name) -> str:
    given = "".join(
        element("givenName", first, attribute("sequence", str(place))) for place, first in enumerate(name.firsts, 1)
    )
    return wrap("name", element("lastName", name.last) + given + _since(name.modified))


def write_nationality(nationality: Nationality) -> str:
    place = _place(nationality.location, "nationalityCode", "nationalityDescription")
    return wrap("nationality", place + _since(nationality.modified))


def write_birth(birth: Birth) -> str:
    return _event("birth", birth.date, birth.location)


def write_decease(decease: Decease) -> str:
    return _event("decease", decease.date, decease.location)


def write_gender(gender: Gender) -> str:
    return wrap("gender", element("genderCode", str(gender.code.value)) + _since(gender.modified))


def write_civil_state(state: CivilState) -> str:
    return wrap("civilState", element("civilStateCode", str(state.code.value)))


def write_address(legal: LegalAddress, *, described: bool = True) -> str:
    """Without descriptions where the names of places could not be looked up (IP-18)."""
    if legal.standard is not None:
        return wrap("address", wrap("residentialAddress", _standard(legal.standard, described=described)))
    plain = legal.diplomatic
    assert plain is not None, "one of both"
    country = "" if plain.country is None else _place(plain.country, "countryCode", "countryName")
    inner = country + element("address", plain.address) + _since(plain.modified)
    return wrap("address", wrap("diplomaticAddress", inner))


def _event(name: str, day: PartialDate, location: Location | None) -> str:
    place = "" if location is None else wrap(f"{name}Place", _place(location, "locationCode", "locationName"))
    return wrap(name, element(f"{name}Date", str(day)) + place)


def _standard(standard: StandardAddress, *, described: bool) -> str:
    city = _optional_place(standard.municipality, "cityCode", "cityName", described=described)
    street = _optional_place(standard.street, "streetCode", "streetName", described=described)
    return (
        _place(standard.country, "countryCode", "countryName", described=described)
        + city
        + optional("postalCode", standard.postal_code)
        + street
        + optional("houseNumber", standard.house_number)
        + optional("boxNumber", standard.box)
        + _since(standard.modified)
    )


def _optional_place(location: Location | None, code: str, name: str, *, described: bool) -> str:
    return "" if location is None else _place(location, code, name, described=described)


@lru_cache(maxsize=65_536)
def _place(location: Location, code: str, name: str, *, described: bool = True) -> str:
    """CommonV3 has no English: such a description is told without its language.

    Countries, municipalities and streets come again and again: half of the time that a person takes is theirs.
    """
    if not described:
        return optional(code, location.code)
    descriptions = "".join(
        element(
            name,
            each.text,
            "" if each.language in (None, Language.EN) else attribute("language", each.language.value.upper()),
        )
        for each in location.descriptions
    )
    return optional(code, location.code) + descriptions


def _since(day: PartialDate | None) -> str:
    return "" if day is None else element("inceptionDate", str(day))
