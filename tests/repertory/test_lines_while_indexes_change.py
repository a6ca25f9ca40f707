"""The revision that gives lines one index, applied while a server of the version before writes (RP-03, RP-06)."""

from __future__ import annotations

import runpy
import threading
from collections.abc import Iterator

import psycopg
import pytest
from test_lines_before_registers import upgrade_to
from told import fresh

from kruispunt.identifiers import cbe
from kruispunt.identifiers.ssin import to_int
from kruispunt.storage.migrate import apply
from kruispunt.storage.revisions import CORE

(REVISION,) = CORE.glob("*_one_index.py")
BEFORE = str(runpy.run_path(str(REVISION))["down_revision"])
OWNER = cbe.to_int(cbe.CBSS)
# As the version before asks for one line: by arrays.
_WRITE = """
    SELECT verdict FROM repertory_write_plain(1::smallint, 1::smallint, true, true, ARRAY[%s]::bigint[],
        ARRAY[%s]::bigint[], ARRAY[''], ARRAY['902'], ARRAY[daterange('2020-01-01', '2020-01-01'::date + %s::int)],
        ARRAY['tests'], ARRAY[NULL])
"""
ROUNDS_AFTER = 50


class Writer(threading.Thread):
    """Gives each of its numbers a day more, again and again: a line that is merged, and one of the past."""

    def __init__(self, dsn: str, numbers: list[int]) -> None:
        super().__init__()
        self._dsn, self._numbers = dsn, numbers
        self.enough, self.begun = threading.Event(), threading.Event()
        self.rounds = 0
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            with psycopg.connect(self._dsn, autocommit=True, prepare_threshold=0) as connection:
                for days in self._until_enough():
                    for number in self._numbers:
                        row = connection.execute(_WRITE, (OWNER, number, days)).fetchone()
                        assert row == (0,), row
                    self.rounds = days
        except Exception as error:  # told by the test
            self.error = error
        finally:
            self.begun.set()

    def _until_enough(self) -> Iterator[int]:
        days = left = 0
        while left < ROUNDS_AFTER:
            days += 1
            yield days
            self.begun.set()
            left += self.enough.is_set()


@pytest.mark.parametrize("broken_off", [False, True])
def test_rp_06_lines_are_written_meanwhile_and_none_is_lost(empty_dsn: str, broken_off: bool) -> None:
    upgrade_to(empty_dsn, BEFORE)
    numbers = [to_int(ssin) for ssin in fresh(4)]
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO dossier_type (owner, organisation, code, name, author) VALUES (%s, '', '902', 'x', 'tests')",
            [OWNER],
        )
        if broken_off:
            connection.execute("CREATE INDEX inscription_by_number ON inscription (ssin)")
            connection.execute("CREATE UNIQUE INDEX repertory_change_undoes ON repertory_change (id)")
        writers = [Writer(empty_dsn, numbers[:2]), Writer(empty_dsn, numbers[2:])]
        for writer in writers:
            writer.start()
        for writer in writers:
            assert writer.begun.wait(60)
        try:
            apply(empty_dsn)
        finally:
            for writer in writers:
                writer.enough.set()
            for writer in writers:
                writer.join(60)
        assert [writer.error for writer in writers] == [None, None]
        for writer, own in zip(writers, (numbers[:2], numbers[2:]), strict=True):
            held = connection.execute(
                "SELECT upper(period) - '2020-01-01'::date FROM inscription WHERE ssin = ANY (%s)", [own]
            ).fetchall()
            assert held == [(writer.rounds,)] * 2
            past = connection.execute("SELECT count(*) FROM inscription_history WHERE ssin = ANY (%s)", [own])
            assert past.fetchone() == (2 * (writer.rounds - 1),)
        invalid = connection.execute("SELECT count(*) FROM pg_index WHERE NOT indisvalid").fetchone()
        assert invalid == (0,)
