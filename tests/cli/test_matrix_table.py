"""`kruispunt access matrix` for a person (PL-14): who may ask what of which service, with nothing cut."""

from __future__ import annotations

import io
from typing import Any, Final

import pytest
from rich.console import Console

from kruispunt.access.files import load
from kruispunt.cli import terminal
from kruispunt.cli.access import _matrix, _print
from kruispunt.configured import rows_of
from kruispunt.services.discovery import discover

ROW: Final[dict[str, Any]] = {
    "organisation": "a-centre",
    "legal context": "[bold]PCSA:SOCIAL_INQUIRY_WITH_A_LONG_NAME",
    "service": "HandiService",
    "applications": ["urn:test:one\x1b[31m"],
    "operations": ["consultFile", "consultRightsAndPayments"],
    "data groups": ["handicapRecognition"],
    "integration": "active: 902, 1, 4",
    "volume": ["urn:test:one: 50000 a day, 50 a second"],
    "source": "000, data groups ours",
}


def rows() -> list[dict[str, Any]]:
    """All grants that ship, and one with everything that a grant may have."""
    return [*_matrix(load(None, rows_of(discover()))), ROW]


def on_a_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> str:
    shown = io.StringIO()
    console = Console(file=shown, width=width, force_terminal=True, color_system=None, soft_wrap=True)
    monkeypatch.setattr(terminal, "out", console)
    _print(rows())
    return shown.getvalue()


def parts(row: dict[str, Any]) -> list[str]:
    told = (row["organisation"], row["legal context"], row["integration"], row["source"])
    lists = (row["operations"], row["data groups"], row["applications"], row["volume"])
    return [terminal.harmless(text) for text in (*told, *(text for each in lists for text in each))]


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_a_terminal_has_room_for_it_and_names_stay_whole(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = on_a_terminal(width, monkeypatch)
    assert max(map(len, shown.splitlines())) <= width
    assert "…" not in shown
    titles = [line.strip() for line in shown.splitlines() if line.strip() in {row["service"] for row in rows()}]
    assert titles == sorted({row["service"] for row in rows()})
    for row in rows():
        for name in (*row["operations"], *row["data groups"], row["organisation"]):
            assert name in shown or width < 80


def test_what_is_folded_is_told_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first column, put together again."""
    first = "".join(line[:28].strip() for line in on_a_terminal(80, monkeypatch).splitlines())
    for row in rows():
        assert terminal.harmless(row["legal context"]).replace(" ", "") in first.replace(" ", "")


def test_in_a_pipe_it_is_as_wide_as_it_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _print(rows())
    shown = capsys.readouterr().out
    for row in rows():
        assert [part for part in parts(row) if part not in shown] == []
    assert "\x1b" not in shown
