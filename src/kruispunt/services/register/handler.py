"""What RegisterService decides: the register of the organisation that asks, and of nobody else (RP-01 to RP-06, RP-21,
RP-23).

No request names a register: it is that of the CBE number of the organisation in customerIdentification. A line is done
whole or not at all, whatever becomes of the others, and what is told is on disk. A request sent again does no harm, and
is answered as the first time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kruispunt.identifiers.organisation import OrganisationKey, of_cbe
from kruispunt.identifiers.ssin import Ssin
from kruispunt.periods import Period
from kruispunt.pipeline.service import Call, Outcome
from kruispunt.repertory import register
from kruispunt.repertory.lines import NO_ORGANISATION, Line
from kruispunt.repertory.register import Told
from kruispunt.services._common.days import period_of
from kruispunt.services._common.line_codes import (
    DONE,
    NOTHING,
    PERIOD_REVERSED,
    code_of,
    information_of,
    tells,
)
from kruispunt.services._common.registers import OwnRegisters, author_of, owner_of, usable
from kruispunt.services.register.asked import Destinations, Held, History, LineOutcome, Lines, Past, Route, ToldLine


async def inscribe(call: Call, registers: OwnRegisters) -> Outcome:
    """RP-02, RP-03."""
    lines: Sequence[ToldLine] = call.criteria
    told, places = _told(lines)
    return _outcome(lines, places, await registers.own(call).inscribe(told, author_of(call)))


async def delete(call: Call, registers: OwnRegisters) -> Outcome:
    """RP-04."""
    lines: Sequence[ToldLine] = call.criteria
    told, places = _told(lines)
    return _outcome(lines, places, await registers.own(call).delete(told, author_of(call)))


async def consult(call: Call, registers: OwnRegisters) -> Outcome:
    """RP-05."""
    asked: Lines = call.criteria
    ssins = [usable(text, call) for text in asked.ssins]
    period = period_of(asked.days)
    if period is None:
        return Outcome(PERIOD_REVERSED)
    own = registers.own(call)
    found = await own.consult(ssins, kind=asked.dossier_type, known_to=asked.organisation, period=period)
    if not found:
        return Outcome(NOTHING)
    followed = await own.followed(ssins, found)
    return Outcome(DONE, Held(found, followed), subjects=(*_people(found), *followed))


async def consult_history(call: Call, registers: OwnRegisters) -> Outcome:
    """RP-06. Lines that moved to another number have the rest of their history there."""
    asked: History = call.criteria
    ssin = usable(asked.ssin, call)
    if asked.as_of is not None:
        lines = await registers.as_of(call, ssin, asked.as_of)
        return Outcome(DONE, Past(lines=lines), subjects=_people(lines)) if lines else Outcome(NOTHING)
    changes = await registers.history(call, ssin)
    if not changes:
        return Outcome(NOTHING)
    numbers = [number for change in changes if change.replaced is not None for number in change.replaced]
    lines = tuple(line for change in changes for line in (*change.ended, *change.made))
    return Outcome(DONE, Past(changes=changes), subjects=tuple(dict.fromkeys((*numbers, *_people(lines)))))


async def consult_dossier_types(call: Call, registers: OwnRegisters) -> Outcome:
    """RP-01."""
    types = await registers.types(call)
    return Outcome(DONE, types) if types else Outcome(NOTHING)


async def route(call: Call, registers: OwnRegisters) -> Outcome:
    """RP-23: to whom the person is known on the day, and as what."""
    asked: Route = call.criteria
    ssin, day = usable(asked.ssin, call), asked.day or call.today
    found = await registers.own(call).consult([ssin], period=Period.day(day))
    if not found:
        return Outcome(NOTHING)
    user = of_cbe(owner_of(call))
    roles: dict[OrganisationKey, list[str]] = {}
    for line in found:
        known_to = user if line.key.organisation == NO_ORGANISATION else line.key.organisation
        roles.setdefault(known_to, []).append(line.key.dossier_type)
    destinations = tuple((known_to, tuple(sorted(set(kinds)))) for known_to, kinds in sorted(roles.items()))
    final = found[-1].key.ssin
    return Outcome(DONE, Destinations(ssin, final, destinations), subjects=_people(found))


def _told(lines: Sequence[ToldLine]) -> tuple[list[Told], list[int]]:
    """The lines whose periods make sense, and their places."""
    told, places = [], []
    for place, line in enumerate(lines):
        period = period_of(line.days)
        if period is not None:
            told.append(Told(line.ssin, line.dossier_type, period, line.organisation, line.identification))
            places.append(place)
    return told, places


def _outcome(lines: Sequence[ToldLine], places: Sequence[int], outcomes: Sequence[register.Outcome]) -> Outcome:
    """The status of the whole is that of the first line that was refused."""
    by_place = dict(zip(places, outcomes, strict=True))
    told = tuple(_line_outcome(line, by_place.get(place)) for place, line in enumerate(lines))
    refused = next((one for one in told if one.code is not DONE), None)
    return Outcome(
        DONE if refused is None else refused.code,
        told,
        () if refused is None else refused.differing,
        subjects=tuple(dict.fromkeys(one.final for one in told if one.final is not None)),
        refused_numbers=sum(map(tells, outcomes)),
    )


def _line_outcome(line: ToldLine, outcome: register.Outcome | None) -> LineOutcome:
    if outcome is None:
        return LineOutcome(PERIOD_REVERSED, line.ssin, None, None)
    return LineOutcome(code_of(outcome), line.ssin, outcome.ssin, outcome.held, information_of(outcome))


def _people(lines: Iterable[Line]) -> tuple[Ssin, ...]:
    return tuple(dict.fromkeys(line.key.ssin for line in lines))
