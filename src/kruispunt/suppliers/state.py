"""What a running server tells about its suppliers, read from its metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from prometheus_client.parser import text_string_to_metric_families

from kruispunt.suppliers.cutoff import State


@dataclass(frozen=True, slots=True)
class SupplierState:
    """One supplier over all workers of a server."""

    workers: Mapping[str, State] = field(default_factory=dict)
    """The cut-off of each, by number of its process."""
    failures: int = 0
    """Since the server started."""
    last_reason: str = ""
    """Of the last failure; empty when there was none."""
    last_failure: datetime | None = None


def read_states(metrics: str) -> Mapping[str, SupplierState]:
    """By name of the supplier, from a page of metrics."""
    samples = [s for family in text_string_to_metric_families(metrics) for s in family.samples]
    names = {s.labels["supplier"] for s in samples if s.name == "kruispunt_supplier_cut_off"}
    return {name: _state([s for s in samples if s.labels.get("supplier") == name]) for name in sorted(names)}


def _state(samples: list) -> SupplierState:  # type: ignore[type-arg]
    workers = {s.labels.get("pid", ""): State(int(s.value)) for s in samples if s.name == "kruispunt_supplier_cut_off"}
    failures = sum(int(s.value) for s in samples if s.name == "kruispunt_supplier_failures_total")
    moments = [(s.value, s.labels["reason"]) for s in samples if s.name == "kruispunt_supplier_last_failure_seconds"]
    if not moments:
        return SupplierState(workers, failures)
    moment, reason = max(moments)
    return SupplierState(workers, failures, reason, datetime.fromtimestamp(moment, UTC))
