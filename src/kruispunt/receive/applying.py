"""What a copy holds of somebody after a mutation (RP-15, RP-16). Rules alone: nothing is read or written here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kruispunt.receive.told import Data, Mutation


@dataclass(frozen=True, slots=True)
class Held:
    """What a copy holds of one person."""

    number: int
    """Of the last mutation that was told."""
    cancelled: bool
    register: str | None
    blocked: bool
    unreadable: str | None
    groups: Mapping[str, str | None]
    """XML by the name of the group; None: it was told that there are none. Of other groups nothing was ever told."""


def applied(told: Mutation, held: Held | None, before: Sequence[Held]) -> Held | None:
    """What is held from now on; None when something later is held already, and nothing changes.

    `held` is what the copy holds under the number in use, `before` what it holds under those that were replaced. What
    was told of the number in use stands; what is known under the old ones alone moves to it. The same mutation twice
    changes nothing.
    """
    if held is not None and held.number > told.number:
        return None
    known = [*before, *([] if held is None else [held])]
    groups: dict[str, str | None] = {}
    for each in known:
        groups |= each.groups
    last = known[-1] if known else Held(0, False, None, False, None, {})
    kept = replace(last, number=told.number, cancelled=told.cancelled, groups=groups)
    return kept if told.data is None else _with_data(kept, told.data)


def _with_data(held: Held, data: Data) -> Held:
    """Told groups take the place of held ones; told and empty ones are held as empty; of somebody whose data are
    blocked none are held, because all are told again when they no longer are.
    """
    told = {} if data.blocked else dict.fromkeys(data.told) | dict(data.groups)
    return replace(
        held,
        register=data.register,
        blocked=data.blocked,
        unreadable=data.unreadable,
        groups={} if data.blocked else {**held.groups, **told},
    )
