"""Why a remote supplier failed: finer than the three kinds of MSG00002, for operators and for the cut-off.

Nothing here repeats what a supplier wrote: that may be about a person.
"""

from __future__ import annotations

from enum import Enum

from kruispunt.errors import SupplierError, SupplierFailureKind


class Reason(Enum):
    """What went wrong. The values are labels of metrics and of `kruispunt supplier status`."""

    CONNECT = "connect"
    """No connection: name, network, TLS, or a certificate that one side refused."""
    TIMEOUT = "timeout"
    """No whole answer within the read time limit."""
    CLOSED = "closed"
    """The connection ended, or what came was no HTTP."""
    STATUS = "status"
    """An HTTP status other than 200, or 500 with a SOAP fault."""
    NOT_SOAP = "not-soap"
    """Another content type, an encoding, no well-formed XML, or XML that is no SOAP 1.1 message."""
    TOO_LARGE = "too-large"
    SIGNATURE = "signature"
    """The reply is not signed as it must be, or confirms another request."""
    OTHER_PERSON = "other-person"
    """The reply is about somebody else than the request."""
    SCHEMA = "schema"
    FAULT = "fault"
    CUT_OFF = "cut-off"
    """Not asked at all: the supplier failed repeatedly."""
    BUSY = "busy"
    """Not asked at all: as many requests as allowed are on their way or waiting."""

    @property
    def kind(self) -> SupplierFailureKind:
        """What the client is told (PL-26)."""
        if self is Reason.SCHEMA:
            return SupplierFailureKind.SCHEMA
        return SupplierFailureKind.FAULT if self is Reason.FAULT else SupplierFailureKind.UNEXPECTED

    @property
    def cuts_off(self) -> bool:
        """Whether it counts towards the cut-off.

        A supplier that answers at once with a fault, or with data that break the schema, piles no requests up; and
        one person's bad record, asked for again and again, must not cut the supplier off for everybody else.
        """
        return self in _CUTTING


_CUTTING = {
    Reason.CONNECT,
    Reason.TIMEOUT,
    Reason.CLOSED,
    Reason.STATUS,
    Reason.NOT_SOAP,
    Reason.SIGNATURE,
    Reason.OTHER_PERSON,
}


class RemoteFailure(SupplierError):
    """A SupplierError that knows its reason; `detail` is for the operator's log and for `kruispunt supplier test`."""

    def __init__(self, supplier: str, reason: Reason, detail: str = "") -> None:
        super().__init__(supplier, reason.kind, detail or reason.value, told=reason.value)
        self.reason = reason
        self.detail = detail or reason.value
