"""The XML of TestConnectionServiceService: it has no informationCustomer, no legal context and no status."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kruispunt.pipeline.service import Reply
from kruispunt.xml.build import element, is_carriable

if TYPE_CHECKING:
    from lxml import etree


@dataclass(frozen=True, slots=True)
class Echo:
    """The text that came, and the distinguished name of the TLS client certificate (RFC 4514)."""

    text: str
    tls_subject: str


def read(request: etree._Element) -> str:
    """The text of a valid `sendTestMessageRequest`."""
    return request.findtext("echo") or ""


def compose(values: Mapping[str, Any]) -> str:
    """`echo` from the value of that name."""
    return element("echo", values["echo"])


def write(reply: Reply) -> str:
    """informationCBSS, echo, sslCertificate. No rule of the platform can refuse this operation."""
    assert reply.outcome is not None, "no control applies, so no business refusal occurs"
    echo: Echo = reply.outcome.result
    return reply.information_cbss + element("echo", echo.text) + element("sslCertificate", _carriable(echo.tls_subject))


_BEYOND_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _carriable(name: str) -> str:
    """What XML cannot carry, in the way RFC 4514 (section 2.4) has for it: pairs of hexadecimal digits."""
    if is_carriable(name):
        return name
    return _BEYOND_XML.sub(
        lambda found: "".join(f"\\{byte:02X}" for byte in found.group().encode("utf-8", "surrogatepass")),
        name,
    )
