"""What a search reads, counted: index entries alone, and no more of them than may be told (IP-12)."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.registers import key_tables
from kruispunt.registers.legal_data import Birth, Dossier, LegalData, Name, Origin
from kruispunt.registers.search import Found, NameCriteria, TooMany, by_name
from kruispunt.storage.database import Database

PEOPLE = 3_000
COMMON, YEAR = "Peeters", PartialDate(1985)


class Explained:
    """A database that explains each statement besides answering it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.plans: list[dict[str, Any]] = []

    async def fetch(self, sql: str, *args: Any) -> Any:
        plan = json.loads(await self._database.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *args))
        self.plans.append(plan[0]["Plan"])
        return await self._database.fetch(sql, *args)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def everybody_is_called_alike() -> list[Dossier]:
    """All of one name, born in one year; every one of them has had a second name that sounds the same."""
    return [
        Dossier(
            ssins.compute(date(1930, 1, 1) + timedelta(days=n // 90), 900 + n % 90, test_band=True),
            origin,
            LegalData(
                Name(COMMON, ("Jan",)),
                Birth(PartialDate.of(date(1985, 1, 1) + timedelta(days=n % 365))),
                former_names=(Name("Peters", ("Jan Karel",)),),
            ),
        )
        for n in range(PEOPLE)
        for origin in Origin
    ]


def everybody_has_a_name_of_their_own() -> list[Dossier]:
    """Of many names, as in a country: to the planner, one of them says nearly all about a person."""
    vowels = "aeiou"
    return [
        Dossier(
            ssins.compute(date(1931, 1, 1) + timedelta(days=n // 90), 900 + n % 90, test_band=True),
            Origin.RR,
            LegalData(
                Name(
                    "".join(f"{c}{vowels[n % 5]}" for c in ("bdfgklmnprstvz"[n // 14**i % 14] for i in range(3))),
                    ("Jan",),
                ),
                Birth(PartialDate.of(date(1900, 1, 1) + timedelta(days=n * 10))),
            ),
        )
        for n in range(PEOPLE)
    ]


async def ask(
    dsn: str, *asked: NameCriteria, among: Sequence[Dossier] = (), prepared: str = "VACUUM ANALYZE name_key"
) -> tuple[list[Found | TooMany], list[dict[str, Any]]]:
    database = await Database.open(dsn)
    try:
        async with database.connection() as connection:
            await key_tables.write(connection, [*everybody_is_called_alike(), *among], 60)
            await connection.execute(prepared)
        explained = Explained(database)
        return [await by_name(explained, each) for each in asked], explained.plans  # type: ignore[arg-type]
    finally:
        await database.close()


@pytest.mark.parametrize(("first_name", "index"), [(None, "name_key_any_first"), ("Jan", "name_key_pkey")])
def test_ip_12_too_many_are_found_without_counting_them(fresh_dsn: str, first_name: str | None, index: str) -> None:
    criteria = [NameCriteria(COMMON, YEAR, first_name, tolerance=30, maximum=maximum) for maximum in (80, 5)]
    found, plans = asyncio.run(ask(fresh_dsn, *criteria))
    assert found == [TooMany(), TooMany()]
    assert len(plans) == 2, "one statement a search, for both registers"
    for plan, most in zip(plans, (51, 6), strict=True):
        scans = [node for node in nodes(plan) if "Index Name" in node]
        assert [(scan["Node Type"], scan["Index Name"]) for scan in scans] == [("Index Only Scan", index)]
        assert not [node for node in nodes(plan) if node["Node Type"] in ("Seq Scan", "Sort")]
        # A former name that sounds the same has an entry of its own, next to the other one.
        assert scans[0]["Actual Rows"] <= 2 * most, "entries that each probe reads, of thousands"
        assert scans[0]["Heap Fetches"] == 0


@pytest.mark.parametrize("prepared", ["ANALYZE name_key", "VACUUM ANALYZE name_key"])
def test_ip_09_a_rare_first_name_is_not_looked_for_among_all_who_share_the_last(fresh_dsn: str, prepared: str) -> None:
    criteria = NameCriteria(COMMON, YEAR, "Zeldzaam", tolerance=30)
    (found,), (plan,) = asyncio.run(
        ask(fresh_dsn, criteria, among=everybody_has_a_name_of_their_own(), prepared=prepared)
    )
    assert isinstance(found, Found)
    assert found.ssins == ()
    scans = [node for node in nodes(plan) if "Index Name" in node]
    assert [scan["Index Name"] for scan in scans] == ["name_key_pkey"]
    assert not any(node.get("Rows Removed by Filter") for node in nodes(plan))
