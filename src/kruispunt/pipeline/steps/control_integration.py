"""Step 9: the client's own repertory lines decide (PL-20 to PL-22)."""

from __future__ import annotations

from kruispunt.errors import BusinessRefusal, Rule
from kruispunt.pipeline.context import Exchange
from kruispunt.pipeline.platform import Platform
from kruispunt.pipeline.service import Control


async def control_integration(exchange: Exchange, _platform: Platform) -> None:
    """Raises BusinessRefusal when no line of the organisation counts; step 8 fetched what this needs."""
    operation, grant, subject = exchange.operation, exchange.grant, exchange.subject
    assert operation is not None
    if Control.INTEGRATION not in operation.controls or grant is None or grant.integration is None:
        exchange.note("control_integration", "no integration control applies")
        return
    assert subject is not None
    control = grant.integration
    codes = "any quality code" if control.quality_codes is None else f"quality codes {', '.join(control.quality_codes)}"
    if not subject.integrated:
        raise BusinessRefusal(
            Rule.NOT_INTEGRATED,
            f"the repertory holds no line of this organisation for the person ({codes}, {control.kind.value})",
            element="ssin",
            remedy="Inscribe the person in the repertory first, with a quality code that this legal context admits.",
            facts=(("sector/institution", exchange.claims.organisation),),
        )
    exchange.note("control_integration", f"inscribed: {codes}, {control.kind.value}")
