"""Rows that are packed for COPY: keys hold what was told, in the order of the index, and pieces are put together."""

from __future__ import annotations

import asyncio
import io
import json
from struct import unpack_from
from typing import Any

import pytest
from hypothesis import given, settings
from made_up import TODAY, belgian, fresh, legal, person_lines

from kruispunt.identifiers.ssin import Ssin
from kruispunt.registers import copying
from kruispunt.registers.dossiers import look_up
from kruispunt.registers.importing import import_people
from kruispunt.registers.keys import (
    NAME_COLUMNS,
    NO_FIRST_NAME,
    address_keys,
    birth_number,
    first_name_keys,
    name_keys,
    place_code,
    place_number,
    register_of,
)
from kruispunt.registers.legal_data import Dossier, Origin
from kruispunt.registers.person_lines import PersonLine
from kruispunt.registers.phonetics import keys
from kruispunt.storage.database import Database

WIDTHS = (2, 8, 8, 4, 8, 2)
"""Bytes of each field of `name_key`, as the migrations have them."""


def fields(row: bytes) -> list[bytes]:
    """A row of COPY: how many fields, and each behind its size."""
    (count,), place, found = unpack_from("!h", row), 2, []
    for _ in range(count):
        (size,) = unpack_from("!i", row, place)
        found.append(row[place + 4 : place + 4 + size])
        assert len(found[-1]) == size
        place += 4 + size
    assert place == len(row)
    return found


def numbers(row: bytes) -> tuple[int, ...]:
    assert tuple(map(len, fields(row))) == WIDTHS
    return tuple(int.from_bytes(each, "big", signed=True) for each in fields(row))


def plain(dossier: Dossier) -> set[tuple[int, ...]]:
    """The rule, without any packing: every name, every reading, every key of the first name."""
    data = dossier.legal
    sex = 0 if data.gender is None else data.gender.code.value
    return {
        (dossier.origin.value, key, first, birth_number(data.birth.date), int(dossier.ssin), sex)
        for name in data.names
        for key in keys(name.last)
        for first in (first_name_keys(name.firsts[0], dossier.origin) if name.firsts else ()) or (NO_FIRST_NAME,)
    }


@given(person_lines())
@settings(max_examples=150)
def test_ip_08_to_ip_11_rows_of_names_hold_each_key_once_in_the_order_of_the_index(line: PersonLine) -> None:
    for dossier in line.dossiers:
        rows = name_keys(dossier)
        assert {numbers(row) for row in rows} == plain(dossier)
        assert len(set(rows)) == len(rows)
        assert [numbers(row) for row in sorted(rows)] == sorted(map(numbers, rows))
        assert {register_of(row) for row in rows} <= {dossier.origin.value}
    assert len(NAME_COLUMNS) == len(WIDTHS)


@given(person_lines())
@settings(max_examples=150)
def test_ip_15_the_row_of_an_address_holds_the_last_belgian_one(line: PersonLine) -> None:
    for dossier in line.dossiers:
        address = dossier.legal.last_belgian_address if dossier.origin is Origin.RR else None
        rows = [
            [*(each.decode() for each in fields(row)[:4]), int.from_bytes(fields(row)[4], "big")]
            for row in address_keys(dossier)
        ]
        if address is None or address.street is None:
            assert rows == []
            continue
        postal, street, house = address.postal_code, address.street.code, address.house_number
        if not (postal and street and house):
            assert rows == []
            continue
        place = [place_code(postal), place_code(street), place_number(house), place_number(address.box)]
        assert rows == [[*place, int(dossier.ssin)]]


@pytest.mark.parametrize("piece", [1, 7, 64, 1 << 19])
def test_rows_are_put_together_whatever_the_size_of_the_pieces(
    fresh_dsn: str, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(copying, "_PIECE", piece)
    ssins = fresh(3)
    names = ("Müller", "Peeters", "Çelik-𠮷")
    lines: list[dict[str, Any]] = [
        {"ssin": ssin, "register": "national", "nationalRegister": legal(name, address=belgian())}
        for ssin, name in zip(ssins, names, strict=True)
    ]

    async def work() -> list[str]:
        database = await Database.open(fresh_dsn, size=1)
        try:
            text = "".join(json.dumps(line) + "\n" for line in lines)
            report = await import_people(database, io.BytesIO(text.encode()), today=TODAY, test_band=True)
            assert report.refused == []
            found = await look_up(database, map(Ssin, ssins))
            assert await database.fetchval("SELECT count(*) FROM address_key WHERE street_code = '1234'") == len(lines)
            return [dossier.legal.name.last for ssin in ssins for dossier in found[ssin].dossiers.values()]
        finally:
            await database.close()

    assert asyncio.run(work()) == list(names)
