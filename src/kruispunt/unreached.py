"""Why another machine was not reached, for people: texts of OpenSSL and of the system, nothing that the other wrote."""

from __future__ import annotations

import ssl


def cause_of(error: BaseException, whose: str = "its") -> str:
    """What stands behind an error of an HTTP client; `whose` certificate it is, where that is not trusted."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"{whose} certificate is not trusted: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        # One that Python made, and not OpenSSL, has no reason at all.
        return f"TLS: {(getattr(cause, 'reason', None) or 'failed').replace('_', ' ').lower()}"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return type(error).__name__
