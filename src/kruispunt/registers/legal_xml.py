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
    CivilStateCode,
    Decease,
    Gender,
    Language,
    LegalAddress,
    Location,
    Name,
    Nationality,
    Origin,
)
from kruispunt.xml.build import attribute, element, optional, text


def write_register(ssin: Ssin, origin: Origin) -> str:
    """The attribute that tells whose data these are: NR, BIS or RAD."""
    if origin is Origin.RR:
        return ' register="NR"'
    return ' register="BIS"' if ssins.kind(ssin) is Kind.BIS else ' register="RAD"'


def write_name(name: Name) -> str:
    given = "".join(
        [f'<givenName sequence="{place}">{text(first)}</givenName>' for place, first in enumerate(name.firsts, 1)]
    )
    return f"<name><lastName>{text(name.last)}</lastName>{given}{_since(name.modified)}</name>"


def write_nationality(nationality: Nationality) -> str:
    place = _place(nationality.location, "nationalityCode", "nationalityDescription")
    return nationality_in(place, nationality.modified)


def write_birth(birth: Birth) -> str:
    return _event("birth", birth)


def write_decease(decease: Decease) -> str:
    return _event("decease", decease)


def write_gender(gender: Gender) -> str:
    return f"<gender><genderCode>{gender.code._value_}</genderCode>{_since(gender.modified)}</gender>"


def write_civil_state(code: CivilStateCode) -> str:
    return f"<civilState><civilStateCode>{code._value_}</civilStateCode></civilState>"


def write_address(legal: LegalAddress) -> str:
    standard = legal.standard
    if standard is not None:
        return residential_address(
            _place(standard.country, "countryCode", "countryName"),
            _optional_place(standard.municipality, "cityCode", "cityName"),
            standard.postal_code,
            _optional_place(standard.street, "streetCode", "streetName"),
            standard.house_number,
            standard.box,
            standard.modified,
        )
    plain = legal.diplomatic
    assert plain is not None, "one of both"
    country = _optional_place(plain.country, "countryCode", "countryName")
    return diplomatic_address(country, plain.address, plain.modified)


# The same of places that are written already: who tells of very many people remembers them by what they were read from.


def nationality_in(place: str, since: PartialDate | None) -> str:
    return f"<nationality>{place}{_since(since)}</nationality>"


def event(name: str, day: PartialDate, place: str | None) -> str:
    """Birth or decease; `place` is None when it is not known."""
    where = "" if place is None else f"<{name}Place>{place}</{name}Place>"
    return f"<{name}><{name}Date>{day}</{name}Date>{where}</{name}>"


def residential_address(
    country: str,
    city: str,
    postal_code: str | None,
    street: str,
    house_number: str | None,
    box: str | None,
    since: PartialDate | None,
) -> str:
    return (
        f"<address><residentialAddress>{country}{city}"
        f"{'' if postal_code is None else f'<postalCode>{text(postal_code)}</postalCode>'}{street}"
        f"{'' if house_number is None else f'<houseNumber>{text(house_number)}</houseNumber>'}"
        f"{'' if box is None else f'<boxNumber>{text(box)}</boxNumber>'}"
        f"{'' if since is None else f'<inceptionDate>{since}</inceptionDate>'}</residentialAddress></address>"
    )


def diplomatic_address(country: str, address: str, since: PartialDate | None) -> str:
    inner = f"{country}<address>{text(address)}</address>{_since(since)}"
    return f"<address><diplomaticAddress>{inner}</diplomaticAddress></address>"


def write_place(location: Location, code: str, name: str, *, described: bool = True) -> str:
    """CommonV3 has no English: such a description is told without its language. Without descriptions where the names
    of places could not be looked up (IP-18).
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


_place = lru_cache(maxsize=65_536)(write_place)
"""Countries, municipalities and streets come again and again: half of the time that a person takes is theirs."""


def _optional_place(location: Location | None, code: str, name: str) -> str:
    return "" if location is None else _place(location, code, name)


def _event(name: str, held: Birth | Decease) -> str:
    place = None if held.location is None else _place(held.location, "locationCode", "locationName")
    return event(name, held.date, place)


def _since(day: PartialDate | None) -> str:
    return "" if day is None else f"<inceptionDate>{day}</inceptionDate>"
