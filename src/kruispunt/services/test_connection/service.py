"""TestConnectionServiceService v1: tries a connection with its certificates and its signature (PL-42).

The real contract doubles the word Service in its name; so does this one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from kruispunt.pipeline.service import Field, Operation, Service
from kruispunt.services.test_connection import messages
from kruispunt.services.test_connection.handler import send_test_message

SERVICE: Final = Service(
    name="TestConnectionServiceService",
    version="v1",
    path="/TestConnectionServiceService/sendTestMessage",
    namespace="http://kszbcss.fgov.be/intf/TestConnectionServiceService/v1",
    folder=Path(__file__).resolve().parent,
    wsdl="TestConnectionService.wsdl",
    schema="TestConnectionServiceServiceV1.xsd",
    operations=(
        Operation(
            name="sendTestMessage",
            summary="Repeats a text and names the certificate of the TLS connection.",
            read=messages.read,
            write=messages.write,
            compose=messages.compose,
            handle=send_test_message,
            controls=frozenset(),
            fields=(Field("echo", help="The text to repeat."),),
        ),
    ),
    codes=(),
)
