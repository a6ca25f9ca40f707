"""One day end to end, and the days around it: from changes of people to the copies of ten subscribers (RP-15 to RP-18).

A population, ten registers, ten subscribers with other kinds, groups, legal contexts and lines; every way in which a
person changes; distribution by its command; ten `kruispunt receive` that fetch through the running gateway, each with
its own certificate. What each copy must hold is computed apart, from plain Python that knows registers and lines.
"""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import mutation_ground as ground
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from day_model import GROUPS, KINDS, Line, Subscription
from fetching import CA, Gateway, gateway
from subscriber_days import (
    NAMES,
    OWNERS,
    SUBSCRIPTIONS,
    TYPES,
    Days,
    numbers,
    rights,
)

from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.identifiers.ssin import Kind, Ssin
from kruispunt.mutations import streams
from kruispunt.mutations.items import Rules
from kruispunt.receive.problems import Problem
from kruispunt.registers import changes
from kruispunt.registers.amending import amend
from kruispunt.registers.registering import Registered, declaration, register
from kruispunt.repertory import tenants
from kruispunt.repertory.replacement import undo_replacement
from kruispunt.repertory.tenants import Definition, DossierType
from kruispunt.repertory.writing import Author
from kruispunt.storage.database import Database
from revocation_pki import issue
from signed_messages import usage


@pytest.fixture(scope="module")
def bank(server: Any, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    home = tmp_path_factory.mktemp("gateway")
    with server.database(template) as dsn, gateway(home, dsn, workers=1) as running:
        for each in SUBSCRIPTIONS:
            issued = issue(each.code, CA, usage(digital_signature=True))
            (home / f"{each.code}.pem").write_bytes(issued.certificate.public_bytes(Encoding.PEM))
            key = issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            (home / f"{each.code}.key").write_bytes(key)
        running.apply(rights(running))
        yield running


@pytest.mark.usefixtures("within_a_day")
def test_rp_15_to_rp_18_from_changes_to_ten_copies(bank: Gateway, tmp_path: Path) -> None:
    days = Days(bank, tmp_path)
    people, old_bis = numbers(40), _bis()
    bank.ask(lambda database: monday(database, days, people, old_bis))
    file = tmp_path / "subscriptions.toml"
    file.write_text("\n".join(map(_written, SUBSCRIPTIONS)))
    assert bank.command("mutations", "define", str(file)).count("begun") == 10
    days.over(days.monday)
    distributed = json.loads(bank.command("mutations", "distribute", "--day", str(days.monday), "--json"))
    assert [(each["day"], each["files"]) for each in distributed] == [(str(days.monday), 10)]
    days.received()
    days.check()
    assert len(days.held("of-0")) > 20, "a model that tells nothing would agree with a program that does"

    bank.ask(lambda database: tuesday(database, days, people, old_bis))
    days.over(days.tuesday)
    bank.command("mutations", "distribute", "--day", str(days.tuesday))
    days.received()
    days.check()
    assert [(row[0], (row[1], row[2])) for row in days.rows("of-9", "SELECT reference, ssin, sent_as FROM item")] == [
        *sorted(days.items.items())
    ]
    assert len(days.items) == 3

    bank.ask(lambda database: thursday(database, days, people))
    bank.apply(rights(bank, withdrawn=[("of-8", "address")]))
    narrowed = [
        Subscription(**{**vars(each), "kinds": ("identification",)}) if each.code == "of-8" else each
        for each in SUBSCRIPTIONS
    ]
    for each in SUBSCRIPTIONS:
        days.records[each.code, days.wednesday] = 0
    days.over(days.thursday, narrowed)
    told = json.loads(bank.command("mutations", "distribute", "--json"))
    assert [each["day"] for each in told] == [str(days.wednesday), str(days.thursday)]
    assert told[0]["records"] == 0, "a day without mutations gives files without records"
    days.received()
    days.check()
    _check_registers(days)
    _check_everybody_collected(bank)
    _check_again(days)
    _check_a_new_copy(days)


async def monday(database: Database, days: Days, people: Sequence[Ssin], old_bis: Sequence[Ssin]) -> None:
    """The registers are opened, people are loaded and told, lines inscribed; a replacement that is a mistake."""
    await ground.set_clock(database, ground.at(days.monday))
    types = [DossierType(code, code) for code in TYPES]
    for n, name in enumerate(NAMES):
        known = [DossierType(code, code, OrganisationKey(OWNERS[NAMES[7]])) for code in TYPES] if n == 0 else []
        await tenants.define(database, [Definition(OWNERS[name], name, n == 0, (*types, *known))], "tests")
    for n, ssin in enumerate(people):
        days.world.change(
            ssin,
            name=(f"Peeters {'ABCDEFGHIJ'[n % 10]}", "Anna", "Maria") if n % 3 else (f"Maes {'ABCDEFGHIJ'[n % 10]}",),
            birth=f"1962-{1 + n // 28:02d}-00",
            gender=str(1 + n % 2),
            inscription="2",
            address=str(n + 1) if n % 4 else None,
        )
    await ground.tell(database, *(days.line(ssin) for ssin in people))
    for ssin in old_bis:
        days.world.change(ssin, name=("Janssens", "Jan"), birth="1970-05-01", inscription="6")
        line = {"ssin": ssin, "register": "bis"}
        legal = {"name": {"lastName": "Janssens", "firstNames": ["Jan"]}, "birth": {"date": "1970-05-01"}}
        await ground.tell(database, line | {"cbssRegister": legal | {"inscription": {"register": 6}}})
    chance = random.Random(7)
    for ssin in (*people, *old_bis):
        for owner in chance.sample(NAMES, 6) if ssin not in people[:20] else NAMES:
            begin, end = chance.choice(
                [(date(2020, 1, 1), None)] * 4
                + [(date(2010, 1, 1), date(2015, 1, 1)), (date(2010, 1, 1), days.tuesday), (days.tuesday, None)]
            )
            known_to = OWNERS[NAMES[7]] if owner == NAMES[0] and chance.random() < 0.5 else ""
            line = Line(OWNERS[owner], ssin, chance.choice(TYPES), begin, end, known_to)  # type: ignore[assignment]
            await days.inscribed(database, line)  # type: ignore[arg-type]
    await days.replaced(database, people[12], people[13])


async def tuesday(database: Database, days: Days, people: Sequence[Ssin], old_bis: Sequence[Ssin]) -> None:
    """Every way in which a person changes."""
    await ground.set_clock(database, ground.at(days.tuesday, 7))
    p, world = people, days.world
    await days.imported(database, p[0], name=("Claes", "Anna"))
    await days.imported(database, p[1], address="101")
    await days.imported(database, p[2], address=None)
    await days.imported(database, p[3], decease="2025-06-01")
    await days.imported(database, p[4], name=("Claes",), address="104", decease="2025-06-02")
    # Replaced and changed on one day: told once, under the number in use.
    await days.replaced(database, p[5], p[6])
    await days.imported(database, p[6], name=("Willems", "Els"))
    # A chain of two steps, and one that began the day before.
    await days.replaced(database, p[7], p[8])
    await days.replaced(database, p[8], p[9])
    world.change(p[10], cancelled=True)
    await changes.cancel(database, p[10], author="tests")
    # Cancelled at the end of a chain.
    await days.replaced(database, p[14], p[15])
    world.change(p[15], cancelled=True)
    await changes.cancel(database, p[15], author="tests")
    # The mistake of the day before is undone.
    world.change(p[12], by=None)
    await undo_replacement(database, p[12], Author("tests"))
    # Changed back: nothing is told.
    kept = world.people[p[11]].data["name"]
    await days.imported(database, p[11], name=("Anders",))
    await days.imported(database, p[11], name=kept)
    await days.imported(database, p[16], blocked=True)
    await days.imported(database, p[17], blocked=True, name=("Verborgen",))
    # The CBSS register: other data, a replacement by a national number, a new number.
    world.change(old_bis[0], name=("Janssen", "Jan"))
    assert await amend(
        database, old_bis[0], {"name": {"lastName": "Janssen", "firstNames": ["Jan"]}},
        today=days.today, test_band=True, author="tests",
    )  # fmt: skip
    await days.replaced(database, old_bis[1], p[18])
    given = await register(
        database,
        declaration({"name": {"lastName": "Nieuw"}, "birth": {"date": "1971-03-04"}}, today=days.today, test_band=True),
        author="tests",
        first_counter=900,
    )
    assert isinstance(given, Registered)
    world.change(given.ssin, name=("Nieuw",), birth="1971-03-04", inscription="6")
    for name in NAMES[:5]:
        await days.inscribed(database, Line(OWNERS[name], given.ssin, "902", days.tuesday))
    # Inscribed after the change, and on the same day: known when the day is told.
    for name in (NAMES[2], NAMES[3]):
        await days.inscribed(database, Line(OWNERS[name], p[1], "partner", days.tuesday, days.tuesday))
    await feed(database, days, p)


async def feed(database: Database, days: Days, p: Sequence[Ssin]) -> None:
    """Items of a stream, one about a number that was replaced, one about somebody who is not known."""
    stranger = numbers(50)[-1]
    sent = {"D-1": p[0], "D-2": p[5], "D-3": p[9], "D-4": stranger}
    lines = "".join(
        json.dumps({"reference": reference, "ssin": ssin, "moment": "2025-06-01T09:30:00Z", "document": "<work/>"})
        + "\n"
        for reference, ssin in sent.items()
    )
    await streams.feed(
        database, "dimona", io.BytesIO(lines.encode()), Rules(days.today, test_band=True), author="tests"
    )
    days.items = {"D-1": (p[0], None), "D-2": (p[6], p[5]), "D-3": (p[9], None)}


async def thursday(database: Database, days: Days, people: Sequence[Ssin]) -> None:
    """What was blocked is not any more, a number comes back, a chain goes on, and others change again."""
    await ground.set_clock(database, ground.at(days.thursday, 20))
    p = people
    await days.imported(database, p[16], blocked=False)
    await days.imported(database, p[10], cancelled=False)
    await days.replaced(database, p[9], p[19])
    await days.imported(database, p[0], name=("Claes", "Anna", "Sofie"), address="200")
    await days.imported(database, p[1], address="201")
    await days.imported(database, p[6], decease="2025-06-09")
    await days.imported(database, p[17], address="217")


def _bis() -> list[Ssin]:
    return [ssins.compute(date(1970, 5, day), 941, kind=Kind.BIS) for day in (1, 2)]


def _written(each: Subscription) -> str:
    """As an operator writes it."""
    rows = {"code": each.code, "organisation": each.organisation, "legal_context": each.context}
    rows |= {"register": each.owner} | ({"known_to": each.known_to} if each.known_to else {})
    rows |= {"lines": "active" if each.active else "any"}
    lists: dict[str, Any] = {"kinds": list(each.kinds)} if each.stream is None else {"stream": each.stream}
    lists |= {"dossier_types": list(each.types)} if each.types else {}
    return "\n".join(["[[subscription]]", *(f"{name} = {json.dumps(value)}" for name, value in (rows | lists).items())])


def _check_registers(days: Days) -> None:
    """Whoever may know all holds, of everybody in its register who is in use, what the registers say."""
    held, everybody, world = days.held("of-0"), SUBSCRIPTIONS[0], days.world
    count = 0
    for ssin, person in world.people.items():
        if person.in_use and not person.blocked and world.knows(everybody, ssin, days.thursday):
            assert held[ssin].groups == {group: person.data.get(group) for group in GROUPS}, ssin
            count += 1
    assert count > 20
    assert {ssin for ssin in held if world.people[ssin].by is not None} == set(), "nobody under a number of before"


def _check_again(days: Days) -> None:
    """A file that neither side has any more is made again, with the same bytes."""
    name = "of-0-0000000002.xml"
    here, there = days.home / "of-0" / "files" / name, days.bank.folder / "of-0" / name
    content = here.read_bytes()
    here.unlink()
    there.unlink()
    assert days.ran("of-0", "again", "2") == (0, {"sequence": 2, "file": None, "requested": True, "pushed": False})
    days.bank.command("mutations", "again", "of-0", "2")
    assert days.ran("of-0", "again", "2") == (
        0,
        {"sequence": 2, "file": str(here), "requested": False, "pushed": False},
    )
    assert here.read_bytes() == there.read_bytes() == content


def _check_a_new_copy(days: Days) -> None:
    """From the first file on, after the subscription ended; half of it is there from a run that died."""
    days.bank.command("mutations", "end", "of-0")
    files = days.home / "new" / "files"
    files.mkdir(parents=True)
    name = "of-0-0000000001.xml"
    content = (days.bank.folder / "of-0" / name).read_bytes()
    (files / f"{name}.part").write_bytes(content[: len(content) // 2])
    code, told = days.ran("of-0", into="new")
    assert (code, [file["sequence"] for file in told["loaded"]]) == (0, [1, 2, 3, 4])
    assert days.held("new") == days.expected["of-0"]
    code, told = days.ran("of-0", into="other", client="of-1")
    assert (code, told["problem"]["problem"], told["loaded"]) == (Problem.REFUSED.exit_code, "refused", [])


def _check_everybody_collected(bank: Gateway) -> None:
    async def waiting(database: Database) -> Any:
        return await database.fetchval("SELECT count(*) FROM mutation_file WHERE collected IS NULL")

    async def files(database: Database) -> Any:
        return await database.fetch("SELECT code, array_agg(sequence ORDER BY sequence) FROM mutation_file GROUP BY 1")

    assert bank.ask(waiting) == 0
    assert {row[0]: row[1] for row in bank.ask(files)} == {each.code: [1, 2, 3, 4] for each in SUBSCRIPTIONS}
    assert set(KINDS) >= {kind for each in SUBSCRIPTIONS for kind in each.kinds}
