"""Step 6: may this application speak for that organisation, and may it ask this (PL-08, PL-14)."""

from __future__ import annotations

from kruispunt.access.model import Grant, Organisation
from kruispunt.errors import BusinessRefusal, Rule
from kruispunt.pipeline.context import Exchange
from kruispunt.pipeline.platform import Platform
from kruispunt.pipeline.service import Control


async def authorise(exchange: Exchange, platform: Platform) -> None:
    """Organisation, legal context, data groups, in that order. Raises BusinessRefusal."""
    service, operation = exchange.service, exchange.operation
    assert service is not None
    assert operation is not None
    if Control.CUSTOMER not in operation.controls:
        exchange.note("authorise", "this operation asks for no organisation: the registration suffices")
        return
    organisation = _organisation(exchange, platform)
    exchange.organisation = organisation
    grant = _grant(exchange, platform, organisation)
    if grant is None:
        raise _no_grant(exchange, organisation)
    context = grant.legal_context
    groups = operation.data_groups(exchange.criteria)
    if not groups <= grant.data_groups:
        raise BusinessRefusal(
            Rule.DATA_GROUP,
            f"{organisation.name} may not see {', '.join(sorted(groups - grant.data_groups))} under {context}",
            element="dataGroups",
            remedy="Ask only for data groups that the authorisation names.",
        )
    exchange.grant, exchange.data_groups = grant, groups
    exchange.note(
        "authorise",
        f"{organisation.name} ({organisation.code}) may call {operation.name} under {grant.legal_context}"
        + (f" and see {', '.join(sorted(groups))}" if groups else ""),
    )


def _organisation(exchange: Exchange, platform: Platform) -> Organisation:
    registration = exchange.registration
    assert registration is not None
    organisation = platform.access.table.named(exchange.claims.organisation)
    if organisation is None or organisation.code not in registration.acts_for:
        raise BusinessRefusal(
            Rule.ORGANISATION,
            f"{registration.urn} may not act for organisation {exchange.claims.organisation}",
            element="customerIdentification",
            remedy="Name the organisation that this certificate was registered for.",
        )
    return organisation


def _grant(exchange: Exchange, platform: Platform, organisation: Organisation) -> Grant | None:
    """By the legal context that the message names; in a dialect that names none, by who asks what (IP-20)."""
    service, operation, registration = exchange.service, exchange.operation, exchange.registration
    assert service is not None
    assert operation is not None
    assert registration is not None
    table = platform.access.table
    if service.dialect is None:
        return table.grant(service.name, operation.name, organisation.code, exchange.claims.legal_context)
    return table.implied(service.name, operation.name, organisation.code, registration.urn)


def _no_grant(exchange: Exchange, organisation: Organisation) -> BusinessRefusal:
    service, operation, registration = exchange.service, exchange.operation, exchange.registration
    assert service is not None
    assert operation is not None
    assert registration is not None
    context = exchange.claims.legal_context
    return BusinessRefusal(
        Rule.LEGAL_CONTEXT,
        f"{organisation.name} may not call {operation.name} under {context}",
        element="legalContext",
        remedy="Use a legal context that the organisation was authorised for.",
        information=(
            ("operation", operation.name),
            ("legalContext", context),
            ("cbeNumber", organisation.cbe or exchange.claims.organisation),
            ("authenticated client", registration.urn),
            ("URI", service.path),
        ),
    )
