"""The header of a file: who sends it to whom, under which legal context, as the how many-th.

Names, order and types are those of real batch files (seen): `sender`, `receiver`, `legalContext`, `sequenceNumber`. In
the receiver's block ticket and time stay empty; the time of the sender's is when the file was made, and must be there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from kruispunt.clock import BELGIUM, to_text
from kruispunt.errors import DataError
from kruispunt.identifiers import organisation
from kruispunt.identifiers.organisation import InvalidOrganisation, OrganisationKey
from kruispunt.xml.build import element, optional, wrap
from kruispunt.xml.values import plain_number, read_integer, read_moment

if TYPE_CHECKING:
    from lxml import etree


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the items of a file, and in its voucher."""

    sender: OrganisationKey
    receiver: OrganisationKey
    legal_context: str
    sequence: int
    """From 1 on, without gaps, per sender."""
    created: datetime
    """Aware; to the millisecond."""
    ticket: str | None = None
    """The sender's own reference."""


def write_header(header: Header) -> str:
    """The four elements, in canonical form."""
    sent = optional("ticket", header.ticket) + element("timestampSent", to_text(header.created))
    return (
        wrap("sender", sent + write_organisation("organizationIdentification", header.sender))
        + wrap("receiver", write_organisation("organizationIdentification", header.receiver))
        + element("legalContext", header.legal_context)
        + element("sequenceNumber", str(header.sequence))
    )


def read_header(root: etree._Element) -> Header:
    """The header below `root`, which its schema accepted. Raises DataError."""
    sender, receiver, legal_context, sequence = list(root)[:4]
    sent = sender.findtext("timestampSent")
    if sent is None:
        raise DataError("sender/timestampSent: missing; it tells when the file was made")
    return Header(
        sender=read_organisation(sender[-1]),
        receiver=read_organisation(receiver[-1]),
        legal_context=legal_context.text or "",
        sequence=read_integer(sequence.text or ""),
        created=_moment(sent),
        ticket=sender.findtext("ticket"),
    )


def write_organisation(name: str, key: OrganisationKey) -> str:
    """An OrganizationIdentificationType, in canonical form."""
    pair = organisation.to_institution(key)
    if pair is None:
        return wrap(name, element("cbeNumber", key))
    return wrap(name, element("sector", str(pair[0])) + element("institution", str(pair[1])))


def read_organisation(node: etree._Element) -> OrganisationKey:
    """The organisation of an OrganizationIdentificationType that its schema accepted. Raises DataError."""
    texts = [(part.text or "").strip() for part in node]
    if len(texts) > 1:  # in any form that the type allows
        texts = [plain_number(text) for text in texts]
    try:
        return organisation.parse("/".join(texts))
    except InvalidOrganisation as error:
        raise DataError(f"{node.tag}: {error}") from None


def _moment(text: str) -> datetime:
    try:
        moment = read_moment(text)
    except (ValueError, OverflowError):
        raise DataError("sender/timestampSent: no moment such as 2026-01-31T09:30:00.000Z") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=BELGIUM)
