"""Step 5: the contract decides what a request may be."""

from __future__ import annotations

from kruispunt.errors import InvalidRequest, NotBuilt
from kruispunt.pipeline.context import Exchange
from kruispunt.pipeline.platform import Platform


async def validate(exchange: Exchange, platform: Platform) -> None:
    """Holds the signed request against its XSD and reads the criteria. Raises InvalidRequest, NotBuilt (PL-15)."""
    service, operation = exchange.service, exchange.operation
    assert service is not None
    assert operation is not None
    if service.dialect is not None:
        service.dialect.validate(exchange, platform)
        exchange.note("validate", f"{operation.name}: valid against its contract")
        return
    if exchange.request is None:
        raise InvalidRequest("soap.body", "the Body must hold exactly one element", element="Body")
    expected = f"{{{service.namespace}}}{operation.name}Request"
    if exchange.request.tag != expected:
        raise InvalidRequest(
            "schema.element",
            f"the Body must hold {expected}",
            element="Body",
            remedy="Follow the WSDL at ?wsdl.",
        )
    trouble = platform.mounted[service.path].schema.check(exchange.request)
    if trouble is not None:
        raise InvalidRequest("schema.invalid", trouble, remedy="Follow the WSDL and XSD at ?wsdl.")
    exchange.criteria = operation.read(exchange.request)
    if operation.handle is None:
        raise NotBuilt("operation.unbuilt", f"{operation.name} is in the contract but is not offered yet")
    exchange.note("validate", f"valid against {service.schema}")
