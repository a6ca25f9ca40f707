"""Files are held against their schema, each record once (RP-18).

A file is a head, records and an end. The schema says nothing about two records at a time: so a file follows it when
its head and end do without a record, and each of its records does behind some head of the same root. A record that
stands in a hundred files is checked once, and no tree of a whole file is made.

A record about a person is a template with values. Each value was held against its type when it was read (`data.py`),
the templates are those of few forms: so of each form the first record is parsed and validated, and nothing of the
others but what is out of the ordinary. To validate one costs ten times what it costs to write it.
"""

from __future__ import annotations

from collections.abc import Iterable

from lxml import etree

from kruispunt.errors import StorageError
from kruispunt.mutations.layout import CONTRACT, File
from kruispunt.mutations.records import Form, Record
from kruispunt.xml.parse import parse_own
from kruispunt.xml.schemas import Schema

_AT_ONCE = 256 * 1024
"""Bytes of records that are checked at once."""


class Checker:
    """Holds files against the schema; to be used by one thread at a time."""

    def __init__(self) -> None:
        self._schema = Schema(CONTRACT)
        self._known: set[Form] = set()
        """Of which a record was checked."""

    def check_empty(self, file: File) -> None:
        """Head and end of a file. Raises StorageError."""
        self._check(file, [])

    def doubts(self, record: Record, form: Form) -> bool:
        """Whether the schema is to be asked about a record of a form that was just written: most often not."""
        if form in self._known:
            return record.doubtful
        if not record.doubtful:
            self._known.add(form)
        return True

    def check_records(self, file: File, records: Iterable[bytes]) -> None:
        """Records, behind the head of any file with the same root. Raises StorageError."""
        block: list[bytes] = []
        size = 0
        for record in records:
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
