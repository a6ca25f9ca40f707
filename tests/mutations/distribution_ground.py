"""A day of subscribers for the tests of distribution: people who change, lines, subscriptions, a folder for files."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from lxml import etree
from mutation_ground import CONTEXT, OWNERS, at, define, fresh, inscribe, legal, registers, set_clock, table, tell

from kruispunt.access.model import AccessTable
from kruispunt.files.header import read_header
from kruispunt.files.voucher import Voucher, content_of, read_voucher, voucher_of
from kruispunt.identifiers.ssin import Ssin
from kruispunt.mutations import choosing
from kruispunt.mutations.distributing import Done, distribute
from kruispunt.mutations.distributions import Distribution
from kruispunt.mutations.kinds import Kind
from kruispunt.mutations.layout import CONTRACT, PLATFORM
from kruispunt.mutations.subscriptions import Definition
from kruispunt.mutations.writing import Desk
from kruispunt.settings import Environment
from kruispunt.storage.database import Database
from kruispunt.wss.policy import STRICT
from kruispunt.wss.sign import Signer
from kruispunt.wss.trust import Trust
from kruispunt.xml.schemas import Schema
from signed_messages import rsa_signer, trust

DAY = date(2026, 2, 10)
MORNING = at(DAY + timedelta(days=1), 1)
"""When DAY is distributed."""
SCHEMA = Schema(CONTRACT)


def desk(directory: Path, now: datetime = MORNING, signer: Signer | None = None, **others: Any) -> Desk:
    """What files are written with, by a clock that stands still."""
    return Desk(directory, Environment.ACCEPTANCE, signer or rsa_signer(), lambda: now, **others)


def fixing(
    database: Database, now: datetime = MORNING, rights: AccessTable | None = None
) -> Callable[[date], Awaitable[Distribution]]:
    async def fix(day: date) -> Distribution:
        return await choosing.fix(database, rights or table(), day, now=now)

    return fix


async def distribute_day(
    database: Database, directory: Path, day: date = DAY, rights: AccessTable | None = None, **others: Any
) -> tuple[Done, ...]:
    """One day, the morning after."""
    now = at(day + timedelta(days=1), 1)
    return await distribute(database, desk(directory, now, **others), fixing(database, now, rights), [day])


def subscription(code: str, organisation: str = "alpha", **others: Any) -> Definition:
    kinds = () if others.get("stream") else tuple(Kind)
    return replace(Definition(code, organisation, CONTEXT, kinds=kinds), **others)


async def subscribe(database: Database, *definitions: Definition, rights: AccessTable | None = None) -> None:
    """Registers for everybody, and these subscriptions."""
    await registers(database)
    await define(database, *definitions, rights=rights, now=at(DAY))


async def begin(database: Database) -> None:
    """The clock of the database stands on DAY."""
    await set_clock(database, at(DAY))


async def busy_day(database: Database, seed: int, people: int = 60, subscribers: int = 7, day: date = DAY) -> None:
    """Many people of whom most changed that day in random ways, known to random subscribers, who want random kinds."""
    chance = random.Random(seed)
    await set_clock(database, at(day - timedelta(days=1)))
    wanted = [
        subscription(
            f"s-{n}",
            chance.choice(tuple(OWNERS)),
            kinds=tuple(chance.sample(tuple(Kind), chance.randint(1, len(Kind)))),
        )
        for n in range(subscribers)
    ]
    await subscribe(database, *wanted)
    numbers = fresh(people)
    await tell(database, *({"ssin": each, "nationalRegister": legal(street="1")} for each in numbers), written=False)
    for each in numbers:
        for owner in chance.sample(tuple(OWNERS.values()), chance.randint(0, 3)):
            await inscribe(database, owner, each)
    await set_clock(database, at(day))
    await tell(database, *(line for each in numbers for line in changed(chance, each, numbers)))


def changed(chance: random.Random, ssin: Ssin, numbers: Sequence[Ssin]) -> list[dict[str, Any]]:
    """What happened to somebody on the day."""
    what = chance.choice(("nothing", "name", "street", "death", "replaced", "cancelled"))
    told = legal(
        "Maes" if what == "name" else "Peeters",
        "2" if what == "street" else "1",
        **({"decease": {"date": "2025-02-09"}} if what == "death" else {}),
    )
    if what == "nothing":
        return []
    line: dict[str, Any] = {"ssin": ssin, "nationalRegister": told}
    if what == "replaced" and ssin != numbers[-1]:
        line["replacedBy"] = chance.choice(numbers[numbers.index(ssin) + 1 :])
    return [line | ({"cancelled": True} if what == "cancelled" else {})]


def contents(directory: Path) -> dict[str, str]:
    """The checksum of every file below a directory, by its path."""
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def read(
    directory: Path, code: str, sequence: int = 1, *, trusted: Trust | None = None, now: datetime = MORNING
) -> etree._Element:
    """A file as its subscriber reads it: valid as a whole, and what its voucher tells, which the platform signed."""
    path = directory / code / f"{code}-{sequence:010}.xml"
    root = etree.fromstring(path.read_bytes())
    assert SCHEMA.check(root) is None
    voucher = voucher_of_file(path, trusted, now)
    assert voucher.content == content_of(path)
    assert voucher.header == read_header(root)
    assert voucher.header.sender == PLATFORM
    assert voucher.header.sequence == sequence
    assert voucher.subscription == code == root.findtext("subscription")
    assert voucher.records == len(root.find("items"))  # type: ignore[arg-type]
    assert voucher.kind == ("MUTATIONS" if root.tag.endswith("}mutations") else "STREAM_ITEMS")
    return root


def voucher_of_file(path: Path, trusted: Trust | None = None, now: datetime = MORNING) -> Voucher:
    signed = read_voucher(voucher_of(path).read_bytes(), trusted or trust(), now, lambda _: STRICT)
    return signed.voucher


def told(root: etree._Element) -> dict[str, Mapping[str, Any]]:
    """The mutations of a file, by number."""
    return {
        node.findtext("ssin"): {
            "replaced": [each.text for each in node.findall("replacedSsin")],
            "kinds": [each.text for each in node.findall("kind")],
            "told": (person.get("told", "").split() if (person := node.find("person")) is not None else None),
            "canceled": node.find("ssin").get("canceled"),
            "number": int(node.get("number", "0")),
            "name": node.findtext("person/name/lastName"),
        }
        for node in root.iter("mutation")
    }
