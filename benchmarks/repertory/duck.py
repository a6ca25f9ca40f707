"""DuckDB as a peer: what an engine made for sets takes to merge lines with those that are held (RP-03)."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import duckdb

_HELD: Final = """
    CREATE TABLE held AS
    SELECT * FROM read_csv(?, header = false, nullstr = 'NULL', columns = {
        'ssin': 'BIGINT', 'organisation': 'VARCHAR', 'dossier_type': 'VARCHAR', 'first': 'DATE', 'until': 'DATE'
    })
"""
_TOLD: Final = """
    CREATE TABLE told AS
    SELECT * FROM read_csv(?, header = false, nullstr = 'NULL', columns = {
        'ssin': 'BIGINT', 'organisation': 'VARCHAR', 'dossier_type': 'VARCHAR', 'first': 'DATE', 'until': 'DATE'
    })
"""
_MERGE: Final = """
    CREATE TEMP TABLE merged AS
    WITH keys AS (
        SELECT DISTINCT ssin, organisation, dossier_type FROM told
    ), days AS (
        SELECT * FROM told
        UNION ALL
        SELECT h.* FROM held h SEMI JOIN keys k USING (ssin, organisation, dossier_type)
    ), islands AS (
        SELECT *, sum(fresh) OVER (PARTITION BY ssin, organisation, dossier_type ORDER BY first, until) AS island
        FROM (
            SELECT *, CASE WHEN first <= max(until) OVER (
                PARTITION BY ssin, organisation, dossier_type ORDER BY first, until
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) THEN 0 ELSE 1 END AS fresh
            FROM days
        )
    )
    SELECT ssin, organisation, dossier_type, min(first) AS first, max(until) AS until
    FROM islands GROUP BY ssin, organisation, dossier_type, island
"""
_DELETE: Final = """
    DELETE FROM held USING (SELECT DISTINCT ssin, organisation, dossier_type FROM told) k
    WHERE held.ssin = k.ssin AND held.organisation = k.organisation AND held.dossier_type = k.dossier_type
"""
_RESULT: Final = """
    SELECT count(*), sum(ssin)::VARCHAR, sum(first - DATE '1900-01-01'), sum(until - DATE '1900-01-01') FROM held
"""


def merge_in_duckdb(held: Path, told: Iterable[tuple[str, str, str]], result: tuple[Any, ...]) -> tuple[float, float]:
    """Seconds on the clock and of one processor for the merge alone; it comes to `result`.

    `held` is a CSV of number, organisation, dossier type, first day, and the day after the last one.
    """
    lines = held.with_name("told.csv")
    lines.write_text("".join(f'{ssin},"",902,{first},{until}\n' for ssin, first, until in told), encoding="ascii")
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(_HELD, [str(held)])
        connection.execute(_TOLD, [str(lines)])
        began, processor = time.monotonic(), time.process_time()
        connection.execute("BEGIN")
        for statement in (_MERGE, _DELETE, "INSERT INTO held SELECT * FROM merged", "COMMIT"):
            connection.execute(statement)
        spent = time.monotonic() - began, time.process_time() - processor
        found = connection.execute(_RESULT).fetchone()
    assert found == result, (found, result)
    return spent
