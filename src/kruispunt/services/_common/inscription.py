"""What InscriptionService decides, and CBSSInscription in front of it: the client's own lines in the repertory of CBSS.

The client is who the request names in customerIdentification; its lines are those under which the integration control
finds it. A request sent again does no harm, and is answered as the first time.
"""

from __future__ import annotations

from dataclasses import dataclass

from kruispunt.errors import BusinessRefusal, Rule
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.identifiers.ssin import Ssin
from kruispunt.periods import Period
from kruispunt.pipeline.service import Call, Outcome
from kruispunt.repertory import register
from kruispunt.repertory.identification import Identification
from kruispunt.repertory.lines import Line
from kruispunt.repertory.register import Told
from kruispunt.repertory.writing import Verdict
from kruispunt.services._common.days import Days, period_of
from kruispunt.services._common.line_codes import (
    DONE,
    NOTHING,
    PERIOD_REVERSED,
    code_of,
    information_of,
    tells,
)
from kruispunt.services._common.registers import OwnRegisters, author_of, usable


@dataclass(frozen=True, slots=True)
class Asked:
    """Of any operation; what an operation has not is None."""

    ssin: str
    organisation: OrganisationKey | None
    kind: str | None
    """Dossier type: the context as it was written, or the quality code without leading zeros."""
    days: Days | None
    new_days: Days | None = None
    identification: Identification | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """What a reply tells beside its status."""

    asked: Ssin
    final: Ssin | None
    """Another one when the number asked was replaced."""
    lines: tuple[Line, ...] = ()
    held: Period | None = None


async def consult(call: Call, registers: OwnRegisters) -> Outcome:
    """The client's lines about a person, of one role or all, that overlap a period or all (RP-05)."""
    asked: Asked = call.criteria
    ssin, known_to, period = usable(asked.ssin, call), _known_to(asked, call), period_of(asked.days)
    if period is None:
        return Outcome(PERIOD_REVERSED)
    found = await registers.repertory(call).consult([ssin], kind=asked.kind, known_to=known_to, period=period)
    if not found:
        return Outcome(NOTHING)
    final = found[0].key.ssin if all(line.key.ssin == found[0].key.ssin for line in found) else ssin
    subjects = tuple(dict.fromkeys((ssin, *(line.key.ssin for line in found))))
    return Outcome(DONE, Answered(ssin, final, lines=found), subjects=subjects)


async def insert(call: Call, registers: OwnRegisters) -> Outcome:
    """RP-02, RP-03."""
    asked: Asked = call.criteria
    period = period_of(asked.days)
    if period is None:
        return Outcome(PERIOD_REVERSED)
    told = Told(asked.ssin, asked.kind or "", period, _known_to(asked, call), asked.identification)
    (outcome,) = await registers.repertory(call).inscribe([told], author_of(call))
    return _outcome(asked, outcome)


async def delete(call: Call, registers: OwnRegisters) -> Outcome:
    """RP-04. Also of a number that was cancelled since, or that no register knows."""
    asked: Asked = call.criteria
    period = period_of(asked.days)
    if period is None:
        return Outcome(PERIOD_REVERSED)
    told = Told(asked.ssin, asked.kind or "", period, _known_to(asked, call))
    (outcome,) = await registers.repertory(call).delete([told], author_of(call))
    return _outcome(asked, outcome)


async def update(call: Call, registers: OwnRegisters) -> Outcome:
    """Other days in the place of some, in one step (RP-06, RP-07); days that are in both stay.

    Where there is nothing to change nothing is inscribed: a slip in the days would add some.
    """
    asked: Asked = call.criteria
    before, after = period_of(asked.days), period_of(asked.new_days)
    if before is None or after is None:
        return Outcome(PERIOD_REVERSED)
    told = Told(asked.ssin, asked.kind or "", before, _known_to(asked, call))
    return _outcome(asked, await registers.repertory(call).change(told, after, author_of(call)))


def _known_to(asked: Asked, call: Call) -> OrganisationKey:
    """The key under which the client's lines stand. Raises BusinessRefusal when the line names anybody else."""
    organisation = call.organisation
    assert organisation is not None
    if asked.organisation is not None and asked.organisation not in (*organisation.keys, organisation.inscribed_as):
        raise BusinessRefusal(
            Rule.ORGANISATION,
            "a client writes and reads its own lines, and the line names another organisation",
            element="organization",
            remedy="Leave it out, or name the organisation that stands in customerIdentification.",
        )
    return OrganisationKey(organisation.inscribed_as)


def _outcome(asked: Asked, outcome: register.Outcome) -> Outcome:
    if outcome.verdict is Verdict.SSIN_INVALID:
        raise BusinessRefusal(Rule.SSIN_STRUCTURE, "the number is not well made", element="ssin")
    told = Answered(Ssin(asked.ssin), outcome.ssin, held=outcome.held)
    subjects = () if outcome.ssin is None else (outcome.ssin,)
    accepted = outcome.verdict.accepted
    return Outcome(
        code_of(outcome),
        told if accepted else None,
        information_of(outcome),
        subjects if accepted else (),
        refused_numbers=int(tells(outcome)),
    )
