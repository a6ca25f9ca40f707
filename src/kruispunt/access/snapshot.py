"""An access table as one JSON text, and what differs between two: how versions are kept and compared.

The text is canonical (keys sorted, rows sorted, no white space): equal tables have equal texts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from kruispunt.access.model import (
    AccessTable,
    ControlKind,
    Grant,
    GrantKey,
    IntegrationControl,
    Organisation,
    Registration,
    Volume,
)

Row = dict[str, Any]
SETS = ("acts_for", "services", "carries")


@dataclass(frozen=True, slots=True)
class Change:
    """One row that differs: `before` or `after` is None for a row that came or went."""

    kind: str
    """organisation, certificate or grant."""
    name: str
    before: Row | None
    after: Row | None

    def told(self) -> str:
        """The change in one line."""
        if self.before is None:
            return f"+ {self.kind} {self.name}"
        if self.after is None:
            return f"- {self.kind} {self.name}"
        fields = [f for f in {**self.before, **self.after} if self.after.get(f) != self.before.get(f)]
        details = "; ".join(f"{f}: {_plain(self.before.get(f))} -> {_plain(self.after.get(f))}" for f in fields)
        return f"~ {self.kind} {self.name}: {details}"


def to_json(table: AccessTable) -> str:
    """The canonical text of a table."""
    return json.dumps(_rows(table), sort_keys=True, separators=(",", ":"))


def from_json(text: str) -> AccessTable:
    """The table of a canonical text."""
    rows = json.loads(text)
    return AccessTable(
        organisations={r["code"]: Organisation(**r) for r in rows["organisation"].values()},
        registrations={r["fingerprint"]: _registration(r) for r in rows["certificate"].values()},
        grants={_key(name): _grant(r) for name, r in rows["grant"].items()},
    )


def differences(before: AccessTable, after: AccessTable) -> tuple[Change, ...]:
    """Every row that differs, in a steady order; empty for equal tables."""
    old, new = _rows(before), _rows(after)
    return tuple(
        Change(kind, name, old[kind].get(name), new[kind].get(name))
        for kind in old
        for name in sorted(old[kind].keys() | new[kind].keys())
        if old[kind].get(name) != new[kind].get(name)
    )


def _rows(table: AccessTable) -> Mapping[str, dict[str, Row]]:
    return {
        "organisation": {o.code: asdict(o) for o in table.organisations.values()},
        "certificate": {f"{r.urn} {r.fingerprint[:16]}": _flat(r) for r in table.registrations.values()},
        "grant": {_name(key): _granted(grant) for key, grant in table.grants.items()},
    }


def _flat(registration: Registration) -> Row:
    """Without a volume the row has no such field, as in the versions that were kept before there were volumes."""
    row = asdict(registration)
    if registration.volume is None:
        del row["volume"]
    return {**row, **{name: sorted(row[name]) for name in SETS}}


def _granted(grant: Grant) -> Row:
    control = grant.integration
    return {
        "legal_context": grant.legal_context,
        "data_groups": sorted(grant.data_groups),
        "integration": None
        if control is None
        else {"kind": control.kind.value, "quality_codes": control.quality_codes},
        "source": grant.source,
        **({"applications": sorted(grant.applications)} if grant.applications else {}),
    }


def _name(key: GrantKey) -> str:
    return "|".join(key)


def _key(name: str) -> GrantKey:
    service, operation, organisation, context = name.split("|", 3)
    return service, operation, organisation, context


def _registration(row: Row) -> Registration:
    volume = row.get("volume")
    return Registration(
        **{
            **row,
            **{name: frozenset(row[name]) for name in SETS},
            "volume": None if volume is None else Volume(**volume),
        }
    )


def _grant(row: Row) -> Grant:
    control = row["integration"]
    integration = None
    if control is not None:
        codes = control["quality_codes"]
        integration = IntegrationControl(ControlKind(control["kind"]), None if codes is None else tuple(codes))
    applications = frozenset(row.get("applications", ()))
    return Grant(row["legal_context"], frozenset(row["data_groups"]), integration, row["source"], applications)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(inner)}" for name, inner in value.items())
    if isinstance(value, Iterable) and not isinstance(value, str | dict):
        return "[" + ", ".join(map(str, value)) + "]"
    return str(value)
