"""`kruispunt supplier`: suppliers elsewhere, as a running server sees them, and a try from here."""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

import typer

from kruispunt.app import (
    check_secrets,
    open_stream_supplier,
    open_suppliers,
    stream_suppliers_of,
    suppliers_of,
)
from kruispunt.cli.opening import find_settings
from kruispunt.cli.terminal import ConfigOption, JsonOption, harmless, out, print_json
from kruispunt.clock import SystemClock, to_text
from kruispunt.errors import ConfigurationError
from kruispunt.mutations import streams
from kruispunt.pipeline.service import Service
from kruispunt.settings import Settings
from kruispunt.suppliers.configuration import SupplierConfiguration
from kruispunt.suppliers.failure import Reason, RemoteFailure
from kruispunt.suppliers.state import SupplierState, read_states
from kruispunt.suppliers.trial import Step, try_connection
from kruispunt.trusted import signer_of

METRICS_SECONDS = 5.0
LocalUrlOption = Annotated[
    str | None,
    typer.Option("--local-url", help="Local address of the server; else 127.0.0.1 and local_port.", show_default=False),
]


def status(config: ConfigOption = None, local_url: LocalUrlOption = None, as_json: JsonOption = False) -> None:
    """Show the configured suppliers: the cut-off in each worker, the failures since the start and the last one.

    Example: kruispunt supplier status
    """
    settings = find_settings(config)
    configured = {s.supplier_name: c for s, c in suppliers_of(settings)}
    states = _states(settings, local_url)
    if as_json:
        print_json([_facts(name, c, states) for name, c in configured.items()])
        return
    if not configured:
        out.print("No supplier is elsewhere: every service has its data in tables of its own.")
    if states is None and configured:
        out.print("No server answers on the local port: what follows is configuration only.")
    for name, one in configured.items():
        for title, value in _facts(name, one, states).items():
            shown = ", ".join(f"{k}: {v}" for k, v in value.items()) if isinstance(value, dict) else value
            out.print(f"{title:12} {harmless(str(shown)) if shown not in (None, '') else '-'}", markup=False)


def try_(
    name: Annotated[str, typer.Argument(help="As in suppliers.toml.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Connect to a supplier, and send one request that is about nobody. No server needs to run.

    Exit code 1 when a step fails.

    Example: kruispunt supplier test "National Register"
    """
    settings = find_settings(config)
    check_secrets(settings)
    of_streams = stream_suppliers_of(settings)
    found = [(s, c) for s, c in suppliers_of(settings) if s.supplier_name == name]
    if not found and name not in of_streams:
        known = ", ".join((*(s.supplier_name for s, _ in suppliers_of(settings)), *of_streams)) or "none"
        raise ConfigurationError(f"no supplier elsewhere is named {harmless(name)}; configured: {known}")
    if found:
        steps = asyncio.run(_try_service(settings, *found[0]))
    else:
        steps = asyncio.run(_try_stream(settings, name, of_streams[name]))
    if as_json:
        print_json([{"step": s.name, "ok": s.ok, "seconds": round(s.seconds, 4), "found": s.found} for s in steps])
    for step in () if as_json else steps:
        told = f"{'ok' if step.ok else 'FAILED':7}{step.name:11}{step.seconds * 1000:8.1f} ms  {harmless(step.found)}"
        out.print(told, markup=False)
        if step.remedy:
            out.print(f"{'':28} {step.remedy}", markup=False)
    if not steps[-1].ok:
        raise typer.Exit(1)


async def _try_service(settings: Settings, service: Service, configuration: SupplierConfiguration) -> list[Step]:
    async def request() -> None:
        assert service.remote is not None
        async with open_suppliers(settings, signer_of(settings), SystemClock(), _Silent()) as ports:
            await service.remote.test(ports[service.path])

    return await _try(configuration, request)


async def _try_stream(settings: Settings, stream: str, configuration: SupplierConfiguration) -> list[Step]:
    async def request() -> None:
        async with open_stream_supplier(settings, stream, SystemClock(), _Silent()) as supplier:
            await streams.test(supplier)

    return await _try(configuration, request)


async def _try(configuration: SupplierConfiguration, request: Callable[[], Awaitable[None]]) -> list[Step]:
    steps = await try_connection(configuration, time.monotonic)
    if not steps[-1].ok:
        return steps
    begun = time.monotonic()
    try:
        await request()
        found, ok, remedy = "answered as the schema says", True, ""
    except RemoteFailure as failure:
        found, ok, remedy = f"{failure.reason.value}: {failure.detail}", False, _REMEDIES.get(failure.reason, "")
    return [*steps, Step("request", time.monotonic() - begun, found, ok, remedy)]


class _Silent:
    def supplier_failed(self, name: str, reason: str) -> None: ...

    def supplier_state(self, name: str, state: int) -> None: ...


_REMEDIES = {
    Reason.CONNECT: "The supplier may not accept client_certificate: ask who issues the ones that it trusts.",
    Reason.CLOSED: "The supplier closed without an answer: it may not accept client_certificate.",
    Reason.STATUS: "Check the path in url.",
    Reason.NOT_SOAP: "Check the path in url.",
    Reason.SIGNATURE: "Check reply_signers, reply_confirmed, and the clocks on both sides.",
    Reason.FAULT: "Ask the supplier; it may not know signing_certificate.",
    Reason.SCHEMA: "The supplier speaks another contract than this version.",
    Reason.TIMEOUT: "Ask the supplier, or raise read_seconds.",
}


def _states(settings: Settings, local_url: str | None) -> Mapping[str, SupplierState] | None:
    """None when no server answers."""
    url = (local_url or f"http://127.0.0.1:{settings.local_port}").rstrip("/")
    if not url.startswith("http://"):
        raise ConfigurationError(f"{harmless(url)} is no local address such as http://127.0.0.1:4521")
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url + "/metrics", timeout=METRICS_SECONDS) as response:
            return read_states(response.read().decode())
    except (OSError, ValueError, urllib.error.URLError):
        return None


def _facts(
    name: str, configuration: SupplierConfiguration, states: Mapping[str, SupplierState] | None
) -> dict[str, Any]:
    facts: dict[str, Any] = {"supplier": name, "url": configuration.url, "running": states is not None}
    state = (states or {}).get(name)
    if state is not None:
        facts["workers"] = {pid: worker.name.lower() for pid, worker in state.workers.items()}
        facts["failures"] = state.failures
        facts["lastReason"] = state.last_reason
        facts["lastFailure"] = None if state.last_failure is None else to_text(state.last_failure)
    return facts
