"""Every setting, command, code, rule, metric and field is documented, and nothing that is not there."""

from __future__ import annotations

import ast
import re
import runpy
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from documentation import GENERATED, ROOT
from kruispunt.access.files import _CertificateRow, _GrantRow, _OrganisationRow
from kruispunt.errors import FAULTS, RefusalReason, Rule, SupplierFailureKind
from kruispunt.gateway.endings import Endings
from kruispunt.gateway.metrics import BUCKETS, Metrics
from kruispunt.gateway.undelivered import Undelivered
from kruispunt.services.discovery import discover
from kruispunt.settings import Settings
from kruispunt.xml.parse import LIMITS

REFERENCE = ROOT / "docs" / "reference"
PACKAGE = ROOT / "src" / "kruispunt"
PAGES: dict[str, Callable[[], str]] = runpy.run_path(str(ROOT / "docs" / "generate.py"))["PAGES"]

_RULE = re.compile(r"[a-z][a-z-]*(?:\.[a-z][a-z-]*)+")
NO_RULES = {"kruispunt.tls"}
"""Dotted names in the code that are something else."""


def read(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_generated_page_is_fresh(name: str) -> None:
    assert read(name) == PAGES[name](), "run: make docs"


def test_generated_pages_are_those_that_say_so() -> None:
    assert set(PAGES) == GENERATED
    assert {
        page.name for page in REFERENCE.glob("*.md") if "Written by docs/generate.py" in page.read_text()
    } == GENERATED


def test_every_setting_says_what_it_is() -> None:
    page = read("settings.md")
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert f"| `{name}` | `KRUISPUNT_{name.upper()}` |" in page


def test_every_code_stands_in_the_page_and_in_its_service_s_own() -> None:
    page = read("codes.md")
    for fault in FAULTS:
        assert f"| `{fault.code}` | {fault.side} |" in page
    for reason in RefusalReason:
        assert f"| `{reason.value}` |" in page
    for service in discover():
        own = (service.folder / "README.md").read_text(encoding="utf-8")
        for code in service.codes:
            assert f"| {code.value.value} | `{code.code}` |" in page
            assert f"| {code.value.value} | {code.code} |" in own
            assert code.remedy or code.value.value == "DATA_FOUND"


def test_every_rule_is_documented_and_no_other() -> None:
    """The names that `kruispunt why` prints."""
    page = read("rules.md")
    cells = re.findall(r"^\| (`[^|]+) \|", page, re.MULTILINE)
    told = {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}
    dotted = {name for path in sources() for name in rules_in(path)} - NO_RULES
    made = {"supplier." + kind.name.lower() for kind in SupplierFailureKind} | {rule.value for rule in Rule}
    assert told == dotted | made | {"unexpected"}


def sources() -> Iterator[Path]:
    for part in ("pipeline", "gateway", "wss", "xml", "services", "errors.py"):
        place = PACKAGE / part
        yield from (place,) if place.is_file() else place.rglob("*.py")


def rules_in(path: Path) -> Iterator[str]:
    """Dotted names that are passed to a call: that is how refusals are made."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            for given in node.args:
                if isinstance(given, ast.Constant) and isinstance(given.value, str) and _RULE.fullmatch(given.value):
                    yield given.value


def test_limits_are_those_of_the_parser() -> None:
    page = read("rules.md")
    for told in (f"{LIMITS.elements:,} elements", f"{LIMITS.depth} deep", f"{LIMITS.attributes} attributes"):
        assert f"more than {told}" in page
    assert f"more than {LIMITS.namespaces} namespace declarations" in page
    assert f"a namespace name of more than {LIMITS.namespace} characters" in page


def test_every_metric_is_documented() -> None:
    before = {family.name for family in REGISTRY.collect()}
    Metrics()
    made = [family for family in REGISTRY.collect() if family.name not in before]
    made += [*Endings().collect(), *Undelivered().collect()]
    page = read("metrics.md")
    assert len(made) == page.count("| `kruispunt_") == 14
    for family in made:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert f"| `{name}` | {family.type} |" in page
    assert ", ".join(f"{bucket:g}" for bucket in BUCKETS) in page


def test_every_field_of_the_access_files_is_documented() -> None:
    page = read("access.md")
    sections = re.split(r"^## ", page, flags=re.MULTILINE)
    for heading, form in (
        ("organisations.toml", _OrganisationRow),
        ("certificates.toml", _CertificateRow),
        ("grants", _GrantRow),
    ):
        (section,) = (s for s in sections if s.startswith(heading + "\n"))
        for name in form.model_fields:
            assert re.search(rf"^\| [^|]*`{name}`", section, re.MULTILINE), f"{heading}: {name}"


def test_every_data_group_and_organisation_that_ships_is_documented() -> None:
    page = read("access.md")
    shipped = tomllib.loads((PACKAGE / "access" / "organisations.toml").read_text(encoding="utf-8"))
    for row in shipped["organisation"]:
        assert f"`{row['code']}`" in page
    for service in discover():
        rows = tomllib.loads((service.folder / "contexts.toml").read_text(encoding="utf-8")).get("grant", [])
        for group in {group for row in rows for group in row.get("data_groups", [])}:
            assert f"`{group}`" in page


def test_every_path_of_a_service_is_documented() -> None:
    page = read("http.md")
    for service in discover():
        assert f"| `{service.path}` |" in page
