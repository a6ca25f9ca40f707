"""A file whose load cannot go on is given up, and every line of it has an outcome (RP-08)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from senders import OWNER, bench, line, numbers, prepare, send, table
from test_batch_load import Ask, outcomes

from installation import install, run, signer
from kruispunt.batch import files
from kruispunt.batch.files import NotYet, State, status
from kruispunt.batch.loading import alone
from kruispunt.batch.run import OUTCOMES, abandon, load_file
from kruispunt.errors import DataError
from kruispunt.files.voucher import voucher_of
from kruispunt.identifiers.ssin import Ssin
from kruispunt.storage.database import Database

COUNT = 100
BLOCK, PART = 30, 7


async def broken_off(database: Database, file: Path, enough: int) -> None:
    """Load some lines of a file, at least `enough`."""

    def stop(done: int, _: int) -> None:
        if done >= enough:
            raise InterruptedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "BLOCK", BLOCK)
        patch.setattr(files, "PART", PART)
        with pytest.raises(InterruptedError):
            await load_file(bench(database), file, progress=stop)


@pytest.mark.parametrize("enough", [1, 29, 30, 31, 45, COUNT])
def test_rp_08_it_tells_which_lines_were_loaded_and_which_not(ask: Ask, tmp_path: Path, enough: int) -> None:
    async def question(database: Database) -> None:
        people = numbers(COUNT)
        await prepare(database, people)
        told = [*people[1::2], *people[::2]]
        file = send(tmp_path, [line(ssin) for ssin in told])
        await broken_off(database, file, enough)
        file.unlink()
        voucher_of(file).unlink()
        path = file.with_name(file.name + OUTCOMES)
        ended = await abandon(bench(database, table(kinds=())), OWNER, 1, path)
        assert ended.before is State.BROKEN_OFF
        held = {Ssin(f"{row[0]:011}") for row in await database.fetch("SELECT ssin FROM inscription")}
        assert len(held) >= enough
        assert {number: verdict for number, (verdict, _) in outcomes(file).items()} == {
            number: "DONE" if ssin in held else "NOT_LOADED" for number, ssin in enumerate(told, 1)
        }
        found = ended.status
        assert (found.done, found.refused, found.not_loaded) == (len(held), 0, COUNT - len(held))
        written = path.read_bytes()
        again = await abandon(bench(database), OWNER, 1, path)
        assert (again.before, again.status, path.read_bytes()) == (State.FINISHED, found, written)

    ask(question)


def test_rp_08_what_comes_after_it(ask: Ask, tmp_path: Path) -> None:
    """Its sender's next file is taken; the same file once more changes nothing, whatever its sender may by then."""

    async def question(database: Database) -> None:
        people = numbers(COUNT)
        await prepare(database, people)
        first = send(tmp_path, [line(ssin) for ssin in people])
        second = send(tmp_path, [line(ssin) for ssin in people], 2)
        with pytest.raises(DataError, match=f"no file 1 of {OWNER} was taken"):
            await abandon(bench(database), OWNER, 1, tmp_path / "none")
        await broken_off(database, first, 40)
        with pytest.raises(DataError, match="may not call"):
            await load_file(bench(database, table(kinds=())), first)
        with pytest.raises(NotYet, match="was not loaded to its end"):
            await load_file(bench(database), second)
        ended = await abandon(bench(database, table(kinds=())), OWNER, 1, tmp_path / "outcomes")
        again = await load_file(bench(database), first)
        assert (again.before, again.status) == (State.FINISHED, ended.status)
        assert first.with_name(first.name + OUTCOMES).read_bytes() == (tmp_path / "outcomes").read_bytes()
        loaded = await load_file(bench(database), second)
        assert loaded.status.unchanged == ended.status.done
        assert loaded.status.done == ended.status.not_loaded > 0
        whole = await abandon(bench(database), OWNER, 2, tmp_path / "second")
        assert (whole.before, whole.status) == (State.FINISHED, loaded.status)
        assert [each.not_loaded for each in await status(database)] == [0, ended.status.not_loaded]

    ask(question)


def test_rp_08_not_while_somebody_loads_it(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kruispunt.batch.loading._PATIENCE_SECONDS", 0.1)

    async def question(database: Database) -> None:
        people = numbers(COUNT)
        await prepare(database, people)
        await broken_off(database, send(tmp_path, [line(ssin) for ssin in people]), 40)
        file = await database.fetchval("SELECT id FROM batch_file")
        async with database.connection() as connection, alone(connection, file):
            with pytest.raises(NotYet, match="another process loads this file"):
                await abandon(bench(database), OWNER, 1, tmp_path / "outcomes")
        assert not (tmp_path / "outcomes").exists()
        assert (await status(database))[0].finished is None

    ask(question)


def test_the_command(ask: Ask, fresh_dsn: str, tmp_path: Path) -> None:
    people = numbers(COUNT)

    async def ground(database: Database) -> Path:
        await prepare(database, people)
        await broken_off(database, send(tmp_path, [line(ssin) for ssin in people]), 40)
        return await install(tmp_path, fresh_dsn, database, table(signer()), 'environment = "acceptance"\n')

    config = ("--config", str(ask(ground)))
    path = tmp_path / f"{OWNER}-1{OUTCOMES}"
    words = ("batch", "abandon", OWNER, "1", "--outcomes", str(path), *config)
    code, told, errors = run(*words)
    assert (code, told) == (0, f"File 1 was given up. 44 lines were loaded, 56 were not.\n{path}\n"), errors
    written = path.read_bytes()
    code, told, _ = run(*words, "--json")
    assert code == 0
    assert {"before": "finished", "lines": 44, "notLoaded": 56}.items() <= json.loads(told).items()
    assert path.read_bytes() == written
    assert "given up  44 of 100 lines: 44 done" in run("batch", "status", *config)[1]
    code, _, errors = run("batch", "abandon", OWNER, "2", *config)
    assert (code, "no file 2 of" in errors) == (1, True)
