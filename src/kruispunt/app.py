"""The composition root: the only file that knows the concrete classes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import structlog

from kruispunt.access import store
from kruispunt.access.live import AccessWatch
from kruispunt.access.model import AccessTable
from kruispunt.access.probing import Probing
from kruispunt.access.snapshot import differences
from kruispunt.access.store import EMPTY
from kruispunt.access.volume import Volumes
from kruispunt.batch.admission import Door
from kruispunt.batch.run import Bench
from kruispunt.clock import Clock, SystemClock, today
from kruispunt.configured import access_of, master_key_of, services_of
from kruispunt.errors import ConfigurationError
from kruispunt.gateway.forwarded import Forwarded, address_of
from kruispunt.gateway.http import HttpGateway
from kruispunt.gateway.identity import Pair, PairWatch, TlsFront, read_pair, watch
from kruispunt.gateway.mutations.answers import Answers
from kruispunt.gateway.mutations.api import MutationsApi
from kruispunt.gateway.mutations.asked import PREFIX
from kruispunt.gateway.mutations.delivery import Readers
from kruispunt.gateway.secrets import read_certificates, read_secret
from kruispunt.gateway.wsdl import documents
from kruispunt.identifiers.ticket import TicketSource
from kruispunt.jetstream import extra
from kruispunt.mutations.choosing import fix
from kruispunt.mutations.distributing import Fix
from kruispunt.mutations.distributions import Distribution
from kruispunt.mutations.outbox import Outbox
from kruispunt.mutations.pushing import Pusher, Wait
from kruispunt.mutations.rounds import Rounds
from kruispunt.mutations.schedule import Times
from kruispunt.mutations.writing import Desk
from kruispunt.pipeline.chain import answer
from kruispunt.pipeline.context import Answer, Incoming, TlsClient
from kruispunt.pipeline.platform import Access, Observer, Platform, Rules, mount
from kruispunt.pipeline.service import Service
from kruispunt.securitylog.keys import KeyRing
from kruispunt.securitylog.refusals import RefusalLimit
from kruispunt.securitylog.write import LogWriter, forget_before
from kruispunt.settings import RevocationMode, Settings
from kruispunt.storage.database import Database
from kruispunt.suppliers.configuration import SupplierConfiguration, load_suppliers
from kruispunt.suppliers.port import RemoteSupplier, Watch
from kruispunt.suppliers.transport import client_context
from kruispunt.wss.current import CurrentSigner
from kruispunt.wss.policy import Policy
from kruispunt.wss.revocation import Revocation, RevocationRules
from kruispunt.wss.sign import Signer
from kruispunt.wss.trust import PinnedCertificates, TrustStore, is_demo_certificate
from kruispunt.xml.parse import Limits
from kruispunt.xml.schemas import Schema

logger = structlog.get_logger("app")

FORGET_EVERY_SECONDS = 60.0

WrapSupplier = Callable[[Service, Any], Any]


async def establish_access(settings: Settings, dsn: str, author: str, *, always: bool = False) -> None:
    """Puts the access files in force on a database that has no access table yet; later, people apply them.

    `always` applies them at each call: the demo's files are made by a program. Raises ConfigurationError.
    """
    wanted = access_of(settings)
    database = await Database.open(dsn, size=1)
    try:
        version = await store.current(database)
        if version.id == 0 or always:
            await store.apply(database, wanted, author, "files at the start of the server")
        elif differences(version.table, wanted):
            logger.warning(
                "the access files differ from what is in force; compare and apply them: kruispunt access diff",
                version=version.id,
            )
    finally:
        await database.close()


def suppliers_of(settings: Settings) -> tuple[tuple[Service, SupplierConfiguration], ...]:
    """The services whose data come from elsewhere. Raises ConfigurationError for a supplier that no service has."""
    configured = load_suppliers(settings.suppliers_file)
    services = [s for s in services_of(settings) if s.remote is not None and s.supplier_name in configured]
    unknown = configured.keys() - {s.supplier_name for s in services} - set(settings.mutation_streams)
    if unknown:
        elsewhere = {s.supplier_name for s in services_of(settings) if s.remote is not None}
        known = ", ".join(sorted(elsewhere | set(settings.mutation_streams))) or "none"
        raise ConfigurationError(
            f"{settings.suppliers_file}: no service has a supplier elsewhere named {', '.join(sorted(unknown))}; "
            f"there are: {known}"
        )
    return tuple((s, configured[s.supplier_name]) for s in services)


def stream_suppliers_of(settings: Settings) -> Mapping[str, SupplierConfiguration]:
    """The streams of mutations whose items are asked for elsewhere (RP-17), by name. Raises ConfigurationError."""
    configured = load_suppliers(settings.suppliers_file)
    return {name: configured[name] for name in settings.mutation_streams if name in configured}


def _check_suppliers(settings: Settings) -> None:
    of_services = (one for _service, one in suppliers_of(settings))
    for one in (*of_services, *stream_suppliers_of(settings).values()):
        read_pair(one.client_certificate, one.client_key)
        for path in (one.client_certificate, one.ca, *([one.reply_signers] if one.reply_signers else [])):
            _refuse_demo(settings, path)
        client_context(one.ca, one.client_certificate, one.client_key)
        if one.reply_signers is not None:
            PinnedCertificates(read_certificates(one.reply_signers))


def check_secrets(settings: Settings) -> None:
    """Everything that a server needs is there, private, and fit for its environment. Raises ConfigurationError."""
    for pair in (settings.tls_pair, settings.signing_pair):
        if pair is not None:  # behind a proxy, TLS is not ended here
            read_pair(*pair)
    master_key_of(settings)
    for path in (settings.tls_certificate, settings.signing_certificate, settings.client_ca):
        if path is not None:
            _refuse_demo(settings, path)
    if settings.crl_dir is not None and not settings.crl_dir.is_dir():
        raise ConfigurationError(f"crl_dir {settings.crl_dir}: there is no such directory")
    _check_suppliers(settings)
    access = access_of(settings)
    if not access.registrations:
        logger.warning("no client certificate is registered: every request will be refused", code="access.empty")


def _refuse_demo(settings: Settings, path: Path) -> None:
    for certificate in read_certificates(path):
        if settings.production and is_demo_certificate(certificate):
            raise ConfigurationError(
                f"{path}: a certificate of the demo PKI, whose keys are no secret. Production refuses it."
            )


def signer_of(settings: Settings) -> CurrentSigner:
    """Signs replies, and requests to suppliers elsewhere; both follow when the pair is replaced."""
    return CurrentSigner(_signer_of(read_pair(*settings.signing_pair)))


@contextlib.asynccontextmanager
async def open_suppliers(
    settings: Settings, signer: CurrentSigner, clock: Clock, watch: Watch
) -> AsyncIterator[dict[str, Any]]:
    """The ports over suppliers elsewhere, by path of their service; services that share a supplier share its limits."""
    remotes: dict[str, RemoteSupplier] = {}
    ports: dict[str, Any] = {}
    async with contextlib.AsyncExitStack() as stack:
        for service, configuration in suppliers_of(settings):
            assert service.remote is not None
            name = service.supplier_name
            if name not in remotes:
                remotes[name] = RemoteSupplier(name, configuration, signer, clock, watch)
                stack.push_async_callback(remotes[name].close)
            ports[service.path] = service.remote.connect(remotes[name])
        yield ports


@contextlib.asynccontextmanager
async def open_stream_supplier(
    settings: Settings, stream: str, clock: Clock, watch: Watch
) -> AsyncIterator[RemoteSupplier]:
    """Whoever is asked for the items of a stream. Raises ConfigurationError when nobody is configured."""
    configured = stream_suppliers_of(settings)
    if stream not in configured:
        raise ConfigurationError(f"nobody can be asked for {stream}: add a table [supplier.{stream}] to suppliers_file")
    supplier = RemoteSupplier(stream, configured[stream], signer_of(settings), clock, watch)
    try:
        yield supplier
    finally:
        await supplier.close()


@contextlib.asynccontextmanager
async def open_platform(
    settings: Settings,
    dsn: str,
    observer: Observer,
    *,
    clock: Clock | None = None,
    wrap_supplier: WrapSupplier = lambda _service, supplier: supplier,
) -> AsyncIterator[Platform]:
    """Everything that the pipeline works with, opened and closed together."""
    clock = clock or SystemClock()
    services = services_of(settings)
    database = await Database.open(dsn, size=settings.database_connections)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        keys = KeyRing(database, master_key_of(settings))
        await keys.open()
        log = LogWriter(dsn, keys, clock)
        await log.open()
        stack.push_async_callback(log.close)
        access = Access(EMPTY)
        watch = AccessWatch(dsn, database, access.replace)
        await watch.open()
        stack.push_async_callback(watch.close)
        trust, revocation = await stack.enter_async_context(_open_trust(settings, clock))
        signer = signer_of(settings)
        elsewhere = await stack.enter_async_context(open_suppliers(settings, signer, clock, observer))
        mounted = {
            s.path: mount(
                s,
                Schema(s.folder / "contract" / s.schema),
                wrap_supplier(s, elsewhere[s.path] if s.path in elsewhere else s.supplier(database)),
            )
            for s in services
        }
        platform = Platform(
            rules=Rules(
                engine=settings.engine_name,
                author=settings.author,
                service_desk=settings.service_desk,
                limits=Limits(size=settings.max_message_bytes),
                policy=_policy(settings),
                test_numbers=not settings.production,
                check_replies=settings.replies_checked,
            ),
            clock=clock,
            tickets=TicketSource(clock),
            mounted=mounted,
            access=access,
            trust=trust,
            revocation=revocation,
            log=log,
            refusals=RefusalLimit(),
            volumes=Volumes(database, settings.workers),
            probing=Probing(
                settings.probing_refusals,
                settings.probing_window_seconds,
                settings.probing_delay_seconds,
                settings.workers,
            ),
            database=database,
            signer=signer,
            observer=observer,
        )
        forgetting = asyncio.create_task(_forget_replays(platform), name="forget replays")
        stack.callback(forgetting.cancel)
        yield platform


@contextlib.asynccontextmanager
async def open_bench(settings: Settings, database: Database, clock: Clock | None = None) -> AsyncIterator[Bench]:
    """What files of inscriptions are worked with: rights in force, authorities, the platform's own signature."""
    clock = clock or SystemClock()
    async with _open_trust(settings, clock) as (trust, revocation):
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
    """What pushes to subscribers over NATS. Raises ConfigurationError when no server is named, or without nats-py."""
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


@contextlib.asynccontextmanager
async def _open_trust(settings: Settings, clock: Clock) -> AsyncIterator[tuple[TrustStore, Revocation]]:
    """Whose certificates are believed, and which of them were revoked."""
    authorities = read_certificates(settings.client_ca)
    trust = TrustStore(authorities)
    revocation = Revocation(_revocation_rules(settings), trust, authorities, clock)
    try:
        await revocation.open()
        yield trust, revocation
    finally:
        await revocation.close()


@contextlib.asynccontextmanager
async def follow_certificates(settings: Settings, front: TlsFront | None, platform: Platform) -> AsyncIterator[None]:
    """Takes over new certificates and keys of the platform while it serves; `front` is None behind a proxy."""
    clock, production, signer = platform.clock, settings.production, platform.signer

    def sign_with(pair: Pair) -> None:
        signer.replace(_signer_of(pair))

    watches = [PairWatch("signing", settings.signing_pair, sign_with, clock, production, signer.certificate)]
    if front is not None:
        watches.append(PairWatch("tls", front.files, front.use, clock, production, front.pair.certificate))
    watching = asyncio.create_task(watch(watches), name="certificates")
    try:
        yield
    finally:
        watching.cancel()


def _signer_of(pair: Pair) -> Signer:
    return Signer(pair.key, pair.certificate)


def _policy(settings: Settings) -> Policy:
    age = timedelta(seconds=settings.max_age_seconds)
    return Policy(ahead=timedelta(seconds=settings.clock_ahead_seconds), age=age, life=age)


def _revocation_rules(settings: Settings) -> RevocationRules | None:
    mode = settings.revocation_mode
    if mode is RevocationMode.OFF:
        return None
    return RevocationRules(
        ocsp=mode is RevocationMode.CRL_OR_OCSP,
        fetch_crls=settings.crl_fetch,
        directory=settings.crl_dir,
        max_age=timedelta(seconds=settings.revocation_max_age_seconds),
    )


def mutations_api(platform: Platform, settings: Settings) -> MutationsApi | None:
    """Files of subscriptions over HTTPS; None where no folder for them is set."""
    if settings.mutation_dir is None:
        return None
    retention = timedelta(days=settings.mutation_retention_days)
    answers = Answers(platform.database, settings.mutation_dir, Readers(), platform.clock, retention)
    return MutationsApi(platform, answers, settings.request_seconds)


def gateway(
    platform: Platform, max_bytes: int, proxy_header: str | None = None, mutations: MutationsApi | None = None
) -> HttpGateway:
    """The ASGI application over an open platform; `proxy_header` where a proxy hands on the client's certificate."""

    async def admit(client: TlsClient) -> None:
        await platform.revocation.admit(client.fingerprint, client.token)

    async def serve(incoming: Incoming) -> Answer:
        return await answer(platform, incoming)

    contracts = {path: documents(mounted.service) for path, mounted in platform.mounted.items()}
    usual = replace(platform.rules.limits, size=max_bytes)
    larger = {path: m.limits(usual).size for path, m in platform.mounted.items() if m.service.limits is not None}
    routed = None if mutations is None else (PREFIX, mutations)
    if proxy_header is None:
        return HttpGateway(serve, contracts, max_bytes, admit, larger=larger, routed=routed)
    forwarded = Forwarded(proxy_header.lower().encode(), platform.trust, platform.clock)
    return HttpGateway(serve, contracts, max_bytes, admit, forwarded, address_of, larger, routed)


async def _forget_replays(platform: Platform) -> None:
    while True:
        await asyncio.sleep(FORGET_EVERY_SECONDS)
        try:
            await platform.log.forget_replays(forget_before(platform.clock.now()))
        except Exception as error:  # the driver's errors have no common root, and this task must go on
            logger.warning("replay keys could not be forgotten; trying again in a minute", cause=str(error))
