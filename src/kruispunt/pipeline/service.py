"""What a service declares of itself. The pipeline reads nothing else of a service.

A service is one folder under `services/`, whose `service.py` holds one `SERVICE`. See CONTRIBUTING.md.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kruispunt.errors import BusinessRule, Information
from kruispunt.identifiers.ssin import Ssin
from kruispunt.periods import Period
from kruispunt.xml.parse import Limits

if TYPE_CHECKING:
    from lxml import etree

    from kruispunt.access.model import Organisation
    from kruispunt.pipeline.dialect import Dialect
    from kruispunt.storage.database import Database
    from kruispunt.suppliers.port import Remote


class StatusValue(Enum):
    """`status/value` of PL-25."""

    DATA_FOUND = "DATA_FOUND"
    NO_DATA_FOUND = "NO_DATA_FOUND"
    NO_RESULT = "NO_RESULT"


def ok_or_nok(value: StatusValue) -> str:
    """`status/value` of an operation that changes something (StatusOkType)."""
    return "NOK" if value is StatusValue.NO_RESULT else "OK"


@dataclass(frozen=True, slots=True)
class ReturnCode:
    """One business code of one service: the meaning of a code differs per service (CT-04)."""

    code: str
    value: StatusValue
    text: str
    source: str
    """Where the code is told of: `004 §6.1`, or `ours`."""
    remedy: str = ""
    """What the client can do about it; empty for a success."""
    rule: BusinessRule | None = None
    """The rule of the platform or of the service that this code answers; None when the handler gives it."""
    tells: frozenset[str] = frozenset()
    """Which of the refusal's facts the status tells, by field name (`ssin`, `sector/institution`)."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a handler may know of a request once it was let in."""

    criteria: Any
    """The typed criteria that `Operation.read` made."""
    ssin: Ssin | None
    """The final SSIN, after replacement was followed; None when the operation is about nobody."""
    data_groups: frozenset[str]
    """The groups asked for that may be told: all of them, unless the operation is partial."""
    today: date
    tls_subject: str
    """Distinguished name of the TLS client certificate (RFC 4514)."""
    granted: frozenset[str] = frozenset()
    """Every data group that the authorisation names, asked for or not."""
    organisation: Organisation | None = None
    """For whom the client asks; None when the operation asks for no organisation."""
    application: str = ""
    """URN of the application that signed (RP-07)."""
    ticket: str = ""
    """Of the exchange: what a change is traced by."""
    test_numbers: bool = False
    """Whether numbers that can be no person's are in use; never in production."""

    @property
    def author(self) -> str:
        """Who changes people with this call, for their history; the signed message is found under the ticket."""
        code = "" if self.organisation is None else self.organisation.code
        return f"{self.application} for {code}, ticket {self.ticket}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a handler decided."""

    code: ReturnCode | None
    """None only for an operation whose reply has no status (TestConnection)."""
    result: Any = None
    information: Information = ()
    subjects: tuple[Ssin, ...] = ()
    """Every SSIN that the result tells, for the security log (PL-30)."""
    refused_numbers: int = 0
    """Numbers whose refusal answers a guess, for the guard against probing: whether one exists, or who it is."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The parts from which an operation writes its reply; all texts are canonical XML."""

    echo: tuple[str, ...]
    """informationCustomer, legalContext and criteria, repeated as they came; empty where the request has none."""
    information_cbss: str
    status: str
    """The `status` element; empty for an outcome without code."""
    ssin: Ssin | None
    """The final SSIN; None unless the SSIN control let the request through."""
    outcome: Outcome | None
    """None when a rule of the platform refused the request: then only the common part is told."""


class Control(Enum):
    """The optional steps of the pipeline (PL-14); an operation says which apply to it."""

    CUSTOMER = "customer"
    """Step 6: the organisation named, its legal context and the data groups."""
    SSIN = "ssin"
    """Step 8: the number asked must be usable."""
    INTEGRATION = "integration"
    """Step 9: the client's own repertory lines decide."""
    RETURNED = "returned"
    """Step 9 for a search, behind step 10: those lines decide about each person that was found (IP-20)."""


Handler = Callable[[Call, Any], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Field:
    """One criterion, as `kruispunt call` offers it on the command line."""

    name: str
    """Name of the element; the option is its kebab-case form."""
    kind: type = str
    """str, bool or date. A date may be written `today`, `today+7` or `today-7`: seen from the day of the call."""
    default: Any = None
    """None: must be given. The empty text: left out."""
    help: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a contract. `<name>Request`, `<name>Response` and `<name>Fault` are its elements."""

    name: str
    summary: str
    read: Callable[[etree._Element], Any]
    """The verified, schema-valid request element in, typed criteria out."""
    write: Callable[[Reply], str]
    """The children of the response element, as canonical XML text."""
    compose: Callable[[Mapping[str, Any]], str]
    """For clients: the children of the request element that follow `legalContext`, from values by field name."""
    handle: Handler | None
    """None: the contract has it and nobody built it (MSG00025, PL-15)."""
    controls: frozenset[Control] = frozenset(Control) - {Control.RETURNED}
    fields: tuple[Field, ...] = ()
    data_groups: Callable[[Any], frozenset[str]] = lambda _criteria: frozenset()
    """The data groups that criteria ask for."""
    partial: bool = False
    """Groups that the grant does not name are left out, and refused only where none is left; else one is enough."""
    check: Callable[[Any], None] = lambda _criteria: None
    """Step 7: raises BusinessRefusal when the criteria make no sense."""
    check_day: Callable[[Any, date], None] = lambda _criteria, _today: None
    """Step 7, for what depends on the day of the request: the civil day in Belgium."""
    ssin: Callable[[Any], str] | None = None
    """The SSIN asked for, as it was written."""
    period: Callable[[Any], Period | None] = lambda _criteria: None
    """The period asked for, where integration control over a period applies."""
    bis_allowed: bool = True
    changes: bool = False
    """Whether it changes what others are told later: `kruispunt attack` leaves such operations alone."""
    status: Callable[[StatusValue], str] = lambda value: value.value
    """How `status/value` is written."""
    returned: Callable[[Outcome], tuple[Ssin, ...]] = lambda _outcome: ()
    """With Control.RETURNED: the people that the outcome is about."""
    withhold: Callable[[Outcome, frozenset[Ssin]], Outcome] | None = None
    """With Control.RETURNED: the outcome without the people of whom nothing may be told."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service: a contract, its codes, and what it does once a request has been let in."""

    name: str
    """As it stands in the SOAPAction: `http://kszbcss.fgov.be/<name>/<operation>`."""
    version: str
    path: str
    namespace: str
    """Of the request, response and fault elements."""
    folder: Path
    """The service's folder: `contract/`, `contexts.toml`, `personas.toml` and `examples/` are found there."""
    wsdl: str
    schema: str
    """The XSD in `contract/` that declares the request, response and fault elements."""
    operations: tuple[Operation, ...]
    codes: tuple[ReturnCode, ...]
    data_groups: frozenset[str] = frozenset()
    """Every data group that its operations can ask for; a grant that names another one is refused when it is loaded."""
    supplier: Callable[[Database], Any] = lambda _database: None
    """Makes the supplier port that the handlers are given."""
    imports: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    """Kinds of data that can be imported for this service, by name."""
    supplier_name: str = ""
    """As MSG00002 names it, and as `suppliers.toml` does."""
    limits: Limits | None = None
    """What one message may cost, where it carries more than others; None: as the settings say."""
    dialect: Dialect | None = None
    """How its messages are framed; None: as the newer services' are."""
    remote: Remote | None = None
    """How the same port is made over a supplier elsewhere, when one is configured under `supplier_name` (PL-35)."""

    def operation(self, name: str) -> Operation | None:
        return next((o for o in self.operations if o.name == name), None)

    def code_for(self, rule: BusinessRule) -> ReturnCode:
        return next(c for c in self.codes if c.rule is rule)
