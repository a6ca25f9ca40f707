"""What `kruispunt doctor` looks at. Nothing is changed, and nothing about a person is read."""

from __future__ import annotations

import socket
import stat
import tomllib
import urllib.request
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from itertools import pairwise
from pathlib import Path
from shutil import disk_usage
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from kruispunt.access.snapshot import differences
from kruispunt.access.store import current
from kruispunt.clock import BELGIUM, Clock
from kruispunt.configured import access_of, master_keys_of, services_of
from kruispunt.errors import ConfigurationError, StorageError
from kruispunt.gateway.endings import Ending, client_endings, endings_of
from kruispunt.gateway.identity import Pair, context_of, read_pair
from kruispunt.gateway.secrets import read_certificates
from kruispunt.identifiers import cbe
from kruispunt.jobs import times_of
from kruispunt.mutations.waiting import look, overdue
from kruispunt.securitylog.keys import LOST
from kruispunt.settings import Settings
from kruispunt.storage.database import Database
from kruispunt.storage.migrate import pending
from kruispunt.wss.sign import Signer
from kruispunt.wss.trust import TrustStore, is_demo_certificate

MIN_RSA_BITS = 2048
OLDEST_SERVER = 150_000
DRIFT_SECONDS = (2.0, 30.0)
"""Between this clock and the database's: above the first a warning, above the second a fault."""
ROOM = 64 << 20, 512 << 20
"""Free bytes, below which it is a fault and a warning: PostgreSQL stops without room for a few files of 16 MB."""
LOAD_TAKES = timedelta(days=1)
"""After which the load of a file is one that was broken off."""
DISTRIBUTION_TAKES = timedelta(hours=2)
"""After which a day that was not distributed is one that was forgotten."""


_HELD_UP = "SELECT owner, sequence, received FROM batch_file WHERE finished IS NULL AND received < $1 ORDER BY owner"


class Level(Enum):
    """The worst one is the exit code."""

    OK = 0
    WARNING = 1
    FAULT = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was found, and what to do; nothing to do when all is well."""

    level: Level
    check: str
    what: str
    todo: str = ""


def ok(check: str, what: str) -> Finding:
    return Finding(Level.OK, check, what)


def warning(check: str, what: str, todo: str) -> Finding:
    return Finding(Level.WARNING, check, what, todo)


def fault(check: str, what: str, todo: str) -> Finding:
    return Finding(Level.FAULT, check, what, todo)


def examine_files(settings: Settings, config: Path | None, now: datetime) -> list[Finding]:
    """Settings, keys and certificates."""
    found = [ok("settings", f"complete, for {settings.environment.value}")]
    if config is not None and _holds_password(config) and config.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        found.append(warning("settings", f"{config} holds a password and others may read it", f"chmod 600 {config}"))
    if settings.tls_pair is not None:
        found += _pair("tls", *settings.tls_pair, settings, now)
    found += _pair("signing", *settings.signing_pair, settings, now)
    found += _authorities(settings, now)
    try:
        keys = master_keys_of(settings)
    except ConfigurationError as error:
        found.append(fault("log-master-key", str(error), "see docs/how-to/rotate-keys.md"))
    else:
        found.append(ok("log-master-key", f"readable: {', '.join(key.name for key in keys)}"))
    return [*found, *_room(settings)]


def _room(settings: Settings) -> Iterator[Finding]:
    """Where this server writes; a PostgreSQL that was given by its dsn is on a disk that cannot be seen from here."""
    data = None if settings.dsn is not None else settings.data_dir
    logged, written = "no request can be logged, and each gets MSG00003", "no file of subscribers can be written"
    for folder, without in ((data, logged), (settings.mutation_dir, written)):
        if folder is None or not folder.is_dir():
            continue
        free = disk_usage(folder).free
        what = f"{free / (1 << 20):,.0f} MB are free for {folder}"
        if free >= ROOM[1]:
            yield ok("disk", what)
        else:
            yield (fault if free < ROOM[0] else warning)("disk", what, f"make room: without it {without}")


def _holds_password(config: Path) -> bool:
    """Whether the DSN in the file itself has one."""
    dsn = str(tomllib.loads(config.read_text(encoding="utf-8")).get("dsn", ""))
    return (":" in dsn.partition("://")[2].partition("@")[0] and "@" in dsn) or "password=" in dsn


def _pair(what: str, certificate: Path, key: Path, settings: Settings, now: datetime) -> Iterator[Finding]:
    try:
        pair = read_pair(certificate, key)
        pair.check(now, settings.production)
        _try_out(what, pair, settings)
    except ConfigurationError as error:
        wrong = settings.client_ca if str(settings.client_ca) in str(error) else f"{certificate} or {key}"
        yield fault(what, str(error), f"correct {wrong}; a running server keeps what it has")
        return
    yield from _chain(what, pair.certificates)
    yield from _sizes(what, pair.certificates)
    yield from _ends(endings_of(what, pair.certificates), now)


def _try_out(what: str, pair: Pair, settings: Settings) -> None:
    if what == "tls":
        context_of(pair, settings.client_ca)
    else:
        Signer(pair.key, pair.certificate)


def _chain(what: str, certificates: tuple[x509.Certificate, ...]) -> Iterator[Finding]:
    for one, issuer in pairwise(certificates):
        try:
            one.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            name, by = one.subject.rfc4514_string(), issuer.subject.rfc4514_string()
            todo = "put the certificates in order: the key's own first, each followed by its issuer"
            yield fault(what, f"{name} was not issued by {by}, which follows it", todo)
            return
    yield ok(what, f"certificate and key belong together, {len(certificates)} in the chain")


def _sizes(what: str, certificates: Iterable[x509.Certificate]) -> Iterator[Finding]:
    for one in certificates:
        key, name = one.public_key(), one.subject.rfc4514_string()
        if isinstance(key, rsa.RSAPublicKey):
            if key.key_size < MIN_RSA_BITS:
                yield fault(what, f"{name} has an RSA key of {key.key_size} bits", "have it issued for 2048 or more")
        elif not isinstance(key, ec.EllipticCurvePublicKey):
            yield fault(what, f"{name} has a key that is neither RSA nor ECDSA", "have it issued for another key")


def _ends(endings: Iterable[Ending], now: datetime) -> Iterator[Finding]:
    for ending in endings:
        step = ending.step(now)
        name = f"{ending.name} ({ending.kind}) ends {ending.until:%Y-%m-%d %H:%M} UTC"
        if step is None:
            yield ok("expiry", name)
        elif step == 0:
            yield fault("expiry", name.replace(" ends ", " ended "), "replace it: see docs/how-to/rotate-keys.md")
        else:
            yield warning("expiry", f"{name}: within {step} days", "replace it: see docs/how-to/rotate-keys.md")


def _authorities(settings: Settings, now: datetime) -> Iterator[Finding]:
    todo = "name the certificates of the issuers of your clients, and of them alone"
    try:
        certificates = read_certificates(settings.client_ca)
        TrustStore(certificates)
    except ConfigurationError as error:
        yield fault("client-ca", str(error), todo)
        return
    for one in certificates:
        if settings.production and is_demo_certificate(one):
            yield fault("client-ca", f"{settings.client_ca} holds a certificate of the demo PKI", todo)
    yield ok("client-ca", f"{len(certificates)} issuers of clients are trusted")
    yield from _sizes("client-ca", certificates)
    yield from _ends(endings_of("client-ca", certificates), now)


async def examine_database(settings: Settings, dsn: str, clock: Clock) -> list[Finding]:
    """The database, the keys of the log in it, and the access table in force."""
    try:
        lacking = pending(dsn, [s.folder for s in services_of(settings) if (s.folder / "migrations").is_dir()])
        database = await Database.open(dsn, size=1)
    except ConfigurationError as error:
        return [fault("migrations", str(error), "install here what the other servers of this database run")]
    except StorageError as error:
        return [fault("database", str(error), "check dsn, the server and its network")]
    try:
        found = [*await _server(database), *await _clock(database, clock)]
        if lacking:
            todo = "the next start of a server brings it up to date"
            return [*found, warning("migrations", f"lacking: {', '.join(lacking)}", todo)]
        found.append(ok("migrations", "the tables are those of this release"))
        for check in (_forgotten, _log_keys, _access, _batch, _mutations):
            found += await _guarded(check, database, settings, clock)
        return found
    finally:
        await database.close()


async def _guarded(look: Callable[..., Awaitable[list[Finding]]], *about: Any) -> list[Finding]:
    try:
        return await look(*about)
    except ConfigurationError as error:
        return [fault(look.__name__.strip("_"), str(error), "correct what it names")]


async def _server(database: Database) -> Iterable[Finding]:
    number = int(await database.fetchval("select current_setting('server_version_num')"))
    text = await database.fetchval("select current_setting('server_version')")
    found = [ok("database", f"PostgreSQL {text}")]
    if number < OLDEST_SERVER:
        found = [fault("database", f"PostgreSQL {text} is too old", "use 15 or later")]
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        value = await database.fetchval("select current_setting($1)", name)
        if value == "off":
            todo = f"set {name} = on: a reply may leave only when its entry is on disk"
            found.append(fault("durability", f"{name} is off", todo))
        else:
            found.append(ok("durability", f"{name} is {value}"))
    remote = await database.fetchval(
        "select inet_client_addr() is not null and inet_client_addr() <> inet_server_addr() "
        "and not ssl from pg_stat_ssl where pid = pg_backend_pid()"
    )
    if remote:
        found.append(
            warning("database", "the connection to another machine is not encrypted", "add sslmode=verify-full to dsn")
        )
    return found


async def _clock(database: Database, clock: Clock) -> Iterable[Finding]:
    """The query lies between two looks at our own clock, so its length cannot be taken for a difference."""
    before = clock.now()
    theirs = await database.fetchval("select clock_timestamp()")
    after = clock.now()
    drift = max((theirs - after).total_seconds(), (before - theirs).total_seconds(), 0.0)
    what = f"this clock and the database's differ by {drift:.1f} s"
    if drift <= DRIFT_SECONDS[0]:
        return [ok("clock", what)]
    todo = "let both machines follow a time server: timestamps of messages are judged by this clock"
    return [(warning if drift <= DRIFT_SECONDS[1] else fault)("clock", what, todo)]


async def _forgotten(database: Database, _settings: Settings, clock: Clock) -> list[Finding]:
    """Messages that expire before what was forgotten are refused as replays: this clock must be past that (PL-06)."""
    floor = await database.fetchval("select nullif(expires, '-infinity') from replay_floor")
    if floor is None or floor <= clock.now():
        return []
    what = f"messages that expire before {floor:%Y-%m-%d %H:%M:%S} UTC are refused as replays; it is not so late yet"
    todo = "correct this clock if it was set back; if it was ahead before and is right now, wait until then"
    return [fault("clock", what, todo)]


async def _log_keys(database: Database, settings: Settings, _clock: Clock) -> list[Finding]:
    known = {key.name for key in master_keys_of(settings)}
    rows = await database.fetch("select master, purpose, count(*) n from log_key group by master, purpose")
    if not rows:
        return [ok("log-keys", "none yet: the first start makes them")]
    found = []
    for master in sorted({r["master"] for r in rows if not r["purpose"].startswith(LOST)}):
        if master not in known:
            todo = "point log_master_key_file at the right key; if it is lost, see docs/how-to/rotate-keys.md"
            found.append(fault("log-keys", f"master key {master} wraps keys of the log, and is not there", todo))
    lost = sum(r["n"] for r in rows if r["purpose"].startswith(LOST) and r["master"] not in known)
    if lost:
        todo = "nothing, unless the lost key is found: add it to log_master_key_file"
        found.append(ok("log-keys", f"{lost} keys cannot be opened: their master key was declared lost ({todo})"))
    unused = known - {r["master"] for r in rows}
    if unused:
        todo = "take it out of log_master_key_file when the rotation is over"
        found.append(warning("log-keys", f"master key {', '.join(sorted(unused))} wraps nothing", todo))
    return found or [ok("log-keys", "the master key opens every key of the log")]


async def _access(database: Database, settings: Settings, clock: Clock) -> list[Finding]:
    version = await current(database)
    found = list(_ends(client_endings(version.table.registrations.values()), clock.now()))
    unknown = [r.urn for r in version.table.registrations.values() if not r.not_after]
    if unknown:
        found.append(
            warning(
                "access",
                f"until when {len(unknown)} client certificates are valid is not known: {', '.join(sorted(unknown))}",
                "register them by file (certificate) instead of sha256, if you have the file",
            )
        )
    if version.id == 0:
        return [*found, warning("access", "nothing is in force yet", "the first start applies the files")]
    changes = differences(version.table, access_of(settings))
    if changes:
        todo = "look at it, and apply it: kruispunt access diff, kruispunt access apply"
        found.append(warning("access", f"the files differ from version {version.id} in {len(changes)} rows", todo))
    else:
        found.append(ok("access", f"the files are what is in force: version {version.id}"))
    if not version.table.registrations:
        todo = "see docs/how-to/register-a-client.md"
        found.append(warning("access", "no client certificate is registered: every request is refused", todo))
    return found


async def _batch(database: Database, _settings: Settings, clock: Clock) -> list[Finding]:
    """A file whose load was broken off holds up those that its sender sends after it (RP-08)."""
    found = await database.fetch(_HELD_UP, clock.now() - LOAD_TAKES)
    todo = "load it again, so that it goes on, or give it up: docs/how-to/load-a-file-of-inscriptions.md"
    return [
        warning("batch", f"file {n} of {cbe.from_int(owner)}, of {at:%Y-%m-%d}, was not loaded to its end", todo)
        for owner, n, at in found
    ]


async def _mutations(database: Database, settings: Settings, clock: Clock) -> list[Finding]:
    """Subscriptions need a folder, a distribution each day, and subscribers that collect their files (RP-18)."""
    subscriptions = await database.fetchval("select count(*) from subscription where ended is null")
    folder = settings.mutation_dir
    if folder is None:
        if not subscriptions:
            return []
        todo = "set mutation_dir: docs/how-to/distribute-mutations.md"
        return [warning("mutations", f"{subscriptions} subscriptions, and no folder for their files", todo)]
    if not folder.is_dir():
        return [fault("mutations", f"{folder} is no folder: no file can be written or fetched", "make or mount it")]
    now, notice = clock.now(), timedelta(days=settings.mutation_notice_days)
    state = await look(database, now, notice)
    found = [*_days_due(state.days, settings, now)]
    for one in await overdue(database, now, notice):
        what = f"{one.code}: {one.files} files from {one.first} on are not collected, since {one.since:%Y-%m-%d}"
        found.append(warning("mutations", what, "ask its subscriber: docs/how-to/distribute-mutations.md"))
    told = f"{subscriptions} subscriptions; {state.files} files wait to be collected"
    return found or [ok("mutations", told)]


def _days_due(days: Sequence[date], settings: Settings, now: datetime) -> Iterator[Finding]:
    """Yesterday is late some time after the hour of its distribution, which itself takes a while."""
    local = now.astimezone(BELGIUM)
    begins = datetime.combine(local.date(), times_of(settings).distribution_time, BELGIUM)
    yesterday = local.date() - timedelta(days=1)
    late = [day for day in days if day < yesterday or local - begins > DISTRIBUTION_TAKES]
    if late:
        what = f"{len(late)} days were not distributed, from {late[0]} on"
        yield warning(
            "mutations", what, "kruispunt mutations distribute; and see that kruispunt mutations schedule runs"
        )


def examine_ports(settings: Settings) -> list[Finding]:
    """Free, or in use by a server of these settings."""
    serving = _serves(settings.local_port)
    found = []
    for host, port in ((settings.host, settings.port), ("127.0.0.1", settings.local_port)):
        if port == 0:
            found.append(ok("ports", "a free one will be chosen"))
        elif (trouble := _trouble(host, port)) is None:
            found.append(ok("ports", f"{host} port {port} is free"))
        elif serving:
            found.append(
                ok("ports", f"{host} port {port} is in use, and a server answers on port {settings.local_port}")
            )
        else:
            todo = "stop what uses it, or choose another port or host"
            found.append(fault("ports", f"{host} port {port} cannot be used: {trouble}", todo))
    return found


def _trouble(host: str, port: int) -> str | None:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error.strerror or str(error)
    return None


def _serves(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=2) as response:
            return bool(response.read() == b"live\n")
    except OSError:
        return False
