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
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Final, NamedTuple

from msgspec import MsgspecError

from kruispunt.clock import to_text
from kruispunt.errors import StorageError
from kruispunt.identifiers.ssin import Ssin, is_well_formed
from kruispunt.mutations.data import WRITE, Write, read
from kruispunt.mutations.kinds import PARTS
from kruispunt.registers.legal_data import Origin, Unreadable
from kruispunt.registers.legal_xml import write_register
from kruispunt.registers.parts import DATA, GROUPS, Part
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


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """What a record tells, whomever it is about. There is one of each, which is found by what it is."""

    kinds: str
    """As XML."""
    groups: int
    """Of data; see `Part`."""
    told: str
    """Their names."""
    writes: tuple[Write, ...]
    """What writes each of them."""


class Record:
    """What is told of one person: bytes for each form, each made once. Raises StorageError when the line cannot be
    read.
    """

    __slots__ = ("_document", "_head", "_in_use", "_of_cbss", "_parts", "_ssin", "doubtful", "written")

    def __init__(self, told: Told) -> None:
        ssin, self._parts, replaced, number, text = told
        line = read(text, _ALL if self._parts & _EVERYTHING else self._parts & _ALL)
        self._ssin = Ssin(f"{ssin:011d}")
        self._in_use = line.replaced_by is None and not line.cancelled
        # Of somebody in both registers the CBSS register's data alone are told (IP-02).
        self._of_cbss = line.cbss_register is not None
        self._document = line.cbss_register if self._of_cbss else line.national_register
        canceled = "" if self._in_use else ' canceled="true"'
        self._head = f'<mutation number="{number}"><ssin{canceled}>{self._ssin}</ssin>'
        self.written: dict[Form, bytes] = {}
        """The records that were asked for, each once."""
        self.doubtful = not is_well_formed(self._ssin)
        """Whether the schema has to be asked about each of them."""
        if replaced:
            old = [f"{each:011d}" for each in replaced]
            self._head += "".join([f"<replacedSsin>{each}</replacedSsin>" for each in old])
            self.doubtful |= not all(map(is_well_formed, old))

    def of(self, profile: Profile) -> bytes:
        """The record, with a line break behind it, as files of a profile tell it. Files that differ in what they
        subscribe, and not in what they tell of this person, share it. Raises StorageError when it cannot be told.
        """
        form = form_of(self._parts, profile)
        found = self.written.get(form)
        return self.write(form) if found is None else found

    def write(self, form: Form) -> bytes:
        """The same, of a form that was not asked for before."""
        try:
            person = self._person(form) if form.writes and self._in_use else ""
        except (MsgspecError, ValueError):
            raise StorageError("A dossier in the database cannot be told: a place in it is none, or no XML.") from None
        found = self.written[form] = f"{self._head}{form.kinds}{person}</mutation>\n".encode()
        return found

    def _person(self, form: Form) -> str:
        """The element `person`."""
        document = self._document
        if document is None:
            return f'<person told="{form.told}"></person>'
        register = write_register(self._ssin, Origin.KSZ if self._of_cbss else Origin.RR)
        said = ""
        if document.blocked or document.unreadable:
            self.doubtful = True
            if document.blocked:
                return f'<person blocked="true"{register} told=""></person>'
            if Unreadable.EVERYTHING in document.unreadable:
                return f'<person{register} told="" unreadable="everything"></person>'
            groups, said = _unreadable(document.unreadable, form.groups)
            form = _form("", groups)
        inner = "".join([write(document) for write in form.writes])
        return f'<person{register} told="{form.told}"{said}>{inner}</person>'


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
def form_of(changed: int, profile: Profile) -> Form:
    """What files of a profile tell when these parts of somebody changed."""
    subscribed, granted = profile
    return _form(_kinds(changed, subscribed), granted if changed & _EVERYTHING else granted & changed)


@cache  # never two of the same; there are some hundreds of each
def _form(kinds: str, groups: int) -> Form:
    told = [name for name, group in zip(_NAMES, _ORDER, strict=True) if group & groups]
    return Form(kinds, groups, " ".join(told), tuple(WRITE[GROUPS[name].value] for name in told))


def _kinds(changed: int, subscribed: int) -> str:
    """Of the kinds that are subscribed, those that happened. `ACCESS` belongs to several kinds, every other part to
    one: a kind is subscribed when the file tells one of those.
    """
    return "".join(
        element("kind", kind.value)
        for kind, parts in PARTS.items()
        if parts & subscribed & ~Part.ACCESS and parts & subscribed & changed
    )


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
