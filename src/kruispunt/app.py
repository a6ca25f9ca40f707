"""The composition root of a server: with `jobs`, the only file that knows the concrete classes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from kruispunt.access import store
from kruispunt.access.live import AccessWatch
from kruispunt.access.probing import Probing
from kruispunt.access.snapshot import differences
from kruispunt.access.store import EMPTY
from kruispunt.access.volume import Volumes
from kruispunt.clock import Clock, SystemClock
from kruispunt.configured import access_of, master_key_of, services_of
from kruispunt.errors import ConfigurationError
from kruispunt.gateway.forwarded import Forwarded, address_of
from kruispunt.gateway.http import HttpGateway
from kruispunt.gateway.identity import Pair, PairWatch, TlsFront, read_pair, watch
from kruispunt.gateway.mutations.answers import Answers
from kruispunt.gateway.mutations.api import MutationsApi
from kruispunt.gateway.mutations.asked import PREFIX
from kruispunt.gateway.mutations.delivery import Readers
from kruispunt.gateway.secrets import read_certificates
from kruispunt.gateway.wsdl import documents
from kruispunt.identifiers.ticket import TicketSource
from kruispunt.pipeline.chain import answer
from kruispunt.pipeline.context import Answer, Incoming, TlsClient
from kruispunt.pipeline.platform import Access, Observer, Platform, Rules, mount
from kruispunt.pipeline.service import Service
from kruispunt.securitylog.keys import KeyRing
from kruispunt.securitylog.refusals import RefusalLimit
from kruispunt.securitylog.write import LogWriter, forget_before
from kruispunt.settings import Settings
from kruispunt.storage.database import Database
from kruispunt.suppliers.configuration import SupplierConfiguration, load_suppliers
from kruispunt.suppliers.port import RemoteSupplier, Watch
from kruispunt.suppliers.tls import client_context
from kruispunt.trusted import open_trust, signer_of, signer_with
from kruispunt.wss.current import CurrentSigner
from kruispunt.wss.policy import Policy
from kruispunt.wss.trust import PinnedCertificates, is_demo_certificate
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
        trust, revocation = await stack.enter_async_context(open_trust(settings, clock))
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
            refusals=RefusalLimit(settings.refusals_logged),
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
async def follow_certificates(settings: Settings, front: TlsFront | None, platform: Platform) -> AsyncIterator[None]:
    """Takes over new certificates and keys of the platform while it serves; `front` is None behind a proxy."""
    clock, production, signer = platform.clock, settings.production, platform.signer

    def sign_with(pair: Pair) -> None:
        signer.replace(signer_with(pair))

    watches = [PairWatch("signing", settings.signing_pair, sign_with, clock, production, signer.certificate)]
    if front is not None:
        watches.append(PairWatch("tls", front.files, front.use, clock, production, front.pair.certificate))
    watching = asyncio.create_task(watch(watches), name="certificates")
    try:
        yield
    finally:
        watching.cancel()


def _policy(settings: Settings) -> Policy:
    age = timedelta(seconds=settings.max_age_seconds)
    return Policy(ahead=timedelta(seconds=settings.clock_ahead_seconds), age=age, life=age)


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
