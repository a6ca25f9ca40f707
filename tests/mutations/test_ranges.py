"""Ranges and preconditions (RFC 9110), against the standard's own words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kruispunt.gateway.mutations.ranges import Unsatisfiable, is_same, names, span_of

TAG = '"abc"'


@pytest.mark.parametrize(
    ("header", "size", "first", "last"),
    [
        ("bytes=0-499", 10_000, 0, 499),
        ("bytes=500-999", 10_000, 500, 999),
        ("bytes=-500", 10_000, 9_500, 9_999),
        ("bytes=9500-", 10_000, 9_500, 9_999),
        ("bytes=0-0", 10_000, 0, 0),
        ("bytes=-1", 10_000, 9_999, 9_999),
        ("BYTES=0-0", 10_000, 0, 0),
        ("bytes= 5-6 ", 10_000, 5, 6),
        ("bytes=9999-9999999", 10_000, 9_999, 9_999),
        ("bytes=-20000", 10_000, 0, 9_999),
        ("bytes=0-" + "9" * 5_000, 10_000, 0, 9_999),
        ("bytes=-" + "9" * 5_000, 10_000, 0, 9_999),
        ("bytes=" + "0" * 5_000 + "7-8", 10_000, 7, 8),
    ],
)
def test_one_range_is_served(header: str, size: int, first: int, last: int) -> None:
    span = span_of(header, size)
    assert span is not None
    assert (span.start, span.last) == (first, last)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-4",
        "bytes=--5",
        "bytes=0x1-2",
        "bytes=1-2-3",
        "bytes=0-1,4-5",
        "bytes=0-0,-1",
        "bytes=0-1, bytes=2-3",
        "bytes=+1-2",
        "bytes=1_0-20",
        "bytes=\u0661-\u0662",
        "items=0-5",
        "0-5",
    ],
)
def test_what_is_no_single_range_of_bytes_is_passed_over(header: str | None) -> None:
    assert span_of(header, 10_000) is None


@pytest.mark.parametrize("header", ["bytes=10000-", "bytes=10000-10001", "bytes=-0", "bytes=" + "9" * 5_000 + "-"])
def test_a_range_without_a_byte_of_the_file(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        span_of(header, 10_000)


@given(st.integers(1, 50), st.integers(0, 60), st.integers(0, 60))
def test_a_range_is_a_slice(size: int, first: int, last: int) -> None:
    content = bytes(range(size))
    try:
        span = span_of(f"bytes={first}-{last}", size)
    except Unsatisfiable:
        assert content[first : last + 1] == b""
        return
    if span is None:
        assert last < first
    else:
        assert content[span.start : span.start + span.length] == content[first : last + 1] != b""


@given(st.text(max_size=30), st.integers(0, 100))
def test_no_header_leads_out_of_the_file(text: str, size: int) -> None:
    for header in (text, f"bytes={text}"):
        try:
            span = span_of(header, size)
        except Unsatisfiable:
            continue
        assert span is None or 0 <= span.start <= span.last < size


@pytest.mark.parametrize(
    ("header", "strong", "weak"),
    [
        (None, None, None),
        ("*", True, True),
        (" * ", True, True),
        ('"abc"', True, True),
        ('W/"abc"', False, True),
        ('"x", "abc"', True, True),
        ('"x","y"', False, False),
        ('"x,y" , W/"abc"', False, True),
        ('"x" "abc"', False, False),
        ("abc", False, False),
        ("", False, False),
        ('"', False, False),
        ('"abcd"', False, False),
        ("," * 1_000, False, False),
    ],
)
def test_lists_of_entity_tags(header: str | None, strong: bool | None, weak: bool | None) -> None:
    assert (names(header, TAG, weak=False), names(header, TAG, weak=True)) == (strong, weak)


def test_a_range_is_served_only_of_the_file_that_the_client_began() -> None:
    assert is_same(None, TAG)
    assert is_same('"abc"', TAG)
    assert not is_same('W/"abc"', TAG)
    assert not is_same('"abd"', TAG)
    assert not is_same("Sat, 31 Jan 2026 00:00:00 GMT", TAG)
