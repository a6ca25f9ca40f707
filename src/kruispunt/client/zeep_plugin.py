"""For zeep: sign requests and verify replies, faults included.

    from requests import Session
    from zeep import Client, Transport
    from kruispunt.client.zeep_plugin import KruispuntSignature

    session = Session()
    session.cert, session.verify = ("client.pem", "client.key"), "ca.pem"
    session.trust_env = False  # else REQUESTS_CA_BUNDLE, where it is set, comes before "ca.pem"
    client = Client(
        "https://localhost:4520/ForeignerSituationService/v1/consult?wsdl",
        transport=Transport(session=session),
        wsse=KruispuntSignature("client.key", "client.pem", trusted="signing.pem"),
    )

zeep itself is not imported: it only asks for an object with `apply` and `verify`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lxml import etree

from kruispunt.client.signing import ClientSecurity, platform_trust
from kruispunt.clock import Clock
from kruispunt.wss.sign import Signer


class KruispuntSignature:
    """The value of zeep's `wsse=`.

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

    def apply(self, envelope: etree._Element, headers: dict[str, Any]) -> tuple[etree._Element, dict[str, Any]]:
        """Called by zeep with the request."""
        self._security.sign_tree(envelope)
        return envelope, headers

    def verify(self, envelope: etree._Element) -> etree._Element:
        """Called by zeep with the reply, before it reads it; raises ReplyNotTrusted.

        zeep goes on with this very tree, whose one Body is the one that is signed.
        """
        self._security.verify_tree(envelope)
        return envelope
