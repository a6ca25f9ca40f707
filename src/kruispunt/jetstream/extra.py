"""The extra that brings nats-py."""

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
        raise ConfigurationError("NATS needs nats-py: pip install 'kruispunt[push]'") from None
