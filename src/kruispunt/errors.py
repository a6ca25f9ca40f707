"""The one error tree. Everything that goes wrong on purpose is one of these.

    KruispuntError
    ├── ConfigurationError          what an operator wrote cannot be used; the message says where and what to do
    ├── DataError                   a line of data that is imported is refused
    ├── StorageError                the database is away or refuses
    ├── MessagingError              the server that carries pushed messages is away or refuses
    ├── ReplyNotTrusted             client side: a reply that is not signed as it must be
    ├── SupplierError               a supplier did not answer as agreed; becomes MSG00002
    └── Refusal                     an exchange ends here; carries the rule, the element and the remedy
        ├── TransportRefusal        an HTTP status and no SOAP: 400, 403, 404, 405, 413, 415 …
        ├── Fault                   a SOAP fault: something technical
        │   ├── SupplierFailure         MSG00002   Server
        │   ├── InternalFailure         MSG00003   Server
        │   ├── InvalidRequest          MSG00004   Client
        │   │   └── NotUnderstood                      MustUnderstand
        │   ├── AuthenticationRefused   MSG00015   Client
        │   │   └── VolumeExceeded          with the seconds after which to try again
        │   ├── NotBuilt                MSG00025   Server
        │   ├── InvalidSoapAction       MSG00051   Client
        │   ├── InvalidUrl              MSG00052   Client
        │   └── InvalidSoapVersion      MSG00053   Client
        └── BusinessRefusal         a normal reply with status NO_RESULT; the service says which code

A refusal has three renderings: a SOAP status or fault (`pipeline/reply.py`), an HTTP status (`gateway/`), and the
line that `kruispunt why` prints. What it tells the client stands in `information`; `rule` and `remedy` are for people.
Source of the codes: documents 000 and 004, and platform requirement PL-26.
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar

Information = tuple[tuple[str, str], ...]

FIELD_NAME_LENGTH = 64
"""Longest `fieldName` of an information pair, in characters (CommonV3)."""


def sentence(why: str) -> str:
    """A reason as a sentence. A first word that is no word, such as a URN, a number or a field, stays as it is."""
    first = why.partition(" ")[0].rstrip(",.;").replace("-", "")
    told = why[:1].upper() + why[1:] if first.isalpha() else why
    return told if told.endswith(".") else f"{told}."


class KruispuntError(Exception):
    """Root of everything that is raised on purpose."""


class ConfigurationError(KruispuntError):
    """A setting or a file of the operator that cannot be used."""


class DataError(KruispuntError):
    """Imported data that are refused: `where` names the file and line, `what` the field and the reason."""

    def __init__(self, what: str, *, where: str = "") -> None:
        super().__init__(f"{where}: {what}" if where else what)
        self.what = what
        self.where = where


class StorageError(KruispuntError):
    """The database cannot be reached, or refused a statement."""


class MessagingError(KruispuntError):
    """The server that carries pushed messages cannot be reached, or refused one."""


class ReplyNotTrusted(KruispuntError):
    """A reply that a client must not use: unsigned, badly signed, too old, or signed by somebody else."""


class SupplierError(KruispuntError):
    """A supplier failed; `kind` is one of the three that PL-26 names, `told` what a client may read about it."""

    def __init__(self, supplier: str, kind: SupplierFailureKind, detail: str = "", *, told: str = "") -> None:
        super().__init__(f"{kind.sentence(supplier)}{': ' + detail if detail else ''}")
        self.supplier = supplier
        self.kind = kind
        self.told = told


class SupplierFailureKind(Enum):
    """The three kinds of MSG00002 (PL-26); the text is what document 000 prints as the name of a field."""

    SCHEMA = "Schema validation error on response from backend {}"
    FAULT = "SoapFault received from backend {}"
    UNEXPECTED = "Unexpected response from backend {}"

    def sentence(self, supplier: str) -> str:
        """The name of the field, without the word backend where the contract's 64 characters have no room for it."""
        whole = self.value.format(supplier)
        return whole if len(whole) <= FIELD_NAME_LENGTH else whole.replace("backend ", "", 1)


class Refusal(KruispuntError):
    """An exchange that ends here.

    `rule` is a stable dotted name ("signature.digest"), `element` the part of the message that it is about, `remedy`
    what the client can do. None of them may hold anything about a person.
    """

    def __init__(
        self, rule: str, why: str, *, element: str = "", remedy: str = "", information: Information = ()
    ) -> None:
        super().__init__(why)
        self.rule = rule
        self.why = why
        self.element = element
        self.remedy = remedy
        self.information = information


class TransportRefusal(Refusal):
    """Refused without SOAP: an HTTP status and a line of text, or problem+json where the address is no SOAP service."""

    def __init__(self, status: int, rule: str, why: str, *, remedy: str = "") -> None:
        super().__init__(rule, why, remedy=remedy)
        self.status = status


class Fault(Refusal):
    """A technical refusal: a SOAP fault with HTTP status 500."""

    code: ClassVar[str]
    side: ClassVar[str]
    """`Client` or `Server`: who has to act. `MustUnderstand`: the client, as SOAP 1.1 has it."""
    text: ClassVar[str]


class SupplierFailure(Fault):
    code, side, text = "MSG00002", "Server", "Error in communication with the destination/supplier"


class InternalFailure(Fault):
    code, side, text = "MSG00003", "Server", "Internal error"


class InvalidRequest(Fault):
    """The message cannot be read; the reason stands under `error message` (platform.md, step 5)."""

    code, side, text = "MSG00004", "Client", "The request has an invalid structure"

    def __init__(self, rule: str, why: str, *, element: str = "", remedy: str = "") -> None:
        super().__init__(rule, why, element=element, remedy=remedy, information=(("error message", why),))


class NotUnderstood(InvalidRequest):
    """A header that its sender marks `mustUnderstand` and the platform does not know (SOAP 1.1, section 4.2.3)."""

    side = "MustUnderstand"


class RefusalReason(Enum):
    """Why MSG00015 was given; told to the client as information `reason` (ours)."""

    SIGNATURE = "signature"
    CERTIFICATE = "certificate"
    REGISTRATION = "registration"
    TIMESTAMP = "timestamp"
    REPLAY = "replay"
    QUOTA = "quota"


class AuthenticationRefused(Fault):
    code, side, text = "MSG00015", "Client", "AAAPolicy authorization refused"

    def __init__(self, reason: RefusalReason, rule: str, why: str, *, element: str = "", remedy: str = "") -> None:
        super().__init__(rule, why, element=element, remedy=remedy, information=(("reason", reason.value),))
        self.reason = reason


class VolumeExceeded(AuthenticationRefused):
    """More requests than agreed, or at a pace that is not allowed (PL-16); `retry_after` in whole seconds."""

    def __init__(self, rule: str, why: str, *, remedy: str, retry_after: int) -> None:
        super().__init__(RefusalReason.QUOTA, rule, why, element="volume", remedy=remedy)
        self.retry_after = retry_after


class NotBuilt(Fault):
    """In the contract, but nobody built it yet (PL-15)."""

    code, side, text = "MSG00025", "Server", "Operation not implemented yet"


class InvalidSoapAction(Fault):
    code, side, text = "MSG00051", "Client", "Invalid soap action"


class InvalidUrl(Fault):
    code, side, text = "MSG00052", "Client", "Invalid url"


class InvalidSoapVersion(Fault):
    code, side, text = "MSG00053", "Client", "Invalid soap version"


class BusinessRule(Enum):
    """A rule that ends an exchange with NO_RESULT; its value is the stable dotted name.

    A service with rules beside those of the platform has an enum of its own below this one.
    """


class Rule(BusinessRule):
    """The business rules that the platform itself applies. A service's `codes.py` says which code answers each."""

    ORGANISATION = "organisation.certificate"
    LEGAL_CONTEXT = "legal-context.operation"
    DATA_GROUP = "legal-context.data-group"
    NOTHING_ASKED = "criteria.nothing-asked"
    SSIN_STRUCTURE = "ssin.structure"
    SSIN_BIS = "ssin.bis"
    SSIN_UNKNOWN = "ssin.unknown"
    SSIN_REPLACED = "ssin.replaced"
    SSIN_CANCELLED = "ssin.cancelled"
    NOT_INTEGRATED = "integration.lines"


class BusinessRefusal(Refusal):
    """NO_RESULT: the request was understood and is refused by a rule of the platform or of the service.

    `information` is told whatever the service; `facts` are pairs of which a service's code tells those that it names;
    `subjects` are the numbers of people that the refusal tells, for the security log (PL-30).
    """

    def __init__(
        self,
        rule: BusinessRule,
        why: str,
        *,
        element: str = "",
        remedy: str = "",
        information: Information = (),
        facts: Information = (),
        subjects: tuple[str, ...] = (),
    ) -> None:
        super().__init__(rule.value, why, element=element, remedy=remedy, information=information)
        self.business_rule = rule
        self.facts = facts
        self.subjects = subjects


FAULTS: tuple[type[Fault], ...] = (
    SupplierFailure,
    InternalFailure,
    InvalidRequest,
    AuthenticationRefused,
    NotBuilt,
    InvalidSoapAction,
    InvalidUrl,
    InvalidSoapVersion,
)
