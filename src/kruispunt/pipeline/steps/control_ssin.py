"""Step 8: the number that was asked must be usable (SS-07, SS-10, FS-06)."""

from __future__ import annotations

from datetime import date

from kruispunt.access.model import ControlKind
from kruispunt.clock import today
from kruispunt.errors import BusinessRefusal, Rule
from kruispunt.identifiers import ssin as numbers
from kruispunt.identifiers.ssin import InvalidSsin, Kind, Ssin
from kruispunt.periods import ALWAYS, Period
from kruispunt.pipeline.context import Exchange
from kruispunt.pipeline.platform import Platform
from kruispunt.pipeline.service import Control, Operation
from kruispunt.registers.people import State
from kruispunt.repertory.integration import Subject, find_person, find_subject

NO_BIS = "BIS numbers are not served: the supplier holds no data about them."


async def control_ssin(exchange: Exchange, platform: Platform) -> None:
    """Structure, BIS, existence, cancelled, replaced; one query also fetches what step 9 needs."""
    operation = exchange.operation
    assert operation is not None
    if Control.SSIN not in operation.controls or operation.ssin is None:
        exchange.note("control_ssin", "this operation is about nobody")
        return
    asked = _well_made(operation.ssin(exchange.criteria), platform)
    if not operation.bis_allowed and numbers.kind(asked) is Kind.BIS:
        raise BusinessRefusal(Rule.SSIN_BIS, "the number asked is a BIS number", element="ssin", remedy=NO_BIS)
    subject = await _find(exchange, platform, asked)
    if subject is None:
        raise BusinessRefusal(
            Rule.SSIN_UNKNOWN, "no register knows this number", element="ssin", remedy="Check the number."
        )
    if subject.state is State.CANCELLED or subject.final_ssin is None:
        raise BusinessRefusal(
            Rule.SSIN_CANCELLED,
            "this number was cancelled, and none replaces it",
            element="ssin",
            remedy="Search the person by name.",
        )
    final = subject.final_ssin
    if subject.state is State.REPLACED:
        _replaced(exchange, operation, final)
    exchange.subject, exchange.ssin = subject, final
    exchange.note("control_ssin", "the number is known" + ("" if final == asked else "; the final one is used"))


def _well_made(text: str, platform: Platform) -> Ssin:
    day: date = today(platform.clock)
    try:
        return numbers.validate(text, today=day, test_band=platform.rules.test_numbers)
    except InvalidSsin as error:
        raise BusinessRefusal(
            Rule.SSIN_STRUCTURE,
            str(error),
            element="ssin",
            remedy="Check the number: eleven digits, a birth date, a counter and a check number.",
        ) from None


def _replaced(exchange: Exchange, operation: Operation, final: Ssin) -> None:
    """A service that has a code for replaced numbers refuses them and tells the new one; others follow."""
    assert exchange.service is not None
    if any(code.rule is Rule.SSIN_REPLACED for code in exchange.service.codes):
        raise BusinessRefusal(
            Rule.SSIN_REPLACED,
            "this number was replaced",
            element="ssin",
            remedy="Use the new number.",
            information=(("newSSIN", final),),
        )
    if not operation.bis_allowed and numbers.kind(final) is Kind.BIS:
        raise BusinessRefusal(
            Rule.SSIN_BIS, "the number asked was replaced by a BIS number", element="ssin", remedy=NO_BIS
        )


async def _find(exchange: Exchange, platform: Platform, asked: Ssin) -> Subject | None:
    """The states of the number, and whether the organisation's lines hold it, in one query."""
    organisation, grant = exchange.organisation, exchange.grant
    if organisation is None or grant is None or grant.integration is None:
        return await find_person(platform.database, asked)
    days = period_of(exchange, platform, grant.integration.kind)
    return await find_subject(
        platform.database, asked, organisation.inscribed_as, grant.integration.quality_codes, days
    )


def period_of(exchange: Exchange, platform: Platform, kind: ControlKind) -> Period:
    """The days on which a line counts, by the kind of control (PL-20)."""
    if kind is ControlKind.ANY:
        return ALWAYS
    if kind is ControlKind.ACTIVE:
        return Period.day(today(platform.clock))
    assert exchange.operation is not None
    return exchange.operation.period(exchange.criteria) or ALWAYS
