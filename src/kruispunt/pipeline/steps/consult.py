"""Step 10: the handler, and through it the supplier (PL-35)."""

from __future__ import annotations

from time import perf_counter

from kruispunt.clock import today
from kruispunt.errors import SupplierError, SupplierFailure
from kruispunt.pipeline.context import Exchange
from kruispunt.pipeline.platform import Platform
from kruispunt.pipeline.service import Call


async def consult(exchange: Exchange, platform: Platform) -> None:
    """Calls the handler with what it may know. Raises SupplierFailure in one of the three kinds of PL-26."""
    service, operation = exchange.service, exchange.operation
    assert service is not None
    assert operation is not None
    assert operation.handle is not None
    call = Call(
        criteria=exchange.criteria,
        ssin=exchange.ssin,
        data_groups=exchange.data_groups,
        today=today(platform.clock),
        tls_subject=exchange.incoming.tls.subject,
        granted=frozenset() if exchange.grant is None else exchange.grant.data_groups,
        organisation=exchange.organisation,
        application="" if exchange.registration is None else exchange.registration.urn,
        ticket=exchange.ticket,
        test_numbers=platform.rules.test_numbers,
    )
    started = perf_counter()
    try:
        exchange.outcome = await operation.handle(call, platform.mounted[service.path].supplier)
    except SupplierError as error:
        sentence = error.kind.sentence(error.supplier)
        raise SupplierFailure(
            "supplier." + error.kind.name.lower(),
            sentence,
            element="supplier",
            remedy="Try again later; report the ticket when it lasts.",
            information=((sentence, error.told),),
        ) from error
    finally:
        if service.supplier_name:
            platform.observer.supplier(service.supplier_name, perf_counter() - started)
    exchange.note("consult", f"{service.supplier_name or 'the platform itself'} answered")
