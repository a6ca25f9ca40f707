"""What an attack is: what it does, what it sends, and the refusal that it must meet.

An attack is a value. It plays on a `Bench`: a victim's certificate, and a question that the server answers. Each thing
that it sends is a `Shot`, with what must come back. The same attacks serve `kruispunt attack` and the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import ssl

    from kruispunt.attack.bench import Bench


class Family(Enum):
    """What attacks have in common; the value is what `--family` takes."""

    WRAPPING = "wrapping"
    SIGNATURE = "signature"
    KEY_INFO = "key-info"
    SIGNER = "signer"
    TLS = "tls"
    HEADERS = "headers"
    CLOCK = "clock"
    REPLAY = "replay"
    PARSER = "parser"
    IDENTITY = "identity"
    INJECTION = "injection"
    HTTP = "http"


ABOUT: Final[dict[Family, str]] = {
    Family.WRAPPING: "What was signed is moved to where nobody reads it, and something forged stands in its place.",
    Family.SIGNATURE: "Signatures that are stripped, partial, made with other means, or made of other things.",
    Family.KEY_INFO: "Keys and tokens that are not the signer's.",
    Family.SIGNER: "Certificates of every wrong kind, as signer.",
    Family.TLS: "Certificates of every wrong kind, as TLS client.",
    Family.HEADERS: "A certificate in an HTTP header, as a proxy would put it there.",
    Family.CLOCK: "Timestamps that are old, early, long-lived or no moment at all.",
    Family.REPLAY: "What was answered once is sent again.",
    Family.PARSER: "Messages that attack the XML parser, or those who read after it.",
    Family.IDENTITY: "Asking in another's name, under another's legal context, for another operation or address.",
    Family.INJECTION: "Text that means something to a database, a parser, a terminal or a template, in every field.",
    Family.HTTP: "Requests that are no good HTTP, or ask for what is not there.",
}


class Means(Enum):
    """What an attack needs beside the victim's certificate; the value says it to people."""

    STRANGER = "a trusted certificate that nobody registered"
    OTHER = "a certificate that is registered for another application and another service"
    ECDSA = "a registered certificate with an ECDSA key, of the victim's organisation"
    ISSUER = "certificate and key of the issuer of client certificates"
    SERVER = "certificate and key of the TLS server"


# What must come back.


@dataclass(frozen=True, slots=True)
class Refused:
    """A signed SOAP fault, or a signed reply with status NO_RESULT."""

    code: str
    reason: str = ""
    """Of MSG00015."""
    rule: str = ""
    """What the security log of the platform must name; cannot be seen from outside. Empty: any rule."""

    def __str__(self) -> str:
        return f"{self.code} {self.reason}".strip()


@dataclass(frozen=True, slots=True)
class Answered:
    """The right answer to what was signed: the change must have changed nothing."""

    def __str__(self) -> str:
        return "answered as signed"


@dataclass(frozen=True, slots=True)
class AsValue:
    """A text that the contract allows is a value: repeated as it is, or refused by a business rule."""

    element: str
    """Name of the element that holds it."""
    text: str

    def __str__(self) -> str:
        return "taken as a value"


@dataclass(frozen=True, slots=True)
class Status:
    """An HTTP status and no SOAP."""

    status: int

    def __str__(self) -> str:
        return f"HTTP {self.status}"


@dataclass(frozen=True, slots=True)
class NoTls:
    """Nothing: the TLS handshake fails, or the connection ends without a byte of HTTP."""

    def __str__(self) -> str:
        return "no TLS connection"


Expected = Refused | Answered | AsValue | Status | NoTls


@dataclass(frozen=True, slots=True)
class Shot:
    """One thing that is sent, over a connection of the victim unless `over` says otherwise."""

    data: bytes
    expected: Expected
    over: ssl.SSLContext | None = None
    """How TLS is spoken instead, on a connection of its own; see `Bench.tls`."""
    anew: bool = False
    """On a TLS connection of its own."""
    path: str | None = None
    soap_action: str | None = None
    content_type: str = "text/xml; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    raw: bool = False
    """`data` is all that is written, HTTP included."""
    plain: bool = False
    """Without TLS; for `raw` only."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack of the suite."""

    name: str
    """Unique; begins with the family and a slash."""
    what: str
    """One line for people."""
    shots: Callable[[Bench], Iterator[Shot]]
    """Made while they are sent: a signature is fresh for a minute or two."""
    needs: frozenset[Means] = frozenset()

    @property
    def family(self) -> Family:
        return Family(self.name.partition("/")[0])
