"""Why another machine was not reached: the texts of OpenSSL and of the system, whatever stands around them (PL-35)."""

from __future__ import annotations

import errno
import os
import ssl

import httpx
import pytest

from kruispunt.unreached import cause_of


def _untrusted() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    return error


def _reason() -> ssl.SSLError:
    error = ssl.SSLError(1, "alert")
    error.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    return error


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        (_untrusted(), "its certificate is not trusted: self-signed certificate"),
        (_reason(), "TLS: tlsv13 alert certificate required"),
        (ssl.SSLError(1, "something"), "TLS: failed"),
        (OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED)), "Connection refused"),
        (OSError("without a text of the system"), "ConnectError"),
        (ValueError("<secret>"), "ConnectError"),
    ],
)
def test_what_stands_behind_an_error_is_told_and_nothing_that_the_other_wrote(cause: Exception, told: str) -> None:
    between = httpx.ConnectError("<secret>")
    between.__cause__ = cause
    assert cause_of(between) == told
    around = httpx.ConnectError("<secret>")
    around.__context__ = between
    assert cause_of(around) == told


def test_the_certificate_is_said_to_be_somebody_s() -> None:
    assert cause_of(_untrusted(), "the supplier's").startswith("the supplier's certificate is not trusted")
