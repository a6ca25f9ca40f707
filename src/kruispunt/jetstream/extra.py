"""The extra `push`, which brings nats-py."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kruispunt.errors import ConfigurationError


@contextmanager
def needed() -> Iterator[None]:
    """Around the import of what uses NATS. Raises ConfigurationError where nats-py is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "nats":
            raise
        raise ConfigurationError(
            "NATS needs nats-py: .venv/bin/pip install -e '.[push]' in the folder of Kruispunt"
        ) from None
