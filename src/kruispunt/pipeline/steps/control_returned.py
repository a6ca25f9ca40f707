"""Step 9 for a search, which is about nobody until step 10 has found somebody (IP-20)."""

from __future__ import annotations

import asyncio

from kruispunt.identifiers.ssin import Ssin
from kruispunt.pipeline.context import Exchange
from kruispunt.pipeline.platform import Platform
from kruispunt.pipeline.service import Control
from kruispunt.pipeline.steps.control_ssin import period_of
from kruispunt.repertory.integration import find_subject


async def control_returned(exchange: Exchange, platform: Platform) -> None:
    """Withholds whoever no line of the organisation counts for, where the authorisation asks for a control at all."""
    operation, grant, organisation, outcome = (
        exchange.operation,
        exchange.grant,
        exchange.organisation,
        exchange.outcome,
    )
    assert operation is not None
    if Control.RETURNED not in operation.controls:
        return
    assert outcome is not None
    assert operation.withhold is not None
    if grant is None or grant.integration is None or organisation is None:
        exchange.note("control_returned", "no integration control applies to what is returned")
        return
    control, key = grant.integration, organisation.inscribed_as
    days = period_of(exchange, platform, control.kind)

    async def counts(ssin: Ssin) -> bool:
        subject = await find_subject(platform.database, ssin, key, control.quality_codes, days)
        return subject is not None and subject.integrated

    # All at once: the database is asked together.
    people = operation.returned(outcome)
    told = await asyncio.gather(*map(counts, people))
    withheld = frozenset(ssin for ssin, counted in zip(people, told, strict=True) if not counted)
    if withheld:
        exchange.outcome = operation.withhold(outcome, withheld)
    exchange.note("control_returned", f"{len(people)} found, {len(withheld)} withheld: not inscribed")
