"""One worker process: `python -m kruispunt.cli.worker`, started by the supervisor, told its job on standard input."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import sys
from typing import Any

import structlog
import uvloop

from kruispunt.app import WrapSupplier, follow_certificates, gateway, mutations_api, open_platform
from kruispunt.errors import KruispuntError
from kruispunt.gateway.door import Limits
from kruispunt.gateway.identity import TlsFront
from kruispunt.gateway.metrics import Metrics
from kruispunt.gateway.server import serve, server
from kruispunt.settings import Settings


def main() -> int:
    """Serves until it is told to stop; exit code 1 when it cannot start."""
    from kruispunt.cli.logs import configure

    configure()
    job = json.loads(sys.stdin.readline())
    try:
        uvloop.run(_work(job))
    except KruispuntError as error:
        structlog.get_logger("worker").error("cannot serve", cause=str(error))
        return 1
    return 0


async def _work(job: dict[str, Any]) -> None:
    settings = Settings.model_validate_json(job["settings"])
    listening = socket.socket(fileno=job["socket"])
    metrics = Metrics()
    front = None if settings.behind_proxy else TlsFront(settings)
    async with open_platform(settings, job["dsn"], metrics, wrap_supplier=_wrapping(job, settings)) as platform:
        # What was made until now stays as long as the process: the collector need not go through it again and again.
        gc.collect()
        gc.freeze()
        running = server(
            gateway(
                platform,
                settings.max_message_bytes,
                settings.proxy_header if settings.behind_proxy else None,
                mutations_api(platform, settings),
            ),
            None if front is None else front.context,
            settings.grace_seconds,
            _limits(settings),
            metrics.connection_refused,
            settings.proxy_addresses or None,
        )
        async with follow_certificates(settings, front, platform):
            await serve(running, listening, _tell_ready)


def _limits(settings: Settings) -> Limits:
    return Limits(
        connections=settings.connections,
        per_address=settings.connections_per_address,
        handshake=settings.handshake_seconds,
        request=settings.request_seconds,
        idle=settings.idle_seconds,
    )


def _wrapping(job: dict[str, Any], settings: Settings) -> WrapSupplier:
    """Suppliers that fail on purpose exist for the demo's personas only; production does not even load them."""
    if not job.get("demo") or settings.production:
        return lambda _service, supplier: supplier
    from kruispunt.demo.suppliers import wrap_supplier

    return wrap_supplier(job["numbers"])


def _tell_ready() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.set_event_loop_policy(None)
    sys.exit(main())
