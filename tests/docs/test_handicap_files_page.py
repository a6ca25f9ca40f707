"""The pages about DGPH's data name every field, and their examples are read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from documentation import ROOT, blocks
from handicap_files import whole_file
from kruispunt.services.handi.file import SUPPLIER_NAME, DataGroup
from kruispunt.services.handi.remote import NAMESPACE
from kruispunt.services.handi.written import line_of
from kruispunt.suppliers.configuration import load_suppliers

REFERENCE = ROOT / "docs" / "reference" / "handicap-files.md"
HOW_TO = ROOT / "docs" / "how-to" / "connect-a-dgph.md"


def names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        for one in value.values():
            yield from names(one)
    elif isinstance(value, list):
        for one in value:
            yield from names(one)


def test_every_field_of_a_line_is_documented() -> None:
    told = set(re.findall(r"`(\w+)`", REFERENCE.read_text(encoding="utf-8")))
    assert set(names(line_of(whole_file()))) | {"removed"} <= told | {"noDataReason"}
    assert '{"noDataReason": "no data in db"}' in REFERENCE.read_text(encoding="utf-8")


def test_what_a_dgph_must_speak_is_documented(tmp_path: Path) -> None:
    page = HOW_TO.read_text(encoding="utf-8")
    assert all(f"`{group.value}`" in page for group in DataGroup)
    assert all(f"`{NAMESPACE}/{action}`" in page for action in ("consult", "test"))
    (example,) = blocks(HOW_TO, "toml")
    file = tmp_path / "suppliers.toml"
    file.write_text(example.text, encoding="utf-8")
    assert load_suppliers(file).keys() == {SUPPLIER_NAME}
