"""What PersonService decides once a request has been let in (RP-10 to RP-13).

A search follows a number that was replaced, and says so. A change does not: whoever changes data of a person must know
which number is valid.
"""

from __future__ import annotations

from kruispunt.errors import BusinessRefusal, DataError, Rule
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.ssin import InvalidSsin, Ssin
from kruispunt.pipeline.service import Call, Outcome
from kruispunt.registers.amending import Refused
from kruispunt.registers.changes import Exchange
from kruispunt.registers.legal_data import Dossier, Origin, Unreadable
from kruispunt.registers.numbering import FIRST_COUNTER, FIRST_DEMO_COUNTER
from kruispunt.registers.registering import Registered, declaration
from kruispunt.registers.resembling import MOST
from kruispunt.registers.search import Breach, Resolved, TooMany, best_first, name_criteria
from kruispunt.services.person import codes
from kruispunt.services.person.asked import (
    GROUPS,
    ByName,
    BySsin,
    Ended,
    Existing,
    Registration,
    Replacement,
    Told,
    Update,
)
from kruispunt.services.person.supplier import Registers

NOT_INSCRIBED = ("people not inscribed", "true")
"""Beside what is told of the others; not how many."""


def groups_declared(asked: Registration | Update) -> frozenset[str]:
    """The data groups that a change writes: what may not be seen may not be written either."""
    removed = asked.removed if isinstance(asked, Update) else ()
    return GROUPS & {*asked.fields, *removed}


async def search_by_ssin(call: Call, registers: Registers) -> Outcome:
    """What the registers hold of somebody, of RAD people what the CBSS register holds (IP-02)."""
    asked: BySsin = call.criteria
    found = await registers.look_up(Ssin(asked.ssin))
    dossier = None if found is None else found.latest
    if dossier is None:
        return Outcome(codes.NO_DATA_FOUND)
    if dossier.legal.blocked or Unreadable.EVERYTHING in dossier.legal.unreadable:
        return Outcome(codes.WITHHELD)
    replaces = asked.ssin if asked.ssin != dossier.ssin else None
    return Outcome(codes.DATA_FOUND, Told(dossier, call.granted, replaces), subjects=(dossier.ssin,))


async def search_phonetically(call: Call, registers: Registers) -> Outcome:
    """As IdentifyPerson searches (RP-10, IP-05 to IP-14)."""
    asked: ByName = call.criteria
    first, middle, *_ = (*asked.given_names, None, None)
    criteria = name_criteria(
        asked.last_name,
        asked.birth_date,
        first,
        middle,
        asked.gender,
        asked.variation,
        asked.maximum,
        today=call.today,
    )
    if isinstance(criteria, Breach):
        return _broken(f"{criteria.field.value}: {criteria.rule.name.lower().replace('_', ' ')}")
    found = await registers.by_name(criteria)
    if isinstance(found, TooMany):
        return Outcome(codes.TOO_MANY)
    resolved = await registers.resolve(found.ssins)
    people = tuple(each.dossier for each in best_first(resolved.people, criteria))
    if not people:
        return Outcome(codes.NO_DATA_FOUND, information=_left_out(resolved))
    told = tuple(each.ssin for each in people)
    return Outcome(codes.DATA_FOUND, Existing(people), _left_out(resolved), subjects=told)


def people_found(outcome: Outcome) -> tuple[Ssin, ...]:
    """Whom a search by name is about to tell of."""
    return outcome.subjects


def withhold(outcome: Outcome, ssins: frozenset[Ssin]) -> Outcome:
    """Without those who are not inscribed for the asker; with none left, as for somebody asked by number (IP-20)."""
    existing: Existing = outcome.result
    people = tuple(each for each in existing.people if each.ssin not in ssins)
    if not people:
        return Outcome(codes.NOT_INTEGRATED)
    told = tuple(each.ssin for each in people)
    return Outcome(codes.DATA_FOUND, Existing(people), (*outcome.information, NOT_INSCRIBED), subjects=told)


async def register(call: Call, registers: Registers) -> Outcome:
    """A BIS number for somebody who is in neither register (RP-11)."""
    asked: Registration = call.criteria
    try:
        declared = declaration(asked.fields, today=call.today, test_band=call.test_numbers)
        found = await registers.register(
            declared,
            author=call.author,
            set_aside=frozenset(map(Ssin, asked.others)),
            first_counter=FIRST_DEMO_COUNTER if call.test_numbers else FIRST_COUNTER,
        )
    except DataError as error:
        return _broken(error.what)
    if isinstance(found, Registered):
        told = Told(Dossier(found.ssin, Origin.KSZ, found.legal), call.granted)
        return Outcome(codes.DATA_FOUND, told, subjects=(found.ssin,))
    if len(found.people) > MOST:
        return Outcome(codes.TOO_MANY)
    if not found.people:
        return Outcome(codes.WITHHELD)
    return Outcome(codes.EXISTING_PERSONS, Existing(found.people), subjects=tuple(each.ssin for each in found.people))


async def update(call: Call, registers: Registers) -> Outcome:
    """Other data of somebody in the CBSS register; the number stays (RP-12, SS-06)."""
    asked: Update = call.criteria
    replaced = _replaced(asked.ssin, call)
    if replaced is not None:
        return replaced
    if not asked.fields and not asked.removed:
        return _broken("person: nothing is told, and nothing removed")
    ssin = Ssin(asked.ssin)
    try:
        legal = await registers.amend(
            ssin, asked.fields, asked.removed, today=call.today, test_band=call.test_numbers, author=call.author
        )
    except DataError as error:
        return _broken(error.what)
    if isinstance(legal, Refused):
        return _refused(legal)
    if Unreadable.EVERYTHING in legal.unreadable:
        return Outcome(codes.DATA_FOUND)
    return Outcome(codes.DATA_FOUND, Told(Dossier(ssin, Origin.KSZ, legal), call.granted), subjects=(ssin,))


async def replace(call: Call, registers: Registers) -> Outcome:
    """Another active number in the place of a BIS number (RP-13)."""
    asked: Replacement = call.criteria
    replaced = _replaced(asked.ssin, call)
    if replaced is not None:
        return replaced
    ssin = Ssin(asked.ssin)
    by = _other(asked.replaced_by, call)
    if by == ssin:
        return _broken("replacedBy: a number cannot be replaced by itself")
    refused = await registers.replace(ssin, by, author=call.author, exchange=Exchange(call.application, call.ticket))
    if refused is not None:
        return _refused(refused)
    return Outcome(codes.DATA_FOUND, Ended(ssin, by), subjects=(ssin, by))


async def cancel(call: Call, registers: Registers) -> Outcome:
    """A BIS number is cancelled, for ever (RP-13)."""
    asked: BySsin = call.criteria
    replaced = _replaced(asked.ssin, call)
    if replaced is not None:
        return replaced
    ssin = Ssin(asked.ssin)
    refused = await registers.cancel(ssin, author=call.author)
    if refused is not None:
        return _refused(refused)
    return Outcome(codes.DATA_FOUND, Ended(ssin), subjects=(ssin,))


def _replaced(asked: str, call: Call) -> Outcome | None:
    if call.ssin is None or call.ssin == asked:
        return None
    return Outcome(codes.SSIN_REPLACED, information=(("newSSIN", call.ssin),), subjects=(call.ssin,))


def _other(text: str, call: Call) -> Ssin:
    try:
        return ssins.validate(text, today=call.today, test_band=call.test_numbers)
    except InvalidSsin as error:
        raise BusinessRefusal(
            Rule.SSIN_STRUCTURE, str(error), element="replacedBy", remedy="Check the number that comes in its place."
        ) from None


def _refused(refused: Refused) -> Outcome:
    """Also what became true between the controls and the change. Raises BusinessRefusal, which counts as probing."""
    match refused:
        case Refused.NOT_OURS:
            return Outcome(codes.NOT_OF_CBSS)
        case Refused.REPLACED:
            return Outcome(codes.SSIN_REPLACED)
        case Refused.OTHER_ENDED:
            return Outcome(codes.NOT_ACTIVE)
        case Refused.CANCELLED:
            rule, element = Rule.SSIN_CANCELLED, "ssin"
        case Refused.UNKNOWN:
            rule, element = Rule.SSIN_UNKNOWN, "ssin"
        case Refused.OTHER_UNKNOWN:
            rule, element = Rule.SSIN_UNKNOWN, "replacedBy"
    raise BusinessRefusal(rule, f"the number is {refused.value}", element=element, remedy="Check the number.")


def _broken(rule: str) -> Outcome:
    """`rule` names an element and a rule, and holds no value that was declared."""
    return Outcome(codes.RULE_BROKEN, information=(("rule", rule),))


def _left_out(resolved: Resolved) -> tuple[tuple[str, str], ...]:
    """That people match of whom nothing is told (IP-14, IP-18); not how many."""
    facts = (("people left out", resolved.left_out), ("people whose data are blocked", resolved.blocked))
    return tuple((name, "true") for name, numbers in facts if numbers)
