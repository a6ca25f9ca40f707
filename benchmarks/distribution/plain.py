"""The plain way: DuckDB joins, and a text writer writes. Nothing is checked, signed, kept, or safe against anything."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import duckdb

from kruispunt.mutations import rows
from kruispunt.mutations.distributions import Distribution
from kruispunt.mutations.kinds import PARTS, Kind
from kruispunt.mutations.layout import File
from kruispunt.mutations.records import Profile
from kruispunt.registers.parts import GROUPS, Part
from kruispunt.storage.database import Database

_JOIN = """
    SELECT c.ssin, any_value(c.parts), any_value(c.sequence), any_value(c.line), list(s.file ORDER BY s.file)
    FROM changes c JOIN lines l ON l.ssin = c.ssin JOIN subscriptions s ON s.owner = l.owner
    WHERE (c.parts & s.parts) <> 0 AND (NOT s.active_only OR (l.begins <= $day AND (l.ends IS NULL OR l.ends > $day)))
    GROUP BY c.ssin ORDER BY c.ssin
"""
ORDER = ("name", "nationality", "birth", "decease", "gender", "civilState", "address", "inscription")


class Plain:
    """The same rows, in DuckDB."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, files: Sequence[File]) -> None:
        self._connection = connection
        self._files = files

    @classmethod
    async def load(cls, database: Database, directory: Path, fixed: Distribution) -> Self:
        """Copy lines, changes and subscriptions, which is not counted."""
        target = duckdb.connect(config={"threads": 1})
        for name, query in {
            "lines": "SELECT owner, ssin, lower(period) AS begins, upper(period) AS ends FROM inscription",
            "changes": (
                "SELECT ssin, parts, sequence, after AS line FROM person_change"
                f" WHERE sequence > {fixed.changes_from} AND sequence <= {fixed.changes_upto}"
            ),
            "subscriptions": (
                "SELECT f.id AS file, s.owner, f.parts, s.active_only FROM mutation_file f"
                f" JOIN subscription s ON s.id = f.subscription WHERE f.distribution = {fixed.id}"
            ),
        }.items():
            path = directory / f"{name}.csv"
            async with database.connection() as connection:
                await connection.copy_from_query(query, output=path, format="csv", header=True, timeout=3600)
            target.execute(f"CREATE TABLE {name} AS SELECT * FROM read_csv('{path}', header = true, quote = '\"')")
            path.unlink()
        target.execute("ALTER TABLE changes ALTER line TYPE VARCHAR")
        kept = await rows.files_of(database, fixed.id)
        return cls(target, [each.file for each in kept])

    async def join(self) -> list[tuple[Any, ...]]:
        """Who is told, and in which files."""
        return self._connection.execute(_JOIN, {"day": self._files[0].day}).fetchall()

    async def write(self, people: Sequence[tuple[Any, ...]], directory: Path) -> None:
        """The same bytes as the files of the platform."""
        waiting: dict[int, list[str]] = {file.id: [] for file in self._files}
        profiles = {file.id: file.profile for file in self._files}
        shapes: dict[Any, tuple[str, tuple[str, ...]]] = {}
        for ssin, parts, number, line, files in people:
            groups: dict[str, str] = {}
            records: dict[Any, str] = {}
            data = json.loads(line)["nationalRegister"]
            for file in files:
                profile = profiles[file]
                record = records.get(profile)
                if record is None:
                    shape = shapes.get((parts, profile))
                    if shape is None:
                        shape = shapes[parts, profile] = _shape(parts, profile)
                    record = records[profile] = _record(number, ssin, *shape, data, groups)
                waiting[file].append(record)
        for file in self._files:
            with (directory / file.name).open("w", encoding="utf-8", newline="") as target:
                target.write(file.head.decode())
                target.write("".join(waiting[file.id]))
                target.write(file.end.decode())


def _shape(parts: int, profile: Profile) -> tuple[str, tuple[str, ...]]:
    """The kinds that are told of a change, as XML, and the groups."""
    kinds = [kind.value for kind in Kind if PARTS[kind] & profile.parts & parts & ~Part.ACCESS]
    groups = profile.groups if parts & Part.NEW else profile.groups & parts
    return "".join(f"<kind>{kind}</kind>" for kind in kinds), tuple(name for name in ORDER if GROUPS[name] & groups)


def _record(number: int, ssin: int, kinds: str, told: Sequence[str], data: Any, groups: dict[str, str]) -> str:
    start = f'<mutation number="{number}"><ssin>{ssin:011d}</ssin>{kinds}'
    if not told:
        return f"{start}</mutation>\n"
    for name in told:
        if name not in groups:
            groups[name] = _group(name, data)
    inner = "".join([groups[name] for name in told])
    return f'{start}<person register="NR" told="{" ".join(told)}">{inner}</person></mutation>\n'


def _group(name: str, data: Any) -> str:
    held = data.get(name)
    if held is None:
        return ""
    if name == "name":
        given = "".join(
            [f'<givenName sequence="{n}">{first}</givenName>' for n, first in enumerate(held.get("firstNames", ()), 1)]
        )
        return f"<name><lastName>{held['lastName']}</lastName>{given}{_since(held)}</name>"
    if name == "nationality":
        place = _place(held["location"], "nationalityCode", "nationalityDescription")
        return f"<nationality>{place}{_since(held)}</nationality>"
    if name in ("birth", "decease"):
        place = held.get("location")
        where = "" if place is None else f"<{name}Place>{_place(place, 'locationCode', 'locationName')}</{name}Place>"
        return f"<{name}><{name}Date>{held['date']}</{name}Date>{where}</{name}>"
    if name == "gender":
        return f"<gender><genderCode>{held['code']}</genderCode>{_since(held)}</gender>"
    if name == "civilState":
        return f"<civilState><civilStateCode>{held['code']}</civilStateCode></civilState>"
    if name == "inscription":
        return f"<inscription><subregister>{held['register']}</subregister>{_since(held)}</inscription>"
    return _address(held.get("legal"))


def _address(legal: Any) -> str:
    if legal is None:
        return ""
    plain = legal.get("diplomatic")
    if plain is not None:
        country = "" if "country" not in plain else _place(plain["country"], "countryCode", "countryName")
        inner = f"{country}<address>{plain['address']}</address>{_since(plain)}"
        return f"<address><diplomaticAddress>{inner}</diplomaticAddress></address>"
    held = legal["standard"]
    parts = [_place(held["country"], "countryCode", "countryName")]
    if "municipality" in held:
        parts.append(_place(held["municipality"], "cityCode", "cityName"))
    if "postalCode" in held:
        parts.append(f"<postalCode>{held['postalCode']}</postalCode>")
    if "street" in held:
        parts.append(_place(held["street"], "streetCode", "streetName"))
    if "houseNumber" in held:
        parts.append(f"<houseNumber>{held['houseNumber']}</houseNumber>")
    if "box" in held:
        parts.append(f"<boxNumber>{held['box']}</boxNumber>")
    return f"<address><residentialAddress>{''.join(parts)}{_since(held)}</residentialAddress></address>"


def _place(place: Any, code: str, name: str) -> str:
    first = f"<{code}>{place['code']}</{code}>" if "code" in place else ""
    for each in place.get("descriptions", ()):
        language = each.get("language")
        told = f' language="{language.upper()}"' if language not in (None, "en") else ""
        first += f"<{name}{told}>{each['text']}</{name}>"
    return first


def _since(held: Any) -> str:
    return f"<inceptionDate>{held['modified']}</inceptionDate>" if "modified" in held else ""
