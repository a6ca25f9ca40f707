"""What IdentifyPerson decides: whom it tells of, and which messages go with them (IP-01 to IP-18)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from kruispunt.identifiers.ssin import Ssin
from kruispunt.pipeline.service import Call, Outcome, ReturnCode
from kruispunt.registers.dossiers import Found
from kruispunt.registers.legal_data import Dossier, Origin, Unreadable
from kruispunt.registers.people import Register
from kruispunt.registers.search import (
    AddressCriteria,
    Breach,
    Resolved,
    ResolvedPerson,
    TooMany,
    best_first,
    name_criteria,
)
from kruispunt.services.identify_person import codes
from kruispunt.services.identify_person.answered import Answered
from kruispunt.services.identify_person.asked import ByAddress, ByName, BySsin, Limited
from kruispunt.services.identify_person.citizen import Version
from kruispunt.services.identify_person.summary import Detail, Status, detail, status_of
from kruispunt.services.identify_person.supplier import Registers
from kruispunt.services.identify_person.verification import differences

Told = tuple[tuple[Dossier, ...], tuple[Detail, ...]]
"""People, and the messages that go with them."""

_COMPARED: Final = frozenset({codes.IDENTITY_VALIDATED.code, codes.PERSON_DATA_DIFFER.code})
"""What a comparison with the one person found tells of that person."""
_PARTS: Final = {
    Unreadable.TEMPORARY_ADDRESS: codes.TEMPORARY_ADDRESS,
    Unreadable.POST_ADDRESS_ABROAD: codes.POST_ADDRESS_ABROAD,
    Unreadable.INSCRIPTION: codes.INSCRIPTION,
    Unreadable.LEGAL_ADDRESS_DETAILS: codes.LEGAL_ADDRESS,
    Unreadable.TEMPORARY_ADDRESS_ABROAD: codes.TEMPORARY_ADDRESS_ABROAD,
}
_NOT_IN: Final = {Version.TWO_NAMES: frozenset({Unreadable.TEMPORARY_ADDRESS_ABROAD}), Version.THREE_NAMES: frozenset()}
"""Parts for which a version has no field: that they cannot be read is not told (IP-16)."""


async def by_ssin(call: Call, registers: Registers) -> Outcome:
    """IP-01 to IP-04; the SSIN control has refused unknown and cancelled numbers."""
    asked: BySsin = call.criteria
    return _outcome(Answered(*await _one(asked, call, registers), asked.version))


async def phonetic(call: Call, registers: Registers) -> Outcome:
    """IP-05 to IP-14."""
    asked: ByName = call.criteria
    return _outcome(Answered(*await _by_name(asked, call, registers), asked.version))


async def by_address(call: Call, registers: Registers) -> Outcome:
    """IP-15: nobody is an answer too. Whose number was replaced is found where they were registered last."""
    asked: ByAddress = call.criteria
    criteria = AddressCriteria(asked.postal_code, asked.street_code, asked.house_number, asked.box)
    resolved = await registers.resolve(await registers.by_address(criteria), follow=False)
    people, details = _told(resolved, resolved.people, asked.version)
    return _outcome(Answered(people, details, asked.version))


async def limited(call: Call, registers: Registers) -> Outcome:
    """The variant for public centres for social welfare, by number or by name."""
    asked: Limited = call.criteria
    if isinstance(asked.search, BySsin):
        people, details = await _one(asked.search, call, registers)
    else:
        people, details = await _by_name(asked.search, call, registers)
    validated = False
    if asked.verify is not None and len(people) == 1:
        differing = differences(asked.verify, people[0])
        validated = not differing
        if differing:
            details = (*details, detail(codes.PERSON_DATA_DIFFER, *differing))
        else:
            details = (detail(codes.IDENTITY_VALIDATED), *details)
    if asked.ignored_phonetic:
        details = (detail(codes.PHONETIC_IGNORED), *details)
    return _outcome(Answered(people, details, Version.TWO_NAMES, limited=True, extended=validated))


async def _one(asked: BySsin, call: Call, registers: Registers) -> Told:
    number, final = Ssin(asked.ssin), call.ssin
    assert final is not None
    found = await registers.look_up(number)
    dossier = None if found is None else found.latest
    if dossier is None or Unreadable.EVERYTHING in dossier.legal.unreadable:
        origin = _origin_of(found) if dossier is None else dossier.origin
        return (), (detail(_unreadable(origin), ("SSIN", number)),)
    if dossier.legal.blocked:  # the number at the end of a chain is of that person too: it is not told
        return (), (detail(codes.BLOCKED),)
    replaced = (_replaced(number, final),) if final != number else ()
    return (dossier,), (*replaced, *_about(dossier, asked.version))


async def _by_name(asked: ByName, call: Call, registers: Registers) -> Told:
    criteria = name_criteria(
        asked.last_name,
        asked.birth_date,
        asked.first_name,
        asked.middle_name,
        asked.gender,
        asked.tolerance,
        asked.maximum,
        today=call.today,
    )
    if isinstance(criteria, Breach):
        return (), (_broken(criteria),)
    found = await registers.by_name(criteria)
    if isinstance(found, TooMany):
        return (), (detail(codes.TOO_MANY),)
    if not found.hits:
        return (), (detail(codes.NO_MATCH),)
    resolved = await registers.resolve(found.ssins)
    return _told(resolved, best_first(resolved.people, criteria), asked.version)


def _broken(breach: Breach) -> Detail:
    return detail(codes.BY_CODE[breach.rule.value], (f"Phonetic Criteria: {breach.field.value}", breach.value))


def _told(resolved: Resolved, people: tuple[ResolvedPerson, ...], version: Version) -> Told:
    """Whom a search found, each once, and what goes with them (IP-13, IP-14).

    What is about the whole search comes first: a reply has room for thirty messages.
    """
    general = [detail(codes.RESULTS_LEFT_OUT)] * bool(resolved.left_out)
    general += [detail(codes.BLOCKED)] * bool(resolved.blocked)
    replaced = [
        _replaced(number, each.dossier.ssin)
        for each in people
        for number in each.found_as
        if number != each.dossier.ssin
    ]
    about = [one for each in people for one in _about(each.dossier, version)]
    return tuple(each.dossier for each in people), (*general, *replaced, *about)


def people_of(outcome: Outcome) -> tuple[Ssin, ...]:
    """Whom a search found and tells of."""
    answered: Answered = outcome.result
    return tuple(d.ssin for d in answered.people)


def withhold(outcome: Outcome, ssins: frozenset[Ssin]) -> Outcome:
    """IP-20: people who are not inscribed for the asker are left out, with what was said about them; MSG00012 says
    that somebody was."""
    answered: Answered = outcome.result
    people = tuple(d for d in answered.people if d.ssin not in ssins)
    told = tuple(
        d
        for d in answered.details
        if not ssins.intersection(value for _, value in d.information) and (people or d.code not in _COMPARED)
    )
    details = (detail(codes.BY_CODE["MSG00012"]), *told)
    return _outcome(replace(answered, people=people, details=details))


def _outcome(answered: Answered) -> Outcome:
    """People are told of only when the summary does not say NO."""
    if status_of(answered.details, given=answered.given) is Status.NO:
        answered = replace(answered, people=())
    leading = codes.BY_CODE[answered.details[0].code] if answered.details else None
    partners = () if answered.limited else tuple(filter(None, map(_partner, answered.people)))
    told = (*(d.ssin for d in answered.people), *partners, *_replacing(answered.details))
    return Outcome(leading, answered, subjects=tuple(dict.fromkeys(told)))


def _partner(dossier: Dossier) -> Ssin | None:
    """The partner's number, where the reply tells it: of the National Register alone."""
    state = dossier.legal.civil_state
    if dossier.origin is Origin.KSZ or state is None or state.partner is None:
        return None
    return state.partner.ssin


def _replacing(details: Iterable[Detail]) -> Iterator[Ssin]:
    """Numbers that messages tell: they were returned too (PL-30)."""
    for each in details:
        yield from (Ssin(value) for name, value in each.information if name.endswith("SSIN"))


def _replaced(number: Ssin, final: Ssin) -> Detail:
    return detail(codes.REPLACED, ("Original SSIN", number), ("Replacing SSIN", final))


def _about(dossier: Dossier, version: Version) -> Iterator[Detail]:
    """What could not be read of somebody who is shown (IP-18)."""
    for part in dossier.legal.unreadable:
        if part in _NOT_IN[version]:
            continue
        if part in _PARTS:
            yield detail(_PARTS[part], ("SSIN", dossier.ssin))
        elif part is Unreadable.SOMETHING:
            yield detail(_unreadable(dossier.origin), ("SSIN", dossier.ssin))


def _unreadable(origin: Origin) -> ReturnCode:
    return codes.NATIONAL_UNREADABLE if origin is Origin.RR else codes.CBSS_UNREADABLE


def _origin_of(found: Found | None) -> Origin:
    """Which register should have had the data of somebody of whom only the number is known."""
    national = found is None or found.person.register is Register.NATIONAL
    return Origin.RR if national else Origin.KSZ
