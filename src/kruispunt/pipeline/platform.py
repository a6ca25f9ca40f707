"""What the steps of the pipeline work with: made once, by `app.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from kruispunt.access.model import AccessTable
from kruispunt.access.probing import Probing
from kruispunt.access.volume import Volumes
from kruispunt.clock import Clock
from kruispunt.identifiers.ticket import TicketSource
from kruispunt.pipeline.service import Operation, Service
from kruispunt.securitylog.refusals import RefusalLimit
from kruispunt.securitylog.write import LogWriter
from kruispunt.storage.database import Database
from kruispunt.wss.current import CurrentSigner
from kruispunt.wss.policy import Policy
from kruispunt.wss.revocation import Revocation
from kruispunt.wss.trust import TrustStore
from kruispunt.xml.namespaces import SOAP_ACTION
from kruispunt.xml.parse import Limits
from kruispunt.xml.schemas import Schema


@dataclass(frozen=True, slots=True)
class Mounted:
    """A service in place: its schema compiled, its supplier at hand, its names looked up in one step."""

    service: Service
    schema: Schema
    supplier: Any
    by_action: Mapping[str, Operation]
    """By SOAPAction, without quotes."""
    by_request: Mapping[str, Operation]
    """By the tag of the request element, `{namespace}name`."""

    def limits(self, usual: Limits) -> Limits:
        """What one message of this service may cost: never less bytes than the settings allow to all."""
        own = self.service.limits
        return usual if own is None else replace(own, size=max(own.size, usual.size))


def mount(service: Service, schema: Schema, supplier: Any) -> Mounted:
    dialect = service.dialect
    if dialect is not None:
        return Mounted(service, schema, supplier, {dialect.action: dialect.door}, {dialect.element: dialect.door})
    return Mounted(
        service,
        schema,
        supplier,
        {f"{SOAP_ACTION}{service.name}/{o.name}": o for o in service.operations},
        {f"{{{service.namespace}}}{o.name}Request": o for o in service.operations},
    )


class Observer(Protocol):
    """Is told what happened, for metrics (PL-40). Never about whom."""

    def exchange(self, service: str, operation: str, outcome: str, seconds: float) -> None: ...

    def supplier(self, name: str, seconds: float) -> None: ...

    def suppressed(self) -> None: ...

    def over_volume(self, kind: str) -> None: ...

    def probing(self) -> None: ...

    def slowed(self) -> None: ...

    def supplier_failed(self, name: str, reason: str) -> None: ...

    def supplier_state(self, name: str, state: int) -> None: ...


class Access:
    """Holds the access table in force; a new table takes its place in one step."""

    def __init__(self, table: AccessTable) -> None:
        self.table = table

    def replace(self, table: AccessTable) -> None:
        self.table = table


@dataclass(frozen=True, slots=True)
class Rules:
    """Settings that the steps read."""

    engine: str
    """Names environment and server on the Body of each reply (PL-04)."""
    author: str
    """`authorCode` of faults."""
    service_desk: str
    """How the service desk is reached; may be empty."""
    limits: Limits
    policy: Policy
    test_numbers: bool
    """Whether numbers of the test band may be asked for; never in production."""
    check_replies: bool
    """Whether replies are held against the schema before they leave."""


@dataclass(frozen=True, slots=True)
class Platform:
    rules: Rules
    clock: Clock
    tickets: TicketSource
    mounted: Mapping[str, Mounted]
    """By path."""
    access: Access
    trust: TrustStore
    revocation: Revocation
    log: LogWriter
    refusals: RefusalLimit
    volumes: Volumes
    probing: Probing
    database: Database
    signer: CurrentSigner
    observer: Observer
