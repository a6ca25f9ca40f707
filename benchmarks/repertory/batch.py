"""What it costs to load a file of inscriptions into a register that holds many lines (RP-08).

- plain COPY: the floor. The same lines, as columns, into a table without index, check or history.
- COPY, same shape: into an empty table with the columns, checks and indexes of the table of lines.
- DuckDB, merge: the same lines, already in a table of DuckDB, merged with those that are held, in memory and by one
  thread: no reading, no validation, no history, no outcomes, nobody else, nothing on disk. The result is the same,
  which is checked.
- load: the whole of it. The file read twice (once before anything counts), each line validated, numbers and types
  looked up, lines merged, history, outcomes written, vouchers verified and made. Half of the lines adjoin one that is
  held, and are merged with it; half are new. People stand in the file in no order.
- again: the same file once more, which changes nothing.

    python -m benchmarks.repertory.batch [--held 10000000] [--lines 1000000] [--dsn postgresql://…]

Processor time is that of this process and of all of PostgreSQL, which must run on this machine. One pass: a second one
would find other lines. Peak memory is that of this process before DuckDB is begun with.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from benchmarks.processes import cpu_seconds
from benchmarks.repertory.duck import merge_in_duckdb
from benchmarks.repertory.run import parent_of, server
from kruispunt.access.model import AccessTable, Grant, Organisation, Registration
from kruispunt.batch.admission import OPERATIONS, PLATFORM, SERVICE, Door
from kruispunt.batch.items import Kind
from kruispunt.batch.run import Bench, load_file
from kruispunt.batch.xml_lines import NAMESPACE
from kruispunt.clock import SystemClock, today
from kruispunt.files.header import Header, write_header
from kruispunt.files.voucher import Voucher, content_of, sign_voucher, voucher_of
from kruispunt.identifiers import cbe, organisation
from kruispunt.identifiers import ssin as ssins
from kruispunt.repertory import tenants
from kruispunt.repertory.tenants import Definition, DossierType
from kruispunt.settings import Environment
from kruispunt.storage.database import Database
from kruispunt.storage.migrate import migrate
from kruispunt.wss.revocation import Revocation
from kruispunt.wss.sign import Signer
from kruispunt.wss.trust import PinnedCertificates, TrustStore

OWNER: Final = cbe.compute(9_998_002)
CONTEXT: Final = "BENCHMARK:INSCRIPTIONS"
URN: Final = "urn:example:benchmark"
FIRST_DAY: Final = date(1930, 1, 1)
COUNTERS: Final = 90

# Between the people of the file stand others, so that the pages of the indexes are those of a register of that size.
_PEOPLE: Final = "INSERT INTO person (ssin, register, state) SELECT unnest($1::bigint[]), 1, 1 ON CONFLICT DO NOTHING"
_FILL: Final = """
    INSERT INTO person (ssin, register, state)
    SELECT DISTINCT s.ssin + n, 1, 1 FROM unnest($1::bigint[]) AS s (ssin), generate_series(1, $2) AS n
    ON CONFLICT DO NOTHING
"""
_HELD: Final = """
    INSERT INTO inscription (owner, ssin, organisation, dossier_type, period)
    SELECT $1, ssin, '', '902', daterange('2010-01-01', '2015-01-01') FROM person LIMIT $2
"""

PLAIN: Final = (
    "CREATE TABLE plain (owner bigint, ssin bigint, organisation text, dossier_type text, period daterange)",
    "plain",
)
SAME_SHAPE: Final = ("CREATE TABLE shaped (LIKE inscription INCLUDING ALL)", "shaped")
_EXPORT: Final = "SELECT ssin, organisation, dossier_type, lower(period), upper(period) FROM inscription"
_RESULT: Final = """
    SELECT count(*), sum(ssin)::text, sum(lower(period) - date '1900-01-01'), sum(upper(period) - date '1900-01-01')
    FROM inscription
"""


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.repertory.batch")
    parser.add_argument("--held", type=int, default=10_000_000)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--dsn", help="an empty database on this machine; by default an embedded PostgreSQL")
    options = parser.parse_args()
    with server(options.dsn) as dsn, tempfile.TemporaryDirectory() as directory:
        migrate(dsn)
        asyncio.run(measure(dsn, Path(directory), options.held, options.lines))


async def measure(dsn: str, directory: Path, held: int, lines: int) -> None:
    database = await Database.open(dsn, size=4, timeout=3_600)
    try:
        numbers = await settle(database, held, lines)
        signer, bench = sender(database)
        file = write_file(directory, numbers, signer)
        root = parent_of(await database.fetchval("SELECT pg_backend_pid()"))
        figures = {
            "plain COPY": await timed(lambda: copy(database, numbers, PLAIN), root),
            "COPY, same shape": await timed(lambda: copy(database, numbers, SAME_SHAPE), root),
        }
        await export(database, directory / "held.csv")

        async def load() -> None:
            loaded = await load_file(bench, file)
            assert loaded.status.done == lines, loaded.status

        figures["load"] = await timed(load, root)
        figures["again"] = await timed(load, root)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        result = tuple(await database.fetchrow(_RESULT) or ())
    finally:
        await database.close()
    wall, cpu = merge_in_duckdb(directory / "held.csv", told(numbers), result)
    figures["DuckDB, merge"] = wall, cpu, 0.0
    print_table(figures, lines, memory)


def print_table(figures: dict[str, tuple[float, float, float]], lines: int, memory: float) -> None:
    """Ratios are to plain COPY and to DuckDB's merge, in processor time."""
    print("| line | a second | a second and core | CPU, µs | of it PostgreSQL | CPU, COPY | CPU, DuckDB |")
    print("|---|---|---|---|---|---|---|")
    floor, duck = (sum(figures[name][1:]) for name in ("plain COPY", "DuckDB, merge"))
    for name, (wall, ours, theirs) in figures.items():
        cpu = ours + theirs
        print(
            f"| {name} | {lines / wall:,.0f} | {lines / cpu:,.0f} | {cpu / lines * 1e6:.1f} |"
            f" {theirs / lines * 1e6:.1f} | {cpu / floor:.1f} | {cpu / duck:.1f} |"
        )
    print(f"\npeak memory of the loading process: {memory:,.0f} MB")


async def settle(database: Database, held: int, lines: int) -> list[str]:
    """The register, `held` lines in it, and the numbers that the file tells: half of them inscribed already."""
    days = (lines + COUNTERS - 1) // COUNTERS
    chosen = sorted(
        ssins.to_int(ssins.compute(FIRST_DAY + timedelta(days=day), 900 + counter, test_band=True))
        for day in range(days)
        for counter in range(COUNTERS)
    )[:lines]
    kinds = (DossierType("902", "file under examination"),)
    await tenants.define(database, [Definition(OWNER, "benchmark", True, kinds)], "benchmark")
    async with database.connection() as connection, connection.transaction():
        await connection.execute("INSERT INTO person_change (author, kind, people) VALUES ('benchmark', 0, $1)", held)
        await connection.execute(_PEOPLE, chosen)
        await connection.execute(_FILL, chosen, max(held // lines, 0))
        await connection.execute(_HELD, cbe.to_int(OWNER), held)
    await database.execute("VACUUM ANALYZE person")
    await database.execute("VACUUM ANALYZE inscription")
    return [f"{number:011d}" for number in random.Random(1).sample(chosen, len(chosen))]


def sender(database: Database) -> tuple[Signer, Bench]:
    """An application with the right to send files, and what they are worked with."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "benchmark")]), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    signer, clock = Signer(key, certificate), SystemClock()
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex()
    table = AccessTable(
        {"sender": Organisation("sender", "benchmark", OWNER, None, None, OWNER, "benchmark")},
        {fingerprint: Registration(URN, fingerprint, "sender", frozenset(["sender"]), frozenset([SERVICE]))},
        {(SERVICE, OPERATIONS[Kind.INSERT], "sender", CONTEXT): Grant(CONTEXT, frozenset(), None, "benchmark")},
    )
    revocation = Revocation(None, TrustStore([certificate]), [], clock)
    door = Door(table, PinnedCertificates([certificate]), revocation, Environment.DEVELOPMENT)
    return signer, Bench(database, door, signer, clock.now, lambda: today(clock), test_band=True)


def write_file(directory: Path, numbers: list[str], signer: Signer) -> Path:
    """Every other line adjoins the days that are held."""
    file, now = directory / "inscriptions.xml", datetime.now(UTC)
    header = Header(organisation.of_cbe(OWNER), PLATFORM, CONTEXT, 1, now)
    with file.open("w", encoding="utf-8") as target:
        target.write(f'<i:insertInscriptions xmlns:i="{NAMESPACE}">{write_header(header)}<inscriptions>\n')
        for ssin, begin, _ in told(numbers):
            target.write(
                f"<inscription><ssin>{ssin}</ssin><dossierType>902</dossierType>"
                f"<period><beginDate>{begin}</beginDate><endDate>2022-12-31</endDate></period></inscription>\n"
            )
        target.write("</inscriptions></i:insertInscriptions>\n")
    made = Voucher(header, Kind.INSERT.value, Environment.DEVELOPMENT, len(numbers), content_of(file))
    voucher_of(file).write_bytes(sign_voucher(made, signer, now))
    return file


def told(numbers: list[str]) -> Iterator[tuple[str, str, str]]:
    """Number, first day and the day after the last of each line, in the order of the file."""
    return ((ssin, "2015-01-01" if place % 2 else "2020-01-01", "2023-01-01") for place, ssin in enumerate(numbers))


async def copy(database: Database, numbers: list[str], table: tuple[str, str]) -> None:
    """The floor: the lines into a table of their own."""
    statement, name = table
    await database.execute(statement)
    text = "".join(f"{OWNER}\t{ssin}\t\t902\t[{first},{until})\n" for ssin, first, until in told(numbers))

    async def source() -> object:
        for start in range(0, len(text), 1 << 18):
            yield text[start : start + (1 << 18)].encode()

    columns = ("owner", "ssin", "organisation", "dossier_type", "period")
    async with database.connection() as connection:
        await connection.copy_to_table(name, source=source(), format="text", columns=columns)


async def export(database: Database, file: Path) -> None:
    """The lines that are held, for others to merge with."""
    async with database.connection() as connection:
        await connection.copy_from_query(_EXPORT, output=file, format="csv")


async def timed(work: Callable[[], Awaitable[None]], root: int) -> tuple[float, float, float]:
    """Seconds: wall clock, processor time of this process, and of PostgreSQL."""
    began, ours, theirs = time.monotonic(), time.process_time(), cpu_seconds(root)
    await work()
    return time.monotonic() - began, time.process_time() - ours, cpu_seconds(root) - theirs


if __name__ == "__main__":
    main()
