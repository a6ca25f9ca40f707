"""Envelopes without a signature: for clients that do not ask for signed replies, and for trying what happens."""

from __future__ import annotations

from kruispunt.xml.build import attribute
from kruispunt.xml.namespaces import SOAP


def unsigned_envelope(body_inner: str, attributes: tuple[tuple[str, str], ...] = ()) -> bytes:
    """A SOAP 1.1 message with an empty Header around canonical XML."""
    written = "".join(attribute(name, value) for name, value in attributes)
    return (
        f"<soapenv:Envelope{attribute('xmlns:soapenv', SOAP)}><soapenv:Header></soapenv:Header>"
        f"<soapenv:Body{written}>{body_inner}</soapenv:Body></soapenv:Envelope>"
    ).encode()
