"""The records of mutation files: from what changed of a person to XML (RP-15, RP-16).

Pure: the same rows give the same bytes. A document is read once a person, as far as groups of data changed; each group
is written once, and each record once for all files that tell the same of the person. A record is then bytes that are
put behind others.

    Told          a person in a distribution: number, parts that changed, state at the cut
    Profile       what a file tells: kinds of changes, groups of data
    Record        a Told, as the files of each profile tell it
    Form          what they tell of it, which many people have in common
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

from kruispunt.clock import to_text
from kruispunt.identifiers.ssin import Ssin, is_well_formed
from kruispunt.mutations.data import Document, Line, read, write
from kruispunt.mutations.kinds import DATA, GROUPS, PARTS
from kruispunt.registers import legal_xml
from kruispunt.registers.legal_data import Origin, Unreadable
from kruispunt.registers.parts import Part
from kruispunt.xml.build import attribute, element

_NAMES: Final = ("name", "nationality", "birth", "decease", "gender", "civilState", "address", "inscription")
"""Of the groups, in the order of the contract."""
_ORDER: Final = tuple(GROUPS[name].value for name in _NAMES)
_EVERYTHING: Final = (Part.NEW | Part.REPLACEMENT | Part.CANCELLATION | Part.ACCESS).value
"""Changes after which the subscriber may hold other data than these, or none: all groups are told."""
_ALL: Final = DATA.value
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
    line: bytes
    """State at the cut, as a line of an import."""


class Form(NamedTuple):
    """What a record tells, whomever it is about."""

    kinds: str
    """As XML."""
    groups: int
    """Of data; see `Part`."""


class Record:
    """What is told of one person: bytes for each profile, each made once. Raises StorageError when the line cannot be
    read.
    """

    __slots__ = ("_by_profile", "_document", "_head", "_parts", "_register", "_texts", "doubtful", "written")

    def __init__(self, told: Told) -> None:
        self._parts = parts = told.parts
        line = read(told.line, _ALL if parts & _EVERYTHING else parts & _ALL)
        ssin = Ssin(f"{told.ssin:011d}")
        old = "".join([f"<replacedSsin>{each:011d}</replacedSsin>" for each in told.replaced]) if told.replaced else ""
        document: Document | None
        if line.replaced_by is not None or line.cancelled:
            self._head = f'<mutation number="{told.number}"><ssin canceled="true">{ssin}</ssin>{old}'
            document, self._register = None, None
        else:
            self._head = f'<mutation number="{told.number}"><ssin>{ssin}</ssin>{old}'
            document, self._register = _given(line, ssin)
        self._document = document
        self._texts: dict[int, str] = {}
        self._by_profile: dict[Profile, bytes] = {}
        self.written: dict[Form, bytes] = {}
        """The records that were asked for, each once."""
        self.doubtful = not is_well_formed(ssin) or (
            (document is not None and (document.blocked or document.unreadable != ()))
            or not all(is_well_formed(f"{each:011d}") for each in told.replaced)
        )
        """Whether the schema has to be asked about each of them."""

    def of(self, profile: Profile) -> bytes:
        """The record, with a line break behind it. Raises StorageError when the data cannot be told."""
        found = self._by_profile.get(profile)
        if found is None:
            # Files that differ in what they subscribe, and not in what they tell of this person, share a record.
            form = _form(self._parts, profile)
            found = self.written.get(form)
            if found is None:
                person = self._person(form.groups) if form.groups else ""
                found = self.written[form] = f"{self._head}{form.kinds}{person}</mutation>\n".encode()
            self._by_profile[profile] = found
        return found

    def _person(self, groups: int) -> str:
        """The element `person`, with these groups; nothing of a number that is out of use."""
        document, register = self._document, self._register
        if document is None:
            return "" if register is None else f'<person told="{_names(groups)}"></person>'
        if document.blocked:
            return f'<person blocked="true"{register} told=""></person>'
        said = ""
        if document.unreadable:
            if Unreadable.EVERYTHING in document.unreadable:
                return f'<person{register} told="" unreadable="everything"></person>'
            groups, said = _unreadable(document.unreadable, groups)
        inner = "".join([self._text(document, group) for group in _each(groups)])
        return f'<person{register} told="{_names(groups)}"{said}>{inner}</person>'

    def _text(self, document: Document, group: int) -> str:
        text = self._texts.get(group)
        if text is None:
            text = self._texts[group] = write(document, group)
        return text


def _given(line: Line, ssin: Ssin) -> tuple[Document | None, str]:
    """What the registers tell of somebody: of somebody in both the CBSS register's alone (IP-02); whose data they are,
    as an attribute, empty when no register has any.
    """
    if line.cbss_register is not None:
        return line.cbss_register, legal_xml.write_register(ssin, Origin.KSZ)
    if line.national_register is not None:
        return line.national_register, legal_xml.write_register(ssin, Origin.RR)
    return None, ""


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


@lru_cache(maxsize=65_536)
def _form(changed: int, profile: Profile) -> Form:
    subscribed, granted = profile
    return Form(_kinds(changed, subscribed), granted if changed & _EVERYTHING else granted & changed)


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
