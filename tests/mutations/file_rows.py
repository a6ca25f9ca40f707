"""Rows of subscriptions and of their files, as definitions and distributions leave them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from kruispunt.files.header import Header
from kruispunt.files.voucher import Content, Voucher, sign_voucher
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.settings import Environment
from kruispunt.storage.database import Database
from kruispunt.wss.sign import Signer

ORGANISATIONS = {"alpha": "0999999922", "beta": "0999999823"}
OWNER = 999999922
FIRST_DAY = datetime.now(UTC).date() - timedelta(days=30)


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def day_of(sequence: int) -> date:
    """The day that a file tells: not long ago, and another one for each number."""
    return FIRST_DAY + timedelta(days=sequence)


async def subscribe(database: Database, code: str, organisation: str = "alpha", **more: Any) -> int:
    await database.execute(
        "insert into register (owner, name, integrator, author) values ($1, 'Register', false, 'tests') "
        "on conflict do nothing",
        OWNER,
    )
    await database.execute("update subscription set ended = clock_timestamp() where code = $1 and ended is null", code)
    values = (
        {"legal_context": "TEST:CONTEXT", "kinds": ["address"], "stream": None, "active_only": True}
        | {"owner": OWNER}
        | more
    )
    found: int = await database.fetchval(
        "insert into subscription (code, organisation, receiver, legal_context, owner, active_only, kinds, stream, "
        "pushed, author) values ($1, $2, $3, $4, $5, $6, $7, $8, false, 'tests') returning id",
        code,
        organisation,
        values.get("receiver", ORGANISATIONS[organisation]),
        values["legal_context"],
        values["owner"],
        values["active_only"],
        values["kinds"],
        values["stream"],
    )
    return found


async def publish(
    database: Database, home: Path, code: str, sequence: int, content: Content, day: date | None = None
) -> None:
    day = day or day_of(sequence)
    at = datetime.combine(day, time(1), UTC) + timedelta(days=1)
    row = await database.fetchrow("select id, receiver from subscription where code = $1 order by id desc", code)
    assert row is not None
    distribution = await database.fetchval(
        "insert into distribution (day, changes_from, changes_upto, items_from, items_upto, at, finished) "
        "values ($1, 0, 0, 0, 0, $2, $2) on conflict (day) do update set day = excluded.day returning id",
        day,
        at,
    )
    header = Header(OrganisationKey("0244640631"), OrganisationKey(row["receiver"]), "TEST:CONTEXT", sequence, at)
    told = Voucher(header, "MUTATIONS", Environment.ACCEPTANCE, 1, content)
    signer = Signer.from_files(home / "signing.key", home / "signing.pem")
    await database.execute(
        "insert into mutation_file (distribution, subscription, code, sequence, parts, groups, records, size, sha256, "
        "voucher, published) values ($1, $2, $3, $4, 0, 0, 1, $5, $6, $7, clock_timestamp())",
        distribution,
        row["id"],
        code,
        sequence,
        content.size,
        bytes.fromhex(content.sha256),
        sign_voucher(told, signer, at),
    )
