"""Who may do what, as values. Default deny: what no row grants is refused (PL-14)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from kruispunt.errors import AuthenticationRefused, RefusalReason


class ControlKind(Enum):
    """What integration control looks for among the client's repertory lines (PL-20)."""

    ACTIVE = "active"
    """A line whose period holds today."""
    ANY = "any"
    """A line of any period, past or present."""
    OVERLAP = "overlap"
    """A line that overlaps the period asked for (ours)."""


@dataclass(frozen=True, slots=True)
class IntegrationControl:
    kind: ControlKind
    quality_codes: tuple[str, ...] | None
    """None: every quality code counts."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """A client organisation: identified by CBE number, by sector/institution, or by both."""

    code: str
    """Short name that the other files use; never leaves the platform."""
    name: str
    cbe: str | None
    sector: int | None
    institution: int | None
    inscribed_as: str
    """Organisation key ("0206737484" or "18/1") under which its repertory lines stand."""
    source: str

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key by which a request may name it."""
        keys = [] if self.cbe is None else [self.cbe]
        if self.sector is not None:
            keys.append(f"{self.sector}/{self.institution}")
        return tuple(keys)


@dataclass(frozen=True, slots=True)
class Volume:
    """What an application is expected to ask for at most (PL-16)."""

    per_day: int
    """Requests in a civil day in Belgium, over all servers; 0: none."""
    burst: int | None = None
    """Requests in a second, of one server; None: no limit."""


@dataclass(frozen=True, slots=True)
class Registration:
    """A client certificate, the application that it stands for, and what that application may do (PL-08)."""

    urn: str
    fingerprint: str
    """SHA-256 of the certificate in DER, lower-case hexadecimal."""
    owner: str
    """Code of the organisation under whose key its messages are encrypted in the log."""
    acts_for: frozenset[str]
    """Codes of the organisations that its requests may name."""
    services: frozenset[str]
    carries: frozenset[str] = frozenset()
    """URNs of other applications whose signed messages may come over this one's TLS connection."""
    unsigned_token: bool = False
    """Its toolkit cannot sign the security token (PL-05)."""
    sha1: bool = False
    """Its toolkit knows SHA-1 only (PL-05)."""
    sign_replies: bool = True
    signature_confirmation: bool = False
    """Replies confirm the request's signature, as WS-Security 1.1 has it."""
    volume: Volume | None = None
    """Counted for the application, over all its certificates; None: no limit."""
    not_after: str = ""
    """Until when the certificate is valid, as 2026-12-31T23:59:59+00:00; empty when only its fingerprint is known."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One row: an organisation may call an operation under a legal context, and see these data groups."""

    legal_context: str
    data_groups: frozenset[str]
    integration: IntegrationControl | None
    source: str
    applications: frozenset[str] = frozenset()
    """URNs that the row is for, where the message names no legal context; empty: every application (IP-20)."""


GrantKey = tuple[str, str, str, str]
"""Service, operation, code of the organisation, legal context (aliases have a key of their own)."""


@dataclass(frozen=True, slots=True)
class AccessTable:
    """Everything that steps 3 and 6 look up, in memory; replaced as a whole, never changed in place."""

    organisations: Mapping[str, Organisation]
    registrations: Mapping[str, Registration]
    """By fingerprint."""
    grants: Mapping[GrantKey, Grant]
    _by_key: Mapping[str, Organisation] = field(init=False)
    _implied: Mapping[tuple[str, str, str], tuple[Grant, ...]] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_key", {k: o for o in self.organisations.values() for k in o.keys})
        implied: dict[tuple[str, str, str], tuple[Grant, ...]] = {}
        for (service, operation, organisation, _context), grant in self.grants.items():
            known = implied.get((service, operation, organisation), ())
            if grant not in known:
                implied[service, operation, organisation] = (*known, grant)
        object.__setattr__(self, "_implied", implied)

    def registered(self, fingerprint: str) -> Registration | None:
        return self.registrations.get(fingerprint)

    def named(self, key: str) -> Organisation | None:
        """The organisation that a request names by `key`: a CBE number or "sector/institution"."""
        return self._by_key.get(key)

    def grant(self, service: str, operation: str, organisation: str, legal_context: str) -> Grant | None:
        return self.grants.get((service, operation, organisation, legal_context))

    def implied(self, service: str, operation: str, organisation: str, application: str) -> Grant | None:
        """The row that applies where the message names no legal context: the one for this application, else the one
        for every application (IP-20). None also when several would apply, which `access/files.py` refuses to load."""
        rows = self._implied.get((service, operation, organisation), ())
        own = [row for row in rows if application in row.applications]
        found = own or [row for row in rows if not row.applications]
        return found[0] if len(found) == 1 else None


def may_carry(transport: Registration, signer: Registration) -> bool:
    """Whether a message signed by `signer` may come over a TLS connection of `transport` (PL-05)."""
    return transport.urn == signer.urn or signer.urn in transport.carries


def unregistered(rule: str, why: str, service: str = "the service") -> AuthenticationRefused:
    """The refusal of a certificate that is not registered for what it is used for (PL-08)."""
    return AuthenticationRefused(
        RefusalReason.REGISTRATION,
        rule,
        why,
        element="certificate",
        remedy=f"Ask the operator to register this certificate for the application and {service}.",
    )


def granted(grants: Iterable[GrantKey], service: str) -> bool:
    """Whether anybody at all may call `service`."""
    return any(key[0] == service for key in grants)
