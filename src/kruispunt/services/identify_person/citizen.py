"""A person as IdentifyPerson shows one: `Citizen`, field by field, per register and version (IP-16, IP-17).

What the two versions differ in: 20050329 has two first names, in capitals; 20090818 has three, as they were registered,
and the temporary address abroad. Descriptions of places are in capitals in both, and so is a partner's name.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final

from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.registers.legal_data import (
    AddressInformation,
    CivilState,
    Dossier,
    LegalAddress,
    Location,
    Name,
    Origin,
    Partner,
    PlainTextAddress,
    StandardAddress,
    Unreadable,
)
from kruispunt.xml.build import attribute, boolean, element, optional, wrap

ORIGINS: Final = {Origin.RR: "RN_RR", Origin.KSZ: "BCSS_KSZ"}


class Version(Enum):
    """Of IdentifyPerson; 20080918 is another spelling of the second."""

    TWO_NAMES = "20050329"
    THREE_NAMES = "20090818"

    @property
    def first_names(self) -> int:
        """How many of the National Register's first names are given."""
        return 2 if self is Version.TWO_NAMES else 3


def write_citizen(dossier: Dossier, version: Version) -> str:
    """`Citizen`, whose prefix `person` somebody around it declares."""
    legal, origin = dossier.legal, dossier.origin
    inscription = ""
    if legal.inscription is not None and Unreadable.INSCRIPTION not in legal.unreadable:
        changed = _modified(legal.inscription.modified)
        inscription = element("person:InscriptionRegister", str(legal.inscription.register.value), changed)
    gender = ""
    if legal.gender is not None:
        changed = _modified(legal.gender.modified) if origin is Origin.KSZ else ""
        gender = element("person:Gender", str(legal.gender.code.value), changed)
    data = (
        write_name(legal.name, origin, version)
        + gender
        + _event("person:Birth", legal.birth.date, legal.birth.location, legal.birth.modified)
        + _civil_state(legal.civil_state, origin, version)
        + _decease(dossier)
        + _addresses(dossier, version)
        + _nationality(dossier)
    )
    return (
        f"<person:Citizen{attribute('origin', ORIGINS[origin])}>"
        f"{element('person:SocialSecurityUser', dossier.ssin)}{inscription}{wrap('person:LegalData', data)}"
        "</person:Citizen>"
    )


def write_name(name: Name, origin: Origin, version: Version) -> str:
    """`Name` of the person; of a partner see `_partner_name`."""
    spell: Callable[[str], str] = str.upper if version is Version.TWO_NAMES else str
    changed = _modified(name.modified) if origin is Origin.KSZ else ""
    first, middle, second_middle = first_names(name, origin, version)
    complete = None if origin is Origin.KSZ else _complete(name, version)
    return (
        f"<person:Name{changed}>"
        f"{element('person:LastName', spell(name.last))}"
        f"{optional('person:MiddleName', middle)}"
        f"{optional('person:SecondMiddleName', second_middle)}"
        f"{optional('person:FirstName', first)}"
        f"{optional('person:CompleteFirstName', complete)}"
        "</person:Name>"
    )


def first_names(name: Name, origin: Origin, version: Version) -> tuple[str | None, str | None, str | None]:
    """FirstName, MiddleName and SecondMiddleName, spelt as the version spells them; None for what is not told."""
    firsts = name.firsts
    if version is Version.TWO_NAMES:
        firsts = tuple(each.upper() for each in firsts)
    if origin is Origin.KSZ:
        return _at(firsts, 0), " ".join(firsts[1:]) or None, None
    if version is Version.TWO_NAMES:
        return " ".join(firsts[: version.first_names]) or None, None, None
    return _at(firsts, 0), _at(firsts, 1), _at(firsts, 2)


def _complete(name: Name, version: Version) -> str | None:
    """Whether all first names are given: the register has them all, and the version has room for them."""
    return None if name.complete is None else boolean(name.complete and len(name.firsts) <= version.first_names)


def _at(names: tuple[str, ...], position: int) -> str | None:
    return names[position] if position < len(names) else None


def _modified(day: PartialDate | None) -> str:
    return "" if day is None else attribute("modificationDate", str(day))


def _origin(origin: Origin) -> str:
    return attribute("origin", ORIGINS[origin])


def _location(location: Location, *, described: bool = True) -> str:
    """The parts of a location type. Code and descriptions go as they are: they need not correspond (IP-17)."""
    return optional("person:Code", location.code) + (_descriptions(location) if described else "")


def _descriptions(location: Location) -> str:
    return "".join(
        element(
            "person:Description",
            each.text.upper(),
            "" if each.language is None else attribute("lang", each.language.value),
        )
        for each in location.descriptions
    )


def _placed(name: str, location: Location | None, *, described: bool = True) -> str:
    return "" if location is None else wrap(name, _location(location, described=described))


def _event(name: str, day: PartialDate, location: Location | None, modified: PartialDate | None) -> str:
    inner = element("person:Date", str(day)) + _placed("person:Location", location)
    return f"<{name}{_modified(modified)}>{inner}</{name}>"


def _decease(dossier: Dossier) -> str:
    decease = dossier.legal.decease
    return "" if decease is None else _event("person:Decease", decease.date, decease.location, decease.modified)


def _nationality(dossier: Dossier) -> str:
    nationality = dossier.legal.nationality
    if nationality is None:
        return ""
    return (
        f"<person:Nationality{_modified(nationality.modified)}>{_location(nationality.location)}</person:Nationality>"
    )


def _civil_state(state: CivilState | None, origin: Origin, version: Version) -> str:
    """Of the CBSS register nothing but the code."""
    if state is None:
        return ""
    code = element("person:Code", str(state.code.value))
    if origin is Origin.KSZ:
        return wrap("person:CivilState", code)
    inner = code + _placed("person:Location", state.location) + _partner(state.partner, version)
    return f"<person:CivilState{_modified(state.modified)}>{inner}</person:CivilState>"


def _partner(partner: Partner | None, version: Version) -> str:
    if partner is None:
        return ""
    name = "" if partner.name is None else _partner_name(partner.name, version)
    return wrap("person:Partner", optional("person:SocialSecurityUser", partner.ssin) + name)


def _partner_name(name: Name, version: Version) -> str:
    """In capitals in both versions, and never with the day of its modification."""
    first, middle, second_middle = first_names(name, Origin.RR, version)
    return wrap(
        "person:Name",
        element("person:LastName", name.last.upper())
        + optional("person:MiddleName", middle and middle.upper())
        + optional("person:SecondMiddleName", second_middle and second_middle.upper())
        + optional("person:FirstName", first and first.upper())
        + optional("person:CompleteFirstName", _complete(name, version)),
    )


def _addresses(dossier: Dossier, version: Version) -> str:
    addresses = dossier.legal.address
    if addresses is None:
        return ""
    inner = _manager(addresses, dossier.origin)
    if addresses.legal is not None:
        inner += _legal(addresses.legal, dossier)
    if dossier.origin is Origin.RR:
        inner += _free(dossier, "person:TemporaryAddress", addresses.temporary, Unreadable.TEMPORARY_ADDRESS)
        inner += _free(dossier, "person:PostAddressAbroad", addresses.post_abroad, Unreadable.POST_ADDRESS_ABROAD)
        if version is Version.THREE_NAMES:
            inner += _free(
                dossier,
                "person:TemporaryAddressAbroad",
                addresses.temporary_abroad,
                Unreadable.TEMPORARY_ADDRESS_ABROAD,
            )
    return wrap("person:AddressInformation", inner) if inner else ""


def _manager(addresses: AddressInformation, origin: Origin) -> str:
    manager = addresses.manager
    if manager is None or origin is Origin.KSZ:
        return ""
    regime = None if manager.linguistic_regime is None else manager.linguistic_regime.value
    return (
        f"<person:ManagerLocation{_modified(manager.modified)}{_origin(origin)}>"
        f"{_location(manager.location)}{optional('person:LinguisticRegime', regime)}</person:ManagerLocation>"
    )


def _legal(legal: LegalAddress, dossier: Dossier) -> str:
    if legal.standard is not None:
        described = Unreadable.LEGAL_ADDRESS_DETAILS not in dossier.legal.unreadable
        inner = _standard(legal.standard, dossier.origin, described=described)
    elif legal.diplomatic is not None and dossier.origin is Origin.RR:
        inner = _plain("person:DiplomaticPostAddress", legal.diplomatic, dossier.origin)
    else:
        return ""
    return wrap("person:LegalAddress", inner)


def _standard(address: StandardAddress, origin: Origin, *, described: bool) -> str:
    """Where the names of places could not be looked up, codes and numbers are given without them (30009005)."""
    municipality = "" if address.municipality is None else _location(address.municipality, described=described)
    municipality += optional("person:PostalCode", address.postal_code)
    return (
        f"<person:StandardAddress{_modified(address.modified)}{_origin(origin)}>"
        f"{_placed('person:Country', address.country, described=described)}"
        f"{wrap('person:Municipality', municipality) if municipality else ''}"
        f"{_placed('person:Street', address.street, described=described)}"
        f"{optional('person:HouseNumber', address.house_number)}{optional('person:Box', address.box)}"
        "</person:StandardAddress>"
    )


def _free(dossier: Dossier, name: str, address: PlainTextAddress | None, unreadable: Unreadable) -> str:
    if address is None or unreadable in dossier.legal.unreadable:
        return ""
    return _plain(name, address, dossier.origin)


def _plain(name: str, address: PlainTextAddress, origin: Origin) -> str:
    inner = _placed("person:Country", address.country) + element("person:Address", address.address)
    return f"<{name}{_modified(address.modified)}{_origin(origin)}>{inner}</{name}>"
