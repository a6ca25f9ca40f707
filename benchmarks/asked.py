"""What the benchmarks ask: consultations of employment data, signed anew each, about many people by several clients."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kruispunt.cli.calls import request_body
from kruispunt.services.foreigner_situation.service import SERVICE
from kruispunt.wss.sign import Signer
from kruispunt.xml.namespaces import SOAP_ACTION

OPERATION = SERVICE.operations[0]
ACTION = f"{SOAP_ACTION}{SERVICE.name}/{OPERATION.name}"
FOUND = b"<code>MSG00000</code>"
"""Stands in every right answer: the people asked about have data, and are inscribed for who asks."""


@dataclass(frozen=True, slots=True)
class Client:
    """A demo client, and how it asks. All have RSA-2048 keys, which the floor is measured with."""

    name: str
    """Stem of its certificate and key."""
    organisation: str
    """As the request names it: CBE number or sector/institution."""
    inscribed_as: str
    """Organisation key of the repertory lines that count for it."""
    legal_context: str


CLIENTS = (
    Client("onem", "0206737484", "0206737484", "NEO:UNEMPLOYMENT"),
    Client("onem-secondary", "18/1", "0206737484", "NEO:UNEMPLOYMENT"),
    Client("vdab", "0887010362", "0887010362", "VDAB:DOSSIER_MANAGEMENT"),
)

People = Mapping[str, Sequence[str]]
"""By client's name: the SSINs that it can ask about and get data."""


class Messages:
    """Signs requests, each different: by its ticket, and about the next person."""

    def __init__(self, pki: Path, people: People) -> None:
        self._signers = {c.name: Signer.from_files(pki / f"{c.name}.key", pki / f"{c.name}.pem") for c in CLIENTS}
        self._people = {c.name: itertools.cycle(people[c.name]) for c in CLIENTS}
        self._tickets = (f"bench-{number:09d}" for number in itertools.count())

    def sign(self, client: Client) -> bytes:
        """One message of a client, signed now."""
        now = datetime.now(UTC)
        values = {"ssin": next(self._people[client.name])}
        ticket = next(self._tickets)
        body = request_body(SERVICE, OPERATION, client.organisation, client.legal_context, values, ticket, now)
        return self._signers[client.name].envelope(body, now)

    def several(self, count: int) -> Iterator[tuple[Client, bytes]]:
        """`count` messages, the clients taking turns."""
        for client in itertools.islice(itertools.cycle(CLIENTS), count):
            yield client, self.sign(client)
