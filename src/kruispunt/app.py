"""The composition root: the only file that knows the concrete classes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from kruispunt.access import store
from kruispunt.access.files import ServiceRows
from kruispunt.access.files import load as load_access
from kruispunt.access.live import AccessWatch
from kruispunt.access.model import AccessTable
from kruispunt.access.snapshot import differences
from kruispunt.access.store import EMPTY
from kruispunt.clock import Clock, SystemClock
from kruispunt.errors import ConfigurationError
from kruispunt.gateway.http import HttpGateway
from kruispunt.gateway.secrets import read_certificates, read_key, read_secret
from kruispunt.gateway.wsdl import documents
from kruispunt.identifiers.ticket import TicketSource
from kruispunt.pipeline.chain import answer
from kruispunt.pipeline.platform import Access, Observer, Platform, Rules, mount
from kruispunt.pipeline.service import Service
from kruispunt.securitylog.keys import KeyRing, MasterKey, parse_master_key
from kruispunt.securitylog.refusals import RefusalLimit
from kruispunt.securitylog.write import LogWriter, forget_before
from kruispunt.services.discovery import discover
from kruispunt.settings import Settings
from kruispunt.storage.database import Database
from kruispunt.suppliers.configuration import SupplierConfiguration, load_suppliers
from kruispunt.suppliers.port import RemoteSupplier, Watch
from kruispunt.suppliers.transport import client_context
from kruispunt.wss.policy import Policy
from kruispunt.wss.sign import Signer
from kruispunt.wss.trust import PinnedCertificates, TrustStore, is_demo_certificate
from kruispunt.xml.parse import Limits
from kruispunt.xml.schemas import Schema

logger = structlog.get_logger("app")

FORGET_EVERY_SECONDS = 60.0

WrapSupplier = Callable[[Service, Any], Any]


def services_of(settings: Settings) -> tuple[Service, ...]:
    return discover(settings.extra_services)


def rows_of(services: Sequence[Service]) -> tuple[ServiceRows, ...]:
    """What the access files are held against."""
    return tuple(
        ServiceRows(s.folder.name, s.name, frozenset(o.name for o in s.operations), s.folder / "contexts.toml")
        for s in services
    )


def access_of(settings: Settings) -> AccessTable:
    """What the access files say; not necessarily what is in force. Raises ConfigurationError."""
    return load_access(settings.access_dir, rows_of(services_of(settings)))


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


def master_key_of(settings: Settings) -> MasterKey:
    if settings.log_master_key is not None:
        return parse_master_key(settings.log_master_key.get_secret_value())
    assert settings.log_master_key_file is not None
    return parse_master_key(read_secret(settings.log_master_key_file).decode("ascii", "replace"))


def suppliers_of(settings: Settings) -> tuple[tuple[Service, SupplierConfiguration], ...]:
    """The services whose data come from elsewhere. Raises ConfigurationError for a supplier that no service has."""
    configured = load_suppliers(settings.suppliers_file)
    services = [s for s in services_of(settings) if s.remote is not None and s.supplier_name in configured]
    unknown = configured.keys() - {s.supplier_name for s in services}
    if unknown:
        known = ", ".join(sorted({s.supplier_name for s in services_of(settings) if s.remote is not None})) or "none"
        raise ConfigurationError(
            f"{settings.suppliers_file}: no service has a supplier elsewhere named {', '.join(sorted(unknown))}; "
            f"there are: {known}"
        )
    return tuple((s, configured[s.supplier_name]) for s in services)


def _check_suppliers(settings: Settings) -> None:
    for _service, one in suppliers_of(settings):
        certificates = read_certificates(one.client_certificate)
        if not certificates or read_key(one.client_key).public_key() != certificates[0].public_key():
            raise ConfigurationError(f"{one.client_key} is not the key of {one.client_certificate}")
        for path in (one.client_certificate, one.ca, *([one.reply_signers] if one.reply_signers else [])):
            _refuse_demo(settings, path)
        client_context(one.ca, one.client_certificate, one.client_key)
        if one.reply_signers is not None:
            PinnedCertificates(read_certificates(one.reply_signers))


def check_secrets(settings: Settings) -> None:
    """Everything that a server needs is there, private, and fit for its environment. Raises ConfigurationError."""
    for key, certificate_file in (
        (settings.tls_key, settings.tls_certificate),
        (settings.signing_key, settings.signing_certificate),
    ):
        if read_key(key).public_key() != read_certificates(certificate_file)[0].public_key():
            raise ConfigurationError(f"{key} is not the key of {certificate_file}")
    master_key_of(settings)
    for path in (settings.tls_certificate, settings.signing_certificate, settings.client_ca):
        _refuse_demo(settings, path)
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


def signer_of(settings: Settings) -> Signer:
    """Signs replies, and requests to suppliers elsewhere."""
    return Signer(read_key(settings.signing_key), read_certificates(settings.signing_certificate)[0])


@contextlib.asynccontextmanager
async def open_suppliers(
    settings: Settings, signer: Signer, clock: Clock, watch: Watch
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
            trust=TrustStore(read_certificates(settings.client_ca)),
            log=log,
            refusals=RefusalLimit(),
            database=database,
            signer=signer,
            observer=observer,
        )
        forgetting = asyncio.create_task(_forget_replays(platform), name="forget replays")
        stack.callback(forgetting.cancel)
        yield platform


def _policy(settings: Settings) -> Policy:
    age = timedelta(seconds=settings.max_age_seconds)
    return Policy(ahead=timedelta(seconds=settings.clock_ahead_seconds), age=age, life=age)


def gateway(platform: Platform, max_bytes: int) -> HttpGateway:
    """The ASGI application over an open platform."""
    return HttpGateway(
        lambda incoming: answer(platform, incoming),
        {path: documents(mounted.service) for path, mounted in platform.mounted.items()},
        max_bytes,
    )


async def _forget_replays(platform: Platform) -> None:
    while True:
        await asyncio.sleep(FORGET_EVERY_SECONDS)
        try:
            await platform.log.forget_replays(forget_before(platform.clock.now()))
        except Exception as error:  # the driver's errors have no common root, and this task must go on
            logger.warning("replay keys could not be forgotten; trying again in a minute", cause=str(error))
