"""The examples in the documentation are what the programs read."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from documentation import ROOT, blocks
from kruispunt.access.files import load
from kruispunt.configured import rows_of
from kruispunt.demo.build import REGISTERS
from kruispunt.demo.personas import Numbers, load_personas
from kruispunt.errors import ConfigurationError
from kruispunt.identifiers.ssin import Kind, Ssin, is_test_band, kind
from kruispunt.mutations import defining, entitlement, streams, subscriptions
from kruispunt.mutations.items import Rules
from kruispunt.registers.importing import import_people
from kruispunt.registers.jsonlines import ImportReport
from kruispunt.registers.people import State, find
from kruispunt.repertory import tenants
from kruispunt.repertory.importing import import_lines
from kruispunt.services.discovery import discover
from kruispunt.services.foreigner_situation.importing import import_situations
from kruispunt.services.foreigner_situation.service import SERVICE
from kruispunt.services.handi.importing import import_files
from kruispunt.settings_read import load as load_settings
from kruispunt.storage.database import Database

DOCS = ROOT / "docs"
TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LOADERS: dict[str, Any] = {
    "people": import_people,
    "inscriptions": import_lines,
    "situations": import_situations,
    "handicap-files": import_files,
}
ROWS = rows_of(discover())


def jsonl() -> dict[str, str]:
    pages = ("imports.md", "handicap-files.md")
    return {block.title: block.text for page in pages for block in blocks(DOCS / "reference" / page, "jsonl")}


def test_every_import_has_an_example() -> None:
    kinds = {kind for service in discover() for kind in service.imports}
    assert jsonl().keys() == LOADERS.keys() == {"people", "inscriptions", "handicap-files"} | kinds


def test_import_examples_are_taken_whole(fresh_dsn: str) -> None:
    async def work() -> tuple[dict[str, ImportReport], State]:
        database = await Database.open(fresh_dsn, size=2)
        try:
            reports = {
                name: await LOADERS[name](database, io.BytesIO(text.encode()), today=TODAY, test_band=True)
                for name, text in jsonl().items()
            }
            replaced = await find(database, Ssin("90421496028"))
            assert replaced is not None
            return reports, replaced.state
        finally:
            await database.close()

    reports, state = asyncio.run(work())
    for name, report in reports.items():
        assert report.refused == [], name
        assert report.accepted == len(jsonl()[name].splitlines()), name
    assert state is State.REPLACED


def test_people_of_the_examples_are_nobody() -> None:
    for line in jsonl()["people"].splitlines():
        number = Ssin(json.loads(line)["ssin"])
        assert int(number[6:9]) >= 900
        assert is_test_band(number) or kind(number) is Kind.BIS


def written(page: str, directory: Path) -> Path:
    """The access files of a page, as an operator would lay them down."""
    for block in blocks(DOCS / page, "toml"):
        if block.title.startswith("access/"):
            path = directory / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
    return directory / "access"


@pytest.mark.parametrize("page", ["reference/access.md", "how-to/register-a-client.md"])
def test_access_examples_are_accepted(page: str, tmp_path: Path) -> None:
    table = load(written(page, tmp_path), ROWS)
    assert "example-fund" in table.organisations
    assert {r.owner for r in table.registrations.values()} == {"example-fund"}
    grant = table.grant(SERVICE.name, "consultEmploymentInfos", "example-fund", "EXAMPLE:SUPPORT_FOR_WORKERS")
    assert grant is not None
    assert grant.data_groups == {"employmentCards"}


def test_a_mistake_in_an_access_example_would_be_noticed(tmp_path: Path) -> None:
    directory = written("reference/access.md", tmp_path)
    file = directory / "certificates.toml"
    file.write_text(file.read_text().replace("owner =", "owned ="))
    with pytest.raises(ConfigurationError):
        load(directory, ROWS)


def test_subscriptions_and_items_of_the_page_are_taken(fresh_dsn: str, tmp_path: Path) -> None:
    page = DOCS / "reference" / "subscriptions.md"
    (definitions,) = (block.text for block in blocks(page, "toml") if block.title == "subscriptions")
    (tmp_path / "subscriptions.toml").write_text(definitions, encoding="utf-8")
    (tmp_path / "grants").mkdir()
    shutil.copy(entitlement.FOLDER / "demo" / "grants.toml", tmp_path / "grants" / "mutations.toml")
    table = load(tmp_path, (entitlement.rows(["dimona"]),))
    texts = [block.text for form in ("jsonl", "xml") for block in blocks(page, form) if block.title == "items"]

    async def work() -> None:
        database = await Database.open(fresh_dsn, size=2)
        try:
            await tenants.define(database, tenants.read_definitions(REGISTERS), "tests")
            wanted = subscriptions.read_definitions(tmp_path / "subscriptions.toml")
            assert len(await defining.define(database, table, wanted, "tests", now=NOW)) == 2
            rules = Rules(TODAY, test_band=True)
            for text, count in zip(texts, (2, 1), strict=True):
                report = await streams.feed(database, "dimona", io.BytesIO(text.encode()), rules, author="tests")
                assert (report.accepted, report.refused) == (count, [])
        finally:
            await database.close()

    asyncio.run(work())


def test_settings_example_is_accepted(tmp_path: Path) -> None:
    (block,) = (b for b in blocks(DOCS / "how-to" / "run-a-server.md", "toml") if b.title.endswith("kruispunt.toml"))
    file = tmp_path / "kruispunt.toml"
    file.write_text(block.text, encoding="utf-8")
    settings = load_settings(file)
    assert settings.production
    assert settings.access_dir == tmp_path / "access"


def test_persona_example_is_the_one_that_ships() -> None:
    (block,) = (b for b in blocks(DOCS / "reference" / "personas.md", "toml") if b.title == "persona")
    (row,) = tomllib.loads(block.text)["persona"]
    shipped = tomllib.loads((SERVICE.folder / "personas.toml").read_text(encoding="utf-8"))["persona"]
    (same,) = (other for other in shipped if other["id"] == row["id"])
    assert row == same


def test_every_field_of_a_persona_is_documented() -> None:
    page = (DOCS / "reference" / "personas.md").read_text(encoding="utf-8")
    for service in discover():
        for row in tomllib.loads((service.folder / "personas.toml").read_text(encoding="utf-8"))["persona"]:
            nested = [row.get("client", {}), row.get("person", {}), row["request"], *row.get("lines", [])]
            for name in {*row, *(name for table in nested for name in table)}:
                assert f"`{name}`" in page or f"`{name} " in page, name


def test_personas_of_both_kinds_of_numbers_are_told_apart() -> None:
    """docs/reference/demo.md: BIS numbers are of the second kind in both."""
    for numbers in Numbers:
        for persona in load_personas(discover(), numbers):
            for row in persona.people:
                number = row["ssin"]
                assert is_test_band(number) == (numbers is Numbers.BAND and kind(number) is not Kind.BIS)
