"""Step 2: URI, SOAP version, SOAPAction (PL-03)."""

from __future__ import annotations

from kruispunt.errors import InvalidSoapAction, InvalidUrl
from kruispunt.pipeline.context import Exchange
from kruispunt.pipeline.platform import Mounted, Platform
from kruispunt.pipeline.service import Operation
from kruispunt.wss.structure import body_of, check_understood


async def find_operation(exchange: Exchange, platform: Platform) -> None:
    """Finds the service by URI and the operation by SOAPAction; the Body must hold that operation's request.

    Raises InvalidUrl, InvalidSoapVersion, InvalidSoapAction, InvalidRequest, NotUnderstood.
    """
    mounted = platform.mounted.get(exchange.incoming.path)
    if mounted is None:
        raise InvalidUrl(
            "uri.unknown",
            "no service at this URI",
            element="URI",
            remedy="Use one of: " + ", ".join(sorted(platform.mounted)),
        )
    exchange.service = mounted.service
    body = body_of(exchange.root)
    by_body = mounted.by_request.get(body[0].tag) if len(body) == 1 else None
    exchange.operation = by_body
    by_action = _named_by_action(exchange.incoming.soap_action, mounted)
    if by_body is not None and by_body is not by_action:
        raise _invalid_action("soap-action.other", "the SOAPAction names another operation than the Body", mounted)
    exchange.operation = by_action
    check_understood(exchange.root)
    exchange.note("find_operation", f"{mounted.service.name}/{by_action.name}")


def _named_by_action(header: str | None, mounted: Mounted) -> Operation:
    """SOAP 1.1 asks for quotes around the value; clients send it with and without."""
    if header is None:
        raise _invalid_action("soap-action.missing", "there is no SOAPAction header", mounted)
    operation = mounted.by_action.get(header.strip().removeprefix('"').removesuffix('"'))
    if operation is None:
        raise _invalid_action("soap-action.unknown", "the SOAPAction names no operation of this service", mounted)
    return operation


def _invalid_action(rule: str, why: str, mounted: Mounted) -> InvalidSoapAction:
    return InvalidSoapAction(
        rule, why, element="SOAPAction", remedy="Use one of: " + ", ".join(sorted(mounted.by_action))
    )
