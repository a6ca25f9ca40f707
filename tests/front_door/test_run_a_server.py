"""The operator's page, followed word by word: files, shell blocks, `kruispunt serve`, the call at its end."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import open_directory

from documentation import ROOT, blocks

PAGE = ROOT / "docs" / "how-to" / "run-a-server.md"
START_SECONDS = 90

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the page makes its certificates with openssl")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Installation:
    """The page's files and commands, with other places and other ports."""

    def __init__(self, home: Path) -> None:
        self.settings = home / "etc" / "kruispunt.toml"
        port, local = free_port(), free_port()
        self._instead = {
            "/etc/kruispunt": str(home / "etc"),
            "/var/lib/kruispunt": str(home / "var"),
            "port = 4520": f"port = {port}\nlocal_port = {local}",
            "localhost:4520": f"localhost:{port}",
            "127.0.0.1:4521": f"127.0.0.1:{local}",
        }
        for name in ("etc", "var"):
            (home / name).mkdir(mode=0o711)
        for block in blocks(PAGE, "toml"):
            if block.title:
                path = Path(self.put(block.title))
                path.parent.mkdir(exist_ok=True)
                path.write_text(self.put(block.text), encoding="utf-8")

    def put(self, text: str) -> str:
        for said, instead in self._instead.items():
            text = text.replace(said, instead)
        return text

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KRUISPUNT_")}
        return {**kept, "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))}

    def shell(self, text: str) -> str:
        done = subprocess.run(
            ["sh", "-eu", "-c", self.put(text)], env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def installation() -> Iterator[Installation]:
    with open_directory() as home:
        yield Installation(home)


def test_the_page_leads_to_a_running_server(installation: Installation) -> None:
    certificates, master_key, call, health = (block.text for block in blocks(PAGE, "sh"))
    installation.shell(certificates)
    installation.shell(master_key)
    command = [sys.executable, "-m", "kruispunt.cli.main", "serve", "--config", str(installation.settings)]
    with subprocess.Popen(command, env=installation.environment, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            line = server.stderr.readline()
            assert line.startswith("{"), line
            (shown,) = blocks(PAGE, "json")
            ready = json.loads(line)
            assert ready.keys() == json.loads(shown.text).keys()
            assert (ready["event"], ready["environment"]) == ("ready", "production")
            assert "<echo>anybody there?</echo>" in installation.shell(call)
            assert installation.shell(health) == "ready\n"
        finally:
            server.terminate()
        assert server.wait(START_SECONDS) == 0
