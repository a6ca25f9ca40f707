"""Suppliers that fail on purpose, for the numbers of the personas that ask for it. Never loaded in production."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import iscoroutinefunction
from typing import Any

from kruispunt.demo.personas import Numbers, load_personas
from kruispunt.errors import SupplierError, SupplierFailureKind
from kruispunt.pipeline.service import Service

CRASH = "crash"
KINDS = {
    "schema": SupplierFailureKind.SCHEMA,
    "fault": SupplierFailureKind.FAULT,
    "unexpected": SupplierFailureKind.UNEXPECTED,
}


class FailingFor:
    """A supplier that misbehaves for some numbers and passes every other call on; what is no question, as it is."""

    def __init__(self, supplier: Any, name: str, failures: Mapping[str, str]) -> None:
        self._supplier = supplier
        self._name = name
        self._failures = failures

    def __getattr__(self, method: str) -> Callable[..., Any]:
        call: Callable[..., Any] = getattr(self._supplier, method)
        if not iscoroutinefunction(call):
            return call

        async def guarded(asked: Any, *arguments: Any, **named: Any) -> Any:
            """Of one number or several; a search by something else never fails on purpose."""
            several = asked if isinstance(asked, Sequence) else ()
            for ssin in (asked,) if isinstance(asked, str) else several:
                self._fail(self._failures.get(ssin))
            return await call(asked, *arguments, **named)

        return guarded

    def _fail(self, failure: str | None) -> None:
        if failure == CRASH:
            raise RuntimeError("the demo supplier crashed, as its persona asks")
        if failure is not None:
            raise SupplierError(self._name, KINDS[failure], told=f"the demo supplier fails: {failure}")


def wrap_supplier(numbers: str) -> Callable[[Service, Any], Any]:
    """For `app.open_platform`: puts the failures of a service's personas before its supplier."""

    def wrap(service: Service, supplier: Any) -> Any:
        personas = load_personas((service,), Numbers(numbers))
        failures = {p.final: p.supplier for p in personas if p.supplier and p.final is not None}
        return FailingFor(supplier, service.supplier_name, failures) if failures else supplier

    return wrap
