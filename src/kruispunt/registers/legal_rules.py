"""Which field belongs to which register (IP-16, SS-08), and what else no single field can tell."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Final

from msgspec.structs import replace

from kruispunt.errors import DataError
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import InvalidSsin
from kruispunt.registers.legal_data import (
    MUNICIPALITY_DIGITS,
    POST_DIGITS,
    STREET_DIGITS,
    AddressInformation,
    CivilState,
    Inscription,
    LegalData,
    Location,
    Origin,
    StandardAddress,
    Subregister,
    Unreadable,
)
from kruispunt.registers.people import Register

FIELDS: Final = {Origin.RR: "nationalRegister", Origin.KSZ: "cbssRegister"}
"""The field of a line that holds what a register tells."""
_SUBREGISTERS: Final = {Register.BIS: Subregister.BIS, Register.RAD: Subregister.RAD}
_OF_CBSS: Final = tuple(each for each in Subregister if each.origin is Origin.KSZ)
_OF_NATIONAL_REGISTER: Final = frozenset(Unreadable) - {Unreadable.SOMETHING, Unreadable.EVERYTHING}


def check(legal: LegalData, origin: Origin, register: Register, *, today: date, test_band: bool) -> None:
    """Raises DataError when the data cannot stand in this register, for somebody of `register`."""
    reason = _reason(legal, origin, register, today=today, test_band=test_band)
    if reason is not None:
        raise DataError(f"{FIELDS[origin]}.{reason}")


def to_rad(national: LegalData) -> LegalData:
    """What is copied to the CBSS register when somebody is struck off: no address, and nothing that only the National
    Register tells (SS-08). What cannot be read there cannot be read in the copy (IP-18).

    Raises DataError while the data are blocked: those of the CBSS register never are, so a copy would publish them.
    """
    if national.blocked:
        raise DataError(
            f"{FIELDS[Origin.RR]}.blocked: blocked data are not copied to the CBSS register; "
            f"tell {FIELDS[Origin.KSZ]}, or leave somebody who is blocked in the register national"
        )
    return replace(
        national,
        inscription=Inscription(Subregister.RAD),
        name=replace(national.name, complete=None),
        former_names=tuple(replace(name, complete=None) for name in national.former_names),
        civil_state=None if national.civil_state is None else CivilState(national.civil_state.code),
        address=None,
        former_addresses=(),
        unreadable=tuple(part for part in national.unreadable if part not in _OF_NATIONAL_REGISTER),
    )


def _reason(legal: LegalData, origin: Origin, register: Register, *, today: date, test_band: bool) -> str | None:
    """The first rule that is broken, with its field; None when all are kept. A load asks it of everybody."""
    last, decease = _last_day(today), legal.decease
    if legal.birth.date > last:
        return "birth.date: lies in the future"
    if decease is not None and decease.date > last:
        return "decease.date: lies in the future"
    if legal.inscription is not None:
        of = legal.inscription.register
        if of in _OF_CBSS if origin is Origin.RR else of is not _SUBREGISTERS[register]:
            return "inscription.register: this subregister is not of this register"
    if legal.unreadable and len(set(legal.unreadable)) != len(legal.unreadable):
        return "unreadable: a part stands in the list twice"
    broken = _addresses(legal, origin)
    if broken is not None:
        return broken
    if origin is Origin.KSZ:
        return _cbss_only(legal)
    state = legal.civil_state
    if state is not None and state.partner is not None and state.partner.ssin is not None:
        return _partner(state.partner.ssin, today=today, test_band=test_band)
    return None


@lru_cache(maxsize=4)
def _last_day(today: date) -> PartialDate:
    return PartialDate.of(today)


def _partner(ssin: str, *, today: date, test_band: bool) -> str | None:
    try:
        ssins.validate(ssin, today=today, test_band=test_band)
    except InvalidSsin as error:
        return f"civilState.partner.ssin: {error}"
    return None


def _cbss_only(legal: LegalData) -> str | None:
    if legal.blocked:
        return "blocked: only data of the National Register are blocked"
    if legal.unreadable and _OF_NATIONAL_REGISTER.intersection(legal.unreadable):
        return "unreadable: the CBSS register does not hold this part"
    if any(name.complete is not None for name in legal.names):
        return "name.complete: only the National Register tells this"
    state = legal.civil_state
    if state is not None and (state.modified, state.location, state.partner) != (None, None, None):
        return "civilState: the CBSS register holds the code alone"
    return None


def _addresses(legal: LegalData, origin: Origin) -> str | None:
    if legal.address is not None:
        broken = _address(legal.address, origin)
        if broken is not None:
            return f"address{broken}"
    for position, each in enumerate(legal.former_addresses):
        broken = _address(each, origin)
        if broken is not None:
            return f"formerAddresses.{position}{broken}"
    return None


def _address(addresses: AddressInformation, origin: Origin) -> str | None:
    """What comes behind the name of the field."""
    manager, legal = addresses.manager, addresses.legal
    if manager is not None and manager.linguistic_regime is not None:
        code = manager.location.code
        if code is None or len(code) != MUNICIPALITY_DIGITS:
            return ".manager.linguisticRegime: only a municipality has one"
    if legal is not None:
        if (legal.standard is None) == (legal.diplomatic is None):
            return ".legal: must hold either standard or diplomatic"
        if legal.standard is not None and legal.standard.belgian is not (origin is Origin.RR):
            where = "in Belgium" if origin is Origin.RR else "abroad"
            return f".legal.standard.country: a standard address of this register lies {where}"
        if legal.standard is not None and origin is Origin.RR:
            broken = _belgian(legal.standard)
            if broken is not None:
                return f".legal.standard{broken}"
    if addresses.post_abroad is not None and not _at_a_post(addresses):
        return ".postAbroad: only somebody registered at a diplomatic post has one"
    if origin is Origin.KSZ:
        others = (manager, addresses.temporary, addresses.post_abroad, addresses.temporary_abroad)
        if any(each is not None for each in others) or (legal is not None and legal.diplomatic is not None):
            return ": the CBSS register holds a standard address alone"
    return None


def _belgian(address: StandardAddress) -> str | None:
    """Codes of another length are no streets or municipalities, and no search by address could ask for them (IP-17)."""
    if _differs(address.municipality, MUNICIPALITY_DIGITS):
        return f".municipality.code: a municipality has {MUNICIPALITY_DIGITS} digits"
    if _differs(address.street, STREET_DIGITS):
        return f".street.code: a street in Belgium has {STREET_DIGITS} digits"
    return None


def _differs(location: Location | None, digits: int) -> bool:
    return location is not None and location.code is not None and len(location.code) != digits


def _at_a_post(addresses: AddressInformation) -> bool:
    """Whether somebody is registered at a diplomatic post: by the form of the address, or by who manages it (IP-16)."""
    manager, legal = addresses.manager, addresses.legal
    if legal is not None:
        return legal.diplomatic is not None
    return manager is not None and len(manager.location.code or "") == POST_DIGITS
