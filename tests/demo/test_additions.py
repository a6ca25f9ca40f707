"""What services bring to the demo: clients, organisations and grants that no production server loads."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Sequence

import pytest

from kruispunt.access.files import load
from kruispunt.configured import rows_of
from kruispunt.demo import additions
from kruispunt.demo.pki import CLIENTS
from kruispunt.demo.suppliers import FailingFor
from kruispunt.errors import SupplierError, SupplierFailureKind
from kruispunt.services.discovery import discover

SERVICES = discover()
HANDI = next(s for s in SERVICES if s.name == "HandiService")


def test_clients_of_services_come_beside_the_demo_s_own() -> None:
    names = [client.name for client in additions.clients(SERVICES)]
    assert names[: len(CLIENTS)] == [client.name for client in CLIENTS]
    assert len(set(names)) == len(names)
    assert {"ocmw", "sppis", "vsb"} <= set(names)
    assert additions.owners(s.folder for s in SERVICES)["ocmw"] == "demo-ocmw"


def test_files_that_are_put_together_are_valid_files() -> None:
    rows = tomllib.loads(additions.organisations(SERVICES))["organisation"]
    assert {"demo-limited", "demo-ocmw"} <= {row["code"] for row in rows}
    shipped = tomllib.loads((HANDI.folder / "contexts.toml").read_text(encoding="utf-8"))["grant"]
    assert len(tomllib.loads(additions.grants(HANDI))["grant"]) > len(shipped)


def test_nothing_of_the_demo_ships() -> None:
    table = load(None, rows_of(SERVICES))
    assert not [o for o in table.organisations.values() if o.source == "demo"]
    assert not [g for g in table.grants.values() if g.source == "demo"]


class Well:
    async def one(self, ssin: str) -> str:
        return ssin

    async def several(self, ssins: Sequence[str], more: int = 0) -> tuple[Sequence[str], int]:
        return ssins, more


def test_a_supplier_fails_for_a_person_however_many_are_asked_about() -> None:
    supplier = FailingFor(Well(), "X", {"2": "schema", "3": "crash"})
    assert asyncio.run(supplier.one("1")) == "1"
    assert asyncio.run(supplier.several(("1", "4"), more=5)) == (("1", "4"), 5)
    for call in (supplier.one("2"), supplier.several(("1", "2"))):
        with pytest.raises(SupplierError) as failed:
            asyncio.run(call)
        assert failed.value.kind is SupplierFailureKind.SCHEMA
    with pytest.raises(RuntimeError):
        asyncio.run(supplier.several(["3"]))


@pytest.mark.parametrize(
    ("supplier", "sentence"),
    [
        ("DGPH-DGPMH", "Schema validation error on response from backend DGPH-DGPMH"),
        ("National Register", "Schema validation error on response from National Register"),
    ],
)
def test_the_sentence_of_a_failure_fits_into_the_contract(supplier: str, sentence: str) -> None:
    assert SupplierFailureKind.SCHEMA.sentence(supplier) == sentence
    assert all(len(kind.sentence(supplier)) <= 64 for kind in SupplierFailureKind)
