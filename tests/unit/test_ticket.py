"""Tickets (PL-12): unique, sortable by time, never going back."""

import itertools
import random
import re
import threading
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kruispunt.clock import FixedClock, SystemClock
from kruispunt.identifiers.ticket import InvalidTicket, Ticket, TicketSource, moment_of, short, span

MOMENT = datetime(2025, 6, 15, 12, 30, 15, 123_000, tzinfo=UTC)


def test_pl_12_a_ticket_is_a_uuid_of_version_7_in_lower_case() -> None:
    ticket = TicketSource(SystemClock()).new()
    parsed = uuid.UUID(ticket)
    assert str(parsed) == ticket
    assert parsed.version == 7
    assert parsed.variant == uuid.RFC_4122


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9000, 1, 1)))  # noqa: DTZ001
def test_pl_12_a_ticket_tells_its_moment_to_the_millisecond(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC)
    assert moment_of(TicketSource(FixedClock(moment)).new()) == moment.replace(
        microsecond=moment.microsecond // 1000 * 1000
    )


@given(st.lists(st.integers(-10_000, 10_000), max_size=50))
def test_pl_12_tickets_rise_whatever_the_clock_does(steps: list[int]) -> None:
    clock = FixedClock(MOMENT)
    source = TicketSource(clock)
    tickets = [source.new()]
    for step in steps:
        clock.moment += timedelta(milliseconds=step)
        tickets.append(source.new())
    assert all(earlier < later for earlier, later in itertools.pairwise(tickets))


def test_pl_12_tickets_rise_while_the_clock_stands_still() -> None:
    source = TicketSource(FixedClock(MOMENT))
    tickets = [source.new() for _ in range(20_000)]
    assert sorted(set(tickets)) == tickets
    assert {moment_of(t) for t in tickets} == {MOMENT}


def test_pl_12_when_chance_runs_out_the_next_millisecond_is_borrowed() -> None:
    source = TicketSource(FixedClock(MOMENT), lambda count: b"\xff" * count)
    first = source.new()
    source._chance = (1 << 74) - 1
    second = source.new()
    assert first < second
    assert moment_of(second) == MOMENT + timedelta(milliseconds=1)
    assert second < source.new()


def test_pl_12_sources_of_one_moment_do_not_meet() -> None:
    tickets = [TicketSource(FixedClock(MOMENT)).new() for _ in range(5_000)]
    assert len(set(tickets)) == len(tickets)


def test_pl_12_same_clock_and_chance_give_the_same_tickets() -> None:
    def tickets() -> list[Ticket]:
        source = TicketSource(FixedClock(MOMENT), random.Random(7).randbytes)
        return [source.new() for _ in range(3)]

    assert tickets() == tickets()


def test_pl_12_threads_may_share_a_source() -> None:
    source = TicketSource(FixedClock(MOMENT))
    given_out: list[Ticket] = []
    threads = [threading.Thread(target=lambda: given_out.extend(source.new() for _ in range(2_000))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(given_out)) == 8_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "01977378-8bc3-4aaa-8aaa-aaaaaaaaaaaa",
        "01977378-8bc3-7aaa-0aaa-aaaaaaaaaaaa",
        "01977378-8BC3-7AAA-8AAA-AAAAAAAAAAAA",
        "019773788bc37aaa8aaaaaaaaaaaaaaa",
        "01977378-8bc3-7aaa-8aaa-aaaaaaaaaaaa\n",
        "ffffffff-ffff-7fff-bfff-ffffffffffff",
    ],
)
def test_pl_12_other_texts_are_no_tickets(text: str) -> None:
    with pytest.raises(InvalidTicket):
        moment_of(text)


@given(st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2089, 9, 1)))  # noqa: DTZ001
def test_pl_12_a_short_ticket_stands_for_its_ticket(naive: datetime) -> None:
    """15 capitals and digits, as SSDN has them; the span that it stands for holds the ticket."""
    ticket = TicketSource(FixedClock(naive.replace(tzinfo=UTC))).new()
    told = short(ticket)
    assert re.fullmatch(r"[A-Z0-9]{15}", told)
    first, last = span(told)
    assert first <= ticket <= last
    assert short(first) == short(last) == told
    assert span(ticket) == (ticket, ticket)


def test_pl_12_short_tickets_of_one_source_rise_while_the_clock_stands_still() -> None:
    source = TicketSource(FixedClock(MOMENT))
    told = [short(source.new()) for _ in range(20_000)]
    assert sorted(set(told)) == told


def test_pl_12_short_tickets_sort_by_time() -> None:
    moments = [MOMENT + timedelta(milliseconds=10**n) for n in range(11)]
    told = [short(TicketSource(FixedClock(moment)).new()) for moment in moments]
    assert sorted(told) == told


@pytest.mark.parametrize("moment", [datetime(2019, 12, 31, tzinfo=UTC), datetime(2089, 12, 31, tzinfo=UTC)])
def test_pl_12_a_short_ticket_has_its_years(moment: datetime) -> None:
    with pytest.raises(ValueError):
        short(TicketSource(FixedClock(moment)).new())


@pytest.mark.parametrize("text", ["ZZZZZZZZZZZZZZZ", "0123456789abcde", "0123456789ABCD", "0123456789ABCDEF"])
def test_pl_12_other_short_texts_are_no_tickets(text: str) -> None:
    with pytest.raises(InvalidTicket):
        span(text)
