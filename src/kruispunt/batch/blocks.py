"""The lines of a file in blocks, as numbers: a line takes 20 bytes, and a block of a million fits any machine (RP-08).

A plain line whose parts were all seen before is four looks into a dictionary and the check of its number. Any other is
judged by `judging.judge`, which alone says what a good line is.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain, islice
from typing import Final

from kruispunt.batch.items import Item, Kind, Plain, Read, Unreadable
from kruispunt.batch.judging import Good, NoNumber, judge
from kruispunt.batch.xml_lines import item_of
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.identifiers.ssin import Sieve
from kruispunt.repertory.identification import Identification

HEAVY: Final = 50_000
"""Lines of a block, and dossier types in it, that take more than numbers. Never change it: the cut of a file that was
loaded by half follows from it."""
_MOST_DAYS: Final = 65_536
_NO_NUMBER: Final = -1


@dataclass(slots=True)
class Block:
    """Lines, column by column, in the order of the file."""

    ssins: array[int] = field(default_factory=lambda: array("q"))
    """-1 where there is none."""
    types: array[int] = field(default_factory=lambda: array("i"))
    """Places in `names`."""
    firsts: array[int] = field(default_factory=lambda: array("i"))
    """Ordinals of the first days; 0: always."""
    untils: array[int] = field(default_factory=lambda: array("i"))
    """Ordinals of the days after the last ones; 0: no end."""
    names: list[tuple[OrganisationKey, str]] = field(default_factory=list)
    """Organisation and dossier type, each pair once."""
    refused: dict[int, NoNumber | Unreadable] = field(default_factory=dict)
    """By place."""
    identified: dict[int, Identification] = field(default_factory=dict)
    """By place: what is told of the person."""

    def __len__(self) -> int:
        return len(self.ssins)

    @property
    def heavy(self) -> int:
        return len(self.names) + len(self.refused) + len(self.identified)

    def in_order(self) -> list[int]:
        """Places in the order of SSIN; those of one SSIN in the order of the file."""
        return sorted(range(len(self)), key=self.ssins.__getitem__)

    def append(self, ssin: int, type_: int, first: int, until: int) -> None:
        self.ssins.append(ssin)
        self.types.append(type_)
        self.firsts.append(first)
        self.untils.append(until)


class Blocks:
    """Cuts the lines of a file into blocks of `size` lines, or fewer where too many are heavy.

    `today` is the civil day in Belgium by which they are judged.
    """

    def __init__(
        self,
        batches: Iterator[Sequence[Plain | Read]],
        kind: Kind,
        today: date,
        size: int,
        *,
        test_band: bool,
    ) -> None:
        self._lines = chain.from_iterable(batches)
        self._kind, self._today, self._test_band, self._size = kind, today, test_band, size
        self._sieve = Sieve(today, test_band=test_band)
        self._firsts: dict[str, int] = {}
        self._untils: dict[str, int] = {}
        self._types: dict[tuple[str, str], int] = {}
        """By organisation and dossier type as they are written, in this block."""
        self._numbered: dict[tuple[OrganisationKey, str], int] = {}

    def __iter__(self) -> Iterator[Block]:
        while len(block := self._next()):
            yield block

    def _next(self) -> Block:
        block = Block()
        self._types, self._numbered = {}, {}
        type_of, first_of, until_of, admits = self._types.get, self._firsts.get, self._untils.get, self._sieve.admits
        ssins, types, firsts, untils = (c.append for c in (block.ssins, block.types, block.firsts, block.untils))
        for read in islice(self._lines, self._size):
            if not isinstance(read, (Item, Unreadable)):
                ssin, organisation, dossier_type, begin, end, _ = read
                number = type_of((organisation, dossier_type), -1)
                first, until = first_of(begin, -1), until_of(end, -1)
                if number >= 0 and first >= 0 and (first < until or not until) and admits(ssin):
                    ssins(int(ssin))
                    types(number)
                    firsts(first)
                    untils(until)
                    continue
            self._judge(block, read)
            if block.heavy >= HEAVY or len(self._types) >= HEAVY:
                break
        return block

    def _judge(self, block: Block, read: Plain | Read) -> None:
        item = item_of(read)
        result = judge(item, self._kind, self._today, test_band=self._test_band)
        if not isinstance(result, Good):
            block.refused[len(block)] = result
            block.append(int(item.ssin) if isinstance(item, Item) else _NO_NUMBER, 0, 0, 0)
            return
        assert isinstance(item, Item)
        if item.identification is not None:
            block.identified[len(block)] = item.identification
        name = result.organisation, result.dossier_type
        number = self._numbered.setdefault(name, len(block.names))
        if number == len(block.names):
            block.names.append(name)
        if not isinstance(read, (Item, Unreadable)):
            self._learn(read, number, result)
        block.append(result.ssin, number, result.first or 0, result.until or 0)

    def _learn(self, read: Plain, number: int, good: Good) -> None:
        _, organisation, dossier_type, begin, end, _ = read
        self._types[organisation, dossier_type] = number
        for known, text, value in ((self._firsts, begin, good.first), (self._untils, end, good.until)):
            if len(known) >= _MOST_DAYS:
                known.clear()
            known[text] = value or 0
