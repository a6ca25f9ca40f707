"""`kruispunt demo`: a whole crossroads bank on this machine, with one consultation to look at."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from kruispunt.app import establish_access
from kruispunt.cli.call import payload_text
from kruispunt.cli.calls import arguments
from kruispunt.cli.opening import dsn_of
from kruispunt.cli.reading import open_log
from kruispunt.cli.serve import prepare, supervisor
from kruispunt.cli.terminal import err, out, who_reads
from kruispunt.cli.why import explain, print_steps
from kruispunt.demo.build import Options, build_files, load_people, subscribe
from kruispunt.demo.directory import DemoDirectory, default_directory
from kruispunt.demo.personas import Numbers, load_personas
from kruispunt.errors import ConfigurationError, KruispuntError
from kruispunt.gateway.listen import listen
from kruispunt.gateway.supervisor import Addresses, Supervisor
from kruispunt.identifiers.ticket import Ticket
from kruispunt.securitylog.entry import Kind
from kruispunt.services.discovery import discover
from kruispunt.settings import Settings

MAX_PORT = 65_535
MAX_WORKERS = 64
"""As the settings have it."""
FIRST_PERSONA = "two-cards-and-a-permit"


def demo(
    directory: Annotated[
        Path | None,
        typer.Option("--dir", help="Where all state is kept.", show_default="a place of your own", file_okay=False),
    ] = None,
    port: Annotated[int, typer.Option(help="Port of the services; 0 takes a free one.", min=0, max=MAX_PORT)] = 4520,
    local_port: Annotated[
        int, typer.Option(help="Port of health and metrics; 0 takes a free one.", min=0, max=MAX_PORT)
    ] = 4521,
    workers: Annotated[int, typer.Option(help="Processes.", show_default="one per core", min=0, max=MAX_WORKERS)] = 0,
    people: Annotated[int, typer.Option(help="Demo people.", min=0)] = 10_000,
    numbers: Annotated[Numbers, typer.Option(help="How demo people are numbered.")] = Numbers.BAND,
    seed: Annotated[int, typer.Option(help="The same seed makes the same people.")] = 1,
    dsn: Annotated[str | None, typer.Option(help="A PostgreSQL server to use instead of the embedded one.")] = None,
    service: Annotated[list[str] | None, typer.Option(help="Module with a further SERVICE, to try your own.")] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Stop after the consultation; the exit code tells how it went.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the address only, and make no call.")] = False,
) -> None:
    """Set up a demo bank, make one signed consultation, show it, and keep serving until Ctrl-C.

    Example: kruispunt demo --port 4530 --people 1000
    """
    where = DemoDirectory((directory or default_directory()).absolute())
    options = Options(
        port=port,
        local_port=local_port,
        workers=workers or cores(),
        people=people,
        numbers=numbers,
        seed=seed,
        extra_services=tuple(service or ()),
        dsn=dsn,
    )
    show = _Show(where, options, quiet=quiet, once=once)
    with _alone(where):
        _prove_free(port, local_port)
        settings = build_files(where, options, show.step)
        show.step("PostgreSQL")
        with dsn_of(settings, kept=True) as found:
            prepare(settings, found)
            asyncio.run(establish_access(settings, found, "demo", always=True))
            asyncio.run(load_people(where, options, found, show.step))
            asyncio.run(subscribe(found))
            show.step(f"{options.workers} gateway worker{'s' if options.workers > 1 else ''}")
            asyncio.run(show.serve(settings, found))
    raise typer.Exit(show.exit_code)


def cores() -> int:
    """Cores that this process may use, as far as the settings let each have a worker."""
    return min(len(os.sched_getaffinity(0)), MAX_WORKERS)


@contextlib.contextmanager
def _alone(where: DemoDirectory) -> Iterator[None]:
    """One demo per directory."""
    where.root.mkdir(parents=True, exist_ok=True)
    with where.lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigurationError(
                f"a demo runs in {where.root} already; stop it, or choose another --dir, --port and --local-port"
            ) from None
        try:
            yield
        finally:
            (where.root / "ready.json").unlink(missing_ok=True)


def _prove_free(port: int, local_port: int) -> None:
    """Here, and not after the quarter of a minute that all else takes. Raises ConfigurationError."""
    for option, number in (("--port", port), ("--local-port", local_port)):
        try:
            for each in listen("127.0.0.1", number, 1, 1):
                each.close()
        except ConfigurationError as error:
            raise ConfigurationError(f"{option}: {error}") from None


@dataclass(slots=True)
class _Show:
    """What the demo prints, in its order."""

    where: DemoDirectory
    options: Options
    quiet: bool
    once: bool
    exit_code: int = 0
    began: float = 0.0
    running: Supervisor | None = None
    task: asyncio.Task[None] | None = None

    def step(self, what: str) -> None:
        if not self.began:
            self.began = time.monotonic()
        if not self.quiet:
            out.print(f"[dim]{time.monotonic() - self.began:5.1f} s[/]  {what}")

    async def serve(self, settings: Settings, dsn: str) -> None:
        extra = {"demo": True, "numbers": self.options.numbers.value}
        self.running = supervisor(settings, dsn, extra)
        await self.running.run(lambda addresses: self._ready(addresses, settings, dsn))
        if self.task is not None:
            await self.task

    def _ready(self, addresses: Addresses, settings: Settings, dsn: str) -> None:
        ready = {"url": addresses.url, "local": addresses.local_url, "pid": os.getpid()}
        (self.where.root / "ready.json").write_text(json.dumps(ready))
        if self.quiet and not self.once:
            typer.echo(addresses.url)
            return
        self.task = asyncio.create_task(self._first_call(addresses, settings, dsn))

    async def _first_call(self, addresses: Addresses, settings: Settings, dsn: str) -> None:
        assert self.running is not None
        try:
            self.step(f"serving at {addresses.url}")
            answer = await self._call(addresses)
            await self._tell(answer, settings, dsn)
        except KruispuntError as error:
            err.print(f"The consultation failed: {error}", markup=False)
            self.exit_code = 1
        if self.once:
            self.running.stop()
        elif not self.quiet:
            self._what_next(addresses)

    async def _call(self, addresses: Addresses) -> dict[str, Any]:
        """One consultation by a process of its own, as any client would make it."""
        persona = next(p for p in load_personas(discover(), self.options.numbers) if p.id == FIRST_PERSONA)
        command = [*arguments(persona), "--url", addresses.url, "--dir", str(self.where.root), "--json"]
        if not self.quiet:
            self.step("one signed consultation, from another process")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "kruispunt.cli.main", "call", *command, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        if process.returncode != 0:
            raise KruispuntError(f"the client ended with code {process.returncode}")
        answer: dict[str, Any] = json.loads(output)
        return answer

    async def _tell(self, answer: dict[str, Any], settings: Settings, dsn: str) -> None:
        if self.quiet:
            return
        for title in ("request", "reply"):
            out.rule(title)
            out.print(payload_text(answer[title].encode()), markup=False)
            out.print("[dim]This is the Body; the Header holds certificate, Timestamp and Signature.[/]")
        out.rule("what was checked, step by step")
        async with open_log(settings, dsn) as log:
            entries = await log.reader.by_ticket(Ticket(answer["ticket"]), who_reads(), "kruispunt demo")
        entry = next(e for e in entries if e.kind is Kind.OUTGOING)
        steps, stopped = explain(entry)
        print_steps(steps, stopped, entry.facts["outcome"])
        out.print(f"  {answer['verified']}")

    def _what_next(self, addresses: Addresses) -> None:
        default = self.where.root == default_directory()
        directory = "" if default else f" --dir {self.where.root}"
        config = "" if default else f" --config {self.where.settings}"
        program = Path(sys.argv[0])
        command = program.name if shutil.which(program.name) == str(program) else str(program)
        out.rule("what next")
        out.print(
            f"""The bank keeps serving at {addresses.url}; health and metrics at {addresses.local_url}.
In another terminal:
  {command} persona list
      every return code, and the call that provokes it{directory and f" (add{directory} to the call)"}
  {command} why TICKET{config}
      why a request was answered as it was
  {command} access matrix{config}
      who may ask what, under which legal context
  docs/tutorial/first-call.md
      the same consultation from your own program, with zeep or suds
Certificates and keys of the demo clients: {self.where.pki}
Ctrl-C stops it.""",
            markup=False,
        )
