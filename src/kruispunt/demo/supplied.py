"""What the suppliers of the services know of the demo people, where a service brings a module for it.

`demo/people.py` in the folder of a service holds `rows(person, chance, today)`, which yields the kind of an import and
one line of it, for a person as a row of the import of people. The kind may also be `inscriptions`.
"""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from kruispunt.errors import ConfigurationError
from kruispunt.pipeline.service import Service

Row = Mapping[str, Any]
Rows = Callable[[Row, random.Random, date], Iterable[tuple[str, Row]]]


class Supplied:
    """The modules of some services; the same person, seed and day give the same rows."""

    def __init__(self, services: Sequence[Service], seed: int, today: date) -> None:
        self._modules = [(s.folder.name, rows) for s in services if (rows := _load(s.folder)) is not None]
        self._seed = seed
        self._today = today

    def of(self, person: Row) -> Iterator[tuple[str, Row]]:
        """Kind and line of all that is known of a person."""
        for name, rows in self._modules:
            # Chance of its own for each person and service: neither moves when others are added.
            yield from rows(person, random.Random(f"{self._seed} {name} {person['ssin']}"), self._today)  # noqa: S311


def _load(folder: Path) -> Rows | None:
    """From its file, because a service may live in any package."""
    file = folder / "demo" / "people.py"
    if not file.exists():
        return None
    spec = importlib.util.spec_from_file_location(f"kruispunt_demo_people_of_{folder.name}", file)
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"{file}: cannot be read as a Python module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rows: Rows = module.rows
    return rows
