"""Registers and lines as plain Python, and what each subscriber must hold after a day (RP-15, RP-16).

Nothing of the program is asked here but the names of kinds and groups. A change is what differs between the evening
before and this evening; who is told of it is whoever has a line of the person; what is told is what the subscription
and its grants have in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

GROUPS = ("name", "nationality", "birth", "decease", "gender", "civilState", "address", "inscription")
KIND_OF = {
    "registration": {"new"},
    "identification": {"name", "birth", "gender", "nationality", "civilState", "inscription", "access"},
    "address": {"address", "access"},
    "decease": {"decease"},
    "replacement": {"replacement"},
    "cancellation": {"cancellation"},
}
KINDS = tuple(KIND_OF)
_TELLS_ALL = {"new", "replacement", "cancellation", "access"}


@dataclass(frozen=True)
class Person:
    """What the registers say of a number."""

    data: Mapping[str, Any]
    by: str | None = None
    cancelled: bool = False
    blocked: bool = False

    @property
    def in_use(self) -> bool:
        return self.by is None and not self.cancelled


@dataclass(frozen=True)
class Line:
    """One line of a register."""

    owner: str
    ssin: str
    kind: str
    begin: date
    end: date | None = None
    known_to: str = ""


@dataclass(frozen=True)
class Subscription:
    """What one organisation wants, and what it is granted."""

    code: str
    organisation: str
    owner: str
    context: str
    kinds: tuple[str, ...] = KINDS
    groups: tuple[str, ...] = GROUPS
    types: tuple[str, ...] | None = None
    active: bool = False
    known_to: str | None = None
    stream: str | None = None

    @property
    def parts(self) -> set[str]:
        """What makes a change worth telling."""
        found = set()
        for kind in self.kinds:
            data = KIND_OF[kind] & set(self.groups)
            found |= data | (KIND_OF[kind] & {"new", "replacement", "cancellation"})
            found |= {"access"} if data and "access" in KIND_OF[kind] else set()
        return found

    @property
    def data(self) -> set[str]:
        """Groups that are told."""
        return {group for kind in self.kinds for group in KIND_OF[kind] & set(self.groups)}


@dataclass
class Held:
    """What a subscriber must hold of a number."""

    cancelled: bool = False
    blocked: bool = False
    groups: dict[str, Any] = field(default_factory=dict)


@dataclass
class World:
    """The registers and the lines, now."""

    people: dict[str, Person] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    died: set[str] = field(default_factory=set)
    """Of whom a register holds a decease, or held one."""

    def change(self, ssin: str, **changed: Any) -> None:
        """Groups of data, or fields of a person."""
        person = self.people.get(ssin, Person({}))
        fields = {name: changed.pop(name) for name in ("by", "cancelled", "blocked") if name in changed}
        data = {group: value for group, value in {**person.data, **changed}.items() if value is not None}
        self.people[ssin] = replace(person, data=data, **fields)
        self.died |= {ssin} if "decease" in data else set()

    def end(self, ssin: str) -> str:
        """The number at the end of the chain."""
        while (following := self.people[ssin].by) is not None:
            ssin = following
        return ssin

    def knows(self, who: Subscription, ssin: str, day: date) -> bool:
        """Whether a line that counts is about the person."""
        return any(
            line.owner == who.owner
            and self.end(line.ssin) == ssin
            and who.known_to in (None, line.known_to)
            and (who.types is None or line.kind in who.types)
            and (not who.active or (line.begin <= day and (line.end is None or day <= line.end)))
            for line in self.lines
        )

    def tell(self, before: Mapping[str, Person], who: Subscription, day: date, copy: dict[str, Held]) -> int:
        """Bring a copy from the evening before to this one; how many people it was told of."""
        told: dict[str, tuple[set[str], list[str]]] = {}
        for ssin in self.people:
            parts = differing(before.get(ssin), self.people[ssin])
            end = self.end(ssin)
            if parts and (end == ssin or "replacement" in parts):
                known, old = told.setdefault(end, (set(), []))
                known |= parts
                old += [ssin] if end != ssin else []
        count = 0
        for ssin, (parts, old) in told.items():
            if old and self.people[ssin].in_use:
                parts |= set(GROUPS)
            if parts & {"decease", "access"}:
                parts = parts | {"decease"} if self.died & {ssin, *old} else parts - {"decease"}
            if parts & who.parts and self.knows(who, ssin, day):
                self._tell_one(ssin, parts, old, who.data, copy)
                count += 1
        return count

    def _tell_one(
        self, ssin: str, parts: set[str], old: Iterable[str], granted: set[str], copy: dict[str, Held]
    ) -> None:
        person = self.people[ssin]
        known = [copy.pop(each) for each in sorted(old) if each in copy]
        known += [copy[ssin]] if ssin in copy else []
        held = Held(groups={group: value for each in known for group, value in each.groups.items()})
        held.blocked = bool(known) and known[-1].blocked
        groups = granted if parts & _TELLS_ALL else granted & parts
        held.cancelled = not person.in_use
        if person.in_use and groups:
            held.blocked = person.blocked
            held.groups = {} if person.blocked else held.groups | {group: person.data.get(group) for group in groups}
        copy[ssin] = held


def differing(before: Person | None, after: Person) -> set[str]:
    """What changed of a number: what is given of it, not what the registers keep beside."""
    parts = {"new"} if before is None else set()
    was = Person({}) if before is None else before
    parts |= {"replacement"} if was.by != after.by else set()
    parts |= {"cancellation"} if was.cancelled != after.cancelled else set()
    if not after.in_use:
        return parts
    if not was.in_use:
        return parts | set(GROUPS)
    if was.blocked != after.blocked:
        parts.add("access")
    if after.blocked:
        return parts
    parts |= {"inscription"} if before is None else set()
    return parts | {group for group in GROUPS if was.data.get(group) != after.data.get(group)}
