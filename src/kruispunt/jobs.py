"""The composition root of commands that work on files: loading inscriptions, distributing and pushing mutations.

What `app` is for a server.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import date, time, timedelta

from kruispunt.access import store
from kruispunt.access.model import AccessTable
from kruispunt.batch.admission import Door
from kruispunt.batch.run import Bench
from kruispunt.clock import Clock, SystemClock, today
from kruispunt.errors import ConfigurationError
from kruispunt.gateway.secrets import read_secret
from kruispunt.jetstream import extra
from kruispunt.mutations.choosing import fix
from kruispunt.mutations.distributing import Fix
from kruispunt.mutations.distributions import Distribution
from kruispunt.mutations.outbox import Outbox
from kruispunt.mutations.pushing import Pusher, Wait
from kruispunt.mutations.rounds import Rounds
from kruispunt.mutations.schedule import Times
from kruispunt.mutations.writing import Desk
from kruispunt.settings import Settings
from kruispunt.storage.database import Database
from kruispunt.trusted import open_trust, signer_of


@contextlib.asynccontextmanager
async def open_bench(settings: Settings, database: Database, clock: Clock | None = None) -> AsyncIterator[Bench]:
    """What files of inscriptions are worked with: rights in force, authorities, the platform's own signature."""
    clock = clock or SystemClock()
    async with open_trust(settings, clock) as (trust, revocation):
        table = (await store.current(database)).table
        yield Bench(
            database=database,
            door=Door(table, trust, revocation, settings.environment),
            signer=signer_of(settings),
            now=clock.now,
            today=lambda: today(clock),
            test_band=not settings.production,
        )


async def open_desk(
    settings: Settings, database: Database, clock: Clock | None = None, *, early: bool = False
) -> tuple[Desk, Fix]:
    """What mutation files are written with, and how a day is fixed: by the rights in force now, `early` today too.

    Raises ConfigurationError when there is no folder for them, StorageError.
    """
    clock = clock or SystemClock()
    directory = settings.mutation_dir
    if directory is None or not directory.is_dir():
        named = "is not set" if directory is None else f"names {directory}, which is no directory"
        raise ConfigurationError(f"mutation_dir {named}: make a folder for the files of subscribers, and name it there")
    table = (await store.current(database)).table

    async def fix_day(day: date) -> Distribution:
        return await fix(database, table, day, now=clock.now(), early=early)

    return Desk(directory, settings.environment, signer_of(settings), clock.now), fix_day


def times_of(settings: Settings) -> Times:
    """When days are distributed, and for how long files are kept."""
    return Times(
        time.fromisoformat(settings.distribution_time), settings.mutation_retention_days, settings.mutation_notice_days
    )


def open_pusher(settings: Settings, database: Database, wait: Wait, clock: Clock | None = None) -> Pusher:
    """What pushes to subscribers over NATS.

    Raises ConfigurationError when no server is named, without nats-py, and when a certificate or key cannot be used.
    """
    if not settings.push_servers:
        raise ConfigurationError(
            "push_servers is not set: name the NATS servers there; see docs/how-to/push-mutations.md"
        )
    with extra.needed():
        from kruispunt.jetstream.connection import Way, connected
        from kruispunt.mutations.lanes import Publisher, Streams
    clock = clock or SystemClock()
    if settings.push_key is not None:
        read_secret(settings.push_key)
    way = Way(settings.push_servers, settings.push_ca, settings.push_certificate, settings.push_key)
    way.context()
    streams = Streams(settings.environment, settings.push_replicas, settings.push_stream_bytes)

    async def rights() -> AccessTable:
        return (await store.current(database)).table

    @contextlib.asynccontextmanager
    async def publisher() -> AsyncIterator[Publisher]:
        async with connected(way, "kruispunt mutations push") as client:
            yield Publisher(client, Outbox(database), streams)

    rounds = Rounds(
        database=database,
        rights=rights,
        environment=settings.environment,
        signer=signer_of(settings),
        now=clock.now,
        notice=timedelta(days=settings.mutation_notice_days),
        retention=timedelta(days=settings.mutation_retention_days),
    )
    return Pusher(database, publisher, rounds.write, wait, settings.push_seconds)
