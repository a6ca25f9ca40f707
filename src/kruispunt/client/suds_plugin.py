"""For suds-community: sign requests and verify replies, faults included, over mutual TLS.

from suds.client import Client
from kruispunt.client.suds_plugin import KruispuntPlugin, MutualTlsTransport

client = Client(
    "https://localhost:4520/ForeignerSituationService/v1/consult?wsdl",
    transport=MutualTlsTransport("ca.pem", "client.pem", "client.key"),
    plugins=[KruispuntPlugin("client.key", "client.pem", trusted="signing.pem")],
)
"""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

from lxml import etree

from kruispunt.client.signing import ClientSecurity, platform_trust
from kruispunt.client.transport import tls_context, told_without_soap
from kruispunt.clock import Clock
from kruispunt.errors import ConfigurationError, ReplyNotTrusted
from kruispunt.wss.sign import Signer

try:
    from suds.plugin import MessagePlugin  # type: ignore[import-untyped]
    from suds.transport.http import HttpTransport  # type: ignore[import-untyped]
except ImportError as error:
    raise ConfigurationError(
        "suds-community is not installed; install it with: pip install 'kruispunt[suds]'"
    ) from error


class KruispuntPlugin(MessagePlugin):  # type: ignore[misc]
    """One of suds's `plugins=`; the last one, so that nothing is changed after signing.

    `key_file` and `cert_file` are the client's, in PEM. `trusted` holds the certificate that the platform
    signs with; with `signer`, the distinguished name of that certificate, it holds the certificate of its
    issuer.
    """

    def __init__(
        self,
        key_file: str | Path,
        cert_file: str | Path,
        *,
        trusted: str | Path,
        signer: str | None = None,
        clock: Clock | None = None,
        confirmed: bool = False,
    ) -> None:
        self._security = ClientSecurity(
            Signer.from_files(Path(key_file), Path(cert_file)),
            platform_trust(Path(trusted), signer),
            clock=clock,
            confirmed=confirmed,
        )

    def sending(self, context: Any) -> None:
        """Called by suds with the bytes of the request."""
        context.envelope = self._security.sign(context.envelope)

    def received(self, context: Any) -> None:
        """Called by suds with the bytes of any reply, whatever its status; raises ReplyNotTrusted.

        suds parses once more, with another parser: it is given the tree that was verified, written anew.
        """
        reply = context.reply or b""
        told = told_without_soap(reply)
        if told is not None:
            raise ReplyNotTrusted(f"the reply is no SOAP message: {told}")
        root, _ = self._security.verify(reply)
        context.reply = etree.tostring(root, encoding="utf-8", xml_declaration=True)


class MutualTlsTransport(HttpTransport):  # type: ignore[misc]
    """A suds transport that shows a client certificate and knows the server by `ca`; all PEM files."""

    def __init__(self, ca: str | Path, cert: str | Path, key: str | Path, **options: Any) -> None:
        super().__init__(**options)
        self._context = tls_context(Path(ca), Path(cert), Path(key))

    def u2handlers(self) -> list[Any]:
        """Called by suds when it builds its opener."""
        return [*super().u2handlers(), urllib.request.HTTPSHandler(context=self._context)]
