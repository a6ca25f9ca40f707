"""The units of systemd in the documentation let the programs write where its settings say."""

from __future__ import annotations

import re
from pathlib import Path

from documentation import PAGES, ROOT, blocks

SERVER = ROOT / "docs" / "how-to" / "run-a-server.md"


def test_the_units_cover_the_folders_that_the_pages_name() -> None:
    units = [block.text for block in blocks(SERVER, "ini")]
    assert [re.findall(r"^ExecStart=\S+/kruispunt (.*)$", unit, re.M) for unit in units] == [
        ["serve"],
        ["mutations schedule"],
    ]
    named = [
        Path(folder)
        for page in PAGES
        for block in blocks(page, "toml")
        for folder in re.findall(r'^(?:mutation_dir|data_dir) = "(/.*)"', block.text, re.M)
    ]
    assert len(named) >= 2
    for unit in units:
        (covered,) = re.findall(r"^ReadWritePaths=(.*)$", unit, re.M)
        assert all(folder.is_relative_to(covered) for folder in named), (covered, named)
