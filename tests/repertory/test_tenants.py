"""Registers and their dossier types, and that one register's lines are out of another's reach (RP-01, RP-05)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from told import ME, ONEM, fresh_owner, known, load_lines, register_of, span, told

import kruispunt
from kruispunt.errors import ConfigurationError
from kruispunt.identifiers import cbe
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.repertory import tenants
from kruispunt.repertory.lines import NO_ORGANISATION, Key
from kruispunt.repertory.tenants import Definition, DossierType, Silent, read_definitions
from kruispunt.repertory.writing import Verdict
from kruispunt.storage.database import Database

Ask = Callable[[Callable[[Database], Awaitable[Any]]], Any]

FILE = """
[[register]]
owner = "{owner}"
name = "An integrator"
integrator = true

[[register.type]]
code = "902"
name = "File under examination"
organisations = ["0206737484", "018/0"]

[[register.type]]
code = "PARTNER"
name = "Known for a partner"
closed = true
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "registers.toml"
    path.write_text(text)
    return path


def test_rp_01_a_file_defines_registers_and_types(ask: Ask, tmp_path: Path) -> None:
    owner = fresh_owner()
    definitions = read_definitions(written(tmp_path, FILE.format(owner=owner)))
    types = (
        DossierType("PARTNER", "Known for a partner", NO_ORGANISATION, closed=True),
        DossierType("902", "File under examination", ONEM),
        DossierType("902", "File under examination", OrganisationKey("18/0")),
    )
    assert {*definitions[0].types} == {types[0], *(Silent(t.code, t.name, t.organisation) for t in types[1:])}

    async def question(database: Database) -> None:
        await tenants.define(database, definitions, "tests")
        assert await tenants.types_of(database, owner) == types
        assert Definition(owner, "An integrator", True) in await tenants.registers(database)
        moments = "SELECT array_agg(at ORDER BY organisation, code) FROM dossier_type WHERE owner = $1::bigint"
        before = await database.fetchval(moments, int(owner))
        await tenants.define(database, definitions, "tests")
        assert await database.fetchval(moments, int(owner)) == before
        renamed = Definition(owner, "Another name", False, (DossierType("902", "Else", ONEM, closed=True),))
        await tenants.define(database, [renamed], "tests")
        assert await tenants.types_of(database, owner) == (types[0], renamed.types[0], types[2])
        assert Definition(owner, "Another name", False) in await tenants.registers(database)
        assert await tenants.types_of(database, fresh_owner()) == ()

    ask(question)


def test_rp_01_a_type_that_is_closed_takes_nothing_new_and_gives_up_what_it_has(ask: Ask) -> None:
    async def question(database: Database) -> None:
        (ssin,) = await known(database, 1)
        owner = fresh_owner()
        for closed in (False, True):
            kinds = (DossierType("902", "x", closed=closed),)
            await tenants.define(database, [Definition(owner, "x", False, kinds)], "tests")
            (outcome,) = await register_of(database, owner).inscribe([told(ssin, 0, 9 + closed)], ME)
            assert outcome.verdict is (Verdict.TYPE_CLOSED if closed else Verdict.DONE)
        (outcome,) = await register_of(database, owner).delete([told(ssin, 5, 9)], ME)
        assert outcome.verdict is Verdict.DONE

    ask(question)


def test_an_import_defines_what_it_names(ask: Ask) -> None:
    async def question(database: Database) -> None:
        (ssin,) = await known(database, 1)
        owner = fresh_owner()
        await load_lines(database, owner, [(Key(ssin, ONEM, "902"), span(0, 9))])
        assert await tenants.types_of(database, owner) == (DossierType("902", "902", ONEM),)
        assert await tenants.meet(database, owner, [(ONEM, "902"), (ONEM, "1")], "tests") == 1

    ask(question)


def test_what_a_file_leaves_out_stays_as_it_is(ask: Ask, tmp_path: Path) -> None:
    """An integrator stays one, and a closed type closed, when a file that renames them says nothing of it."""
    owner = fresh_owner()
    first = FILE.format(owner=owner)
    silent = first.replace("integrator = true", "").replace("closed = true", "").replace("Known for", "Of")

    async def question(database: Database) -> None:
        await tenants.define(database, read_definitions(written(tmp_path, first)), "tests")
        await tenants.define(database, read_definitions(written(tmp_path, silent)), "tests")
        assert Definition(owner, "An integrator", True) in await tenants.registers(database)
        assert DossierType("PARTNER", "Of a partner", closed=True) in await tenants.types_of(database, owner)
        opened = first.replace("closed = true", "closed = false")
        await tenants.define(database, read_definitions(written(tmp_path, opened)), "tests")
        assert DossierType("PARTNER", "Known for a partner") in await tenants.types_of(database, owner)

    ask(question)


def test_a_new_register_is_no_integrators_unless_the_file_says_so(ask: Ask, tmp_path: Path) -> None:
    owner = fresh_owner()
    silent = FILE.format(owner=owner).replace("integrator = true", "")
    plain = silent.replace('organisations = ["0206737484", "018/0"]', "").replace("closed = true", "")

    async def question(database: Database) -> None:
        with pytest.raises(ConfigurationError, match="902: only an integrator's types name organisations"):
            await tenants.define(database, read_definitions(written(tmp_path, silent)), "tests")
        assert owner not in {each.owner for each in await tenants.registers(database)}, "nothing was changed"
        await tenants.define(database, read_definitions(written(tmp_path, plain)), "tests")
        assert Definition(owner, "An integrator", False) in await tenants.registers(database)
        assert [each.closed for each in await tenants.types_of(database, owner)] == [False, False]

    ask(question)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("{owner}", "0999999999"), "check number"),
        (("integrator = true", "integrator = false"), "only an integrator's types name organisations"),
        (('"018/0"', '"0206737484"'), "stands there twice"),
        (('"018/0"', '"18"'), "organisation"),
        (('code = "902"', 'code = ";"'), "dossierType"),
        (('code = "902"', "code = 902"), "type.1.code"),
        (("[[register.type]]", "[[register.kind]]"), "kind"),
        (("[[register]]", "[[registers]]"), "registers: unknown"),
        (('name = "An integrator"', 'name = ""'), "name"),
        (("[[register]]", "[[register"), "registers.toml"),
    ],
)
def test_a_file_that_is_wrong_is_refused(tmp_path: Path, change: tuple[str, str], why: str) -> None:
    text = FILE.replace(*change, 1)
    if change[1] == "[[registers]]":
        text = "[[registers]]\n"
    with pytest.raises(ConfigurationError, match=re.escape(why)):
        read_definitions(written(tmp_path, text.replace("{owner}", cbe.compute(9_999_998))))


TABLES = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE|COPY)\s+(inscription(?:_history)?)\b", re.IGNORECASE)


def test_rp_05_sql_about_lines_stands_in_few_places_and_is_keyed_by_owner() -> None:
    """The door, as the source has it: whoever adds a statement about lines has to come past this list.

    `repertory_write`, `repertory_move` and the trigger are in the migration, where tests hold them; `tracing.py`
    works for all registers at once, as a replacement does. `chosen_sql.py` finds who is told of whom in all registers,
    and joins every line with a subscription of its owner.
    """
    package = Path(kruispunt.__file__).parent
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if TABLES.search(path.read_text()) and "migrations" not in path.parts
    }
    assert found == {
        "mutations/chosen_sql.py",
        "repertory/history.py",
        "repertory/integration.py",
        "repertory/register.py",
        "repertory/tracing.py",
    }
    for name in ("history", "integration", "register"):
        text = (package / "repertory" / f"{name}.py").read_text()
        for match in TABLES.finditer(text):
            rest = text[match.end() : match.end() + 160]
            assert re.search(r"owner = (?:\$1|\{_OWNER\})", rest), f"{name}: {rest}"
    joined = re.findall(r"JOIN pg_temp\.candidate c ON (.*)", (package / "mutations" / "chosen_sql.py").read_text())
    assert len(joined) == 3
    assert all(condition.startswith("c.owner = l.owner AND ") for condition in joined)


FOR_ALL_REGISTERS = {"repertory_move", "repertory_follows_numbers", "number_claimed"}
"""Functions that are about a number, whoever has lines of it (RP-11, RP-15)."""


def test_rp_05_the_functions_of_the_database_are_keyed_by_owner(ask: Ask) -> None:
    """As they are installed: each look at lines, and each row that is written, has the owner that was given."""

    async def question(database: Database) -> None:
        rows = await database.fetch(
            "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosrc ~ 'inscription'"
        )
        sources = {name: source for name, source in rows if name not in FOR_ALL_REGISTERS}
        ways = {"repertory_write", "repertory_write_plain", "repertory_write_line", "repertory_write_columns"}
        changing = sources.pop("repertory_change_days")
        assert set(sources) == ways
        for name, source in sources.items():
            looks = [source[match.end() :] for match in re.finditer(r"(?:FROM|JOIN) inscription i\b", source)]
            assert looks, name
            assert all(re.search(r"\bi\.owner = (?:[tk]\.owner|told_owner)\b", rest[:120]) for rest in looks), name
            # Rows are deleted by where they stand, which only such a look tells; rows are written with the owner.
            deletes = re.findall(r"DELETE FROM inscription (\w+ \w+)", source)
            assert set(deletes) == {"WHERE ctid"}, name
            inserts = re.findall(
                r"INSERT INTO inscription(?:_history)? \((\w+),[^)]*\)\s+(?:SELECT|VALUES \()\s*(\S+),", source
            )
            assert inserts, name
            assert {column for column, _ in inserts} == {"owner"}, name
            assert {value for _, value in inserts} <= {"f.owner", "s.owner", "g.owner", "c.owner", "told_owner"}, name

        # It writes by one of them alone.
        assert not re.search(r"INSERT|DELETE|UPDATE", changing)
        looks = re.findall(r"\bFROM inscription i\s+WHERE (\S+ = \S+)", changing)
        assert len(looks) == changing.count("inscription i")
        assert set(looks) == {"i.owner = told_owner"}

    ask(question)
