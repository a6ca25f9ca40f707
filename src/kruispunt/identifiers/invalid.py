"""What every identifier raises when a text is not one."""

from __future__ import annotations

from kruispunt.errors import KruispuntError


class InvalidIdentifier(KruispuntError, ValueError):
    """A text that is not the identifier it should be. The message never holds the text itself."""
