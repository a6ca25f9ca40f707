"""`kruispunt batch`: files of inscriptions and deletions (RP-08)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from kruispunt.batch.csv_lines import CsvFile
from kruispunt.batch.files import State, Status, status
from kruispunt.batch.inbox import Inbox
from kruispunt.batch.items import Kind
from kruispunt.batch.run import OUTCOMES, Bench, Loaded, abandon, load_file
from kruispunt.batch.xml_lines import XmlFile
from kruispunt.cli.opening import with_database
from kruispunt.cli.terminal import ConfigOption, JsonOption, err, harmless, out, print_json, print_list
from kruispunt.errors import ConfigurationError, DataError, StorageError
from kruispunt.files.atomic import written_whole
from kruispunt.files.header import Header
from kruispunt.files.voucher import Voucher, content_of, sign_voucher, voucher_of
from kruispunt.gateway.secrets import read_certificates, read_key
from kruispunt.identifiers import cbe, organisation
from kruispunt.identifiers.cbe import CbeNumber, InvalidCbeNumber
from kruispunt.identifiers.organisation import InvalidOrganisation, OrganisationKey
from kruispunt.jobs import open_bench
from kruispunt.settings import Environment, Settings
from kruispunt.storage.database import Database
from kruispunt.wss.sign import Signer

logger = structlog.get_logger("batch")


def load_(
    file: Annotated[Path, typer.Argument(help="XML or CSV; its voucher lies beside it.", exists=True, dir_okay=False)],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load a file; what became of each line is written beside it. A load that was broken off goes on.

    Example: kruispunt batch load inscriptions.xml
    """

    async def work(bench: Bench) -> Loaded:
        with _bar() as bar:
            task = bar.add_task("lines", total=None)
            return await load_file(
                bench, file, progress=lambda done, total: bar.update(task, completed=done, total=total)
            )

    loaded = _at_bench(config, work)
    if as_json:
        print_json(_told(loaded.status) | {"before": loaded.before.value})
    else:
        out.print(_text(loaded), markup=False)
    if loaded.status.refused or loaded.status.not_loaded:
        raise typer.Exit(1)


def watch(
    directory: Annotated[Path, typer.Argument(help="Where files and vouchers arrive.", exists=True, file_okay=False)],
    every: Annotated[float, typer.Option("--every", help="Seconds between two looks.", min=0.1)] = 5.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, load what is there, and end.")] = False,
    config: ConfigOption = None,
) -> None:
    """Load files as they arrive in a directory, in the order of their numbers.

    Loaded ones go to `done` and their outcomes to `outcomes`, with owner and number in the name; refused ones to
    `refused`, with the reason. When the database goes away meanwhile it waits for it, except with `--once`.

    Example: kruispunt batch watch /srv/kruispunt/inbox
    """
    inbox = Inbox(directory)

    async def work(database: Database, settings: Settings) -> None:
        away = False
        while True:
            try:
                await inbox.look(lambda: open_bench(settings, database))
                away = False
            except StorageError as error:
                if once:
                    raise
                if not away:
                    logger.warning("the database is away", code="batch.storage", why=str(error))
                away = True
            if once:
                return
            await asyncio.sleep(every)

    with_database(config, work, kept=not once)


def status_(
    owner: Annotated[str | None, typer.Option("--owner", help="CBE number of the register's user.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the files that were taken last, and how far each came.

    Example: kruispunt batch status
    """
    number = None if owner is None else _cbe(owner, "--owner")
    found = with_database(config, lambda database, _: status(database, number))
    print_list(found, _told, _line, "No file was taken.", as_json=as_json)


def abandon_(
    owner: Annotated[str, typer.Argument(help="CBE number of the register's user.")],
    sequence: Annotated[int, typer.Argument(help="Sequence number of the file.", min=1)],
    outcomes: Annotated[
        Path | None,
        typer.Option("--outcomes", help="Where to write what became of each line.", show_default="OWNER-SEQUENCE here"),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give up a file whose load was broken off and cannot go on, so that the sender's next file is taken.

    What was loaded stays; lines that were not are NOT_LOADED in the outcomes. The file itself is not needed.

    Example: kruispunt batch abandon 0999800180 8
    """
    number = _cbe(owner, "OWNER")
    path = outcomes or Path(f"{number}-{sequence}{OUTCOMES}")
    loaded = _at_bench(config, lambda bench: abandon(bench, number, sequence, path))
    if as_json:
        print_json(_told(loaded.status) | {"before": loaded.before.value, "outcomes": str(path)})
        return
    out.print(f"{_abandoned(loaded)}\n{path}", markup=False, soft_wrap=True)


def voucher(
    file: Annotated[Path, typer.Argument(help="The file that the voucher is for.", exists=True, dir_okay=False)],
    key: Annotated[Path, typer.Option("--key", help="PEM: private key of the sender.", exists=True)],
    certificate: Annotated[Path, typer.Option("--certificate", help="PEM: its certificate.", exists=True)],
    environment: Annotated[Environment, typer.Option("--environment", help="Where the file is sent to.")],
    deletions: Annotated[bool, typer.Option("--deletions", help="Of a CSV file: it deletes.")] = False,
    sender: Annotated[
        str | None, typer.Option("--sender", help="Of a CSV file: CBE number or sector/institution.")
    ] = None,
    sequence: Annotated[int | None, typer.Option("--sequence", help="Of a CSV file: its number.", min=1)] = None,
    legal_context: Annotated[str | None, typer.Option("--legal-context", help="Of a CSV file.")] = None,
) -> None:
    """Make the voucher of a file, signed, as its sender.

    Example: kruispunt batch voucher inscriptions.xml --key app.key --certificate app.pem --environment acceptance
    """
    now = datetime.now(UTC)
    kind = Kind.DELETE if deletions else Kind.INSERT
    with file.open("rb") as source:
        lines: XmlFile | CsvFile
        if file.suffix.lower() == ".csv":
            if sender is None or sequence is None or legal_context is None:
                raise ConfigurationError("a CSV file has no header: give --sender, --sequence and --legal-context")
            lines = CsvFile(source, kind)
            header = Header(_organisation(sender), OrganisationKey(cbe.CBSS), legal_context, sequence, now)
        else:
            lines = XmlFile(source)
            kind, header = lines.kind, lines.header
        records = sum(map(len, lines.batches()))
    signer = Signer(read_key(key), read_certificates(certificate)[0])
    made = Voucher(header, kind.value, environment, records, content_of(file))
    with written_whole(voucher_of(file)) as target:
        target.write(sign_voucher(made, signer, now))
    out.print(f"{voucher_of(file)}: {records:,} lines", markup=False)


def _at_bench(config: Path | None, work: Callable[[Bench], Awaitable[Loaded]]) -> Loaded:
    async def run(database: Database, settings: Settings) -> Loaded:
        async with open_bench(settings, database) as bench:
            return await work(bench)

    return with_database(config, run)


def _bar() -> Progress:
    columns: Sequence[TextColumn | BarColumn | MofNCompleteColumn | TimeRemainingColumn] = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)


def _told(each: Status) -> dict[str, object]:
    return {
        "owner": each.owner,
        "sequenceNumber": each.sequence,
        "kind": each.kind.value,
        "records": each.records,
        "lines": each.lines,
        "done": each.done,
        "unchanged": each.unchanged,
        "refused": each.refused,
        "notLoaded": each.not_loaded,
        "author": each.author,
        "received": each.received.isoformat(),
        "finished": None if each.finished is None else each.finished.isoformat(),
    }


def _text(loaded: Loaded) -> str:
    found = loaded.status
    if loaded.before is State.FINISHED and found.not_loaded:
        return _abandoned(loaded)
    if loaded.before is State.FINISHED:
        return f"File {found.sequence} was loaded before: nothing was changed. Its outcomes were written again."
    gone_on = " The load had been broken off, and went on." if loaded.before is State.BROKEN_OFF else ""
    return f"{found.done:,} lines done, {found.unchanged:,} unchanged, {found.refused:,} refused.{gone_on}"


def _abandoned(loaded: Loaded) -> str:
    found = loaded.status
    before = loaded.before is State.FINISHED
    if not found.not_loaded:
        was = "was loaded to its end" if before else "had been loaded to its last line, and is ended now"
        return f"File {found.sequence} {was}: every line has its outcome."
    again = " before: nothing was changed. Its outcomes were written again." if before else "."
    return (
        f"File {found.sequence} was given up{again} {found.lines:,} lines were loaded, {found.not_loaded:,} were not."
    )


def _line(each: Status) -> str:
    ended = "given up" if each.not_loaded else "finished"
    share = ended if each.finished else f"{100 * each.lines // max(each.records, 1)}%"
    text = (
        f"{each.owner} {each.sequence:>6}  {each.kind.value.lower():12} {share:>8}  {each.lines:,} of {each.records:,} "
        f"lines: {each.done:,} done, {each.unchanged:,} unchanged, {each.refused:,} refused  {each.author}"
    )
    return harmless(text)


def _cbe(text: str, name: str) -> CbeNumber:
    try:
        return cbe.validate(text)
    except InvalidCbeNumber as error:
        raise DataError(f"{name}: {error}") from None


def _organisation(text: str) -> OrganisationKey:
    try:
        return organisation.parse(text)
    except InvalidOrganisation as error:
        raise DataError(f"--sender: {error}") from None
