"""Which field belongs to which register (IP-16, SS-08), and what else no single field can tell."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from msgspec.structs import replace

from kruispunt.errors import DataError
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import InvalidSsin
from kruispunt.registers.legal_data import (
    MUNICIPALITY_DIGITS,
    AddressInformation,
    CivilState,
    Inscription,
    LegalData,
    Origin,
    Subregister,
    Unreadable,
)
from kruispunt.registers.people import Register

FIELDS: Final = {Origin.RR: "nationalRegister", Origin.KSZ: "cbssRegister"}
"""The field of a line that holds what a register tells."""
_SUBREGISTERS: Final = {Register.BIS: Subregister.BIS, Register.RAD: Subregister.RAD}
_OF_NATIONAL_REGISTER: Final = frozenset(Unreadable) - {Unreadable.SOMETHING, Unreadable.EVERYTHING}


def check(legal: LegalData, origin: Origin, register: Register, *, today: date, test_band: bool) -> None:
    """Raises DataError when the data cannot stand in this register, for somebody of `register`."""
    for reason in _reasons(legal, origin, register, today=today, test_band=test_band):
        raise DataError(f"{FIELDS[origin]}.{reason}")


def to_rad(national: LegalData) -> LegalData:
    """What is copied to the CBSS register when somebody is struck off: no address, and nothing that only the National
    Register tells (SS-08).
    """
    return replace(
        national,
        inscription=Inscription(Subregister.RAD),
        name=replace(national.name, complete=None),
        former_names=tuple(replace(name, complete=None) for name in national.former_names),
        civil_state=None if national.civil_state is None else CivilState(national.civil_state.code),
        address=None,
        former_addresses=(),
        blocked=False,
        unreadable=(),
    )


def _reasons(legal: LegalData, origin: Origin, register: Register, *, today: date, test_band: bool) -> Iterator[str]:
    yield from _dates(legal, today)
    if legal.inscription is not None:
        of = legal.inscription.register
        if of.origin is not origin or (origin is Origin.KSZ and of is not _SUBREGISTERS[register]):
            yield "inscription.register: this subregister is not of this register"
    if len(set(legal.unreadable)) != len(legal.unreadable):
        yield "unreadable: a part stands in the list twice"
    for name, addresses in _addresses(legal):
        yield from _address(name, addresses, origin)
    if origin is Origin.KSZ:
        yield from _cbss_only(legal)
    elif legal.civil_state is not None and legal.civil_state.partner is not None:
        yield from _partner(legal.civil_state.partner.ssin, today=today, test_band=test_band)


def _dates(legal: LegalData, today: date) -> Iterator[str]:
    last = PartialDate(today.year, today.month, today.day)
    if legal.birth.date > last:
        yield "birth.date: lies in the future"
    if legal.decease is not None and legal.decease.date > last:
        yield "decease.date: lies in the future"


def _partner(ssin: str | None, *, today: date, test_band: bool) -> Iterator[str]:
    if ssin is not None:
        try:
            ssins.validate(ssin, today=today, test_band=test_band)
        except InvalidSsin as error:
            yield f"civilState.partner.ssin: {error}"


def _cbss_only(legal: LegalData) -> Iterator[str]:
    if legal.blocked:
        yield "blocked: only data of the National Register are blocked"
    if _OF_NATIONAL_REGISTER.intersection(legal.unreadable):
        yield "unreadable: the CBSS register does not hold this part"
    if any(name.complete is not None for name in legal.names):
        yield "name.complete: only the National Register tells this"
    state = legal.civil_state
    if state is not None and (state.modified, state.location, state.partner) != (None, None, None):
        yield "civilState: the CBSS register holds the code alone"


def _addresses(legal: LegalData) -> Iterator[tuple[str, AddressInformation]]:
    if legal.address is not None:
        yield "address", legal.address
    for position, each in enumerate(legal.former_addresses):
        yield f"formerAddresses.{position}", each


def _address(name: str, addresses: AddressInformation, origin: Origin) -> Iterator[str]:
    manager, legal = addresses.manager, addresses.legal
    if manager is not None and manager.linguistic_regime is not None:
        code = manager.location.code
        if code is None or len(code) != MUNICIPALITY_DIGITS:
            yield f"{name}.manager.linguisticRegime: only a municipality has one"
    if legal is not None:
        if (legal.standard is None) == (legal.diplomatic is None):
            yield f"{name}.legal: must hold either standard or diplomatic"
        if legal.standard is not None and legal.standard.belgian is not (origin is Origin.RR):
            where = "in Belgium" if origin is Origin.RR else "abroad"
            yield f"{name}.legal.standard.country: a standard address of this register lies {where}"
    if origin is Origin.KSZ:
        others = (manager, addresses.temporary, addresses.post_abroad, addresses.temporary_abroad)
        if any(each is not None for each in others) or (legal is not None and legal.diplomatic is not None):
            yield f"{name}: the CBSS register holds a standard address alone"
