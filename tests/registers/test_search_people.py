"""From a search to people: addresses, chains, people told once, people left out (IP-13 to IP-15), and keys that
follow every change of a person. Every test has a birth date, and so a last name's keys, of its own.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import Any

from msgspec.structs import replace

from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Kind, Ssin
from kruispunt.registers import changes
from kruispunt.registers.legal_data import (
    AddressInformation,
    Birth,
    Inscription,
    LegalAddress,
    LegalData,
    Location,
    Name,
    StandardAddress,
    Subregister,
    Unreadable,
)
from kruispunt.registers.people import Register
from kruispunt.registers.person_lines import PersonLine
from kruispunt.registers.search import (
    AddressCriteria,
    Found,
    NameCriteria,
    Resolved,
    best_first,
    by_address,
    by_name,
    resolve,
)
from kruispunt.storage.database import Database

Ask = Callable[[Callable[[Database], Awaitable[Any]]], Any]


def numbers(birth: date, count: int) -> list[Ssin]:
    return [ssins.compute(birth, 900 + n, test_band=True) for n in range(count)]


def legal(birth: date, last: str = "Janssens", *firsts: str, **others: Any) -> LegalData:
    return LegalData(name=Name(last, firsts), birth=Birth(PartialDate.of(birth)), **others)


def address(box: str | None = None, *, house: str = "12", country: str = "150", street: str = "1234") -> Any:
    standard = StandardAddress(
        country=Location(country),
        municipality=Location("21004"),
        postal_code="1000",
        street=Location(street),
        house_number=house,
        box=box,
    )
    return AddressInformation(legal=LegalAddress(standard))


def tell(ask: Ask, *lines: PersonLine) -> None:
    async def question(database: Database) -> None:
        async with changes.changing(database, "test") as changer:
            await changer.tell(map(changes.Told.of, lines))

    ask(question)


def named(ask: Ask, birth: date, last: str = "Janssens", **others: Any) -> list[Ssin]:
    async def question(database: Database) -> Any:
        return await by_name(database, NameCriteria(last, PartialDate.of(birth), **others))

    found = ask(question)
    assert isinstance(found, Found)
    return list(found.ssins)


def resolved(ask: Ask, wanted: Sequence[Ssin]) -> Resolved:
    answer = ask(lambda database: resolve(database, wanted))
    assert isinstance(answer, Resolved)
    return answer


def housed(ask: Ask, box: str | None = None, *, street: str = "1234", house: str = "12") -> list[Ssin]:
    return list(ask(lambda database: by_address(database, AddressCriteria("1000", street, house, box))))


def national(ssin: Ssin, data: LegalData, **others: Any) -> PersonLine:
    return PersonLine(ssin, Register.NATIONAL, national=data, **others)


def test_ip_10_a_change_of_name_is_found_at_once_and_what_is_corrected_no_longer(ask: Ask) -> None:
    birth = date(1941, 1, 1)
    [one] = numbers(birth, 1)
    tell(ask, national(one, legal(birth, "Janssens", "Jan")))
    assert named(ask, birth) == named(ask, birth, "Jansens", first_name="Jann-Marie") == [one]
    tell(ask, national(one, legal(birth, "Peeters", "Jan", former_names=(Name("Janssens", ("Jan",)),))))
    assert named(ask, birth) == named(ask, birth, "Peeters") == [one]
    tell(ask, national(one, legal(birth, "Peeters", "Jan")))
    assert (named(ask, birth), named(ask, birth, "Peeters")) == ([], [one])
    tell(ask, national(one, legal(date(1941, 1, 2), "Peeters")))
    assert (named(ask, birth, "Peeters"), named(ask, date(1941, 1, 2), "Peeters")) == ([], [one])


def test_ip_13_who_stands_in_both_registers_is_found_once_and_given_as_the_cbss_register_has_it(ask: Ask) -> None:
    birth = date(1941, 2, 1)
    [one] = numbers(birth, 1)
    both = legal(birth, "Janssens", "Jan")
    rad = replace(both, inscription=Inscription(Subregister.RAD))
    tell(ask, PersonLine(one, Register.RAD, national=replace(both, address=address("7")), cbss=rad))
    assert named(ask, birth) == [one]
    [person] = resolved(ask, [one]).people
    assert person.dossier.legal.inscription == Inscription(Subregister.RAD)
    assert person.dossier.legal.address is None
    assert housed(ask, "7") == [one], "the National Register keeps the address"


def test_ip_13_two_numbers_that_end_in_one_person_are_told_once(ask: Ask) -> None:
    birth = date(1941, 3, 1)
    first, second, other = numbers(birth, 3)
    bis = ssins.compute(birth, 900, kind=Kind.BIS)
    cbss = replace(legal(birth, "Janssens"), inscription=Inscription(Subregister.BIS))
    tell(
        ask,
        PersonLine(bis, Register.BIS, first, cbss=cbss),
        national(first, legal(birth, "Jansens"), replaced_by=second),
        national(second, legal(birth, "Janssens")),
        national(other, legal(birth, "Janssen")),
    )
    found = named(ask, birth)
    assert set(found) == {bis, first, second, other}
    told = resolved(ask, [bis, first, second, other])
    assert [(each.dossier.ssin, each.found_as) for each in told.people] == [
        (second, (bis, first, second)),
        (other, (other,)),
    ]
    assert not told.left_out


def test_ip_14_people_whose_data_cannot_be_had_are_left_out_and_told_as_left_out(ask: Ask) -> None:
    birth = date(1941, 4, 1)
    good, cancelled, lost, unread, blocked, bare, unknown = numbers(birth, 7)
    data = legal(birth)
    tell(
        ask,
        national(good, data),
        national(cancelled, data, cancelled=True),
        national(lost, data, replaced_by=cancelled),
        national(unread, replace(data, unreadable=(Unreadable.EVERYTHING,))),
        national(blocked, replace(data, blocked=True)),
        PersonLine(bare, Register.NATIONAL),
    )
    found = named(ask, birth)
    assert set(found) == {good, cancelled, lost, unread, blocked}
    told = resolved(ask, [*found, bare, unknown])
    assert [each.dossier.ssin for each in told.people] == [good]
    assert set(told.left_out) == {cancelled, lost, unread, bare, unknown}
    assert told.blocked == (blocked,)


def test_ip_13_a_chain_of_a_thousand_links_is_resolved_as_one_of_one(ask: Ask) -> None:
    chain = [ssins.compute(date(1942, 1 + n // 90, 1), 900 + n % 90, test_band=True) for n in range(1000)]
    birth = date(1942, 1, 1)
    tell(
        ask,
        *(
            national(ssin, legal(birth), replaced_by=chain[n + 1] if n < 999 else None)
            for n, ssin in enumerate(chain)
            if n in (0, 999)
        ),
        *(PersonLine(ssin, Register.NATIONAL, chain[n]) for n, ssin in enumerate(chain[1:-1], 2)),
    )
    assert set(named(ask, birth)) == {chain[0], chain[-1]}
    [person] = resolved(ask, [chain[0], chain[-1]]).people
    assert (person.dossier.ssin, person.found_as) == (chain[-1], (chain[0], chain[-1]))


def test_ip_15_the_house_and_the_box(ask: Ask) -> None:
    birth = date(1941, 5, 1)
    people = numbers(birth, 6)
    boxes = [address(), address("1"), address("002"), address("2 A"), address("2", house="012"), address(house="12B")]
    tell(ask, *(national(ssin, legal(birth, address=at)) for ssin, at in zip(people, boxes, strict=True)))
    everybody = set(housed(ask)) & set(people)
    assert everybody == set(people[:5]), "without a box, all boxes of the house, and nobody of another house"
    assert [ssin for ssin in housed(ask, "2") if ssin in people] == [people[2], people[4]]
    assert [ssin for ssin in housed(ask, "2a") if ssin in people] == [people[3]]
    assert housed(ask, house="12b") == [people[5]]
    assert housed(ask, "3") == housed(ask, street="0001") == []


def test_ip_15_the_last_belgian_address_counts_also_of_those_who_left_or_died(ask: Ask) -> None:
    birth = date(1941, 6, 1)
    abroad, moved, never, gone_back = numbers(birth, 4)
    here, there, france = address(street="2001"), address(street="2002"), address(country="111", street="2001")
    tell(
        ask,
        national(abroad, legal(birth, address=france, former_addresses=(here, there))),
        national(moved, legal(birth, address=there, former_addresses=(here,))),
        national(never, legal(birth, address=france)),
        national(gone_back, legal(birth, address=None, former_addresses=(france, there, here))),
    )
    assert housed(ask, street="2001") == [abroad]
    assert housed(ask, street="2002") == sorted([moved, gone_back])
    tell(ask, national(abroad, legal(birth, address=there)))
    assert housed(ask, street="2001") == []


def test_ip_15_the_cbss_register_is_not_searched_and_there_is_no_limit(ask: Ask) -> None:
    birth = date(1941, 7, 1)
    bis = ssins.compute(birth, 900, kind=Kind.BIS)
    at = address(street="3001")
    people = [ssins.compute(date(1941, 7, 2 + n // 90), 900 + n % 90, test_band=True) for n in range(200)]
    data = legal(birth, address=at)
    tell(
        ask,
        *(national(ssin, data) for ssin in people),
        PersonLine(bis, Register.BIS, cbss=replace(data, inscription=Inscription(Subregister.BIS))),
    )
    assert housed(ask, street="3001") == sorted(people)
    assert len(resolved(ask, people).people) == 200


def test_best_match_first_and_stable(ask: Ask) -> None:
    birth = date(1941, 8, 15)
    spelled, married, sounds, other_first, unnamed, near, twin = numbers(birth, 7)
    tell(
        ask,
        national(spelled, legal(birth, "JANSSENS", "Jan")),
        national(married, legal(birth, "Peeters", "Jan", former_names=(Name("Janssens", ("Jan",)),))),
        national(sounds, legal(birth, "Jansens", "Jan")),
        national(other_first, legal(birth, "Janssens", "Karel")),
        national(unnamed, legal(birth, "Janssens")),
        national(near, legal(date(1941, 8, 16), "Janssens", "Jan")),
        national(twin, legal(birth, "Janssens", "Jan")),
    )
    criteria = NameCriteria("Janssens", PartialDate.of(birth), "Jan", tolerance=1)
    everybody = [sounds, unnamed, near, twin, other_first, married, spelled]
    expected = [spelled, twin, near, other_first, unnamed, married, sounds]
    for order in (everybody, everybody[::-1]):
        told = best_first(resolved(ask, order).people, criteria)
        assert [each.dossier.ssin for each in told] == expected


def test_a_change_that_is_broken_off_leaves_the_keys_as_they_were(ask: Ask) -> None:
    birth = date(1941, 9, 1)
    [one] = numbers(birth, 1)
    tell(ask, national(one, legal(birth)))

    async def question(database: Database) -> None:
        async with changes.changing(database, "test") as changer:
            await changer.tell([changes.Told.of(national(one, legal(birth, "Peeters")))])
            raise asyncio.CancelledError

    with contextlib.suppress(asyncio.CancelledError):
        ask(question)
    assert named(ask, birth) == [one]
    assert named(ask, birth, "Peeters") == []
