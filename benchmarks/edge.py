"""What a message costs that is refused before anybody is authenticated.

`python -m benchmarks.edge [--rounds N] [--json FILE]`

In process, from the ASGI application to the bytes of the answer, without HTTP, TLS and storage; in floors of the same
round, the floor being one RSA-2048 verification and one signature. A refusal in SOAP is itself signed, so that it costs
at least the signature. No target holds: the figures tell how much work a stranger can cause.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lxml import etree
from rich.console import Console
from rich.table import Table

from benchmarks.asked import ACTION, CLIENTS, Messages
from benchmarks.figures import Line, cpu_microseconds, shown
from benchmarks.ground import Ground, open_ground
from benchmarks.in_process import SilentObserver, _caller, _instant
from benchmarks.peers import Peers
from kruispunt.app import gateway, open_platform
from kruispunt.cli.logs import configure
from kruispunt.gateway.caller import EXTENSION
from kruispunt.services.foreigner_situation.service import SERVICE
from kruispunt.wss.sign import Signer
from kruispunt.xml.namespaces import DS

STRETCH = 0.3
"""Seconds of processor time of each measurement."""
PEOPLE = 300

Refused = tuple[bytes, int, bytes]
"""Body, status, and what must stand in the answer."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.edge", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    asked = parser.parse_args()
    configure()
    with open_ground(PEOPLE) as ground:
        lines = asyncio.run(_measure(ground, asked.rounds))
    table = Table(title="CPU of one refused message: median of the rounds (smallest–largest)")
    for heading in ("", "µs", "floors"):
        table.add_column(heading, justify="left" if not heading else "right")
    for line in lines:
        table.add_row(line.name, shown(line.cpu, 0), shown(line.ratio, 2))
    Console().print(table)
    if asked.json is not None:
        asked.json.write_text(json.dumps({line.name: line.to_json() for line in lines}, indent=2) + "\n")


async def _measure(ground: Ground, rounds: int) -> list[Line]:
    messages = Messages(ground.directory.pki, ground.people)
    good = messages.sign(CLIENTS[0])
    cases = _cases(ground, good)
    floor_work = Peers(ground.directory.pki, good, "<x></x>").floor()
    floor, lines = Line("floor", "one verification and one signature"), {n: Line(n, n) for n in cases}
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(open_platform(ground.settings, ground.dsn, SilentObserver()))
        app = gateway(_instant(opened), ground.settings.max_message_bytes)
        for _ in range(rounds):
            cost = cpu_microseconds(floor_work, STRETCH)
            floor.add(cost, cost)
            for name, case in cases.items():
                lines[name].add(await _cost(app, ground, case), cost)
    return [floor, *lines.values()]


def _cases(ground: Ground, good: bytes) -> dict[str, Refused]:
    pki = ground.directory.pki
    unsigned = etree.fromstring(good)
    unsigned[0].clear()
    content = etree.tostring(etree.fromstring(good)[1][0], method="c14n", exclusive=True).decode()
    stranger = Signer.from_files(pki / "stranger.key", pki / "stranger.pem").envelope(content, datetime.now(UTC))
    forged = etree.fromstring(good)
    next(forged.iter(f"{{{DS}}}SignatureValue")).text = b64encode(b"\1" * 256).decode()
    limit = ground.settings.max_message_bytes
    return {
        "too large, announced": (b" " * (limit + 1), 413, b"bytes"),
        "not XML": (b"x" * len(good), 500, b"MSG00004"),
        "not XML, as large as allowed": (b"<a>" + b"x" * (limit - 3), 500, b"MSG00004"),
        "DOCTYPE": (b"<!DOCTYPE a>" + good, 500, b"MSG00004"),
        "no signature": (etree.tostring(unsigned), 500, b"signature"),
        "unregistered signer": (stranger, 500, b"registration"),
        "bad signature": (etree.tostring(forged), 500, b"signature"),
    }


async def _cost(app: Callable[..., Any], ground: Ground, case: Refused) -> float:
    """Processor time in µs of one refusal."""
    message, status, text = case
    scope = {
        "type": "http",
        "method": "POST",
        "path": SERVICE.path,
        "query_string": b"",
        "client": ("127.0.0.1", 1),
        "headers": [
            (b"content-type", b"text/xml"),
            (b"soapaction", f'"{ACTION}"'.encode()),
            (b"content-length", str(len(message)).encode()),
        ],
        "extensions": {EXTENSION: {"client": _caller(ground, CLIENTS[0].name)}},
    }
    said: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": message, "more_body": False}

    async def send(event: dict[str, Any]) -> None:
        said.append(event)

    await app(scope, receive, send)
    assert said[0]["status"] == status, said
    assert text in said[1]["body"], said[1]["body"]
    calls, began = 0, time.process_time()
    while (taken := time.process_time() - began) < STRETCH:
        for _ in range(20):
            said.clear()
            await app(scope, receive, send)
        calls += 20
    return taken / calls * 1e6


if __name__ == "__main__":
    main()
