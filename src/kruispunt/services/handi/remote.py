"""A DGPH elsewhere as the supplier of HandiService (PL-35, HA-11).

Envelope and lists are ours (`contract/DgphSupplier.xsd`); names and facets within are those of the service's own
contract. What a reply holds is passed on uninterpreted:

- order is the supplier's; `pillars` or `unsuitability` without content are left out;
- groups that were not asked for are not passed on, even when they are delivered;
- a reply about somebody who was not asked about is refused whole.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from kruispunt.identifiers.ssin import Ssin
from kruispunt.services.handi import elements
from kruispunt.services.handi.file import ALL_GROUPS, DataGroup, HandicapFile
from kruispunt.suppliers.failure import Reason, RemoteFailure
from kruispunt.suppliers.port import Expected, Remote, RemoteSupplier
from kruispunt.xml.build import attribute, element
from kruispunt.xml.schemas import schema

if TYPE_CHECKING:
    from lxml import etree

T = TypeVar("T")

NAMESPACE: Final = "urn:kruispunt:supplier:dgph:v1"
SCHEMA: Final = Path(__file__).resolve().parent / "contract" / "DgphSupplier.xsd"
MOST_PEOPLE: Final = 100
"""In one request."""


class RemoteDgph:
    """A HandicapRegister that asks a supplier; RemoteFailure when that fails."""

    __slots__ = ("_supplier",)

    def __init__(self, supplier: RemoteSupplier) -> None:
        self._supplier = supplier

    async def consult(
        self, ssins: Sequence[Ssin], groups: frozenset[DataGroup] = ALL_GROUPS
    ) -> Mapping[Ssin, HandicapFile]:
        """The files of those who have one; a request for each hundred people, one after the other."""
        files: dict[Ssin, HandicapFile] = {}
        for start in range(0, len(ssins), MOST_PEOPLE):
            files |= await self._consult(ssins[start : start + MOST_PEOPLE], groups)
        return files

    async def _consult(self, ssins: Sequence[Ssin], groups: frozenset[DataGroup]) -> Mapping[Ssin, HandicapFile]:
        def read(reply: etree._Element) -> Mapping[Ssin, HandicapFile]:
            return {file.ssin: file for file in self._files(reply, frozenset(ssins), groups)}

        people = "".join(element("ssin", ssin) for ssin in ssins)
        wanted = "".join(element("group", group.value) for group in DataGroup if group in groups)
        body = _request("consultRequest", people + wanted)
        return await self._supplier.ask(f"{NAMESPACE}/consult", body, _expected("consultResponse"), read)

    async def test(self) -> None:
        """One request about nobody."""
        body = _request("testRequest", "")
        await self._supplier.ask(f"{NAMESPACE}/test", body, _expected("testResponse"), lambda _reply: None)

    def _files(
        self, reply: etree._Element, asked: Collection[Ssin], groups: frozenset[DataGroup]
    ) -> Iterator[HandicapFile]:
        for file in reply:
            ssin = Ssin(file.findtext("ssin") or "")
            if ssin not in asked:
                raise RemoteFailure(self._supplier.name, Reason.OTHER_PERSON, "the reply is about another number")
            yield _file(ssin, file, groups)


def _file(ssin: Ssin, file: etree._Element, groups: frozenset[DataGroup]) -> HandicapFile:
    def entries(group: DataGroup, read: Callable[[etree._Element], T]) -> tuple[T, ...]:
        return tuple(map(read, file.iterfind(group.value))) if group in groups else ()

    person = file.find("addressHandicappedPerson")
    return HandicapFile(
        ssin,
        None if person is None else elements.person(person),
        entries(DataGroup.EVOLUTION_OF_REQUEST, elements.request),
        entries(DataGroup.HANDICAP_RECOGNITION, elements.recognition),
        entries(DataGroup.RIGHTS, elements.right),
        entries(DataGroup.SOCIAL_CARDS, elements.card),
        entries(DataGroup.PAYMENTS, elements.payment),
    )


def _request(name: str, inner: str) -> str:
    return f"<d:{name}{attribute('xmlns:d', NAMESPACE)}>{inner}</d:{name}>"


@cache
def _expected(name: str) -> Expected:
    return Expected(schema(SCHEMA), f"{{{NAMESPACE}}}{name}")


REMOTE: Final = Remote(RemoteDgph, RemoteDgph.test)
