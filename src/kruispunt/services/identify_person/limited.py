"""A person as the variant for public centres for social welfare shows one: `LimitedLegalData` (20050930).

Names are spelt as in IdentifyPerson 20050329, the version of the same year (ours).
"""

from __future__ import annotations

from typing import Final

from kruispunt.registers.legal_data import (
    MUNICIPALITY_DIGITS,
    AddressInformation,
    Dossier,
    Location,
    Origin,
    StandardAddress,
    Unreadable,
)
from kruispunt.services.identify_person.citizen import ORIGINS, Version, first_names
from kruispunt.xml.build import attribute, element, optional, wrap

MOST: Final = 100
"""People in one reply, by the contract."""


def write_limited(dossier: Dossier, *, extended: bool) -> str:
    """`LimitedLegalData`; `Extended` only of somebody whose identity was validated (ours)."""
    return (
        f"<cpas:LimitedLegalData{attribute('origin', ORIGINS[dossier.origin])}>"
        f"{_basic(dossier)}{_extended(dossier) if extended else ''}</cpas:LimitedLegalData>"
    )


def _basic(dossier: Dossier) -> str:
    legal = dossier.legal
    first, middle, _ = first_names(legal.name, dossier.origin, Version.TWO_NAMES)
    gender = ""
    if legal.gender is not None:
        told = legal.gender.modified if dossier.origin is Origin.KSZ else None
        changed = "" if told is None else attribute("modificationDate", str(told))
        gender = element("cpas:Gender", str(legal.gender.code.value), changed)
    return wrap(
        "cpas:Basic",
        element("cpas:SocialSecurityUser", dossier.ssin)
        + element("cpas:LastName", legal.name.last.upper())
        + optional("cpas:FirstName", first)
        + optional("cpas:MiddleName", middle)
        + element("cpas:BirthDate", str(legal.birth.date))
        + gender
        + _where(dossier),
    )


def _where(dossier: Dossier) -> str:
    """`Address` or `DiplomaticPost`; neither when a code is missing that the contract asks for."""
    addresses = dossier.legal.address
    if addresses is None or addresses.legal is None:
        return ""
    if addresses.legal.standard is not None:
        described = Unreadable.LEGAL_ADDRESS_DETAILS not in dossier.legal.unreadable
        return _address(addresses.legal.standard, described=described)
    return _post(addresses)


def _address(address: StandardAddress, *, described: bool) -> str:
    if address.country.code is None:
        return ""
    municipality = address.municipality or Location()
    street = address.street or Location()
    return wrap(
        "cpas:Address",
        element("cpas:CountryCode", address.country.code)
        + optional("cpas:MunicipalityCode", municipality.code)
        + (_descriptions("cpas:Municipality", municipality) if described else "")
        + optional("cpas:PostalCode", address.postal_code)
        + optional("cpas:StreetCode", street.code)
        + (_descriptions("cpas:Street", street) if described else "")
        + optional("cpas:HouseNumber", address.house_number)
        + optional("cpas:Box", address.box),
    )


def _post(addresses: AddressInformation) -> str:
    assert addresses.legal is not None
    free, manager = addresses.legal.diplomatic, addresses.manager
    post = None if manager is None else manager.location.code
    if free is None or post is None or len(post) == MUNICIPALITY_DIGITS:
        return ""
    return wrap(
        "cpas:DiplomaticPost",
        optional("cpas:CountryCode", None if free.country is None else free.country.code)
        + element("cpas:Post", post)
        + element("cpas:AddressPlainText", free.address),
    )


def _extended(dossier: Dossier) -> str:
    legal = dossier.legal
    birth = legal.birth.location or Location()
    inscription = legal.inscription if Unreadable.INSCRIPTION not in legal.unreadable else None
    return wrap(
        "cpas:Extended",
        optional("cpas:CivilState", None if legal.civil_state is None else str(legal.civil_state.code.value))
        + optional("cpas:BirthLocationCode", birth.code)
        + _descriptions("cpas:BirthLocation", birth)
        + optional("cpas:DeceaseDate", None if legal.decease is None else str(legal.decease.date))
        + optional("cpas:InscriptionRegister", None if inscription is None else str(inscription.register.value))
        + optional("cpas:NationalityCode", None if legal.nationality is None else legal.nationality.location.code),
    )


def _descriptions(name: str, location: Location) -> str:
    return "".join(
        element(name, each.text.upper(), "" if each.language is None else attribute("lang", each.language.value))
        for each in location.descriptions
    )
