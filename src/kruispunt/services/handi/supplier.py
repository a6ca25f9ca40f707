"""The port through which HandiService asks DGPH (PL-35, HA-11): the platform's own tables, or DGPH itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from kruispunt.identifiers.ssin import Ssin
from kruispunt.services.handi.file import ALL_GROUPS, DataGroup, HandicapFile


class HandicapRegister(Protocol):
    """Who holds the handicap files."""

    async def consult(
        self, ssins: Sequence[Ssin], groups: frozenset[DataGroup] = ALL_GROUPS
    ) -> Mapping[Ssin, HandicapFile]:
        """The files of the people asked about, with the groups asked for, whole.

        A person whom DGPH does not know is absent (MSG00021); one who is known and of whom nothing is held has a file
        without entries (HA-06). Raises SupplierError when DGPH fails (MSG00002), StorageError when the database does.
        """
        ...
