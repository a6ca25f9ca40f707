"""From a change of a person to its subscriber: written by the commands, fetched through the gateway (RP-16, RP-18)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mutation_ground as ground
import pytest
from cryptography import x509
from fetching import CLIENTS, Gateway, gateway, table
from file_rows import digest
from lxml import etree

from kruispunt.access.model import AccessTable
from kruispunt.files.voucher import Signed, read_voucher
from kruispunt.identifiers.ssin import Ssin
from kruispunt.mutations.acknowledged import FOLDER, SUFFIX
from kruispunt.mutations.layout import CONTRACT, name_of
from kruispunt.storage.database import Database
from kruispunt.wss.policy import Policy
from kruispunt.wss.trust import PinnedCertificates

FILES = "/mutations/v1/subscriptions/people/files"


@pytest.fixture(scope="module")
def bank(server: Any, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    home = tmp_path_factory.mktemp("gateway")
    with server.database(template) as dsn, gateway(home, dsn, workers=1) as running:
        rights = ground.table()
        running.apply(AccessTable(rights.organisations, table(home, CLIENTS_OF_ALPHA).registrations, rights.grants))
        yield running


CLIENTS_OF_ALPHA = {name: CLIENTS[name] for name in ("alpha", "beta")}


def prepared(bank: Gateway) -> tuple[Ssin, Ssin]:
    """One person in alpha's register, one in nobody's; both move house."""
    known, unknown = ground.fresh(2)

    async def prepare(database: Database) -> None:
        await ground.registers(database)
        people = [{"ssin": each, "nationalRegister": ground.legal(street="1")} for each in (known, unknown)]
        await ground.tell(database, *people, written=False)
        await ground.inscribe(database, ground.OWNERS["alpha"], known)

    bank.ask(prepare)
    owner = int(ground.OWNERS["alpha"])
    bank.subscribe(
        "people", owner=owner, receiver=ground.OWNERS["alpha"], legal_context=ground.CONTEXT, kinds=["address"]
    )
    moved = [{"ssin": each, "nationalRegister": ground.legal(street="22")} for each in (known, unknown)]
    bank.ask(lambda database: ground.tell(database, *moved))
    return known, unknown


def verified(bank: Gateway, voucher: bytes) -> Signed:
    """The voucher, as a subscriber reads it who knows the platform's certificate."""
    pinned = PinnedCertificates([x509.load_pem_x509_certificate((bank.home / "signing.pem").read_bytes())])
    return read_voucher(voucher, pinned, datetime.now(UTC), lambda _: Policy())


def test_what_was_distributed_is_fetched_verified_acknowledged_and_made_again(bank: Gateway) -> None:
    known, unknown = prepared(bank)
    bank.command("mutations", "distribute", "--early")
    with bank.as_("alpha") as alpha:
        (item,) = alpha.get(FILES).json["items"]
        file, voucher = alpha.get(f"{FILES}/1"), alpha.get(f"{FILES}/1/voucher")
        assert (item["records"], item["size"], item["sha256"]) == (1, len(file.body), digest(file.body))
        told = verified(bank, voucher.body).voucher
        assert (told.content.sha256, told.content.size) == (digest(file.body), len(file.body))
        assert (told.subscription, told.header.sequence, told.records) == ("people", 1, 1)
        etree.XMLSchema(etree.parse(CONTRACT)).assertValid(etree.fromstring(file.body))
        assert known.encode() in file.body
        assert unknown.encode() not in file.body
        assert (bank.folder / "people" / name_of("people", 1)).read_bytes() == file.body

        (bank.folder / "people" / name_of("people", 1)).unlink()
        assert alpha.get(f"{FILES}/1").status == 410
        assert alpha.ask("POST", f"{FILES}/1/request").status == 202
        bank.command("mutations", "again", "people", "1")
        again = alpha.get(f"{FILES}/1", If_Match=file.headers["etag"])
        assert (again.status, again.body) == (200, file.body)
        assert bank.row("people", 1)["asked"] is None

        right = json.dumps({"sha256": digest(file.body)})
        assert alpha.ask("PUT", f"{FILES}/1/acknowledgement", right, Content_Type="application/json").status == 204
        assert alpha.get(FILES).json["items"][0]["collected"] is not None
    assert bank.get("beta", f"{FILES}/1").status == 404
    assert "collected" in bank.command("mutations", "status")


def test_a_note_in_the_folder_and_the_word_of_an_operator_count_too(bank: Gateway) -> None:
    """For those who collect by SFTP, and for what came by another way."""
    bank.ask(lambda d: d.execute("update mutation_file set collected = null, collector = null"))
    notes: Path = bank.folder / "people" / FOLDER
    notes.mkdir()
    (notes / (name_of("people", 1) + SUFFIX)).touch()
    assert bank.command("mutations", "notes") == "1 files count as collected.\n"
    assert bank.row("people", 1)["collector"] == "folder"
    assert bank.command("mutations", "collected", "people", "1") == "It was collected already.\n"
    bank.ask(lambda d: d.execute("update mutation_file set collected = null, collector = null"))
    assert bank.command("mutations", "collected", "people", "1") == "It counts as collected.\n"
    assert bank.row("people", 1)["collector"].startswith("os-user:")
