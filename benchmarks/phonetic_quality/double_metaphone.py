"""Writes `double_metaphone.tsv`: what PostgreSQL's fuzzystrmatch makes of every name of the lists.

    python -m benchmarks.phonetic_quality.double_metaphone postgresql://…

The role must be allowed to make the extension.
"""

from __future__ import annotations

import sys

import psycopg

from benchmarks.phonetic_quality.names import HERE, everybody
from kruispunt.registers.phonetics import fold


def main(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS fuzzystrmatch")
        rows = connection.execute(
            "SELECT name, dmetaphone(name), dmetaphone_alt(name) FROM unnest(%s::text[]) AS t (name)",
            [sorted({fold(name) for name in everybody()})],
        ).fetchall()
    (HERE / "double_metaphone.tsv").write_text("".join("\t".join(row) + "\n" for row in rows))


if __name__ == "__main__":
    main(sys.argv[1])
