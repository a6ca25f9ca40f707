"""JSON Lines from strangers: judged line by line, in bounded memory, with reasons that tell no data."""

import io
import json
from datetime import date

import pytest

from kruispunt.errors import DataError
from kruispunt.registers import jsonlines
from kruispunt.registers.jsonlines import Fields, ImportReport, RefusedLine


def read(data: bytes) -> tuple[list[Fields], ImportReport]:
    report = ImportReport()
    return list(jsonlines.read_lines(io.BytesIO(data), lambda fields: fields, report)), report


def test_lines_are_numbered_as_an_editor_numbers_them() -> None:
    taken, report = read(b'{"a": 1}\n\n  \r\nno\n{"a": 2}\r\nno either')
    assert taken == [{"a": 1}, {"a": 2}]
    assert [line for line, _ in report.refused] == [4, 6]
    assert report.refused_count == 2


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_nothing_is_neither_taken_nor_refused(data: bytes) -> None:
    assert read(data) == ([], ImportReport())


def test_a_byte_order_mark_is_passed_over_at_the_beginning_alone() -> None:
    taken, report = read(b'\xef\xbb\xbf{"a": 1}\n\xef\xbb\xbf{"a": 2}\n')
    assert taken == [{"a": 1}]
    assert report.refused_count == 1


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{", "not well-formed"),
        (b'{"a": 1} {"a": 2}', "not well-formed"),
        (b"[" * 60_000, "not well-formed"),
        (b'{"a":' * 10_000, "not well-formed"),
        (b"9" * 50_000, "not well-formed"),
        (b'{"a": "\xff"}', "UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "UTF-8"),
        (b"[1]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"NaN", "not a JSON object"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": {"b": 1, "b": 1}}', "twice"),
        (b'{"a": "' + b"x" * jsonlines.LONGEST_LINE + b'"}', "longer"),
    ],
)
def test_a_bad_line_is_refused_and_the_next_one_is_read(line: bytes, why: str) -> None:
    taken, report = read(line + b'\n{"next": true}\n')
    assert taken == [{"next": True}]
    (refused,) = report.refused
    assert refused.line == 1
    assert why in refused.why


def test_the_longest_line_is_taken_and_one_byte_more_is_not() -> None:
    def line(length: int) -> bytes:
        return b'{"a":"' + b"x" * (length - len(b'{"a":""}\n')) + b'"}\n'

    assert len(line(jsonlines.LONGEST_LINE)) == jsonlines.LONGEST_LINE
    assert len(read(line(jsonlines.LONGEST_LINE))[0]) == 1
    assert len(read(line(jsonlines.LONGEST_LINE + 1))[0]) == 0


class Endless(io.RawIOBase):
    """One line without end, that counts how much of it was asked for at a time."""

    def __init__(self, size: int) -> None:
        self.left = size
        self.most = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert size > 0
        self.most = max(self.most, size)
        taken = min(size, self.left)
        self.left -= taken
        return b"x" * taken


def test_an_endless_line_is_read_past_in_small_pieces() -> None:
    source = Endless(50 * jsonlines.LONGEST_LINE)
    report = ImportReport()
    assert list(jsonlines.read_lines(source, lambda fields: fields, report)) == []  # type: ignore[arg-type]
    assert report.refused_count == 1
    assert source.most == jsonlines.LONGEST_LINE


def test_reasons_are_kept_in_a_bounded_number_and_counted_beyond() -> None:
    _, report = read(b"no\n" * 5_000)
    assert report.refused_count == 5_000
    assert len(report.refused) == jsonlines.MOST_REASONS
    assert report.refused[-1] == RefusedLine(jsonlines.MOST_REASONS, report.refused[0].why)


def test_an_unknown_field_is_named_in_a_form_that_no_terminal_obeys() -> None:
    name = "\x1b[2J" + "x" * 1_000
    with pytest.raises(DataError) as caught:
        jsonlines.allow_only({name: 1}, {"b", "a"})
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 120
    assert "known are a, b" in str(caught.value)


def test_fields_are_of_the_type_they_must_be() -> None:
    fields: Fields = json.loads('{"n": 1, "s": "text", "t": true, "z": null, "d": "2020-02-29"}')
    assert jsonlines.text(fields, "s") == "text"
    assert jsonlines.optional_text(fields, "z") is None
    assert jsonlines.optional_text(fields, "absent") is None
    assert jsonlines.flag(fields, "t") is True
    assert jsonlines.flag(fields, "z") is False
    assert jsonlines.optional_day(fields, "d") == date(2020, 2, 29)
    for refused in (
        lambda: jsonlines.text(fields, "absent"),
        lambda: jsonlines.text(fields, "z"),
        lambda: jsonlines.text(fields, "n"),
        lambda: jsonlines.flag(fields, "n"),
        lambda: jsonlines.flag(fields, "s"),
        lambda: jsonlines.optional_day(fields, "s"),
        lambda: jsonlines.optional_day(fields, "n"),
    ):
        with pytest.raises(DataError):
            refused()


@pytest.mark.parametrize(
    "day", ["2020-2-29", "20200229", "2020-W09-6", "2021-02-29", "2020-02-29T00:00", "0000-01-01", ""]
)
def test_a_day_has_one_form(day: str) -> None:
    with pytest.raises(DataError):
        jsonlines.optional_day({"d": day}, "d")


def test_a_refused_number_is_not_told() -> None:
    with pytest.raises(DataError) as caught:
        jsonlines.required_ssin({"ssin": "85673093300"}, "ssin", today=date(2025, 1, 1), test_band=True)
    assert str(caught.value) == "ssin: the check number is wrong"
    with pytest.raises(DataError, match="missing"):
        jsonlines.required_ssin({}, "ssin", today=date(2025, 1, 1), test_band=True)
