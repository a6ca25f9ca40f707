"""Silence, and loss: a file comes each day, also when there is nothing to tell (RP-18).

So a day of which none came was lost, or is late. A subscriber does not know the hour of distribution. The file of a day
comes during the next one, by the civil calendar of Belgium: with a margin of one day it is missed when that next day is
over, whatever the hour.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final

from kruispunt.clock import BELGIUM, to_text
from kruispunt.receive.copy import Received, Trouble
from kruispunt.receive.problems import NotReceived, Problem

MARGIN_DAYS: Final = 1
_REMEDY: Final = (
    "A file comes each day, also when nothing changed: ask the operator of the platform, or whoever brings the files "
    "into the folder; one that lies there without its voucher counts as on its way"
)


def late(last: Received | None, now: datetime, margin: int) -> Trouble | None:
    """The first day of which no file came, if it is `margin` days or more behind yesterday; None before any file.

    `last` is the last file that was loaded, of a subscription that gets a file each day.
    """
    if last is None:
        return None
    day = date.fromisoformat(last.day) + timedelta(days=1)
    since = datetime.combine(day + timedelta(days=1 + margin), time(), BELGIUM)
    if now < since:
        return None
    sequence = last.sequence + 1
    why = f"no file of {day} came: the last one, {last.sequence}, is of {last.day}"
    return Trouble(sequence, sequence, Problem.LATE, why, _REMEDY, to_text(since))


def not_received(trouble: Trouble) -> NotReceived:
    """The same, as a round of `kruispunt receive` ends with it."""
    why = f"{trouble.why}; it is missing since {trouble.since}"
    return NotReceived(trouble.problem, why, trouble.remedy, sequence=trouble.sequence)
