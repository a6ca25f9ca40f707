"""Reading the security log by ticket. Every reading is itself an entry, written before anything is shown (PL-32)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from kruispunt.clock import Clock
from kruispunt.errors import StorageError
from kruispunt.identifiers.ticket import Ticket, TicketSource, span
from kruispunt.securitylog.entry import Entry, Kind, Message
from kruispunt.securitylog.keys import KeyRing
from kruispunt.securitylog.seal import unseal
from kruispunt.securitylog.write import LogWriter
from kruispunt.storage.database import Database

_FIND = """
    select ticket, kind, at, canonical, key, payload from log_entry where ticket between $1 and $2 order by ticket, kind
"""


@dataclass(frozen=True, slots=True)
class Found:
    """One entry as it was found."""

    kind: Kind
    at: datetime
    facts: dict[str, Any]
    """The canonical bytes, parsed: see `entry.canonical`."""
    message: Message | None
    """None when no message was kept, or when its key was destroyed."""
    unreadable: str = ""
    """Why there is no message, when there should be one."""


class LogReader:
    """Finds entries and decrypts their messages."""

    def __init__(self, database: Database, keys: KeyRing, writer: LogWriter, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._writer = writer
        self._clock = clock
        self._tickets = TicketSource(clock)

    async def by_ticket(self, ticket: str, reader: str, purpose: str) -> tuple[Found, ...]:
        """All entries of one exchange, incoming first; empty when there is none. Raises InvalidTicket.

        A ticket in SSDN's short form stands for the exchange, or very rarely the two, that it was told to.

        `reader` names the person who reads, `purpose` the command; both are logged.
        """
        first, last = span(ticket)
        await self._log_reading(ticket, reader, purpose)
        rows = await self._database.fetch(_FIND, UUID(first), UUID(last))
        return tuple([await self._found(Ticket(str(row["ticket"])), row) for row in rows])

    async def _log_reading(self, ticket: str, reader: str, purpose: str) -> None:
        await self._writer.append(
            Entry(
                ticket=self._tickets.new(),
                kind=Kind.READING,
                at=self._clock.now(),
                peer="local",
                tls_client="",
                path=purpose,
                application=reader,
                client_reference=ticket,
            )
        )

    async def _found(self, ticket: Ticket, row: Any) -> Found:
        kind, facts = Kind(row["kind"]), json.loads(row["canonical"])
        if row["payload"] is None:
            return Found(kind, row["at"], facts, None)
        try:
            key = await self._keys.by_id(row["key"])
            message = unseal(row["payload"], key, "", ticket, kind)
        except StorageError as error:
            return Found(kind, row["at"], facts, None, str(error))
        return Found(kind, row["at"], facts, message)
