"""What of a person changed, as a change keeps it and a subscription asks for it (RP-16).

What counts is what is *given* of a number, as `dossiers.look_up` gives it: of somebody who stands in both registers
the CBSS document alone (IP-02), of a number that was replaced or cancelled nothing (IP-03), while access is blocked
nothing (IP-18). Of that, what can be *told* (`_TOLD`): a change that nobody can see is none. So:

- A change in a document that nobody is given is a change of no data: of the National Register for somebody of the RAD
  register, of a number that is out of use, of somebody who is blocked. What changed in that time counts as soon as the
  number is in use again (everything does), or can be told again (`ACCESS`, which stands for all data).
- A change of a temporary address, or of a partner, is one of no data: no record has a place for them.
- Former names and addresses are given to searches alone. What stands among them was told when it was today's.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntFlag
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic_core import from_json

if TYPE_CHECKING:
    from kruispunt.registers.facts import Facts


class Part(IntFlag):
    """A part of what the registers say of a number; `person_change.parts` adds them up.

    The first three are about the number itself, the others are groups of data.
    """

    NEW = 1
    """A number that no register knew."""
    REPLACEMENT = 2
    """Another number comes in its place, another one than before, or none any more."""
    CANCELLATION = 4
    """It was cancelled, or is in use again."""
    NAME = 8
    BIRTH = 16
    GENDER = 32
    NATIONALITY = 64
    CIVIL_STATE = 128
    DECEASE = 256
    ADDRESS = 512
    INSCRIPTION = 1024
    """In which register and subregister."""
    ACCESS = 2048
    """Data were blocked, or cannot be read, or can be again: which data are told differs, not the data."""


WHOLE = Part((Part.ACCESS << 1) - 1)
"""Every part."""
NO_PART: Final = Part(0)
NUMBER: Final = Part.NEW | Part.REPLACEMENT | Part.CANCELLATION
"""What is about the number itself."""
DATA: Final = WHOLE & ~NUMBER & ~Part.ACCESS
"""Every group of data."""

GROUPS: Final[Mapping[str, Part]] = {
    "name": Part.NAME,
    "birth": Part.BIRTH,
    "gender": Part.GENDER,
    "nationality": Part.NATIONALITY,
    "civilState": Part.CIVIL_STATE,
    "decease": Part.DECEASE,
    "address": Part.ADDRESS,
    "inscription": Part.INSCRIPTION,
}
"""Groups of data, by the field of a document that holds each."""
_TOLD: Final[Mapping[str, tuple[str, ...]]] = {
    "name": ("lastName", "firstNames", "modified"),
    "birth": ("date", "location"),
    "decease": ("date", "location"),
    "civilState": ("code",),
    "address": ("legal",),
}
"""Of groups that a record has no place for the whole of, the fields that it has. Mutations are held against this."""
_SAID: Final = frozenset({"inscription", "legalAddressDetails", "something", "everything"})
"""What is said to be unreadable; of other addresses than the legal one nothing is."""
_BLOCKED: Final = frozenset({"blocked"})
_EVERYTHING: Final = frozenset({"everything"})
_NOTHING_GIVEN: Final = _BLOCKED | _EVERYTHING
_NO_DOCUMENT: Final[Mapping[str, Any]] = {}


def parts_of(before: Facts | None, after: Facts) -> Part:
    """What a change changed; `before` is None for a number that is new. Nothing at all is `NO_PART`.

    Whoever was given the data before, and is told the groups among the parts, has the data after. With a part that is
    about the number, or `ACCESS`, all groups may have changed.
    """
    if before is not None and _same_document(before, after):
        return _parts(_of_facts(before, _NO_DOCUMENT), _of_facts(after, _NO_DOCUMENT))
    return _parts(None if before is None else _of_facts(before), _of_facts(after))


def parts_between(before: str | None, after: str) -> Part:
    """The same of two lines, as `person_change` keeps them; there may be several changes between."""
    return _parts(None if before is None else _of_line(before), _of_line(after))


def named(parts: Part) -> tuple[str, ...]:
    """The names of the parts in lower case, in order, for people to read."""
    return tuple((part.name or "").lower().replace("_", " ") for part in Part if part in parts)


class _Standing(NamedTuple):
    """A number, and what is given of it."""

    register: int | str
    replaced_by: int | str | None
    cancelled: bool
    of_cbss: bool
    """Whose document is given."""
    document: Mapping[str, Any]

    @property
    def in_use(self) -> bool:
        return self.replaced_by is None and not self.cancelled


def _of_facts(facts: Facts, document: Mapping[str, Any] | None = None) -> _Standing:
    """Equal data are equal here too: `legal_json.write` has one text for them."""
    text = facts.national if facts.cbss is None else facts.cbss
    if document is None:
        document = _NO_DOCUMENT if text is None else from_json(text, cache_strings="keys")
    return _Standing(facts.register, facts.replaced_by, facts.cancelled, facts.cbss is not None, document)


def _of_line(line: str) -> _Standing:
    fields = from_json(line, cache_strings="keys")
    cbss = fields.get("cbssRegister")
    document = fields.get("nationalRegister", _NO_DOCUMENT) if cbss is None else cbss
    return _Standing(
        fields["register"], fields.get("replacedBy"), fields.get("cancelled", False), cbss is not None, document
    )


def _same_document(before: Facts, after: Facts) -> bool:
    """Whether the same text is given by the same register: then it need not be read."""
    return (before.cbss is None) == (after.cbss is None) and (
        before.national == after.national if after.cbss is None else before.cbss == after.cbss
    )


def _parts(before: _Standing | None, after: _Standing) -> Part:
    parts = _of_the_number(before, after)
    if not after.in_use:
        return parts
    if before is not None and not before.in_use:
        return parts | DATA
    old = _NO_DOCUMENT if before is None else before.document
    hidden = _hidden(after.document)
    if hidden != _hidden(old):
        parts |= Part.ACCESS
    if hidden & _NOTHING_GIVEN:
        return parts
    if before is None or (before.register, before.of_cbss) != (after.register, after.of_cbss):
        parts |= Part.INSCRIPTION
    for name, part in GROUPS.items():
        if old.get(name) == after.document.get(name) or name in hidden:
            continue
        if _told(name, old) != _told(name, after.document):
            parts |= part
    return parts


def _of_the_number(before: _Standing | None, after: _Standing) -> Part:
    replaced_by, cancelled = (None, False) if before is None else (before.replaced_by, before.cancelled)
    parts = Part.NEW if before is None else NO_PART
    if replaced_by != after.replaced_by:
        parts |= Part.REPLACEMENT
    if cancelled != after.cancelled:
        parts |= Part.CANCELLATION
    return parts


def _hidden(document: Mapping[str, Any]) -> frozenset[str]:
    """What of a document is not given, as it is said; nothing else is said where all of it is hidden."""
    if document.get("blocked"):
        return _BLOCKED
    unreadable = _SAID.intersection(document.get("unreadable", ()))
    return _EVERYTHING if unreadable >= _EVERYTHING else unreadable


def _told(name: str, document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What of a group can be told; None for nothing."""
    held: Mapping[str, Any] | None = document.get(name)
    if held is None or name not in _TOLD:
        return held
    return {field: held[field] for field in _TOLD[name] if field in held} or None
