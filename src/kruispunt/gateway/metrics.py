"""Metrics, told to Prometheus: over all workers, never about whom (PL-40).

Workers write to files in a directory that the supervisor makes; the supervisor adds them up.
"""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess
from prometheus_client.registry import Collector

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds; the service levels are at 1 and 2 (source 004)."""


class Metrics:
    """What a worker counts; implements the pipeline's Observer."""

    def __init__(self) -> None:
        self._exchanges = Histogram(
            "kruispunt_exchange_seconds",
            "Exchanges by service, operation and outcome",
            ["service", "operation", "outcome"],
            buckets=BUCKETS,
        )
        self._suppliers = Histogram(
            "kruispunt_supplier_seconds", "Time that suppliers took", ["supplier"], buckets=BUCKETS
        )
        self._supplier_failures = Counter(
            "kruispunt_supplier_failures", "Requests to a supplier elsewhere that failed", ["supplier", "reason"]
        )
        self._supplier_last_failure = Gauge(
            "kruispunt_supplier_last_failure_seconds",
            "Time of the last failure, in seconds since 1970",
            ["supplier", "reason"],
            multiprocess_mode="max",
        )
        self._supplier_states = Gauge(
            "kruispunt_supplier_cut_off",
            "Cut-off of a supplier elsewhere: 0 closed, 1 probing, 2 open",
            ["supplier"],
            multiprocess_mode="liveall",
        )
        self._suppressed = Counter("kruispunt_refusals_suppressed", "Refusals that were counted, not logged one by one")
        self._over_volume = Counter(
            "kruispunt_volume_refusals", "Requests beyond the agreed volume, by what was exceeded", ["kind"]
        )
        self._probing = Counter(
            "kruispunt_probing_noticed", "Times that a client was noticed asking for number upon number"
        )
        self._slowed = Counter("kruispunt_probing_slowed", "Requests that were held up because their client probes")

        self._refused = Counter(
            "kruispunt_connections_refused", "Connections that were closed before a request, by reason", ["reason"]
        )

    def exchange(self, service: str, operation: str, outcome: str, seconds: float) -> None:
        self._exchanges.labels(service, operation, outcome).observe(seconds)

    def supplier(self, name: str, seconds: float) -> None:
        self._suppliers.labels(name).observe(seconds)

    def suppressed(self) -> None:
        self._suppressed.inc()

    def over_volume(self, kind: str) -> None:
        self._over_volume.labels(kind).inc()

    def supplier_failed(self, name: str, reason: str) -> None:
        self._supplier_failures.labels(name, reason).inc()
        self._supplier_last_failure.labels(name, reason).set_to_current_time()

    def supplier_state(self, name: str, state: int) -> None:
        self._supplier_states.labels(name).set(state)

    def connection_refused(self, reason: str) -> None:
        """See `gateway.door.Count`."""
        self._refused.labels(reason).inc()

    def probing(self) -> None:
        self._probing.inc()

    def slowed(self) -> None:
        self._slowed.inc()


def forget_worker(directory: Path, process: int) -> None:
    """Takes the states of a worker that ended out of the figures; what it counted stays."""
    os.environ[DIRECTORY] = str(directory)
    multiprocess.mark_process_dead(process, str(directory))  # type: ignore[no-untyped-call]


def exposition(directory: Path, *more: Collector) -> bytes:
    """All workers' figures in Prometheus's text form, and `more` that the supervisor knows by itself."""
    os.environ[DIRECTORY] = str(directory)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=str(directory))  # type: ignore[no-untyped-call]
    for collector in more:
        registry.register(collector)
    return generate_latest(registry)
