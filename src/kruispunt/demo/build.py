"""Builds a demo directory: settings, PKI, access files, log key, people. What is there already is kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.json import Encoder
from pydantic import SecretStr

from kruispunt.access import store
from kruispunt.access.files import load_directory
from kruispunt.access.model import Organisation
from kruispunt.clock import SystemClock, today
from kruispunt.configured import services_of
from kruispunt.demo import additions
from kruispunt.demo.directory import DemoDirectory
from kruispunt.demo.personas import Numbers, Persona, load_personas
from kruispunt.demo.pki import create_pki
from kruispunt.demo.population import population
from kruispunt.demo.supplied import Supplied
from kruispunt.errors import DataError
from kruispunt.identifiers import cbe
from kruispunt.mutations import defining, entitlement, subscriptions
from kruispunt.pipeline.service import Service
from kruispunt.registers.importing import import_people
from kruispunt.registers.jsonlines import ImportReport
from kruispunt.repertory import tenants
from kruispunt.repertory.importing import import_lines
from kruispunt.securitylog.keys import new_master_key
from kruispunt.settings import Environment, Settings
from kruispunt.storage.database import Database

REGISTERS = Path(__file__).with_name("registers.toml")
"""Registers of demo organisations' own, and dossier types of the repertory of CBSS (RP-01)."""
REGISTER = "register-"
"""How the file with the lines of such a register begins."""

REFUSALS_LOGGED = 1_000_000
"""Every one: a learner makes the same mistake a hundred times, and `kruispunt why` explains each ticket."""

UNREGISTERED = "stranger"
TESTER_SERVICES = ("TestConnectionServiceService",)
VOLUMES = {"bounded": "{ per_day = 0 }"}
"""Zero: its first request of the day is one too many already, whoever asked before."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    port: int = 4520
    local_port: int = 4521
    workers: int = 1
    people: int = 10_000
    numbers: Numbers = Numbers.BAND
    seed: int = 1
    host: str = "127.0.0.1"
    extra_services: tuple[str, ...] = ()
    dsn: str | None = None
    """A PostgreSQL server instead of the embedded one."""


def settings_for(directory: DemoDirectory, options: Options) -> Settings:
    """Settings of the demo server: the development environment, everything inside the directory."""
    pki = directory.pki
    return Settings(
        environment=Environment.DEVELOPMENT,
        dsn=None if options.dsn is None else SecretStr(options.dsn),
        data_dir=directory.postgres if options.dsn is None else None,
        host=options.host,
        port=options.port,
        local_port=options.local_port,
        workers=options.workers,
        refusals_logged=REFUSALS_LOGGED,
        tls_certificate=pki / "server.pem",
        tls_key=pki / "server.key",
        client_ca=pki / "ca.pem",
        signing_certificate=pki / "signing.pem",
        signing_key=pki / "signing.key",
        access_dir=directory.access,
        log_master_key_file=directory.master_key,
        extra_services=options.extra_services,
        mutation_dir=directory.mutations,
    )


def build_files(directory: DemoDirectory, options: Options, tell: Progress) -> Settings:
    """Everything that needs no database. Returns the server's settings."""
    directory.root.mkdir(parents=True, exist_ok=True)
    tell("certificates of the demo PKI")
    settings = settings_for(directory, options)
    create_pki(directory.pki, additions.clients(services_of(settings)))
    _write_access(directory, services_of(settings))
    directory.mutations.mkdir(mode=0o700, exist_ok=True)
    if not directory.master_key.exists():
        directory.master_key.parent.mkdir(mode=0o700, exist_ok=True)
        new_master_key(directory.master_key)
    _write_settings(directory, settings)
    return settings


def _write_settings(directory: DemoDirectory, settings: Settings) -> None:
    values = json.loads(settings.to_json())
    lines = ["# Settings of the demo server. Written anew at every start of the demo.", ""]
    for name, value in values.items():
        if value is not None and value != []:
            lines.append(f"{name} = {json.dumps(value)}")
    directory.settings.touch(mode=0o600)
    directory.settings.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_access(directory: DemoDirectory, services: Sequence[Service]) -> None:
    """The demo's organisations and certificates; per service the rows that ship and the demo's own."""
    grants = directory.access / "grants"
    grants.mkdir(parents=True, exist_ok=True)
    (directory.access / "organisations.toml").write_text(additions.organisations(services), encoding="utf-8")
    owners = additions.owners(s.folder for s in services)
    rows = ["# The demo's client certificates. `stranger` is left out on purpose.", ""]
    for client in (c.name for c in additions.clients(services) if c.name != UNREGISTERED):
        owner = owners.get(client, client)
        offered = TESTER_SERVICES if client == "tester" else (*(s.name for s in services), entitlement.SERVICE)
        rows += [
            "[[certificate]]",
            f'urn = "urn:kruispunt:demo:{client}"',
            f'certificate = "../pki/{client}.pem"',
            f'owner = "{owner}"',
            f"services = {json.dumps(offered)}",
            *(f"volume = {volume}" for name, volume in VOLUMES.items() if name == client),
            "",
        ]
    (directory.access / "certificates.toml").write_text("\n".join(rows), encoding="utf-8")
    for folder in (*(service.folder for service in services), entitlement.FOLDER):
        (grants / f"{folder.name}.toml").write_text(additions.grants_in(folder), encoding="utf-8")


async def load_people(directory: DemoDirectory, options: Options, dsn: str, tell: Progress) -> None:
    """Writes the demo people as files and imports them, unless this very population was loaded before."""
    wanted = {"people": options.people, "numbers": options.numbers.value, "seed": options.seed}
    services = services_of(settings_for(directory, options))
    personas = load_personas(services, options.numbers)
    wanted["personas"] = len(personas)
    if directory.loaded.exists() and json.loads(directory.loaded.read_text()) == wanted:
        return
    directory.data.mkdir(exist_ok=True)
    tell(f"{options.people:,} demo people")
    _write_people(directory, options, services, personas)
    database = await Database.open(dsn, size=4)
    try:
        await _import_all(directory, database, services, tell)
    finally:
        await database.close()
    directory.loaded.write_text(json.dumps(wanted))


async def subscribe(dsn: str) -> None:
    """Puts the demo's subscriptions in force, by the access table that is; again changes nothing."""
    definitions = subscriptions.read_definitions(entitlement.FOLDER / "demo" / "subscriptions.toml")
    database = await Database.open(dsn, size=1)
    try:
        table = (await store.current(database)).table
        await defining.define(database, table, definitions, "demo", now=SystemClock().now())
    finally:
        await database.close()


def _write_people(
    directory: DemoDirectory, options: Options, services: Sequence[Service], personas: Sequence[Persona]
) -> None:
    people = _Lines(directory.data / "people.jsonl")
    people.extend(p for persona in personas for p in persona.people)
    organisations = load_directory(directory.access, [s.folder / "organisations.toml" for s in services]).organisations
    lines = _Lines(directory.data / "inscriptions.jsonl")
    of_personas = [line for persona in personas for line in persona.lines]
    lines.extend(_by_key(line, organisations) for line in of_personas if "register" not in line)
    for owner, of_register in _registers(of_personas, organisations).items():
        own = _Lines(directory.data / f"{REGISTER}{owner}.jsonl")
        own.extend(of_register)
        own.close()
    supplied, others = Supplied(services, options.seed, today(SystemClock())), _suppliers(directory, services, personas)
    for demo in population(options.people, options.numbers, options.seed):
        people.append(demo.person)
        lines.extend(demo.lines)
        if demo.situation is not None:
            others["situations"].append(demo.situation)
        for kind, row in supplied.of(demo.person):
            (lines if kind == "inscriptions" else others[kind]).append(row)
    for file in (people, lines, *others.values()):
        file.close()


def _suppliers(
    directory: DemoDirectory, services: Sequence[Service], personas: Sequence[Persona]
) -> Mapping[str, _Lines]:
    """A file for each kind of data that services import, with what is known of the personas."""
    files = {}
    for service in services:
        for kind in service.imports:
            files[kind] = _Lines(directory.data / f"{kind}.jsonl")
            files[kind].extend({"ssin": p.final, **p.data} for p in personas if p.service is service and p.data)
    return files


def _registers(
    lines: Sequence[Mapping[str, Any]], organisations: Mapping[str, Organisation]
) -> Mapping[str, list[Mapping[str, Any]]]:
    """The lines of registers of organisations' own, by CBE number of the owner (RP-01)."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for line in lines:
        if "register" in line:
            owner = organisations[line["register"]].cbe
            assert owner is not None, "who has a register has a CBE number"
            row = {name: value for name, value in line.items() if name != "register"}
            found.setdefault(owner, []).append(row if row["organisation"] is None else _by_key(row, organisations))
    return found


def _by_key(line: Mapping[str, Any], organisations: Mapping[str, Organisation]) -> Mapping[str, Any]:
    """Personas name organisations by code; the import wants the key by which they are inscribed."""
    return {**line, "organisation": organisations[line["organisation"]].inscribed_as}


class _Lines:
    """A file of JSON Lines that is made anew; written at once, because a million people do not fit in memory."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._encode = Encoder().encode

    def append(self, row: Mapping[str, Any]) -> None:
        self._file.write(self._encode(row) + b"\n")

    def extend(self, rows: Iterable[Mapping[str, Any]]) -> None:
        for row in rows:
            self.append(row)

    def close(self) -> None:
        self._file.close()


async def _import_all(
    directory: DemoDirectory, database: Database, services: Sequence[Service], tell: Progress
) -> None:
    """What suppliers hold is loaded beside the people: the database works for one while lines of the other are read."""
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_import_people(directory, database, tell))
            group.create_task(_import_supplied(directory, database, services, tell))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


async def _import_people(directory: DemoDirectory, database: Database, tell: Progress) -> None:
    day = today(SystemClock())
    with (directory.data / "people.jsonl").open("rb") as file:
        _expect_all(await import_people(database, file, today=day, test_band=True), "people.jsonl")
    tell("their inscriptions in the repertory")
    with (directory.data / "inscriptions.jsonl").open("rb") as file:
        _expect_all(await import_lines(database, file, today=day, test_band=True), "inscriptions.jsonl")
    await tenants.define(database, tenants.read_definitions(REGISTERS), "import")
    for path in sorted(directory.data.glob(f"{REGISTER}*.jsonl")):
        owner = cbe.validate(path.stem.removeprefix(REGISTER))
        with path.open("rb") as file:
            report = await import_lines(database, file, today=day, test_band=True, owner=owner)
        _expect_all(report, path.name)


async def _import_supplied(
    directory: DemoDirectory, database: Database, services: Sequence[Service], tell: Progress
) -> None:
    day = today(SystemClock())
    for service in services:
        for kind, load in service.imports.items():
            tell(f"{kind} of {service.name}")
            with (directory.data / f"{kind}.jsonl").open("rb") as file:
                _expect_all(await load(database, file, today=day, test_band=True), f"{kind}.jsonl")


def _expect_all(report: ImportReport, name: str) -> None:
    if report.refused_count:
        first = report.refused[0]
        raise DataError(f"{report.refused_count} lines were refused; first: {first.why}", where=f"{name}:{first.line}")
