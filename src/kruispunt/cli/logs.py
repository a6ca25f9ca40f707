"""Ordinary logs: one JSON object per line on standard error. Never a SSIN, a name, a key or a message."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from traceback import extract_tb

import structlog


def configure() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        # One write a line, newline included: all workers write to the same file. Standard error as it is then.
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
    )
    logging.basicConfig(handlers=[_Libraries(logging.ERROR)])


class _Libraries(logging.Handler):
    """What libraries report as an error, in the same form; less than an error any client could write at will.

    Of an exception its kind and place are told, not its text: that may hold what stood in a message.
    """

    def emit(self, record: logging.LogRecord) -> None:
        event = next(iter(record.getMessage().splitlines()), "")
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            structlog.get_logger(record.name).error(event)
            return
        places = [f"{f.name} {Path(f.filename).name}:{f.lineno}" for f in extract_tb(error.__traceback__)]
        structlog.get_logger(record.name).error(event, error=type(error).__name__, at=places)
