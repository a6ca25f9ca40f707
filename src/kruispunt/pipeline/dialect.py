"""A dialect: how the messages of a service are framed, where that is not as the newer services have it.

The newer services frame every message alike (PL-10, PL-11): the steps and `reply.py` do that by themselves. A service
that is older names a dialect in its declaration. Its messages then walk through the same steps; a step that meets the
frame asks the dialect:

    find_operation      which SOAPAction, which element in the Body
    log_incoming        what the message says of itself
    (behind step 4)     the requests that it carries: each walks through steps 5 to 10 by itself
    validate            is a request what the contract allows
    compose             the reply, and how refusals are told in it

What is refused before the message is logged (no signature, a wrong SOAPAction, a replay) is a SOAP fault in every
dialect: nobody is known to whom more could be told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from kruispunt.errors import Information

if TYPE_CHECKING:
    from lxml import etree

    from kruispunt.pipeline.context import Claims, Exchange
    from kruispunt.pipeline.platform import Platform
    from kruispunt.pipeline.service import Operation


@dataclass(frozen=True, slots=True)
class Told:
    """What a reply tells, for a client that prints it."""

    ticket: str
    value: str
    """How it went, in the dialect's own word."""
    code: str
    """The leading code; empty when there is none."""
    description: str
    information: Information
    document: etree._Element | None = None
    """What stands inside the element of the Body, where a document does."""


class Dialect(Protocol):
    """Made once, with the service that declares it; holds nothing of any exchange."""

    @property
    def action(self) -> str:
        """The SOAPAction of every message, without quotes."""

    @property
    def element(self) -> str:
        """Tag of the element that stands in the Body, `{namespace}name`."""

    @property
    def door(self) -> Operation:
        """What the SOAPAction stands for, until the requests inside are known."""

    @property
    def schemas(self) -> tuple[str, ...]:
        """Files in `contract/` that are served beside the WSDL though it does not import them."""

    def claims(self, exchange: Exchange, platform: Platform) -> Claims:
        """What the verified message says of itself, for the log. Raises nothing: what cannot be read is left out."""

    def requests(self, exchange: Exchange, platform: Platform) -> Iterable[Exchange]:
        """Each request that the message carries, as an exchange of its own. Raises InvalidRequest."""

    def validate(self, request: Exchange, platform: Platform) -> None:
        """Step 5 for one request: sets its criteria. Raises InvalidRequest, BusinessRefusal."""

    def reply(self, exchange: Exchange, platform: Platform, now: datetime) -> str | None:
        """What stands in the Body, as canonical XML; None where it must be a SOAP fault."""

    def hold_against_contract(self, payload: etree._Element, platform: Platform) -> str | None:
        """What is wrong with a reply that `reply` made; None when nothing is."""

    def compose(
        self, operation: Operation, organisation: str, values: Mapping[str, Any], ticket: str, now: datetime
    ) -> str:
        """For clients: what stands in the Body of a request, as canonical XML."""

    def told(self, payload: etree._Element) -> Told:
        """For clients: what a reply tells."""
