"""`kruispunt relay`: plain requests on the loopback interface become signed ones over mutual TLS."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from kruispunt.cli.call import platform_url
from kruispunt.cli.terminal import out
from kruispunt.client.relay import Platform, Relay
from kruispunt.demo.directory import DemoDirectory, default_directory
from kruispunt.errors import ConfigurationError


def relay(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65_535)] = 4522,
    anywhere: Annotated[
        bool, typer.Option("--anywhere", help="Allow an address that is not a loopback address.")
    ] = False,
    url: Annotated[str | None, typer.Option(help="Address of the platform; by default that of the demo.")] = None,
    client: Annotated[str, typer.Option("--as", help="Demo client whose certificate is used.")] = "onem",
    directory: Annotated[Path | None, typer.Option("--dir", file_okay=False, help="Directory of the demo.")] = None,
    certificate: Annotated[Path | None, typer.Option(help="Client certificate (PEM), instead of --as.")] = None,
    key: Annotated[Path | None, typer.Option(help="Its key (PEM).")] = None,
    ca: Annotated[Path | None, typer.Option(help="Issuer of the server's TLS certificate (PEM).")] = None,
    platform_certificate: Annotated[
        Path | None, typer.Option(help="Certificate that signs replies, or that of its issuer with --signer (PEM).")
    ] = None,
    signer: Annotated[
        str | None, typer.Option(help="Distinguished name of the certificate that signs replies.")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the platform.", min=1, max=600)] = 60,
) -> None:
    """Take plain SOAP requests on this machine, and send them signed over mutual TLS; until Ctrl-C.

    Example: kruispunt relay --as onem --port 4522
    """
    where = DemoDirectory(directory or default_directory())
    files = {
        "--certificate": certificate or where.pki / f"{client}.pem",
        "--key": key or where.pki / f"{client}.key",
        "--ca": ca or where.pki / "ca.pem",
        "--platform-certificate": platform_certificate or where.pki / "signing.pem",
    }
    for option, path in files.items():
        if not path.is_file():
            raise ConfigurationError(f"{path} does not exist. Run the demo first (kruispunt demo), or give {option}.")
    platform = Platform(
        platform_url(where, url),
        files["--ca"],
        files["--certificate"],
        files["--key"],
        files["--platform-certificate"],
        signer,
        timeout,
    )
    with Relay(host, port, platform, anywhere=anywhere) as server:
        _stop_on_signal(server)
        out.print(f"Relay on {server.url} to {platform.url}", markup=False)
        out.file.flush()
        server.serve_forever(poll_interval=0.1)


def _stop_on_signal(server: Relay) -> None:
    def stop(*_: Any) -> None:
        # From another thread: the one that serves waits for it.
        threading.Thread(target=server.shutdown).start()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
