"""A service of the tests alone: its contract has an operation that nobody built (PL-15)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from kruispunt.pipeline.service import Field, Operation, Service
from kruispunt.services.test_connection import messages

SERVICE: Final = Service(
    name="UnbuiltService",
    version="v1",
    path="/UnbuiltService/v1/sendTestMessage",
    namespace="http://kszbcss.fgov.be/intf/UnbuiltService/v1",
    folder=Path(__file__).resolve().parent,
    wsdl="Unbuilt.wsdl",
    schema="UnbuiltServiceV1.xsd",
    operations=(
        Operation(
            name="sendTestMessage",
            summary="Nobody built it.",
            read=messages.read,
            write=messages.write,
            compose=messages.compose,
            handle=None,
            controls=frozenset(),
            fields=(Field("echo", help="Any text."),),
        ),
    ),
    codes=(),
)
