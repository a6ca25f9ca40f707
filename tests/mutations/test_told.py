"""Who was told of a number, whatever became of it since (PL-30)."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

from choosing_ground import ALL, DAY, NEXT, stage
from mutation_ground import CONTEXT, TODAY, at, define, legal, on, table, tell

from kruispunt.identifiers.ssin import Ssin
from kruispunt.mutations import choosing, disclosure, streams
from kruispunt.mutations.disclosure import disclosures
from kruispunt.mutations.items import Rules
from kruispunt.mutations.subscriptions import Definition
from kruispunt.registers import changes
from kruispunt.repertory.replacement import undo_replacement
from kruispunt.repertory.writing import Author
from kruispunt.storage.database import Database

RIGHTS = table([*(kind.value for kind in ALL), "dimona"])


async def codes(database: Database, ssin: Ssin) -> list[str]:
    return [each.code for each in await disclosures(database, ssin)]


async def replaced_and_told(database: Database) -> list[Ssin]:
    """The first number is replaced by the second, and that is told, with an item about the first one."""
    dimona = Definition("alpha-dimona", "alpha", CONTEXT, stream="dimona")
    numbers = await stage(database, people=3)
    await choosing.fix(database, RIGHTS, DAY, now=at(DAY), early=True)  # of nobody
    await changes.replace(database, numbers[0], numbers[1], author="tests")
    await define(database, dimona, rights=RIGHTS)
    line = {"reference": f"T-{numbers[0]}", "ssin": numbers[0], "moment": "2025-06-14T09:30:00Z", "document": "<w/>"}
    source = io.BytesIO((json.dumps(line) + "\n").encode())
    report = await streams.feed(database, "dimona", source, Rules(TODAY, test_band=True), author="tests")
    assert report.refused == []
    return numbers


def test_pl_30_who_was_told_stays_known_when_a_replacement_is_undone_or_redirected(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        old, new, other = await replaced_and_told(database)
        await fix_next(database)
        told = ["alpha-dimona", "alpha-people"]
        assert await codes(database, old) == await codes(database, new) == told
        await tell(database, {"ssin": old, "nationalRegister": legal(), "replacedBy": other})
        assert await codes(database, old) == await codes(database, new) == told, "redirected"
        await undo_replacement(database, old, Author("tests"))
        await tell(database, {"ssin": old, "nationalRegister": legal()})
        assert await codes(database, old) == await codes(database, new) == told, "undone"
        assert await codes(database, other) == [], "of whom nothing was told yet"

    on(fresh_dsn, question)


async def fix_next(database: Database) -> None:
    await choosing.fix(database, RIGHTS, NEXT, now=at(NEXT), early=True)


def test_pl_30_who_was_told_is_found_by_indexes(fresh_dsn: str) -> None:
    async def question(database: Database) -> Any:
        async with database.connection() as connection, connection.transaction():
            await connection.execute("SET LOCAL enable_seqscan = off")
            return json.loads(await connection.fetchval(f"EXPLAIN (FORMAT JSON) {disclosure._TOLD}", 1))

    (plan,) = on(fresh_dsn, question)
    reads = [node for node in nodes(plan["Plan"]) if node["Node Type"].endswith(("Index Scan", "Index Only Scan"))]
    assert all("Index Cond" in node for node in reads), "an index that is read whole is no better than the table"
    used = {node["Index Name"] for node in reads}
    assert used >= {
        "distributed_person_ssin",
        "distributed_person_replaced",
        "distributed_item_ssin",
        "distributed_item_item",
        "stream_item_ssin",
    }
    assert not [node for node in nodes(plan["Plan"]) if node["Node Type"] == "Seq Scan"]


def nodes(plan: Any) -> Iterator[Any]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)
