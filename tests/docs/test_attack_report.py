"""The report in the documentation names exactly the attacks of the suite, and zero pass.

That it is what the command writes, word for word: tests/front_door/test_attack_command.py.
"""

from __future__ import annotations

import re

from documentation import ROOT
from kruispunt.attack.model import ABOUT, Family
from kruispunt.attack.suite import ELSEWHERE, suite
from kruispunt.cli.stage import demo_forms
from kruispunt.clock import SystemClock

PAGE = ROOT / "docs" / "reference" / "attack-report.md"
_ROW = re.compile(r"^\| `([^`]+)` \| (.+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def sections() -> dict[str, list[tuple[str, ...]]]:
    """Rows by heading."""
    parts = PAGE.read_text(encoding="utf-8").split("\n## ")[1:]
    return {part.partition("\n")[0]: _ROW.findall(part) for part in parts}


def test_the_report_names_exactly_the_suite() -> None:
    told = [f"{family}/{row[0]}" for family, rows in sections().items() for row in rows]
    assert sorted(told) == sorted(attack.name for attack in suite(demo_forms({}, SystemClock())))


def test_zero_pass() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = [row for found in sections().values() for row in found]
    assert {verdict for *_, verdict in rows} == {"held"}
    assert f"**{len(rows)} attacks: {len(rows)} held, 0 passed.**" in page
    assert "PASSED" not in page


def test_every_family_and_what_is_elsewhere_is_told() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert ABOUT.keys() == set(Family)
    for family in Family:
        assert len(sections()[family.value]) > 5
    for one in ELSEWHERE:
        assert f"| {one.what} | {one.why} | `{one.tests}` |" in page
        assert (ROOT / one.tests).is_file()


def test_nothing_in_it_differs_from_run_to_run() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert not re.search(r"https://localhost:\d|127\.0\.0\.1:[2-9]\d{3}|[0-9a-f]{8}-[0-9a-f]{4}-7", page)
