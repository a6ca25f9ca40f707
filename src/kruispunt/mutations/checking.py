"""Files are held against their schema, each record once (RP-18).

A file is a head, records and an end. The schema says nothing about two records at a time: so a file follows it when
its head and end do without a record, and each of its records does behind some head of the same root. A record that
stands in a hundred files is checked once, and no tree of a whole file is made. Of most records a regular expression
tells that they do (`plain_form.py`); the others are parsed and validated.
"""

from __future__ import annotations

from collections.abc import Iterable

from lxml import etree

from kruispunt.errors import StorageError
from kruispunt.mutations.layout import CONTRACT, File
from kruispunt.mutations.plain_form import is_plain
from kruispunt.xml.parse import parse_own
from kruispunt.xml.schemas import Schema

_AT_ONCE = 256 * 1024
"""Bytes of records that are checked at once."""


class Checker:
    """Holds files against the schema; to be used by one thread at a time."""

    def __init__(self) -> None:
        self._schema = Schema(CONTRACT)

    def check_empty(self, file: File) -> None:
        """Head and end of a file. Raises StorageError."""
        self._check(file, [])

    def check_records(self, file: File, records: Iterable[bytes]) -> None:
        """Records, behind the head of any file with the same root. Raises StorageError."""
        block: list[bytes] = []
        size = 0
        for record in records:
            if is_plain(record):
                continue
            block.append(record)
            size += len(record)
            if size >= _AT_ONCE:
                self._check(file, block)
                block, size = [], 0
        if block:
            self._check(file, block)

    def _check(self, file: File, records: list[bytes]) -> None:
        try:
            root = parse_own(b"".join([file.head, *records, file.end]))
        except etree.XMLSyntaxError:  # its text would repeat what stands there
            raise StorageError(f"A record of {file.name} is no XML.") from None
        complaint = self._schema.check(root)
        if complaint is not None:
            raise StorageError(f"A record of {file.name} does not follow the schema: {complaint}")
