"""`kruispunt receive`: the subscriber's side of mutations. It needs no settings and no database of a server (RP-18)."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import structlog
import typer

from kruispunt.cli.terminal import JsonOption, err, harmless, out, print_json
from kruispunt.client.signing import platform_trust
from kruispunt.client.transport import tls_context
from kruispunt.errors import ConfigurationError
from kruispunt.identifiers import organisation
from kruispunt.identifiers.organisation import InvalidOrganisation, OrganisationKey
from kruispunt.jetstream import extra
from kruispunt.receive.checking import Expected
from kruispunt.receive.copy import Bond, Copy, Received, Trouble
from kruispunt.receive.folder import FolderSource
from kruispunt.receive.https import HttpsSource, Waiting
from kruispunt.receive.lateness import MARGIN_DAYS, late
from kruispunt.receive.problems import NotReceived, Problem
from kruispunt.receive.run import COPY, FILES, Desk, Outcome, alone, fetch_again
from kruispunt.receive.run import receive as receive_files
from kruispunt.receive.source import CODE, Source
from kruispunt.receive.spool import SPOOL, Spool
from kruispunt.settings import Environment

logger = structlog.get_logger("receive")

T = TypeVar("T")
_Tls = tuple[Path | None, Path | None, Path | None]
"""Certificate, key, and the issuer of the other side."""

UrlOption = Annotated[str | None, typer.Option("--url", help="Address of the platform: https://host:port.")]
FolderOption = Annotated[
    Path | None, typer.Option("--folder", help="Instead: where files and vouchers lie that came by SFTP.")
]
NatsOption = Annotated[
    list[str] | None,
    typer.Option("--nats", help="Instead: address of NATS, tls://host:port, to which files are pushed; once for each."),
]
CodeOption = Annotated[str | None, typer.Option("--subscription", help="Code of the subscription.")]
CertificateOption = Annotated[Path | None, typer.Option("--certificate", help="PEM: your certificate.")]
KeyOption = Annotated[Path | None, typer.Option("--key", help="PEM: its private key.")]
CaOption = Annotated[Path | None, typer.Option("--ca", help="PEM: issuer of the platform's TLS certificate.")]
PlatformOption = Annotated[
    list[Path] | None,
    typer.Option("--platform-certificate", help="PEM: certificate that signs vouchers; once for each, if several."),
]
IntoOption = Annotated[
    Path | None, typer.Option("--into", help="Directory of the copy: one for each subscription.", file_okay=False)
]
EnvironmentOption = Annotated[
    Environment | None, typer.Option("--environment", help="That files must be of; by default that of the first one.")
]
LateOption = Annotated[
    int, typer.Option("--late-after", help="Days behind yesterday from which on a missing day is told.", min=0)
]


def receive(
    context: typer.Context,
    url: UrlOption = None,
    folder: FolderOption = None,
    nats: NatsOption = None,
    subscription: CodeOption = None,
    certificate: CertificateOption = None,
    key: KeyOption = None,
    ca: CaOption = None,
    platform_certificate: PlatformOption = None,
    into: IntoOption = None,
    environment: EnvironmentOption = None,
    receiver: Annotated[
        str | None, typer.Option("--receiver", help="That files must be for: CBE number or sector/institution.")
    ] = None,
    legal_context: Annotated[
        str | None, typer.Option("--legal-context", help="That files must come under, from the next one on.")
    ] = None,
    first: Annotated[int, typer.Option("--first", help="Number of the first file of a new copy.", min=1)] = 1,
    once: Annotated[bool, typer.Option("--once", help="Load what is there, and end. The default.")] = False,
    every: Annotated[float | None, typer.Option("--every", help="Go on: seconds between two looks.", min=0.1)] = None,
    late_after: LateOption = MARGIN_DAYS,
    as_json: JsonOption = False,
) -> None:
    """Receive files of mutations as a subscriber: in order, each verified and loaded once into a copy (SQLite).

    What is wrong with a file has an exit code of its own; nothing of it is loaded, and later files wait. A day of which
    no file came has one too, for files that come each day: those that are pushed come when something changed.

    Example: kruispunt receive --folder inbox --subscription town --platform-certificate signing.pem --into copy
    """
    if context.invoked_subcommand is not None:
        return
    if once and every is not None:
        raise ConfigurationError("--once and --every: give one of them")
    where, code = _needed(into, "--into"), _code(subscription)
    expected = Expected(code, environment, _organisation(receiver), legal_context)
    trust = platform_trust(_needed(platform_certificate, "--platform-certificate"))
    tls = (certificate, key, ca)
    origin = _nats(nats, url, folder, code, environment, tls, where) if nats else _source(url, folder, code, tls, where)
    with _reported(as_json), alone(where), origin as source, Copy(where / COPY) as copy:
        desk = Desk(copy, trust, expected, first, lambda: datetime.now(UTC), None if nats else late_after)
        if every is None:
            _end(receive_files(desk, source), copy, code, as_json)
        else:
            _go_on(desk, source, every)


def status(into: IntoOption = None, late_after: LateOption = MARGIN_DAYS, as_json: JsonOption = False) -> None:
    """Show what a copy holds, what is missing, since when, and what to do.

    Example: kruispunt receive status --into copy
    """
    where = _needed(into, "--into")
    if not (where / COPY).is_file():
        raise ConfigurationError(f"{where / COPY} does not exist; nothing was received into this directory")
    with _reported(as_json), Copy(where / COPY) as copy:
        bond, last = copy.bond, copy.received(copy.last)
        counts, waiting, troubles = copy.counts(), copy.unacknowledged(), copy.troubles()
    if not (where / SPOOL).exists() and (silence := late(last, datetime.now(UTC), late_after)) is not None:
        troubles.append(silence)
    if as_json:
        print_json(
            {
                "subscription": None if bond is None else bond.code,
                "environment": None if bond is None else bond.environment.value,
                "legalContext": None if bond is None else bond.legal_context,
                "last": None if last is None else _told(last),
                "holds": counts,
                "unacknowledged": [file.sequence for file in waiting],
                "troubles": [_stuck(each) for each in troubles],
            }
        )
    else:
        _show(bond, last, counts, waiting, troubles)
    if troubles:
        raise typer.Exit(troubles[0].problem.exit_code)


def again(
    sequence: Annotated[int, typer.Argument(help="Number of the file.", min=1)],
    url: UrlOption = None,
    subscription: CodeOption = None,
    certificate: CertificateOption = None,
    key: KeyOption = None,
    ca: CaOption = None,
    platform_certificate: PlatformOption = None,
    into: IntoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch an earlier file once more, verified, without loading it; if the platform no longer has it, ask for it.

    It takes the options of `kruispunt receive --url`.

    Example: kruispunt receive again 17 --url https://localhost:4520 --subscription town --into copy
    """
    where, code = _needed(into, "--into"), _code(subscription)
    trust = platform_trust(_needed(platform_certificate, "--platform-certificate"))
    origin = _https(_needed(url, "--url"), code, (certificate, key, ca), where)
    with _reported(as_json), alone(where), origin as source, Copy(where / COPY) as copy:
        desk = Desk(copy, trust, Expected(code), 1, lambda: datetime.now(UTC))
        path, pushed = _fetched_again(desk, source, sequence)
    if as_json:
        file = None if path is None else str(path)
        print_json({"sequence": sequence, "file": file, "requested": path is None, "pushed": pushed})
    elif pushed:
        out.print(
            f"File {sequence} was asked for. It is pushed again: kruispunt receive --nats takes it, if it misses."
        )
    elif path is None:
        out.print(f"File {sequence} was asked for. The platform makes it again; fetch it later by the same command.")
    else:
        out.print(f"File {sequence} lies in {path}, and is what was signed for.", markup=False)


@contextlib.contextmanager
def _reported(as_json: bool) -> Iterator[None]:
    """What stands in the way becomes a message and an exit code."""
    try:
        yield
    except NotReceived as error:
        _print_problem(error, as_json)
        raise typer.Exit(error.problem.exit_code) from error


def _fetched_again(desk: Desk, source: HttpsSource, sequence: int) -> tuple[Path | None, bool]:
    """Where the file lies; None when the platform does not have it any more, and was asked to make it, or push it,
    again; and whether it is pushed.
    """
    try:
        return fetch_again(desk, source, sequence), False
    except NotReceived as error:
        if error.problem is not Problem.MISSING:
            raise
        return None, source.request(sequence)


def _end(outcome: Outcome, copy: Copy, code: str, as_json: bool) -> None:
    problem = outcome.problem
    if as_json:
        told = {"subscription": code, "loaded": [_told(file) for file in outcome.loaded], "last": copy.last}
        print_json(told | {"problem": None if problem is None else _problem(problem)})
    else:
        for file in outcome.loaded:
            out.print(f"File {file.sequence} of {file.day}: {file.records:,} records loaded.", markup=False)
        if not outcome.loaded and problem is None:
            out.print(
                f"Nothing new; the last file is {copy.last}." if copy.last else "Nothing there yet.", markup=False
            )
        if problem is not None:
            _print_problem(problem, False)
    if problem is not None:
        raise typer.Exit(problem.problem.exit_code)


def _go_on(desk: Desk, source: Source, every: float) -> None:
    """Rounds until SIGTERM or Ctrl-C; a file that is being loaded is loaded to its end."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while True:
        outcome = receive_files(desk, source, stop.is_set)
        for file in outcome.loaded:
            logger.info("a file was loaded", sequence=file.sequence, day=file.day, records=file.records)
        if (problem := outcome.problem) is not None:
            logger.warning(
                "a file could not be received",
                code=f"receive.{problem.problem.value}",
                sequence=problem.sequence,
                until=problem.until,
                why=problem.why,
                remedy=problem.remedy,
            )
        if stop.wait(every):
            return


@contextlib.contextmanager
def _source(url: str | None, folder: Path | None, code: str, tls: _Tls, into: Path) -> Iterator[Source]:
    if (url is None) == (folder is None):
        raise ConfigurationError("--url, --folder or --nats: give one of them")
    if folder is not None:
        yield FolderSource(folder, code)
        return
    with _https(_needed(url, "--url"), code, tls, into) as source:
        yield source


@contextlib.contextmanager
def _nats(
    servers: list[str],
    url: str | None,
    folder: Path | None,
    code: str,
    environment: Environment | None,
    tls: _Tls,
    into: Path,
) -> Iterator[Source]:
    if url is not None or folder is not None:
        raise ConfigurationError("--url, --folder or --nats: give one of them")
    with extra.needed():
        from kruispunt.jetstream.connection import Way
        from kruispunt.receive.pushed import PushedSource
    if all(server.startswith("tls://") for server in servers):
        certificate, key, ca = _all_needed(tls)
        way = Way(tuple(servers), ca, certificate, key)
    elif any(tls):
        raise ConfigurationError("--nats: certificates need tls://")
    else:
        way = Way(tuple(servers))
    with Spool(into / SPOOL) as spool:
        yield PushedSource(way, _needed(environment, "--environment"), code, spool, into / FILES)


def _https(url: str, code: str, tls: _Tls, into: Path) -> HttpsSource:
    certificate, key, ca = _all_needed(tls)
    context = tls_context(ca, certificate, key)
    return HttpsSource(url, context, code, into / FILES, Waiting(time.monotonic, time.sleep))


def _all_needed(tls: _Tls) -> tuple[Path, Path, Path]:
    certificate, key, ca = tls
    return _needed(certificate, "--certificate"), _needed(key, "--key"), _needed(ca, "--ca")


def _needed(value: T | None, option: str) -> T:
    if not value:
        raise ConfigurationError(f"{option} is missing; see kruispunt receive --help")
    return value


def _code(text: str | None) -> str:
    code = _needed(text, "--subscription")
    if CODE.fullmatch(code) is None:
        raise ConfigurationError("--subscription: a code has small letters, digits and hyphens, 64 at most")
    return code


def _organisation(text: str | None) -> OrganisationKey | None:
    try:
        return None if text is None else organisation.parse(text)
    except InvalidOrganisation as error:
        raise ConfigurationError(f"--receiver: {error}") from None


def _told(file: Received) -> dict[str, object]:
    return {
        "sequence": file.sequence,
        "day": file.day,
        "records": file.records,
        "size": file.size,
        "sha256": file.sha256,
        "loaded": file.loaded,
    }


def _problem(error: NotReceived) -> dict[str, object]:
    return {
        "problem": error.problem.value,
        "sequence": error.sequence,
        "until": error.until,
        "why": error.why,
        "remedy": error.remedy,
    }


def _print_problem(error: NotReceived, as_json: bool) -> None:
    if as_json:
        print_json({"problem": _problem(error)})
        return
    file = "" if error.sequence is None else f"file {error.sequence}: "
    err.print(harmless(f"kruispunt: {error.problem.value}: {file}{error.why}."), markup=False)
    if error.remedy:
        err.print(harmless(f"{error.remedy}."), markup=False)


def _stuck(trouble: Trouble) -> dict[str, object]:
    return {
        "problem": trouble.problem.value,
        "sequence": trouble.sequence,
        "until": trouble.until,
        "since": trouble.since,
        "why": trouble.why,
        "remedy": trouble.remedy,
    }


def _show(
    bond: Bond | None, last: Received | None, counts: dict[str, int], waiting: list[Received], troubles: list[Trouble]
) -> None:
    lines = []
    if bond is not None:
        lines.append(f"subscription {bond.code}, {bond.environment.value}, under {bond.legal_context}")
    if last is None:
        lines.append("no file was loaded yet")
    else:
        lines.append(f"last file {last.sequence}, of {last.day}, loaded {last.loaded}")
    lines.append(f"{counts['person']:,} people, {counts['replaced']:,} old numbers, {counts['item']:,} items")
    if waiting:
        lines.append(f"not acknowledged: {', '.join(str(file.sequence) for file in waiting)}")
    for each in troubles:
        lines += [f"{each.problem.value} since {each.since}: {each.why}", f"  {each.remedy}"]
    for line in lines:
        out.print(harmless(line), markup=False)
