"""HTTP over mutual TLS with nothing but the standard library: for the command line, examples and tests."""

from __future__ import annotations

import http.client
import select
import ssl
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from kruispunt.errors import ConfigurationError

LINE: Final = 300
"""Characters of a line that somebody else wrote, at most."""


def tls_context(ca: Path, cert: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 or later, the server known by `ca`, the client by `cert` and `key` (PL-01); PEM files."""
    try:
        context = ssl.create_default_context(cafile=ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"TLS cannot use {ca}, {cert} and {key}: {error}") from error
    return context


def told_without_soap(content: bytes) -> str | None:
    """The first line of an answer that is no XML, such as a refusal before SOAP; None of what may be XML.

    Bounded, and fit for a terminal: whoever answered may have written anything.
    """
    text = content[: 4 * LINE].decode("utf-8", "replace").strip()
    if text.startswith("<"):
        return None
    line = text.splitlines()[0] if text else "nothing"
    return "".join(c if c.isprintable() else " " for c in line)[:LINE].rstrip()


def _host_and_port(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        if parts.scheme == "https" and parts.hostname:
            return parts.hostname, parts.port or 443
    except ValueError:
        pass
    raise ConfigurationError(f"{url!r} is no https address such as https://localhost:4520")


class Connection:
    """One kept connection to a platform such as `https://localhost:4520`; for one thread.

    A connection that the server closed in between is opened anew. A message is never sent twice: the platform
    would refuse it as a replay.
    """

    def __init__(self, url: str, ca: Path, cert: Path, key: Path, *, timeout: float = 30) -> None:
        host, port = _host_and_port(url)
        self._connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=tls_context(ca, cert, key))

    def post(
        self,
        path: str,
        soap_action: str,
        data: bytes,
        content_type: str = "text/xml; charset=utf-8",
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (names in lower case) and content of the answer.

        Raises OSError, HTTPException, and ConfigurationError for an address, path or SOAPAction that HTTP cannot say.
        """
        self._drop_if_closed()
        headers = {"Content-Type": content_type, "SOAPAction": f'"{soap_action}"'}
        return self._exchange("POST", path, data, headers)

    def get(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """As `post`, for `?wsdl` and the like."""
        self._drop_if_closed()
        return self._exchange("GET", path, None, {})

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _exchange(
        self, method: str, path: str, data: bytes | None, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        try:
            self._connection.request(method, path, data, headers)
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._connection.close()
            # Not OSError: one of TLS is a ValueError too.
            if isinstance(error, (http.client.InvalidURL, ValueError)) and not isinstance(error, OSError):
                raise ConfigurationError(f"the request cannot be sent: {error}") from error
            raise
        return response.status, {name.lower(): value for name, value in response.getheaders()}, content

    def _drop_if_closed(self) -> None:
        """An idle connection has nothing to read, unless the other side ended it."""
        socket = self._connection.sock
        if socket is not None and select.select([socket], [], [], 0)[0]:
            self._connection.close()
