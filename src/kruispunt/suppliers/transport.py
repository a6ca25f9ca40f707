"""HTTP over mutual TLS to one supplier: kept connections, time limits, a limit of size.

Of the environment nothing is used (no proxy, no certificates of the system). No redirect is followed, no cookie
kept, no compressed reply accepted: a few bytes could stand for gigabytes.
"""

from __future__ import annotations

import asyncio
import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from kruispunt.suppliers.configuration import SupplierConfiguration
from kruispunt.suppliers.failure import Reason, RemoteFailure
from kruispunt.suppliers.reply import Answer
from kruispunt.suppliers.tls import WHOSE, client_context
from kruispunt.unreached import cause_of


class Transport:
    """Posts to one address. Its time limits hold for each request, whatever the supplier does."""

    def __init__(self, name: str, configuration: SupplierConfiguration) -> None:
        self._name = name
        self._configuration = c = configuration
        self._client = httpx.AsyncClient(
            verify=client_context(c.ca, c.client_certificate, c.client_key),
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=httpx.Timeout(c.read_seconds, connect=c.connect_seconds),
            limits=httpx.Limits(
                max_connections=c.connections,
                max_keepalive_connections=c.connections,
                keepalive_expiry=c.idle_seconds,
            ),
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def post(self, soap_action: str, data: bytes) -> Answer:
        """The whole answer; raises RemoteFailure. A message is never sent twice: the supplier may refuse replays."""
        c = self._configuration
        try:
            # The library's own limit is per read: a supplier that sends a byte now and then would never meet it.
            async with asyncio.timeout(2 * c.connect_seconds + c.read_seconds):
                return await self._exchange(soap_action, data)
        except (TimeoutError, httpx.ReadTimeout, httpx.WriteTimeout):
            raise RemoteFailure(self._name, Reason.TIMEOUT, f"no answer within {c.read_seconds:g} s") from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            what = f"no connection within {c.connect_seconds:g} s" if not str(error) else cause_of(error, WHOSE)
            raise RemoteFailure(self._name, Reason.CONNECT, what) from error
        except ssl.SSLError as error:
            # In TLS 1.3 our certificate is judged after our half of the handshake: the refusal shows at the first read.
            raise RemoteFailure(self._name, Reason.CONNECT, cause_of(error, WHOSE)) from error
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            raise RemoteFailure(self._name, Reason.CLOSED, type(error).__name__) from error

    async def _exchange(self, soap_action: str, data: bytes) -> Answer:
        headers = {
            "Content-Type": "text/xml; charset=utf-8",
            "SOAPAction": f'"{soap_action}"',
            "Accept": "text/xml",
            "Accept-Encoding": "identity",
            "User-Agent": "kruispunt",
        }
        c = self._configuration
        async with self._client.stream("POST", c.url, content=data, headers=headers) as response:
            if response.status_code not in (200, 500):
                raise RemoteFailure(self._name, Reason.STATUS, f"HTTP status {response.status_code}")
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                raise RemoteFailure(self._name, Reason.NOT_SOAP, "the reply is compressed, which was not asked for")
            content = bytearray()
            async for part in response.aiter_raw():
                content += part
                if len(content) > c.max_reply_bytes:
                    raise RemoteFailure(self._name, Reason.TOO_LARGE, f"more than {c.max_reply_bytes} bytes")
            return Answer(response.status_code, response.headers.get("content-type", ""), bytes(content))
