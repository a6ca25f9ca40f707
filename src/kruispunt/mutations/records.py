"""The records of mutation files: from what changed of a person to XML (RP-15, RP-16).

Pure: the same rows give the same bytes. What costs is to read a document, so it is read once a person, and only when
some file tells data of it; each group is written once, and each record once for all files that tell the same of the
person. A record is then bytes that are put behind others.

    Told          a person in a distribution: number, parts that changed, state at the cut
    Profile       what a file tells: kinds of changes, groups of data
    Record        a Told, as the files of each profile tell it
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

from kruispunt.clock import to_text
from kruispunt.identifiers.ssin import Ssin, from_int
from kruispunt.mutations.kinds import PARTS
from kruispunt.registers import legal_json, legal_xml
from kruispunt.registers.legal_data import LegalData, Origin, Unreadable
from kruispunt.registers.parts import GROUPS, Part
from kruispunt.registers.split_lines import split
from kruispunt.xml.build import attribute, element, optional, wrap

_NAMES: Final = ("name", "nationality", "birth", "decease", "gender", "civilState", "address", "inscription")
"""Of the groups, in the order of the contract."""
_ORDER: Final = tuple(GROUPS[name].value for name in _NAMES)
_EVERYTHING: Final = (Part.NEW | Part.REPLACEMENT | Part.CANCELLATION | Part.ACCESS).value
"""Changes after which the subscriber may hold other data than these, or none: all groups are told."""
_INSCRIPTION: Final = Part.INSCRIPTION.value
_ADDRESS: Final = Part.ADDRESS.value


class Profile(NamedTuple):
    """What a file tells; `mutation_file` keeps it."""

    parts: int
    """Which changes; see `Part`."""
    groups: int
    """Which data of them; likewise."""


class Told(NamedTuple):
    """A person in a distribution."""

    ssin: int
    """At the end of its chain."""
    parts: int
    """What changed; see `Part`."""
    replaced: Sequence[int]
    """Numbers in whose place it came meanwhile, smallest first."""
    number: int
    """`person_change.sequence` of the last change."""
    line: str
    """State at the cut, as a line of an import."""


class Record:
    """What is told of one person: bytes for each profile, each made once."""

    __slots__ = ("_by_profile", "_data", "_head", "_parts", "_written")

    def __init__(self, told: Told) -> None:
        in_use, national, cbss = split(told.line)
        ssin = from_int(told.ssin)
        old = "".join([f"<replacedSsin>{each:011d}</replacedSsin>" for each in told.replaced])
        canceled = "" if in_use else ' canceled="true"'
        self._parts = told.parts
        self._head = f'<mutation number="{told.number}"><ssin{canceled}>{ssin}</ssin>{old}'
        self._data = _Data(ssin, national, cbss) if in_use else None
        self._by_profile: dict[Profile, bytes] = {}
        self._written: dict[tuple[str, int], bytes] = {}

    def of(self, profile: Profile) -> bytes:
        """The record, with a line break behind it. Raises StorageError when the document cannot be read."""
        found = self._by_profile.get(profile)
        if found is None:
            found = self._by_profile[profile] = self._shared(*profile)
        return found

    @property
    def written(self) -> Iterable[bytes]:
        """All records that were asked for, each once."""
        return self._written.values()

    def _shared(self, subscribed: int, granted: int) -> bytes:
        """Files that differ in what they subscribe, and not in what they tell of this person, share a record."""
        kinds = _kinds(self._parts, subscribed)
        groups = _groups(self._parts, granted)
        if self._data is None:
            groups = 0
        found = self._written.get((kinds, groups))
        if found is None:
            person = self._data.person(groups) if groups and self._data is not None else ""
            found = self._written[kinds, groups] = f"{self._head}{kinds}{person}</mutation>\n".encode()
        return found


class _Data:
    """What the registers hold of somebody: of somebody in both the CBSS register's alone (IP-02)."""

    __slots__ = ("_attributes", "_document", "_legal", "_origin", "_said", "_ssin", "_texts")

    def __init__(self, ssin: Ssin, national: str | None, cbss: str | None) -> None:
        self._ssin = ssin
        self._document = national if cbss is None else cbss
        self._origin = Origin.RR if cbss is None else Origin.KSZ
        self._legal: LegalData | None = None
        self._texts: dict[int, str] = {}

    def person(self, groups: int) -> str:
        """The element `person`, with these groups."""
        if self._document is None:
            return f'<person told="{_names(groups)}"></person>'
        legal = self._legal
        if legal is None:
            legal = self._legal = legal_json.parse(self._document)
        register = legal_xml.write_register(self._ssin, self._origin)
        if legal.blocked:
            return f'<person blocked="true"{register} told=""></person>'
        said = ""
        if legal.unreadable:
            if Unreadable.EVERYTHING in legal.unreadable:
                return f'<person{register} told="" unreadable="everything"></person>'
            groups, said = _unreadable(legal.unreadable, groups)
        inner = "".join([self._text(legal, group) for group in _each(groups)])
        return f'<person{register} told="{_names(groups)}"{said}>{inner}</person>'

    def _text(self, legal: LegalData, group: int) -> str:
        text = self._texts.get(group)
        if text is None:
            text = self._texts[group] = _WRITE[group](legal)
        return text


def write_item(number: int, ssin: int, sent: int, reference: str, moment: datetime, document: str) -> bytes:
    """The record of an item of a stream, with a line break behind it.

    `ssin` is the number in use, `sent` the one that was sent; `document` is one element in canonical form.
    """
    return (
        f'<item number="{number}"><ssin>{ssin:011d}</ssin>'
        + ("" if sent == ssin else f"<replacedSsin>{sent:011d}</replacedSsin>")
        + element("reference", reference)
        + element("moment", to_text(moment))
        + f"<payload>{document}</payload></item>\n"
    ).encode()


def _groups(changed: int, granted: int) -> int:
    return granted if changed & _EVERYTHING else granted & changed


@lru_cache(maxsize=65_536)
def _kinds(changed: int, subscribed: int) -> str:
    """Of the kinds that are subscribed, those that happened. `ACCESS` belongs to several kinds, every other part to
    one: a kind is subscribed when the file tells one of those.
    """
    return "".join(
        element("kind", kind.value)
        for kind, parts in PARTS.items()
        if parts & subscribed & ~Part.ACCESS and parts & subscribed & changed
    )


@lru_cache(maxsize=1024)
def _each(groups: int) -> tuple[int, ...]:
    return tuple(group for group in _ORDER if group & groups)


@lru_cache(maxsize=1024)
def _names(groups: int) -> str:
    return " ".join(name for name, group in zip(_NAMES, _ORDER, strict=True) if group & groups)


def _unreadable(parts: Iterable[Unreadable], groups: int) -> tuple[int, str]:
    """Which groups can be told, and the attribute that says what cannot (IP-18); nothing of what is not asked for."""
    said = []
    if Unreadable.INSCRIPTION in parts and groups & _INSCRIPTION:
        said.append(Unreadable.INSCRIPTION)
        groups &= ~_INSCRIPTION
    if Unreadable.LEGAL_ADDRESS_DETAILS in parts and groups & _ADDRESS:
        said.append(Unreadable.LEGAL_ADDRESS_DETAILS)
    if Unreadable.SOMETHING in parts:
        said.append(Unreadable.SOMETHING)
    return groups, attribute("unreadable", " ".join(each.value for each in said)) if said else ""


def _address(legal: LegalData) -> str:
    if legal.address is None or legal.address.legal is None:
        return ""
    described = Unreadable.LEGAL_ADDRESS_DETAILS not in legal.unreadable
    return legal_xml.write_address(legal.address.legal, described=described)


def _inscription(legal: LegalData) -> str:
    if legal.inscription is None:
        return ""
    since = None if legal.inscription.modified is None else str(legal.inscription.modified)
    code = element("subregister", str(legal.inscription.register.value))
    return wrap("inscription", code + optional("inceptionDate", since))


_WRITE: Final[Mapping[int, Callable[[LegalData], str]]] = {
    Part.NAME.value: lambda legal: legal_xml.write_name(legal.name),
    Part.NATIONALITY.value: lambda legal: (
        "" if legal.nationality is None else legal_xml.write_nationality(legal.nationality)
    ),
    Part.BIRTH.value: lambda legal: legal_xml.write_birth(legal.birth),
    Part.DECEASE.value: lambda legal: "" if legal.decease is None else legal_xml.write_decease(legal.decease),
    Part.GENDER.value: lambda legal: "" if legal.gender is None else legal_xml.write_gender(legal.gender),
    Part.CIVIL_STATE.value: lambda legal: (
        "" if legal.civil_state is None else legal_xml.write_civil_state(legal.civil_state)
    ),
    Part.ADDRESS.value: _address,
    Part.INSCRIPTION.value: _inscription,
}
"""A group as XML; nothing when the register holds nothing of it."""
