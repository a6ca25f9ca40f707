"""What services bring to the demo beside their personas, in a folder `demo/` of their own; all of it may be missing.

    demo/clients.toml         [[client]] name (of its certificate), organisation (code that it stands for)
    demo/organisations.toml   organisations that exist in the demo only, in the form of the access files
    demo/grants.toml          grants that are added to those that ship

Never loaded in production, as everything of the demo.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from kruispunt.demo.pki import CLIENTS, DemoClient
from kruispunt.pipeline.service import Service

ORGANISATIONS: Final = Path(__file__).with_name("organisations.toml")
"""The demo's own, which services share."""

OWNERS: Final = {"limited": "demo-limited", "tester": "demo-tester", "onem-ecdsa": "onem", "bounded": "onem"}


def clients(services: Sequence[Service]) -> tuple[DemoClient, ...]:
    """The demo's own clients and those of the services, each once."""
    return tuple(dict.fromkeys((*CLIENTS, *(DemoClient(name) for s in services for name, _ in _clients(s.folder)))))


def owners(folders: Iterable[Path]) -> Mapping[str, str]:
    """The code of the organisation that a client stands for, where it is not the client's own name.

    `folders` are those of the services.
    """
    return OWNERS | {name: organisation for folder in folders for name, organisation in _clients(folder)}


def organisations(services: Sequence[Service]) -> str:
    """One access file with the organisations of the demo."""
    return "\n".join(_texts(ORGANISATIONS, *(s.folder / "demo" / "organisations.toml" for s in services)))


def grants(service: Service) -> str:
    """One access file with the grants that ship with a service, and those that the demo adds."""
    return grants_in(service.folder)


def grants_in(folder: Path) -> str:
    """The same of any folder with rows of its own."""
    return "\n".join(_texts(folder / "contexts.toml", folder / "demo" / "grants.toml"))


def _clients(folder: Path) -> Iterator[tuple[str, str]]:
    for text in _texts(folder / "demo" / "clients.toml"):
        for row in tomllib.loads(text)["client"]:
            yield row["name"], row["organisation"]


def _texts(*files: Path) -> Iterator[str]:
    for file in files:
        if file.exists():
            yield file.read_text(encoding="utf-8")
