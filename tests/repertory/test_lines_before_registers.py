"""Lines that were there before registers, types and history were kept, and a database that gets them (RP-06, RP-20)."""

from __future__ import annotations

import asyncio
import runpy
from datetime import UTC, datetime, timedelta

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from told import ME, ONEM, fresh, load_people, register_of, span, told

from kruispunt.identifiers import cbe
from kruispunt.identifiers import ssin as ssins
from kruispunt.repertory import tenants
from kruispunt.repertory.history import as_of, history
from kruispunt.repertory.lines import Key, Line, to_range
from kruispunt.repertory.tenants import DossierType
from kruispunt.repertory.writing import Operation, Verdict
from kruispunt.storage.database import Database
from kruispunt.storage.migrate import apply
from kruispunt.storage.revisions import CORE, MIGRATIONS

(REVISION,) = CORE.glob("*_registers_of_users.py")
BEFORE = str(runpy.run_path(str(REVISION))["down_revision"])


def upgrade_to(dsn: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(CORE))
    engine = create_engine(dsn.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def test_rp_06_lines_of_before_keep_their_types_and_begin_their_history(empty_dsn: str) -> None:
    upgrade_to(empty_dsn, BEFORE)
    old, new = fresh(2)
    other = cbe.compute(9_999_997)

    async def before() -> None:
        database = await Database.open(empty_dsn, size=1)
        await database.execute(
            "INSERT INTO inscription (owner, organisation, dossier_type, ssin, period)"
            " SELECT owner, $1, '902', $3, $4 FROM unnest($2::bigint[]) AS o (owner)",
            *(ONEM, [cbe.to_int(cbe.CBSS), cbe.to_int(other)], ssins.to_int(old), to_range(span(0, 9))),
        )
        await database.close()

    async def after() -> None:
        database = await Database.open(empty_dsn, size=2)
        key = Key(old, ONEM, "902")
        for owner in (cbe.CBSS, other):
            assert await tenants.types_of(database, owner) == (DossierType("902", "902", ONEM),)
            assert await register_of(database, owner).consult([old]) == (Line(key, span(0, 9)),)
        (loaded,) = await history(database, other, old)
        assert (loaded.id, loaded.operation, loaded.made) == (0, Operation.LOADED, (Line(key, span(0, 9)),))
        assert await as_of(database, other, old, loaded.at) == (Line(key, span(0, 9)),)
        assert await as_of(database, other, old, loaded.at - timedelta(seconds=1)) == ()
        assert loaded.at < datetime.now(UTC)
        await load_people(database, {"ssin": old, "replacedBy": new}, {"ssin": new})
        (outcome,) = await register_of(database, other).inscribe([told(old, 10, 19, organisation=ONEM)], ME)
        assert (outcome.verdict, outcome.ssin, outcome.held) == (Verdict.DONE, new, span(0, 19))
        await database.close()

    asyncio.run(before())
    apply(empty_dsn)
    asyncio.run(after())
