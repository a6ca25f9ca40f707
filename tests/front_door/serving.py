"""`kruispunt serve` beside a running demo: on its database, with its certificates, and other settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bank import Bank

COMMAND = [sys.executable, "-m", "kruispunt.cli.main", "serve", "--config"]
HERE = str(Path(__file__).parent)


class Serving:
    """A server for the length of a `with`; a setting that is None is left out."""

    def __init__(self, bank: Bank, folder: Path, **changed: Any) -> None:
        values = tomllib.loads((bank.directory / "kruispunt.toml").read_text())
        values |= {"port": 0, "local_port": 0, "workers": 1} | changed
        folder.mkdir(exist_ok=True)
        self._bank = bank
        self._file = folder / "kruispunt.toml"
        lines = [f"{name} = {json.dumps(value, default=str)}\n" for name, value in values.items() if value is not None]
        self._file.write_text("".join(lines))
        self._said = folder / "said.log"

    def __enter__(self) -> Bank:
        with self._said.open("w") as said:
            self._process = subprocess.Popen(
                [*COMMAND, str(self._file)], stdout=subprocess.DEVNULL, stderr=said, env=environment()
            )
        from processes import wait_until

        wait_until(lambda: '"ready"' in self.said or self._process.poll() is not None, "the server to be ready", 90)
        assert self._process.poll() is None, self.said
        ready = next(json.loads(line) for line in self.said.splitlines() if '"ready"' in line)
        return Bank(self._bank.directory, ready["url"], ready["local"], self._process, self._bank.dsn)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        assert self._process.wait(60) == 0, self.said

    @property
    def said(self) -> str:
        return self._said.read_text()

    def refused(self) -> str:
        """What it says when it does not start: one line for an operator."""
        done = subprocess.run(
            [*COMMAND, str(self._file)], capture_output=True, text=True, timeout=90, check=False, env=environment()
        )
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr.strip().splitlines()[-1]

    @classmethod
    def behind(cls, bank: Bank, folder: Path, **changed: Any) -> Self:
        """For a proxy that ends TLS: no TLS certificate is given."""
        return cls(bank, folder, **{"tls_certificate": None, "tls_key": None, **changed})


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KRUISPUNT_")}
    return {**kept, "PYTHONPATH": os.pathsep.join((HERE, os.environ.get("PYTHONPATH", "")))}
