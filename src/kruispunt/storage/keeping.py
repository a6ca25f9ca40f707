"""An embedded PostgreSQL that dies is started again while what runs until it is stopped works on it (PL-41)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from kruispunt.errors import KruispuntError
from kruispunt.storage.embedded import EmbeddedPostgres

logger = structlog.get_logger("database")

PAUSE = 1.0
"""Seconds from one look to the next."""
LONGEST_PAUSE = 30.0
"""Seconds between attempts, at most: after each look that did not find it running the pause is doubled."""


@contextmanager
def looked_after(server: EmbeddedPostgres) -> Iterator[None]:
    """For the length of a `with`, `server` is started again whenever it is gone; a thread sees to it."""
    over = threading.Event()
    thread = threading.Thread(target=_look_after, args=(server, over), name="embedded database", daemon=True)
    try:
        thread.start()
        yield
    finally:
        over.set()
        if thread.ident is not None:
            thread.join()


def _look_after(server: EmbeddedPostgres, over: threading.Event) -> None:
    pause = PAUSE
    while not over.wait(pause):
        try:
            again = server.revive()
        except (KruispuntError, OSError) as error:
            logger.error("the embedded database is gone and cannot be started again", cause=str(error))
        else:
            if not again:
                pause = PAUSE
                continue
            logger.error("the embedded database was gone and was started again")
        pause = min(2 * pause, LONGEST_PAUSE)
