"""PersonService through the running gateway, and through two servers on one database (RP-10 to RP-13)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from attacker import PERSONAS
from bank import Bank, Got
from processes import kill, wait_until, workers
from serving import Serving
from test_clients import customer, zeep_client
from zeep.helpers import serialize_object

from kruispunt.cli.opening import dsn_of
from kruispunt.demo.directory import DemoDirectory
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.ssin import Kind, Sex, Ssin
from kruispunt.registers.changes import ChangeKind
from kruispunt.registers.history import Change, history
from kruispunt.services.person.service import SERVICE
from kruispunt.services.register.service import SERVICE as REGISTER
from kruispunt.settings_read import load
from kruispunt.storage.database import Database

CONTEXT = "DEMO:PERSON_REGISTER"
OPERATIONS = {operation.name: operation for operation in SERVICE.operations}
AT_ONCE = 16


def ask(bank: Bank, operation: str, /, organisation: str = "onem", **values: Any) -> Got:
    client = {"demo-limited": "limited"}.get(organisation, organisation)
    wanted = OPERATIONS[operation]
    ticket = secrets.token_hex(8)  # two messages of one millisecond would else be the same, and so a replay
    body = bank.body(SERVICE, wanted, organisation=organisation, legal_context=CONTEXT, ticket=ticket, **values)
    return bank.send(SERVICE, wanted, bank.signer(client).envelope(body, datetime.now(UTC)), client=client)


def new(bank: Bank, last: str, born: str, **values: Any) -> Got:
    return ask(bank, "registerPerson", lastName=last, birthDate=born, **values)


def number(got: Got) -> Ssin:
    assert got.code == "MSG00000", got.raw
    return Ssin(got.payload.findtext("result/newlyRegisteredPerson/ssin") or "")


def shown(got: Got) -> list[str]:
    return [each.text or "" for each in got.payload.findall("result/existingPersons/existingPerson/ssin")]


def with_database(bank: Bank, question: Callable[[Database], Awaitable[Any]]) -> Any:
    """What an operator of the running server finds in its database."""

    async def read(dsn: str) -> Any:
        database = await Database.open(dsn, size=1)
        try:
            return await question(database)
        finally:
            await database.close()

    with dsn_of(load(DemoDirectory(bank.directory).settings)) as dsn:
        return asyncio.run(read(dsn))


def past(bank: Bank, ssin: Ssin) -> tuple[Change, ...]:
    found: tuple[Change, ...] = with_database(bank, lambda database: history(database, ssin))
    return found


def query(bank: Bank, sql: str) -> Any:
    return with_database(bank, lambda database: database.fetch(sql))


# ---- Numbers --------------------------------------------------------------------------------------------------------


def test_a_person_lives_through_all_operations(bank: Bank) -> None:
    """Registered, found, changed, replaced; each step in the history, with who did it and the ticket (RP-12)."""
    registered = new(bank, "Levensloopdoorloper", "1991-02-03", givenNames="Zita", gender=2)
    ssin = number(registered)
    assert (ssins.kind(ssin), ssins.sex(ssin), ssin[6:9]) == (Kind.BIS, Sex.FEMALE, "900")
    found = ask(bank, "searchPersonPhonetically", lastName="Levensloopdorloper", birthDate="1991-02-03")
    assert [each.text for each in found.payload.iter("ssin")] == [ssin]
    changed = ask(bank, "updatePerson", ssin=ssin, lastName="Andersgeheten", givenNames="Zita", civilState="20")
    assert changed.payload.findtext("result/person/name/lastName") == "Andersgeheten"
    by_old_name = ask(bank, "searchPersonPhonetically", lastName="Levensloopdoorloper", birthDate="1991-02-03")
    assert by_old_name.payload.findtext(".//lastName", namespaces=None) is not None
    assert [each.text for each in by_old_name.payload.findall("result//lastName")] == ["Andersgeheten"]
    other = number(new(bank, "Levensloopopvolger", "1991-02-03", gender=2))
    assert ask(bank, "replaceSsin", ssin=ssin, replacedBy=other).code == "MSG00000"
    again = ask(bank, "replaceSsin", ssin=ssin, replacedBy=other)
    assert (again.code, again.information) == ("MSG00006", {"newSSIN": other})
    followed = ask(bank, "searchPersonBySsin", ssin=ssin)
    assert followed.payload.find("ssin").attrib == {"replaces": ssin}
    assert followed.payload.findtext("ssin") == other
    changes = past(bank, ssin)
    assert [each.kind for each in changes] == [ChangeKind.NEW, ChangeKind.CHANGED, ChangeKind.REPLACED]
    expected = f"urn:kruispunt:demo:onem for onem, ticket {registered.ticket}"
    assert changes[0].author == expected


def test_rp06_another_register_is_not_told_who_replaced_a_number(bank: Bank) -> None:
    """Its lines follow, and its history says so; the exchange is the other one's. Operators are told of both."""
    ssin, other = number(new(bank, "Geschiedenisgever", "1991-02-05")), number(new(bank, "Opvolggever", "1991-02-06"))

    def register(operation: str, **values: Any) -> Got:
        wanted = next(each for each in REGISTER.operations if each.name == operation)
        body = bank.body(
            REGISTER, wanted, organisation="vdab", legal_context="RAAS:REGISTER_MANAGEMENT", ssin=ssin, **values
        )
        return bank.send(REGISTER, wanted, bank.signer("vdab").envelope(body, datetime.now(UTC)), client="vdab")

    inscribed = register("inscribe", dossierType="INTAKE", begin="2026-01-01")
    replaced = ask(bank, "replaceSsin", ssin=ssin, replacedBy=other)
    assert (inscribed.code, replaced.code) == ("MSG00000", "MSG00000")
    got = register("consultHistory")
    first, last = got.payload.iter("change")
    assert (first.findtext("author"), first.findtext("ticketCBSS")) == ("urn:kruispunt:demo:vdab", inscribed.ticket)
    assert (last.findtext("operation"), last.findtext("replacingSsin")) == ("REPLACED", other)
    assert (last.findtext("author"), last.find("ticketCBSS")) == ("urn:kruispunt:platform", None)
    assert b"onem" not in got.raw
    assert replaced.ticket.encode() not in got.raw
    kept = query(bank, f"SELECT author, ticket FROM repertory_change WHERE old = {ssins.to_int(ssin)}")
    assert [tuple(row) for row in kept] == [("urn:kruispunt:demo:onem", replaced.ticket)]
    assert past(bank, ssin)[-1].author == f"urn:kruispunt:demo:onem for onem, ticket {replaced.ticket}"


def test_what_was_cancelled_or_replaced_is_not_given_again(bank: Bank) -> None:
    """RP-11: never a number that existed."""
    first = number(new(bank, "Eerstevandedag", "1991-03-04", gender=1))
    assert ask(bank, "cancelSsin", ssin=first).code == "MSG00000"
    assert ask(bank, "cancelSsin", ssin=first).code == "MSG00007"
    second = number(new(bank, "Eerstevandedag", "1991-03-04", gender=1))
    assert (first[6:9], second[6:9]) == ("901", "903")


@pytest.fixture(scope="module")
def servers(bank: Bank, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bank, Bank]]:
    """The demo with its two workers, and another server beside it on the same database."""
    with Serving(bank, tmp_path_factory.mktemp("beside")) as beside:
        yield bank, beside


def test_one_person_registered_by_many_at_once_gets_one_number(servers: tuple[Bank, Bank]) -> None:
    """RP-11, on two servers: whoever comes second is shown who has the number."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = (servers[place % 2] for place in range(AT_ONCE))
        replies = list(pool.map(lambda each: new(each, "Gelijktijdiggemeld", "1991-04-05", gender=2), asked))
    (given_out,) = (number(got) for got in replies if got.code == "MSG00000")
    others = [got for got in replies if got.code != "MSG00000"]
    assert {got.code for got in others} == {"PER00001"}
    assert all(shown(got) == [given_out] for got in others)


def register_whoever_resembles(bank: Bank, last: str, born: str) -> Ssin:
    others: list[str] = []
    got = new(bank, last, born, gender=1)
    while got.code == "PER00001":
        others += shown(got)
        got = new(bank, last, born, gender=1, others=others)
    return number(got)


def test_many_people_registered_at_once_get_a_number_each(servers: tuple[Bank, Bank]) -> None:
    """RP-11, on two servers, all of one day and sex: no two are alike, and none is left out between."""
    lasts = [f"{a}{b}lenmeester" for a in ("Mo", "Ka", "Ti", "Ru") for b in ("bo", "fi", "ga", "lu")]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        work = (
            pool.submit(register_whoever_resembles, servers[place % 2], last, "1991-05-06")
            for place, last in enumerate(lasts)
        )
        given_out = [each.result() for each in list(work)]
    assert sorted(int(each[6:9]) for each in given_out) == list(range(901, 901 + 2 * len(lasts), 2))


def test_a_worker_that_is_killed_while_it_registers(bank: Bank, tmp_path: Path) -> None:
    """RP-06, RP-11: what was acknowledged is there, and nobody has two numbers, whatever became of the replies."""
    lasts = [f"{a}{b}rdewacht" for a in ("Bo", "Ke", "Ti", "Su", "Pa", "Ne") for b in ("bi", "fo", "ga", "lu", "ma")]
    acknowledged: dict[str, Ssin] = {}
    with Serving(bank, tmp_path / "mortal") as mortal:

        def work(place: int) -> None:
            day = f"1991-06-{place + 1:02d}"
            others: list[str] = []
            for last in lasts[place::AT_ONCE]:
                while last not in acknowledged:
                    with suppress(OSError, HTTPException):
                        got = new(mortal, last, day, gender=1, others=others)
                        if got.code == "MSG00000":
                            acknowledged[last] = number(got)
                        for each in got.payload.iter("existingPerson"):
                            ssin = each.findtext("ssin") or ""
                            if each.findtext("name/lastName") == last:  # registered, and the reply was lost
                                acknowledged[last] = Ssin(ssin)
                            else:
                                others.append(ssin)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            tasks = [pool.submit(work, place) for place in range(AT_ONCE)]
            for count in (5, 15):
                wait_until(lambda count=count: len(acknowledged) >= count, "people to be registered")
                kill(workers(mortal.process.pid))
            for task in tasks:
                task.result()
    for last, ssin in acknowledged.items():
        kept = past(bank, ssin)
        assert [each.kind for each in kept] == [ChangeKind.NEW], last
    assert len(set(acknowledged.values())) == len(lasts)
    held = query(bank, "SELECT ssin FROM dossier WHERE document LIKE '%rdewacht\"%'")
    assert sorted(row[0] for row in held) == sorted(int(ssin) for ssin in acknowledged.values())


# ---- Nothing that may not be seen -----------------------------------------------------------------------------------


def test_groups_outside_the_authorisation_are_neither_told_nor_written(bank: Bank) -> None:
    fields = {"nationality": "111", "civilState": "10", "country": "111", "deceaseDate": "2020-01-01"}
    ssin = number(new(bank, "Afgeschermdedata", "1991-06-07", givenNames="Uma", **fields))
    whole = ask(bank, "searchPersonBySsin", ssin=ssin)
    assert {part.tag for part in whole.payload.find("result/person")} >= {"civilState", "address", "decease"}
    assert whole.payload.find("dataFilters") is None
    limited = ask(bank, "searchPersonBySsin", "demo-limited", ssin=ssin)
    changed = ask(bank, "updatePerson", "demo-limited", ssin=ssin, nationality="129")
    for got in (limited, changed):
        assert [part.tag for part in got.payload.find("result/person")] == ["ssin", "name", "nationality", "birth"]
        told = [each.text for each in got.payload.findall("dataFilters/filteredElement")]
        assert told == ["address", "civilState", "decease"]
    for refused in ({"civilState": "20"}, {"country": "129"}, {"deceaseDate": "2021-01-01"}, {"removed": "decease"}):
        assert ask(bank, "updatePerson", "demo-limited", ssin=ssin, **refused).code == "REG00101"
    assert new(bank, "Afgeschermdedata", "1991-06-07", organisation="demo-limited", civilState="10").code == "REG00101"
    assert len(past(bank, ssin)) == 2


def test_filters_are_named_whether_anything_is_held_or_not(bank: Bank) -> None:
    """What is filtered tells nothing about the person."""
    bare = number(new(bank, "Kaledata", "1991-07-08"))
    full = number(new(bank, "Volledata", "1991-07-09", civilState="10", country="111", deceaseDate="2020-01-01"))
    filters = [
        [
            each.text
            for each in ask(bank, "searchPersonBySsin", "demo-limited", ssin=ssin).payload.iter("filteredElement")
        ]
        for ssin in (bare, full)
    ]
    assert filters[0] == filters[1] != []


def test_who_resembles_is_told_by_what_identifies_and_no_more(bank: Bank) -> None:
    fields = {"nationality": "111", "civilState": "10", "country": "111", "deceaseDate": "2020-01-01"}
    number(new(bank, "Herkenbaarheid", "1991-08-09", givenNames="Tess", gender=2, **fields))
    got = new(bank, "Herkenbarheit", "1991-09-08", givenNames="Tess")
    (person,) = got.payload.findall("result/existingPersons/existingPerson")
    assert {part.tag for part in person} == {"ssin", "name", "birth", "gender"}


def test_people_whose_data_are_blocked_cannot_be_found_by_setting_them_aside(bank: Bank) -> None:
    """Naming the right number must look like naming a wrong one."""
    persona = PERSONAS["person-resembles-blocked"]
    (row,) = persona.people
    wrong = ssins.compute(datetime(1988, 11, 12, tzinfo=UTC).date(), 935, test_band=True)
    values = {key: persona.values[key] for key in ("lastName", "birthDate", "givenNames")}
    replies = [ask(bank, "registerPerson", **values, others=[each]) for each in (row["ssin"], wrong)]
    assert [got.code for got in replies] == ["PER00005"] * 2
    told = [got.payload.find("status").xpath("string()") for got in replies]
    assert told[0] == told[1]


def test_nothing_is_changed_by_who_may_not(bank: Bank) -> None:
    persona = PERSONAS["person-operation-not-granted"]
    assert bank.call(persona).code == "MSG00013"
    assert persona.ssin is not None
    assert past(bank, Ssin(persona.ssin)) == ()


def test_numbers_told_and_asked_stand_in_the_log(bank: Bank) -> None:
    """PL-30: an exchange is found by every number in it."""
    got = new(bank, "Gelogdegevallen", "1991-10-11")
    ssin = number(got)
    replaced = ask(bank, "replaceSsin", ssin=ssin, replacedBy=number(new(bank, "Opvolggevallen", "1991-10-12")))
    counts = {got.ticket: [0, 1], replaced.ticket: [2, 2]}
    for ticket, expected in counts.items():
        assert [len(entry.facts["subjects"]) for entry in bank.logged(ticket)] == expected


# ---- An ordinary toolkit --------------------------------------------------------------------------------------------

ASKED: Mapping[str, Mapping[str, Any]] = {
    "person-limited": {},
    "person-by-name": {
        "name": {"lastName": "Kruispuntzoek", "givenName": ["Emma"]},
        "birth": {"birthDate": "1970-03-04", "variation": 2},
    },
    "person-exists": {
        "person": {
            "name": {"lastName": "Duppelpadvoorbeeld", "givenName": ["Iris"]},
            "birth": {"birthDate": "1988-08-09"},
            "gender": {"genderCode": 2},
        }
    },
    "person-updated": {
        "person": {
            "name": {
                "lastName": "Nieuwepaalvoorbeeld",
                "givenName": ["Kaat", "Mia"],
                "inceptionDate": "2021-02-03",
            },
            "address": {
                "residentialAddress": {
                    "countryCode": "129",
                    "cityName": [{"_value_1": "Utrecht"}],
                    "inceptionDate": "2021-02-03",
                }
            },
        }
    },
    "person-replaced-by-cancelled": {},
    "person-operation-not-granted": {},
}


@pytest.mark.parametrize("name", ASKED)
def test_zeep_asks_every_operation_from_the_served_contract(bank: Bank, name: str) -> None:
    """PL-02: the code of the persona, and the very elements of its reply."""
    persona = PERSONAS[name]
    client = zeep_client(bank, persona)
    criteria: dict[str, Any] = dict(ASKED[name])
    if persona.ssin is not None:
        criteria["ssin"] = persona.ssin
    if persona.operation.name == "replaceSsin":
        criteria["replacedBy"] = {"ssin": persona.values["replacedBy"]}
    call = getattr(client.service, persona.operation.name)
    reply = call(informationCustomer=customer(persona), legalContext=persona.legal_context, criteria=criteria)
    assert reply.status.code == persona.code
    told = serialize_object(reply, dict)
    raw = bank.call(persona).payload
    assert bool(told.get("result")) == (raw.find("result") is not None)
    if persona.operation.name == "searchPersonBySsin":
        assert told["result"]["person"]["name"]["givenName"][0] == {"_value_1": "Gust", "sequence": 1}
        assert told["dataFilters"]["filteredElement"] == ["address", "civilState", "decease"]
    if persona.operation.name == "registerPerson":
        assert told["result"]["existingPersons"]["existingPerson"][0]["register"] == "NR"


def test_zeep_cases_cover_every_operation() -> None:
    assert {PERSONAS[name].operation.name for name in ASKED} == set(OPERATIONS)


def test_rp10_a_search_tells_nobody_who_is_not_inscribed_where_the_row_controls_that(bank: Bank) -> None:
    """As IP-20: what a search returns is controlled, because it names no number that could be."""
    ssin = number(new(bank, "Inschrijvingzoeker", "1990-04-05"))
    asked = {"lastName": "Inschrijvingzoeker", "birthDate": "1990-04-05"}
    assert [each.text for each in ask(bank, "searchPersonPhonetically", **asked).payload.iter("ssin")] == [ssin]
    refused = ask(bank, "searchPersonPhonetically", "vdab", **asked)
    assert refused.code == "MSG00012"
    assert ssin.encode() not in refused.raw
