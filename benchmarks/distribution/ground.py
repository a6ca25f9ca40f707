"""A register of many lines and a day of many mutations, made by SQL directly.

People have computed numbers with the month raised by 60. Each line is of a random person and one of the subscribers,
each of whom has a register of its own; some are small and some are large. What changed of a person is mostly its
address; the document of each change is that of somebody of the demo population.
"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Final

import psycopg

from kruispunt.access.model import AccessTable, Grant, Organisation
from kruispunt.clock import BELGIUM
from kruispunt.demo.personas import Numbers
from kruispunt.demo.population import population
from kruispunt.identifiers import cbe
from kruispunt.mutations.entitlement import SERVICE
from kruispunt.mutations.kinds import Kind
from kruispunt.registers import person_lines
from kruispunt.registers.facts import Facts
from kruispunt.registers.parts import DATA, GROUPS, Part

CONTEXT: Final = "BENCHMARK:MUTATIONS"
DAY: Final = datetime.now(UTC).astimezone(BELGIUM).date() - timedelta(days=1)
DOCUMENTS: Final = 5_000
"""Different ones; each change has one of them under its own number."""
CHANGED: Final = (
    (Part.ADDRESS, 55),
    (Part.CIVIL_STATE, 15),
    (Part.NAME, 10),
    (Part.NATIONALITY, 5),
    (Part.DECEASE, 5),
    (Part.INSCRIPTION | Part.ADDRESS, 5),
    (DATA & ~Part.DECEASE | Part.NEW, 5),
)
"""Of a hundred changes, so many of these parts."""
GRANTED: Final = (
    (tuple(Kind), tuple(GROUPS)),
    ((Kind.ADDRESS, Kind.DECEASE, Kind.REPLACEMENT, Kind.CANCELLATION), ("address", "decease")),
    (tuple(Kind), ("name", "birth", "gender", "nationality", "civilState", "decease")),
)
"""What subscribers are granted, in turn."""

PEOPLE: Final = """
    CREATE TABLE numbers AS
    SELECT n, first * 100 + 97 - mod(first, 97) AS ssin
    FROM (
        SELECT n, day * 1000 + 900 + mod(n, 98) AS first
        FROM (
            SELECT n, to_char(date '1920-01-01' + (n / 98)::integer, 'YYMMDD')::bigint + 6000 AS day
            FROM generate_series(0, %s - 1) n
        ) d
    ) f
"""
LINES: Final = """
    INSERT INTO inscription (owner, organisation, dossier_type, ssin, period)
    SELECT DISTINCT ON (o.owner, p.ssin) o.owner, '', '902', p.ssin,
        daterange('2010-01-01', CASE WHEN mod(l, 4) = 0 THEN date '2020-01-01' END)
    FROM (
        SELECT l, (random() * random() * (%s - 1))::bigint AS o, (random() * (%s - 1))::bigint AS p
        FROM generate_series(1, %s) l
    ) l
    JOIN owners o ON o.n = l.o JOIN numbers p ON p.n = l.p
    ORDER BY o.owner, p.ssin, l
"""
CHANGES: Final = """
    INSERT INTO person_change (at, author, kind, ssin, origins, before, after, parts)
    SELECT %s, 'benchmark', 2, p.ssin, 1, CASE c.parts WHEN 256 THEN '{"decease":{}}' ELSE '' END,
        '{"ssin":"' || lpad(p.ssin::text, 11, '0') || d.line, c.parts
    FROM (SELECT ssin, row_number() OVER (ORDER BY random()) AS n FROM numbers) p
    JOIN documents d ON d.n = mod(p.n, %s)
    JOIN changed c ON c.n = mod(p.n, 100)
    WHERE p.n <= %s
    ORDER BY p.n
"""


def settle(connection: psycopg.Connection, lines: int, subscribers: int, mutations: int) -> None:
    """Rows of an administrator, without the triggers that keep the history of changes."""
    people = max(lines // 5, mutations)
    connection.execute("SET session_replication_role = replica")
    connection.execute("SET synchronous_commit = off")
    connection.execute("SET maintenance_work_mem = '1GB'")
    connection.execute("SELECT setseed(0.5)")
    write = psycopg.ClientCursor(connection).execute
    write(PEOPLE, (people,))
    connection.execute("CREATE INDEX ON numbers (n)")
    connection.execute("INSERT INTO person (ssin, register, state) SELECT ssin, 1, 1 FROM numbers ORDER BY ssin")
    owners = [cbe.to_int(cbe.compute(9_000_000 + n)) for n in range(subscribers)]
    connection.execute("CREATE TABLE owners (n bigint, owner bigint)")
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO owners VALUES (%s, %s)", list(enumerate(owners)))
    connection.execute(
        "INSERT INTO register (owner, name, integrator, author)"
        " SELECT owner, 'register', false, 'benchmark' FROM owners"
    )
    connection.execute(
        "INSERT INTO dossier_type (owner, organisation, code, name, author)"
        " SELECT owner, '', '902', 'people', 'benchmark' FROM owners"
    )
    connection.execute("ALTER TABLE inscription DROP CONSTRAINT inscription_pkey")
    write(LINES, (subscribers, people, lines * 21 // 20))
    connection.execute("ALTER TABLE inscription ADD PRIMARY KEY (ssin, owner, organisation, dossier_type, period)")
    _settle_changes(connection, mutations)
    _subscribe(connection, subscribers, owners)
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM ANALYZE")
    connection.execute("CHECKPOINT")


def _settle_changes(connection: psycopg.Connection, mutations: int) -> None:
    connection.execute("CREATE TABLE documents (n integer, line text)")
    connection.execute("CREATE TABLE changed (n integer, parts smallint)")
    parts = [each.value for each, share in CHANGED for _ in range(share)]
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO documents VALUES (%s, %s)", list(enumerate(_documents())))
        cursor.executemany("INSERT INTO changed VALUES (%s, %s)", list(enumerate(parts)))
        moment = datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=BELGIUM)
        cursor.execute(CHANGES, (moment, DOCUMENTS, mutations))


def _documents() -> list[str]:
    """Lines of people in the National Register, without their numbers."""
    found: list[str] = []
    for each in population(10 * DOCUMENTS, Numbers.BAND, 1):
        line = person_lines.read(each.person, today=date(2026, 11, 22), test_band=True)
        legal, ended = line.national, line.cancelled or line.replaced_by is not None
        if legal is not None and line.cbss is None and not (ended or legal.blocked or legal.unreadable):
            found.append(Facts.of(line).line[len('{"ssin":"') + 11 :])
        if len(found) == DOCUMENTS:
            break
    random.Random(1).shuffle(found)
    return found


def _subscribe(connection: psycopg.Connection, subscribers: int, owners: list[int]) -> None:
    for n in range(subscribers):
        kinds = [kind.value for kind in GRANTED[n % len(GRANTED)][0]]
        connection.execute(
            "INSERT INTO subscription (code, organisation, receiver, legal_context, owner, active_only, kinds, pushed,"
            " author, at) VALUES (%s, %s, %s, %s, %s, %s, %s, false, 'benchmark', %s)",
            (
                *(f"s-{n:05}", f"o-{n}", cbe.from_int(owners[n]), CONTEXT, owners[n], n % 2 == 0, kinds),
                datetime(DAY.year, DAY.month, DAY.day, tzinfo=BELGIUM),
            ),
        )


def rights(subscribers: int) -> AccessTable:
    """What the subscribers are granted."""
    organisations, grants = {}, {}
    for n in range(subscribers):
        name, number = f"o-{n}", cbe.compute(9_000_000 + n)
        organisations[name] = Organisation(name, name, number, None, None, number, "benchmark")
        kinds, groups = GRANTED[n % len(GRANTED)]
        for kind in kinds:
            grants[SERVICE, kind.value, name, CONTEXT] = Grant(CONTEXT, frozenset(groups), None, "benchmark")
    return AccessTable(organisations, {}, grants)
