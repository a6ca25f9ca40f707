"""Ordinary logs: one JSON object per line, whoever writes it, and nothing in it that stood in a message."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

PROGRAM = """
import logging
from kruispunt.cli.logs import configure

configure()
logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
try:
    raise ValueError("85673093333")
except ValueError as error:
    logging.getLogger("uvicorn.error").error("Exception in ASGI application\\n", exc_info=error)
logging.getLogger("asyncio").error("Task exception was never retrieved\\nfuture: %s", "85673093333")
"""


def test_what_libraries_report_has_the_same_form_and_no_content() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    first, second = map(json.loads, done.stderr.splitlines())
    assert (first["event"], first["level"], first["error"]) == ("Exception in ASGI application", "error", "ValueError")
    assert first["at"] == ["<module> <string>:8"]
    assert second["event"] == "Task exception was never retrieved"
    assert "85673" not in done.stderr


def test_a_line_is_one_write_with_its_end() -> None:
    """Workers share one file: a newline written apart may come after the line of another. A write is a packet here."""
    reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with reader, writer:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        subprocess.run([sys.executable, "-c", PROGRAM], stderr=writer, check=True, env=environment)
        writer.close()
        packets = list(iter(lambda: reader.recv(65_536), b""))
    assert len(packets) == 2
    assert all(packet.endswith(b"}\n") and json.loads(packet) for packet in packets)
