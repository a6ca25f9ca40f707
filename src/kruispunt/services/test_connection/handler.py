"""What TestConnectionServiceService does: it repeats a text over a signed connection (PL-42)."""

from __future__ import annotations

from kruispunt.pipeline.service import Call, Outcome
from kruispunt.services.test_connection.messages import Echo


async def send_test_message(call: Call, _supplier: None) -> Outcome:
    """The text as it came, with the name of the TLS client certificate; such a reply has no status."""
    return Outcome(None, Echo(call.criteria, call.tls_subject))
