"""What came back, as a client reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lxml import etree

from kruispunt.xml.namespaces import SOAP
from kruispunt.xml.parse import Limits, parse

REPLY_LIMITS: Final = Limits(size=16 * 1024 * 1024, elements=500_000)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; what stands below `raw` holds for SOAP only."""

    status: int
    """Zero when the connection ended without an answer."""
    headers: Mapping[str, str]
    """Names in lower case."""
    raw: bytes

    @property
    def is_soap(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/xml") and self.status in (200, 500)

    @property
    def root(self) -> etree._Element:
        return parse(self.raw, REPLY_LIMITS)

    @property
    def payload(self) -> etree._Element:
        """The element in the Body: a response or a SOAP fault."""
        return self.root[-1][0]

    @property
    def is_fault(self) -> bool:
        return self.payload.tag == f"{{{SOAP}}}Fault"

    @property
    def code(self) -> str:
        """Status or fault code; empty where there is none."""
        return self.payload.findtext(".//reasonCode" if self.is_fault else "status/code") or ""

    @property
    def ticket(self) -> str:
        return self.payload.findtext(".//ticketCBSS") or ""

    @property
    def information(self) -> dict[str, str]:
        return {i.findtext("fieldName") or "": i.findtext("fieldValue") or "" for i in self.payload.iter("information")}

    def __str__(self) -> str:
        """In a few words, without anything that differs each time."""
        if not self.status:
            return "no answer"
        if not self.is_soap:
            return f"HTTP {self.status}"
        return f"{self.code} {self.information.get('reason', '')}".strip() or "answered"


NOTHING: Final = Answer(0, {}, b"")
