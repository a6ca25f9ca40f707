"""Definitions of subscriptions: read whole, held against rights and registers, and what they do (RP-16, RP-17)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mutation_ground import CONTEXT, OWNERS, define, on, registers, table

from kruispunt.access.files import load
from kruispunt.access.model import AccessTable, ControlKind, IntegrationControl, Organisation
from kruispunt.errors import ConfigurationError
from kruispunt.identifiers import cbe
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.mutations import defining, entitlement, subscriptions
from kruispunt.mutations.defining import Outcome
from kruispunt.mutations.entitlement import SERVICE, entitled
from kruispunt.mutations.kinds import Kind
from kruispunt.mutations.subscriptions import Definition
from kruispunt.registers.parts import DATA, NO_PART, Part
from kruispunt.repertory import tenants
from kruispunt.storage.database import Database

ROW = f"""
[[subscription]]
code = "alpha-people"
organisation = "alpha"
legal_context = "{CONTEXT}"
kinds = ["decease", "identification"]
"""
PEOPLE = Definition("alpha-people", "alpha", CONTEXT, kinds=(Kind.IDENTIFICATION, Kind.DECEASE))
OWNER = OWNERS["alpha"]


def read(directory: Path, text: str) -> tuple[Definition, ...]:
    file = directory / "subscriptions.toml"
    file.write_text(text, encoding="utf-8")
    return subscriptions.read_definitions(file)


def test_a_definition_is_read(tmp_path: Path) -> None:
    more = f"""
[[subscription]]
code = "beta-dimona"
organisation = "beta"
legal_context = "{CONTEXT}"
register = "{cbe.CBSS}"
known_to = "018/00"
dossier_types = ["902", "1", "902"]
lines = "active"
stream = "dimona"
pushed = true
"""
    first, second = read(tmp_path, ROW + more)
    assert first == PEOPLE
    assert second == Definition(
        "beta-dimona", "beta", CONTEXT, cbe.CBSS, OrganisationKey("18/0"), ("1", "902"), True, (), "dimona", True
    )
    assert read(tmp_path, "") == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (ROW.replace("code = ", "coed = "), r"subscriptions.toml: subscription 1: code: Field required"),
        (ROW.replace("alpha-people", "Alpha People"), "subscription 1: code: String should match"),
        (ROW + ROW.replace("alpha-people", "Alpha People"), "subscription 2: code: String should match"),
        (ROW.replace('"alpha-people"', "7"), "subscription 1: code: Input should be a valid string"),
        (ROW + 'stream = "dimona"\n', "subscriptions.toml: alpha-people: give either kinds"),
        (ROW.replace("kinds =", "# kinds ="), "give either kinds"),
        (ROW.replace("decease", "death"), "alpha-people: kinds: 'death' is none; there are registration, "),
        (ROW.replace('["decease", "identification"]', "[]"), r"subscriptions.toml: alpha-people: kinds: names none"),
        (ROW + "dossier_types = []\n", "alpha-people: dossier_types: names none"),
        (ROW + 'lines = "some"\n', "alpha-people: lines: Input should be 'active' or 'any'"),
        (ROW + 'register = "0206737485"\n', "alpha-people: the check number"),
        (ROW + 'known_to = "x"\n', "alpha-people: organisation: "),
        (ROW + 'dossier_types = ["a b c/"]\n', "alpha-people: dossierType"),
        (ROW + "pushed = 1\n", "pushed: Input should be a valid boolean"),
        (ROW * 2, "alpha-people: stands there twice"),
        ("[[subscriber]]\n", "subscriber: unknown"),
        ("[[subscription]\n", "subscriptions.toml"),
        ("subscription = 7\n", "subscription 1: "),
    ],
)
def test_a_file_that_is_wrong_is_refused_whole(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        read(tmp_path, text)


def without_number(rights: AccessTable) -> AccessTable:
    office = Organisation("alpha", "alpha", None, 18, 7, "18/7", "tests")
    return AccessTable({**rights.organisations, "alpha": office}, {}, rights.grants)


@pytest.mark.parametrize(
    ("definition", "rights", "why"),
    [
        (replace(PEOPLE, organisation="nobody"), table(), "organisation nobody is not in the access table in force"),
        (
            PEOPLE,
            table(["decease"]),
            "no row of Mutations grants identification to alpha under TEST:MUTATIONS: add one",
        ),
        (replace(PEOPLE, legal_context="OTHER"), table(), "grants identification to alpha under OTHER"),
        (PEOPLE, table(organisations=["beta"]), "no row of Mutations grants"),
        (PEOPLE, table(groups=[]), "name no data group of these kinds"),
        (Definition("a", "alpha", CONTEXT, stream="dimona"), table(), "grants dimona to alpha"),
        (PEOPLE, without_number(table()), "alpha has no CBE number, so no register of its own"),
        (replace(PEOPLE, owner=cbe.compute(9_990_001)), table(), "has no register; define it"),
        (replace(PEOPLE, owner=OWNERS["beta"], known_to=OWNERS["beta"]), table(), "is another organisation than alpha"),
        (replace(PEOPLE, dossier_types=("902", "7")), table(), "has no type 7 for this subscriber"),
        (
            PEOPLE,
            table(integration=IntegrationControl(ControlKind.ACTIVE, None)),
            'are for active lines; write lines = "active"',
        ),
        (
            replace(PEOPLE, dossier_types=("902",)),
            table(integration=IntegrationControl(ControlKind.ANY, ("1", "4"))),
            "are for 1, 4 alone",
        ),
    ],
)
def test_rp_16_what_is_not_granted_or_not_there_is_refused_with_the_rule_and_the_remedy(
    fresh_dsn: str, definition: Definition, rights: AccessTable, why: str
) -> None:
    good = Definition("beta-people", "beta", CONTEXT, kinds=(Kind.DECEASE,))

    async def question(database: Database) -> None:
        await registers(database)
        await tenants.define(database, [tenants.Definition(OWNER, "x", True, (tenants.DossierType("902", "x"),))], "t")
        with pytest.raises(ConfigurationError, match=why):
            await define(database, good, definition, rights=rights)
        assert await subscriptions.every(database, ended=True) == (), "nothing of the file was applied"

    on(fresh_dsn, question)


def test_a_definition_that_differs_ends_the_one_before_and_goes_on_with_its_code(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        await registers(database)
        other = replace(PEOPLE, code="alpha-other")
        assert await define(database, PEOPLE, other) == (Outcome.BEGUN, Outcome.BEGUN)
        assert await define(database, PEOPLE) == (Outcome.UNCHANGED,)
        assert await define(database, replace(PEOPLE, active_only=True)) == (Outcome.CHANGED,)
        first, second = [each for each in await subscriptions.every(database, ended=True) if each.code == PEOPLE.code]
        assert (first.active_only, first.ended is not None) == (False, True)
        assert (second.active_only, second.ended, second.author) == (True, None, "tests")
        assert (second.owner, second.known_to, second.receiver) == (OWNER, None, OWNER)
        assert await defining.end(database, PEOPLE.code)
        assert not await defining.end(database, PEOPLE.code)
        assert [each.code for each in await subscriptions.every(database)] == ["alpha-other"]
        assert await define(database, PEOPLE) == (Outcome.BEGUN,)

    on(fresh_dsn, question)


@pytest.mark.parametrize(
    "change",
    [
        lambda told: replace(told, organisation="beta"),
        lambda told: replace(told, kinds=(), stream="dimona"),
        lambda told: replace(told, pushed=True),
    ],
)
@pytest.mark.parametrize("ended", [False, True])
def test_a_code_stays_with_its_organisation_so_that_nobody_gets_another_one_s_files(
    fresh_dsn: str, change: Callable[[Definition], Definition], ended: bool
) -> None:
    rights = table([*(kind.value for kind in Kind), "dimona"])

    async def question(database: Database) -> None:
        await registers(database)
        await define(database, PEOPLE, rights=rights)
        if ended:
            await defining.end(database, PEOPLE.code)
        with pytest.raises(ConfigurationError, match="choose another code"):
            await define(database, change(PEOPLE), rights=rights)

    on(fresh_dsn, question)


def test_in_another_one_s_register_only_the_organisation_s_own_lines_count(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        await registers(database)
        rights = table()
        office = Organisation("alpha", "alpha", OWNER, 18, 7, OWNERS["gamma"], "tests")
        rights = AccessTable({**rights.organisations, "alpha": office}, {}, rights.grants)
        told = [
            replace(PEOPLE, code="as-inscribed", owner=cbe.CBSS),
            replace(PEOPLE, code="by-pair", owner=cbe.CBSS, known_to=OrganisationKey("18/7")),
            replace(PEOPLE, code="own-for-beta", known_to=OWNERS["beta"]),
            replace(PEOPLE, code="own"),
        ]
        await define(database, *told, rights=rights)
        assert {each.code: each.known_to for each in await subscriptions.every(database)} == {
            "as-inscribed": OWNERS["gamma"],
            "by-pair": "18/7",
            "own-for-beta": OWNERS["beta"],
            "own": None,
        }

    on(fresh_dsn, question)


def test_two_who_define_at_once_leave_one_subscription(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        await registers(database)
        versions = [replace(PEOPLE, active_only=n % 2 == 0) for n in range(8)]
        await asyncio.gather(*(define(database, each) for each in versions))
        assert len(await subscriptions.every(database)) == 1

    on(fresh_dsn, question)


def test_rp_16_data_that_no_row_names_make_no_change_worth_telling() -> None:
    """Default deny: kinds without a row, groups without a name, streams without either."""

    def right(rights: AccessTable, *kinds: Kind, stream: str | None = None) -> Any:
        return entitled(rights, "alpha", CONTEXT, kinds, stream)

    everything = right(table(), *Kind)
    assert everything.parts == Part.NEW | Part.REPLACEMENT | Part.CANCELLATION | DATA | Part.ACCESS
    assert everything.groups == DATA
    few = right(table(groups=["birth", "decease"]), Kind.IDENTIFICATION, Kind.ADDRESS, Kind.CANCELLATION)
    assert (few.parts, few.groups) == (Part.BIRTH | Part.ACCESS | Part.CANCELLATION, Part.BIRTH)
    assert right(table(["decease"]), Kind.ADDRESS).parts == NO_PART
    assert right(table(organisations=["beta"]), *Kind) == entitlement.NOTHING
    assert right(table(["dimona"]), stream="dimona").stream == "dimona"
    assert right(table(["dimona"]), stream="dimona").parts == NO_PART
    assert right(table(["dimona"]), stream="other") == entitlement.NOTHING


def test_access_files_know_kinds_and_streams(tmp_path: Path) -> None:
    folder = tmp_path / "grants"
    folder.mkdir()
    rows = entitlement.rows(["dimona", "pensions"])
    grant = '[[grant]]\norganisations = ["onem"]\nlegal_context = "X"\noperations = ["{}"]\ndata_groups = ["{}"]\n'
    for operation, group, why in (
        ("address", "address", None),
        ("pensions", "name", None),
        ("adress", "address", "Mutations has no operation adress"),
        ("address", "shoes", "Mutations has no data group shoes"),
    ):
        (folder / "mutations.toml").write_text(grant.format(operation, group))
        if why is None:
            assert load(tmp_path, (rows,)).grant(SERVICE, operation, "onem", "X") is not None
        else:
            with pytest.raises(ConfigurationError, match=why):
                load(tmp_path, (rows,))
    (folder / "mutations.toml").unlink()
    assert load(tmp_path, (rows,)).grants == {}, "no source prints an authorisation, so no row ships"
    with pytest.raises(ConfigurationError, match="address is a kind of mutation"):
        entitlement.rows(["dimona", "address"])


def test_the_demo_s_subscriptions_are_granted_by_the_demo_s_rows(fresh_dsn: str, tmp_path: Path) -> None:
    (tmp_path / "grants").mkdir()
    text = (entitlement.FOLDER / "demo" / "grants.toml").read_text(encoding="utf-8")
    (tmp_path / "grants" / "mutations.toml").write_text(text)
    rights = load(tmp_path, (entitlement.rows(["dimona"]),))
    definitions = subscriptions.read_definitions(entitlement.FOLDER / "demo" / "subscriptions.toml")

    async def question(database: Database) -> None:
        outcomes = await define(database, *definitions, rights=rights)
        assert set(outcomes) == {Outcome.BEGUN}

    on(fresh_dsn, question)
