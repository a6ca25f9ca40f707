"""Numbers of people, as they are typed."""

from __future__ import annotations

from kruispunt.clock import SystemClock, today
from kruispunt.errors import DataError
from kruispunt.identifiers.ssin import InvalidSsin, Ssin, validate


def ssin_of(text: str) -> Ssin:
    """A valid number, also one that no person can have. Raises DataError."""
    try:
        return validate(text, today=today(SystemClock()), test_band=True)
    except InvalidSsin as error:
        raise DataError(f"not a SSIN: {error}") from None
