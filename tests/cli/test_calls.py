"""Words of `kruispunt call`: dates as seen from the day of the call, and examples that fit their service."""

from __future__ import annotations

from datetime import date

import pytest

from kruispunt.cli.call import group
from kruispunt.cli.calls import dated, day_of
from kruispunt.cli.later import loaded
from kruispunt.services.discovery import discover

TODAY = date(2026, 11, 22)
HANDI = next(s for s in discover() if s.name == "HandiService")
FILE, RIGHTS = HANDI.operations


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("today", "2026-11-22"),
        ("today+7", "2026-11-29"),
        ("today-400", "2025-10-18"),
        ("2024-02-30", "2024-02-30"),
        ("", ""),
        ("tomorrow", "tomorrow"),
        ("today7", "today7"),
    ],
)
def test_a_day_may_be_seen_from_today(text: str, day: str) -> None:
    assert day_of(text, TODAY) == day


def test_dates_alone_are_seen_so_and_defaults_are_filled_in() -> None:
    assert dated(FILE, {"ssin": "today"}, TODAY) == {
        "ssin": "today",
        "referenceDate": "2026-11-22",
        "paymentsStartDate": "",
        "paymentsEndDate": "",
    }
    assert dated(RIGHTS, {"ssin": "1", "beginDate": "today-1", "endDate": "today"}, TODAY)["beginDate"] == "2026-11-21"
    assert "beginDate" not in dated(RIGHTS, {"ssin": "1"}, TODAY)


def test_every_service_shows_an_example_of_its_own() -> None:
    handi, foreigner_situation = (loaded(group().commands[name]).commands for name in ("handi", "foreigner-situation"))
    helps = {name: command.help or "" for name, command in handi.items()}
    assert "--legal-context PCSA:SOCIAL_INQUIRY" in helps["consult-file"]
    assert "--legal-context NEO:UNEMPLOYMENT" in (foreigner_situation["consult-special-infos"].help or "")
    client = next(p for p in handi["consult-file"].params if p.name == "client")
    assert client.default == "ocmw"
