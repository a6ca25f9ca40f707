"""What a subscriber may fetch (RP-18).

A file belongs to the organisation that its own row of `subscription` names. So it stays that organisation's, whatever
becomes of the subscription, and a code that goes over to another organisation takes no file along.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from kruispunt.storage.database import Asked, Database

_SUBSCRIPTIONS = """
    select s.code, s.legal_context, s.kinds, s.stream, s.active_only,
           coalesce((select max(f.sequence) from mutation_file f join subscription o on o.id = f.subscription
                     where f.code = s.code and o.organisation = s.organisation and f.published is not null), 0) last
    from subscription s
    where s.ended is null and s.organisation = any($1::text[])
    order by s.code
"""
_OWNED = """
    select organisation, receiver, legal_context from subscription
    where code = $1 and organisation = any($2::text[]) order by id desc limit 1
"""
_FILES = """
    select f.id, f.sequence, d.day, f.records, f.size, f.sha256, f.published, f.collected
    from mutation_file f join subscription s on s.id = f.subscription join distribution d on d.id = f.distribution
    where f.code = $1 and s.organisation = any($2::text[]) and f.sequence > $3 and f.published is not null
    order by f.sequence limit $4
"""
_VOUCHER = "select voucher from mutation_file where id = $1"
_HELD = "select exists (select from outgoing where file = $1 and part = 'voucher')"


@dataclass(frozen=True, slots=True)
class Subscription:
    """One that is in force."""

    code: str
    legal_context: str
    kinds: tuple[str, ...]
    stream: str | None
    active_only: bool
    last: int
    """Sequence number of the last file that is there; 0 before the first."""


@dataclass(frozen=True, slots=True)
class Owned:
    """A code that is the caller's, now or once."""

    organisation: str
    """Code of the access files."""
    receiver: str
    """Key of the organisation, as its files name it."""
    legal_context: str


@dataclass(frozen=True, slots=True)
class File:
    """A file that was made; it may have left the folder since."""

    id: int
    sequence: int
    day: date | None
    """Civil day in Belgium that it tells; None for a round of what is pushed."""
    records: int
    size: int
    """Bytes."""
    sha256: str
    """64 hexadecimal digits in lower case."""
    published: datetime
    collected: datetime | None


async def subscriptions(database: Database, organisations: Collection[str]) -> tuple[Subscription, ...]:
    """Those in force of some organisations, by code."""
    rows = await database.fetch(_SUBSCRIPTIONS, sorted(organisations))
    return tuple(
        Subscription(r["code"], r["legal_context"], tuple(r["kinds"]), r["stream"], r["active_only"], r["last"])
        for r in rows
    )


async def owned(database: Database, code: str, organisations: Collection[str]) -> Owned | None:
    """Whose subscription it is; None for one of others, and for one that does not exist."""
    row = await database.fetchrow(_OWNED, code, sorted(organisations))
    return None if row is None else Owned(row["organisation"], row["receiver"], row["legal_context"])


async def files(database: Asked, code: str, organisations: Collection[str], after: int, limit: int) -> tuple[File, ...]:
    """The first `limit` files behind a sequence number, in their order."""
    rows = await database.fetch(_FILES, code, sorted(organisations), after, limit)
    return tuple(
        File(
            id=r["id"],
            sequence=r["sequence"],
            day=r["day"],
            records=r["records"],
            size=r["size"],
            sha256=r["sha256"].hex(),
            published=r["published"],
            collected=r["collected"],
        )
        for r in rows
    )


async def file(database: Asked, code: str, organisations: Collection[str], sequence: int) -> File | None:
    """One of them; None when there is none that these organisations may have."""
    found = await files(database, code, organisations, sequence - 1, 1)
    return found[0] if found and found[0].sequence == sequence else None


async def is_held(database: Database, file_id: int) -> bool:
    """Whether the messages of a file that was pushed are kept, so that it can be pushed again."""
    found: bool = await database.fetchval(_HELD, file_id)
    return found


async def voucher(database: Database, file_id: int) -> bytes:
    """The voucher of a file that was made, as it was signed then."""
    found: bytes = await database.fetchval(_VOUCHER, file_id)
    return found
