"""What a copy holds after what it was told (RP-15, RP-16, RP-17): rules, and a plain model beside the database."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from telling import Subscriber, Telling, address, item, items, mutation, name, ssin

from kruispunt.demo.pki import Pki
from kruispunt.receive.applying import Held, applied
from kruispunt.receive.copy import Copy
from kruispunt.receive.problems import NotReceived
from kruispunt.receive.run import COPY
from kruispunt.receive.told import Data, Mutation

A, B, C = ssin(1), ssin(2), ssin(3)


def load(subscriber: Subscriber, *records: str) -> None:
    """One more file, with these records."""
    sequence = len(list(subscriber.folder.glob("*.voucher.xml"))) + 1
    subscriber.put(Telling(sequence, records))
    assert subscriber.receive().problem is None


def groups(subscriber: Subscriber) -> dict[tuple[str, str], str | None]:
    return {(row[0], row[1]): row[2] for row in subscriber.rows("person_group")}


def people(subscriber: Subscriber) -> dict[str, tuple[Any, ...]]:
    """number, cancelled, register, blocked, unreadable."""
    return {row[0]: row[1:6] for row in subscriber.rows("person")}


def test_rp_16_told_groups_take_the_place_of_held_ones_and_others_stay(subscriber: Subscriber) -> None:
    load(subscriber, mutation(1, A, name("Peeters", "Anna"), address("Kerkstraat"), told="name address"))
    load(subscriber, mutation(5, A, address("Molenstraat"), told="address", kinds=["address"]))
    assert groups(subscriber) == {(A, "name"): name("Peeters", "Anna"), (A, "address"): address("Molenstraat")}
    assert people(subscriber) == {A: (5, 0, "NR", 0, None)}


def test_rp_16_what_is_told_and_empty_is_held_as_empty(subscriber: Subscriber) -> None:
    load(subscriber, mutation(1, A, name("Peeters"), address("Kerkstraat"), told="name address"))
    load(subscriber, mutation(2, A, told="address decease", kinds=["address"]))
    assert groups(subscriber) == {(A, "name"): name("Peeters"), (A, "address"): None, (A, "decease"): None}


def test_rp_15_a_number_that_was_replaced_moves_to_the_one_in_use(subscriber: Subscriber) -> None:
    load(
        subscriber,
        mutation(1, A, name("Peeters"), address("Kerkstraat"), told="name address"),
        mutation(2, B, address("Molenstraat"), told="address"),
    )
    load(subscriber, mutation(9, B, name("Peters"), told="name", kinds=["replacement"], replaced=[A]))
    assert set(people(subscriber)) == {B}
    assert groups(subscriber) == {(B, "name"): name("Peters"), (B, "address"): address("Molenstraat")}
    assert subscriber.rows("replaced") == [(A, B, 9)]
    load(subscriber, mutation(12, C, told="", kinds=["replacement"], replaced=[A, B]))
    assert groups(subscriber) == {(C, "name"): name("Peters"), (C, "address"): address("Molenstraat")}
    assert sorted(subscriber.rows("replaced")) == sorted([(A, C, 12), (B, C, 12)])


def test_rp_15_a_replacement_that_is_undone_gives_the_number_back(subscriber: Subscriber) -> None:
    load(subscriber, mutation(1, A, name("Peeters")))
    load(subscriber, mutation(2, B, name("Peeters"), kinds=["replacement"], replaced=[A]))
    load(subscriber, mutation(3, A, name("Peeters", "Anna"), kinds=["replacement"]))
    assert subscriber.rows("replaced") == []
    assert set(people(subscriber)) == {A, B}


def test_rp_16_a_cancelled_number_is_marked_and_may_come_back(subscriber: Subscriber) -> None:
    load(subscriber, mutation(1, A, name("Peeters")))
    load(subscriber, mutation(2, A, told="", kinds=["cancellation"], cancelled=True))
    assert people(subscriber)[A] == (2, 1, "NR", 0, None)
    load(subscriber, mutation(3, A, name("Peeters"), kinds=["cancellation"]))
    assert people(subscriber)[A] == (3, 0, "NR", 0, None)


def test_rp_16_of_somebody_whose_data_are_blocked_none_are_held(subscriber: Subscriber) -> None:
    load(subscriber, mutation(1, A, name("Peeters")), mutation(2, B, name("Maes")))
    load(subscriber, mutation(3, A, told="", more=' blocked="true"'))
    assert groups(subscriber) == {(B, "name"): name("Maes")}
    assert people(subscriber)[A] == (3, 0, "NR", 1, None)
    load(subscriber, mutation(4, A, name("Peeters"), address("Kerkstraat"), told="name address"))
    assert groups(subscriber)[A, "address"] == address("Kerkstraat")
    assert people(subscriber)[A][3] == 0


def test_rp_16_what_cannot_be_read_is_said(subscriber: Subscriber) -> None:
    load(subscriber, mutation(1, A, name("Peeters"), more=' unreadable="legalAddressDetails  something"'))
    assert people(subscriber)[A] == (1, 0, "NR", 0, "legalAddressDetails something")


def test_rp_16_an_older_mutation_is_left_out(subscriber: Subscriber) -> None:
    load(subscriber, mutation(9, A, name("Peeters")), mutation(8, B, name("Maes")))
    load(subscriber, mutation(5, A, name("Peters")))
    assert groups(subscriber)[A, "name"] == name("Peeters")
    load(subscriber, mutation(20, C, name("Maes"), replaced=[B], kinds=["replacement"]))
    load(subscriber, mutation(19, B, name("Meus")))
    assert set(people(subscriber)) == {A, C}, "the number was replaced since"


def test_rp_17_an_item_is_held_once_by_its_reference(subscriber: Subscriber) -> None:
    subscriber.put(items(1, item(4, A, "R-1", "<work/>"), item(5, A, "R-2", '<d:w xmlns:d="urn:d">x</d:w>', sent_as=B)))
    subscriber.put(items(2, item(4, A, "R-1", "<work/>")))
    assert subscriber.receive().problem is None
    assert [row[:2] + row[4:] for row in subscriber.rows("item")] == [
        ("R-1", 4, None, "2026-01-01T09:30:00.000Z", "<work></work>", 2),
        ("R-2", 5, B, "2026-01-01T09:30:00.000Z", '<d:w xmlns:d="urn:d">x</d:w>', 1),
    ]


def test_rp_18_a_day_without_mutations_is_a_file(subscriber: Subscriber) -> None:
    load(subscriber)
    assert [row[2] for row in subscriber.rows("received")] == [0]


NAMES = st.sampled_from(["name", "birth", "address"])
GROUPS = st.dictionaries(NAMES, st.sampled_from(["<a/>", "<b/>"]), max_size=3)
DATA = st.builds(
    lambda groups, empty, blocked: Data(
        "NR", blocked, None, frozenset() if blocked else frozenset(groups) | empty, {} if blocked else groups
    ),
    GROUPS,
    st.frozensets(NAMES, max_size=2),
    st.booleans(),
)
HELD = st.builds(
    lambda number, groups: Held(number, False, "NR", False, None, groups), st.integers(1, 9), GROUPS | st.just({})
)
TOLD = st.builds(
    lambda number, cancelled, data: Mutation(number, A, cancelled, (), ("identification",), data),
    st.integers(1, 9),
    st.booleans(),
    st.none() | DATA,
)


@given(TOLD, st.none() | HELD, st.lists(HELD, max_size=2))
def test_rp_18_the_same_mutation_twice_changes_nothing(told: Mutation, held: Held | None, before: list[Held]) -> None:
    once = applied(told, held, before)
    if once is None:
        assert held is not None
        assert held.number > told.number
    else:
        assert applied(told, once, []) == once
        if told.data is not None:
            for group in () if told.data.blocked else told.data.told:
                assert once.groups[group] == told.data.groups.get(group)
            assert once.blocked is told.data.blocked
            assert not (once.blocked and once.groups)


WRITE = {"name": name, "address": address}
PEOPLE = [ssin(number) for number in range(6)]
STEPS = st.lists(
    st.tuples(st.sampled_from(PEOPLE), st.sampled_from(["name", "address", "both"]), st.integers(0, 99), st.booleans()),
    max_size=12,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=st.lists(STEPS, min_size=1, max_size=4), seed=st.integers(0, 1_000))
def test_rp_18_files_in_any_disorder_end_in_the_same_copy(
    tmp_path_factory: pytest.TempPathFactory, pki: Pki, days: list[list[tuple[str, str, int, bool]]], seed: int
) -> None:
    """They arrive shuffled, some twice, with rounds in between; a plain model says what must be held."""
    home = tmp_path_factory.mktemp("disorder")
    (home / "inbox").mkdir()
    subscriber = Subscriber(home / "inbox", home / "copy", pki)
    model: dict[str, dict[str, str | None]] = {}
    number, files = 0, []
    for sequence, steps in enumerate(days, 1):
        records = {}
        for who, what, n, empty in steps:
            number += 1
            names = ["name", "address"] if what == "both" else [what]
            written = {} if empty else {group: WRITE[group](f"X{n}") for group in names}
            records[who] = number, names, written
        for who, (_, names, written) in records.items():
            model[who] = {**model.get(who, {}), **{group: written.get(group) for group in names}}
        texts = (
            mutation(n, who, *of.values(), told=" ".join(names)) for who, (n, names, of) in sorted(records.items())
        )
        files.append(Telling(sequence, tuple(texts)))
    chance = random.Random(seed)
    arriving = files + chance.sample(files, chance.randrange(len(files) + 1))
    chance.shuffle(arriving)
    for file in arriving:
        subscriber.put(file)
        if chance.random() < 0.5:
            subscriber.receive()
    assert subscriber.receive().problem is None
    held: dict[str, dict[str, str | None]] = {row[0]: {} for row in subscriber.rows("person")}
    for who, group, xml in subscriber.rows("person_group"):
        held[who][group] = xml
    assert held == model
    assert [row[0] for row in subscriber.rows("received")] == [file.sequence for file in files]


def test_rp_18_the_copy_is_for_its_owner_alone(subscriber: Subscriber) -> None:
    load(subscriber, mutation(1, A, name("Peeters")))
    assert (subscriber.into / COPY).stat().st_mode & 0o077 == 0
    assert subscriber.into.stat().st_mode & 0o077 == 0


def test_rp_18_a_copy_of_a_later_form_is_left_alone(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / COPY)
    connection.execute("PRAGMA user_version = 2")
    connection.commit()
    connection.close()
    with pytest.raises(NotReceived, match="update the program"):
        Copy(tmp_path / COPY)
