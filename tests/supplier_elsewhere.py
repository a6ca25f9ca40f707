"""The supplier process as tests handle it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kruispunt.demo.pki import DemoClient, KeyType, create_pki

PROGRAM = Path(__file__).with_name("supplier_process.py")
NAME = "National Register"
START_SECONDS = 60
CLIENTS = tuple(DemoClient(name, KeyType.ECDSA) for name in ("platform", "stranger"))


@dataclass
class Elsewhere:
    """A running supplier."""

    directory: Path
    program: Path = PROGRAM
    name: str = NAME
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def pki(self) -> Path:
        return self.directory / "pki"

    @property
    def port(self) -> int:
        return int((self.directory / "port").read_text())

    def start(self) -> None:
        (self.directory / "ready").unlink(missing_ok=True)
        self.process = subprocess.Popen([sys.executable, str(self.program), str(self.directory)])
        until = time.monotonic() + START_SECONDS
        while not (self.directory / "ready").exists():
            assert self.process.poll() is None, "the supplier ended"
            assert time.monotonic() < until, "the supplier was not ready in time"
            time.sleep(0.02)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def answer(self, mode: str, body: str = "") -> None:
        (self.directory / "body.xml").write_text(body)
        draft = self.directory / "mode.new"
        draft.write_text(mode)
        draft.replace(self.directory / "mode")

    @property
    def seen(self) -> list[dict[str, Any]]:
        """Every request that arrived."""
        file = self.directory / "seen.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def table(self, **limits: object) -> dict[str, object]:
        """Its table in `suppliers.toml`."""
        return {
            "url": f"https://localhost:{self.port}/register",
            "ca": str(self.pki / "ca.pem"),
            "client_certificate": str(self.pki / "platform.pem"),
            "client_key": str(self.pki / "platform.key"),
            **limits,
        }

    def write(self, file: Path, **limits: object) -> Path:
        rows = (f"{name} = {json.dumps(value)}" for name, value in self.table(**limits).items())
        file.write_text("\n".join([f'[supplier."{self.name}"]', *rows, ""]))
        return file


@contextmanager
def elsewhere(directory: Path, program: Path = PROGRAM, name: str = NAME) -> Iterator[Elsewhere]:
    directory.mkdir(exist_ok=True)
    create_pki(directory / "pki", CLIENTS)
    one = Elsewhere(directory, program, name)
    one.start()
    try:
        yield one
    finally:
        one.stop()
