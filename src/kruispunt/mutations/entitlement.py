"""What a subscriber may be told, by the access table in force (RP-16, RP-17). Default deny.

A kind of mutation or a stream is an operation of the service "Mutations" in the access files. A kind that no row grants
any more falls out; a subscription that is left with nothing still gets its file, which is empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kruispunt.access.files import ServiceRows
from kruispunt.access.model import AccessTable, ControlKind, Grant
from kruispunt.errors import ConfigurationError
from kruispunt.mutations.kinds import PARTS, Kind, groups_of
from kruispunt.registers.parts import DATA, GROUPS, NO_PART, Part

SERVICE: Final = "Mutations"
"""Its name in the access files: in rows of certificates and in grants."""
FOLDER: Final = Path(__file__).resolve().parent
"""`contexts.toml` and `demo/` are found there, as in the folder of a service."""


def rows(streams: Iterable[str]) -> ServiceRows:
    """What the access files are held against. Raises ConfigurationError for a stream that has the name of a kind."""
    kinds = frozenset(kind.value for kind in Kind)
    names = frozenset(streams)
    if names & kinds:
        raise ConfigurationError(
            f"mutation_streams: {min(names & kinds)} is a kind of mutation; a stream needs another name"
        )
    return ServiceRows(FOLDER.name, SERVICE, kinds | names, FOLDER / "contexts.toml", frozenset(GROUPS))


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What may be told, and about whom."""

    parts: Part = NO_PART
    """Changes that are told when they hold one of these."""
    groups: Part = NO_PART
    """Data that may be told of them."""
    stream: str | None = None
    active_only: bool = False
    """Only lines whose period holds the day count, whatever the subscription asks for."""
    dossier_types: frozenset[str] | None = None
    """Only lines of these types count; None: of all."""

    def types_of(self, wanted: Iterable[str] | None) -> list[str] | None:
        """The dossier types that count for who wants these; None: all of them."""
        if wanted is None:
            return None if self.dossier_types is None else sorted(self.dossier_types)
        return sorted(frozenset(wanted) if self.dossier_types is None else self.dossier_types.intersection(wanted))


NOTHING: Final = Entitlement()


def entitled(
    table: AccessTable, organisation: str, legal_context: str, kinds: Iterable[Kind], stream: str | None
) -> Entitlement:
    """What the rows grant of what is subscribed to.

    Data of a kind are told, and make a change worth telling, as far as its row names their groups. Where rows control
    integration in different ways, the strictest counts for all: a file tells a person once, with all kinds together.
    """
    if stream is not None:
        grant = table.grant(SERVICE, stream, organisation, legal_context)
        return NOTHING if grant is None else _controlled(NO_PART, NO_PART, stream, [grant])
    parts, groups, grants = NO_PART, NO_PART, []
    for kind in kinds:
        grant = table.grant(SERVICE, kind.value, organisation, legal_context)
        if grant is None:
            continue
        data = groups_of(kind, grant.data_groups) & DATA
        number = PARTS[kind] & ~(DATA | Part.ACCESS)
        access = PARTS[kind] & Part.ACCESS if data else NO_PART
        parts |= number | data | access
        groups |= data
        grants.append(grant)
    return _controlled(parts, groups, None, grants)


def _controlled(parts: Part, groups: Part, stream: str | None, grants: Iterable[Grant]) -> Entitlement:
    active, types = False, None
    for control in (grant.integration for grant in grants if grant.integration is not None):
        # A day is told of: what overlaps it is active on it.
        active |= control.kind is not ControlKind.ANY
        if control.quality_codes is not None:
            codes = frozenset(control.quality_codes)
            types = codes if types is None else types & codes
    return Entitlement(parts, groups, stream, active, types)
