"""`kruispunt batch`, as its users start it (RP-08)."""

from __future__ import annotations

import json
from pathlib import Path

from senders import OWNER, document, line, numbers, prepare, table
from test_batch_load import Ask

from installation import install, run, signer
from kruispunt.batch.items import Kind
from kruispunt.storage.database import Database


def test_voucher_load_and_status(ask: Ask, fresh_dsn: str, tmp_path: Path) -> None:
    people = numbers(3)

    async def ground(database: Database) -> Path:
        await prepare(database, people)
        return await install(tmp_path, fresh_dsn, database, table(signer()), 'environment = "development"\n')

    config = str(ask(ground))
    file = tmp_path / "first.xml"
    file.write_bytes(document([line(ssin) for ssin in people]))
    keys = ("--key", str(tmp_path / "key.pem"), "--certificate", str(tmp_path / "certificate.pem"))
    code, told, _ = run("batch", "voucher", str(file), *keys, "--environment", "development")
    assert (code, told) == (0, f"{file}.voucher.xml: 3 lines\n")
    assert run("batch", "status", "--config", config)[1] == "No file was taken.\n"
    code, told, _ = run("batch", "load", str(file), "--config", config)
    assert (code, told) == (0, "3 lines done, 0 unchanged, 0 refused.\n")
    code, told, _ = run("batch", "load", str(file), "--config", config)
    assert code == 0
    assert "nothing was changed" in told
    csv = tmp_path / "second.csv"
    csv.write_text(
        f"ssin;dossierType;beginDate\n{people[0]};1;2020-01-01\n{people[0]};77;2020-01-01\n", encoding="utf-8"
    )
    options = ("--sender", OWNER, "--sequence", "2", "--legal-context", "TEST:INSCRIPTIONS")
    assert run("batch", "voucher", str(csv), *keys, "--environment", "development")[0] == 2
    assert run("batch", "voucher", str(csv), *keys, "--environment", "development", *options)[0] == 0
    code, told, _ = run("batch", "load", str(csv), "--config", config, "--json")
    assert (code, json.loads(told)["refused"]) == (1, 1)
    _, told, _ = run("batch", "status", "--config", config, "--json", "--owner", OWNER)
    assert [(each["sequenceNumber"], each["lines"], each["done"]) for each in json.loads(told)] == [
        (2, 2, 1),
        (1, 3, 3),
    ]
    _, told, _ = run("batch", "status", "--config", config)
    assert "finished  3 of 3 lines: 3 done" in told


def test_an_inbox_is_emptied_in_order(ask: Ask, fresh_dsn: str, tmp_path: Path) -> None:
    (ssin,) = numbers(1)

    async def ground(database: Database) -> Path:
        await prepare(database, [ssin])
        return await install(tmp_path, fresh_dsn, database, table(signer()), 'environment = "development"\n')

    config, inbox = str(ask(ground)), tmp_path / "inbox"
    inbox.mkdir()
    keys = ("--key", str(tmp_path / "key.pem"), "--certificate", str(tmp_path / "certificate.pem"))

    def arrives(name: str, sequence: int, kind: Kind) -> None:
        (inbox / name).write_bytes(document([line(ssin)], sequence, kind))
        assert run("batch", "voucher", str(inbox / name), *keys, "--environment", "development")[0] == 0

    arrives("f-10.xml", 2, Kind.DELETE)
    arrives("f-9.xml", 1, Kind.INSERT)
    arrives("f-12.xml", 4, Kind.INSERT)
    arrives("f-8.xml", 1, Kind.DELETE)
    (inbox / "f-11.xml").write_bytes(b"no voucher yet")
    code, _, errors = run("batch", "watch", str(inbox), "--once", "--config", config)
    assert code == 0, errors

    def names(directory: str) -> list[str]:
        return sorted(path.name for path in (inbox / directory).iterdir() if path.is_file())

    both = [f"{OWNER}-1-f-8.xml", f"{OWNER}-2-f-10.xml"]
    assert names("done") == [f"{name}{end}" for name in both for end in ("", ".voucher.xml")]
    refused = ["f-9.xml", "f-9.xml.refused.txt", "f-9.xml.voucher.xml"]
    assert names("refused") == refused, "its number was taken by another file"
    assert names(".") == ["f-11.xml", "f-12.xml", "f-12.xml.voucher.xml"], "one waits for its turn, one for its voucher"
    assert [name for name in names("outcomes") if "voucher" not in name] == [f"{name}.outcome.xml" for name in both]
    assert "another file was taken under sequence number 1" in errors
