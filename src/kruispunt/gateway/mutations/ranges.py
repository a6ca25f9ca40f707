"""Which part of a file is asked for, and whether it is wanted at all (RFC 9110, sections 13 and 14).

One range is served. A header that names several, or is no range of bytes, is passed over as the standard allows: the
answer is the whole file, which is never wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_MOST_DIGITS: Final = 18
"""A number with more of them is behind the end of any file."""
_RANGE: Final = re.compile(r"bytes[ \t]*=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.IGNORECASE).fullmatch
_TAG: Final = re.compile(r'[ \t]*(W/)?("[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?:,|$)').match


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a file, from `start` on."""

    start: int
    length: int

    @property
    def last(self) -> int:
        return self.start + self.length - 1


class Unsatisfiable(Exception):
    """A range without a byte of this file (416)."""


def span_of(header: str | None, size: int) -> Span | None:
    """The part that a `Range` header asks for; None for the whole file. Raises Unsatisfiable."""
    match = None if header is None else _RANGE(header)
    if match is None or match.group(1) == match.group(2) == "":
        return None
    first, last = _number(match.group(1)), _number(match.group(2))
    if first is None:
        assert last is not None
        if last == 0 or size == 0:
            raise Unsatisfiable
        length = min(last, size)
        return Span(size - length, length)
    if last is not None and last < first:
        return None
    if first >= size:
        raise Unsatisfiable
    end = size - 1 if last is None else min(last, size - 1)
    return Span(first, end - first + 1)


def names(header: str | None, tag: str, *, weak: bool) -> bool | None:
    """Whether a list of entity tags, or `*`, names `tag`; None where there is no header.

    `weak`: a weak tag names it as well, as `If-None-Match` has it. From a part that is no tag on nothing is read.
    """
    if header is None:
        return None
    if header.strip(" \t") == "*":
        return True
    at = 0
    while match := _TAG(header, at):
        if match.group(2) == tag and (weak or not match.group(1)):
            return True
        at = match.end()
    return False


def is_same(header: str | None, tag: str) -> bool:
    """Whether `If-Range` lets a range be served: there is none, or it is this very tag. A date never is."""
    return header is None or header.strip(" \t") == tag


def _number(digits: str) -> int | None:
    digits = digits.lstrip("0") or digits[:1]
    if not digits:
        return None
    return 10**_MOST_DIGITS if len(digits) > _MOST_DIGITS else int(digits)
