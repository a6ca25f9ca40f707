"""What one consultation costs: `python -m benchmarks.exchange [--seconds N] [--rounds N] [--people N] [--json FILE]`.

Everything is measured in every round, one after another, so that a machine that drifts hits all alike; each figure is
held against the floor of its own round. README.md says what each line means.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from lxml import etree
from rich.console import Console
from rich.table import Table

from benchmarks.asked import CLIENTS, Messages
from benchmarks.figures import Line, cpu_microseconds, shown
from benchmarks.ground import Ground, open_ground
from benchmarks.in_process import InProcess
from benchmarks.peers import Peers
from benchmarks.production import Cost, Production, serving
from kruispunt.cli.logs import configure

CONNECTIONS = 32
SHORT = 0.5
"""Seconds that what needs no server is measured in each round."""
IN_PROCESS_COUNT = 1_500
"""Messages of one in-process stretch."""


def lines() -> dict[str, Line]:
    """The table, empty."""
    tls = "mutual TLS, log, replay check, database; development settings but check_replies off, as in production"
    return {
        "floor": Line("floor", "one RSA-2048 verification and one signature, nothing else"),
        "in process": Line(
            "in process",
            "all steps from bytes to signed bytes; without HTTP, TLS, log, database and metrics",
            target=2.0,
        ),
        "xmlsec": Line("xmlsec, verify and sign", "parse, verify, sign, serialise; none of the other steps"),
        "signxml": Line("signxml, verify and sign", "parse, verify, sign, serialise; none of the other steps"),
        "one worker": Line(f"one worker, {CONNECTIONS} connections", tls, target=3.5),
        "two workers": Line(f"two workers, {CONNECTIONS} connections", tls, target=3.5),
        "alone": Line("one worker, one connection", f"{tls}; every log entry waits for a flush of its own"),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _arguments().parse_args(arguments)
    configure()
    table = lines()
    console = Console(stderr=True)
    with contextlib.ExitStack() as stack:
        console.print(f"a demo bank with {asked.people:,} people", style="dim")
        ground = stack.enter_context(open_ground(asked.people))
        one = stack.enter_context(serving(ground, 1))
        two = stack.enter_context(serving(ground, 2))
        inside = stack.enter_context(InProcess(ground))
        peers = _peers(ground, inside)
        for number in range(-1, asked.rounds):
            console.print("warming up" if number < 0 else f"round {number + 1} of {asked.rounds}", style="dim")
            measured = table if number >= 0 else lines()
            _round(measured, peers, inside, one, two, asked.seconds if number >= 0 else min(1.0, asked.seconds))
    _print(table)
    if asked.json is not None:
        asked.json.write_text(json.dumps(_to_json(table, asked), indent=2) + "\n", encoding="utf-8")


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.exchange", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each stretch over TLS")
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured")
    parser.add_argument("--people", type=int, default=10_000, help="demo people in the database")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    return parser


def _peers(ground: Ground, inside: InProcess) -> Peers:
    """Over a request that this benchmark sends, and the reply to it."""
    pki = ground.directory.pki
    request = Messages(pki, ground.people).sign(CLIENTS[0])
    return Peers(pki, request, inside.reply_body())


def _round(
    table: dict[str, Line], peers: Peers, inside: InProcess, one: Production, two: Production, seconds: float
) -> None:
    floors = [cpu_microseconds(peers.floor(), SHORT)]
    within = inside.measure(IN_PROCESS_COUNT)
    by_xmlsec = cpu_microseconds(peers.xmlsec(), SHORT)
    by_signxml = cpu_microseconds(peers.signxml(), SHORT)
    costs = {}
    for name, production, connections in (
        ("one worker", one, CONNECTIONS),
        ("two workers", two, CONNECTIONS),
        ("alone", one, 1),
    ):
        costs[name] = production.measure(connections, seconds)
        floors.append(cpu_microseconds(peers.floor(), SHORT))
    floor = sum(floors) / len(floors)
    table["floor"].add(floor, floor)
    table["in process"].add(within, floor)
    table["xmlsec"].add(by_xmlsec, floor)
    table["signxml"].add(by_signxml, floor)
    for name, cost in costs.items():
        _add(table[name], cost, floor)


def _add(line: Line, cost: Cost, floor: float) -> None:
    line.add(
        cost.cpu_microseconds,
        floor,
        workers_us=cost.microseconds("workers"),
        postgres_us=cost.microseconds("postgres"),
        supervisor_us=cost.microseconds("supervisor"),
        load_us=cost.microseconds("load"),
        per_second=cost.exchanges / cost.seconds,
        p50_ms=cost.p50,
        p99_ms=cost.p99,
    )


def _print(table: dict[str, Line]) -> None:
    shown_table = Table(title="CPU of one exchange: median of the rounds (smallest–largest)")
    for heading in ("", "µs", "floors", "target", "workers µs", "postgres µs", "a second", "p50 ms", "p99 ms"):
        shown_table.add_column(heading, justify="left" if not heading else "right")
    for line in table.values():
        parts = [
            shown(line.more.get(name, ()), digits)
            for name, digits in (("workers_us", 0), ("postgres_us", 0), ("per_second", 0), ("p50_ms", 1), ("p99_ms", 1))
        ]
        target = "" if line.target is None else f"{line.target:.1f}"
        shown_table.add_row(line.name, shown(line.cpu, 0), shown(line.ratio, 2), target, *parts)
    Console(width=None if sys.stdout.isatty() else 170).print(shown_table)


def _to_json(table: dict[str, Line], asked: argparse.Namespace) -> dict[str, object]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "lxml": etree.__version__,
        "seconds": asked.seconds,
        "rounds": asked.rounds,
        "people": asked.people,
        "lines": {name: line.to_json() for name, line in table.items()},
    }


if __name__ == "__main__":
    main()
