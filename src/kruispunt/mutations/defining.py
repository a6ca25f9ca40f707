"""Putting subscriptions in force, and ending them (RP-16, RP-17).

A subscription that is pushed is told what happens from now on: before it is begun or changed, a round tells what
happened until then to those that were in force, however long ago the last one was. Both are one transaction, which sees
one moment: each change is told by what was in force before it or after it, and by one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Final

from kruispunt.access.model import AccessTable, Organisation
from kruispunt.errors import ConfigurationError
from kruispunt.identifiers import cbe
from kruispunt.identifiers.cbe import CbeNumber
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.mutations.choosing import alone, fix_round_within
from kruispunt.mutations.entitlement import SERVICE, entitled
from kruispunt.mutations.subscriptions import Definition, Settled, Subscription, last_of

if TYPE_CHECKING:
    from asyncpg import Connection

    from kruispunt.storage.database import Database

_LOCK: Final = "LOCK TABLE subscription IN SHARE ROW EXCLUSIVE MODE"
_END: Final = "UPDATE subscription SET ended = clock_timestamp() WHERE code = $1 AND ended IS NULL"
_BEGIN: Final = """
    INSERT INTO subscription (code, organisation, receiver, legal_context, owner, known_to, dossier_types, active_only,
        kinds, stream, pushed, author)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
_REGISTERS: Final = "SELECT owner FROM register WHERE owner = ANY ($1::bigint[])"
_TYPES: Final = "SELECT organisation, code FROM dossier_type WHERE owner = $1"


class Outcome(Enum):
    """What a definition did."""

    BEGUN = "begun"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


async def define(
    database: Database, table: AccessTable, definitions: Sequence[Definition], author: str, *, now: datetime
) -> tuple[Outcome, ...]:
    """Put all subscriptions in force as they are told, or none; others stay as they are. What each did, in order.

    Held against the access `table` in force and the registers. Raises ConfigurationError, which names what is missing
    and what to do; StorageError.
    """

    async def work(connection: Connection) -> tuple[Outcome, ...]:
        await connection.execute(_LOCK)
        settled = [_settle(table, each) for each in definitions]
        await _check_registers(connection, settled)
        last = await last_of(connection, [each.code for each in definitions])
        outcomes = tuple(_outcome(each, last.get(each.code)) for each in settled)
        new = [each for each, outcome in zip(settled, outcomes, strict=True) if outcome is not Outcome.UNCHANGED]
        if any(each.pushed for each in new):
            await fix_round_within(connection, table, now)
        for each in new:
            await connection.execute(_END, each.code)
            await connection.execute(_BEGIN, *_columns(each), author)
        return outcomes

    return await alone(database, work)


async def end(database: Database, code: str) -> bool:
    """Nothing more is told from now on; whether it was in force. Its files stay to be fetched. Raises StorageError."""
    return await database.execute(_END, code) != "UPDATE 0"


def _columns(told: Settled) -> tuple[object, ...]:
    """For `_BEGIN`, all but the author."""
    types = None if told.dossier_types is None else list(told.dossier_types)
    return (
        told.code,
        told.organisation,
        told.receiver,
        told.legal_context,
        cbe.to_int(told.owner),
        told.known_to,
        types,
        told.active_only,
        [kind.value for kind in told.kinds],
        told.stream,
        told.pushed,
    )


def _settle(table: AccessTable, told: Definition) -> Settled:
    organisation = table.organisations.get(told.organisation)
    if organisation is None:
        raise ConfigurationError(
            f"{told.code}: organisation {told.organisation} is not in the access table in force; "
            "add it to organisations.toml, or apply the files: kruispunt access apply"
        )
    owner = told.owner or (None if organisation.cbe is None else CbeNumber(organisation.cbe))
    if owner is None:
        raise ConfigurationError(
            f"{told.code}: {told.organisation} has no CBE number, so no register of its own; say which one: register"
        )
    known_to = _known_to(told, organisation, owner)
    _check_grants(table, told)
    return Settled(
        code=told.code,
        organisation=told.organisation,
        receiver=OrganisationKey(organisation.keys[0]),
        legal_context=told.legal_context,
        owner=owner,
        known_to=known_to,
        dossier_types=told.dossier_types,
        active_only=told.active_only,
        kinds=told.kinds,
        stream=told.stream,
        pushed=told.pushed,
    )


def _known_to(told: Definition, organisation: Organisation, owner: CbeNumber) -> OrganisationKey | None:
    """In another one's register an organisation has the lines that name it, and no others."""
    if owner == organisation.cbe:
        return told.known_to
    own = {organisation.inscribed_as, *organisation.keys}
    if told.known_to is not None and told.known_to not in own:
        raise ConfigurationError(
            f"{told.code}: known_to: {told.known_to} is another organisation than {told.organisation}; in the register "
            f"of another one it is told of its own lines alone, under {' or '.join(sorted(own))}"
        )
    return told.known_to or OrganisationKey(organisation.inscribed_as)


def _check_grants(table: AccessTable, told: Definition) -> None:
    """Everything that is asked for is granted now; what is granted on the day of a file decides what it tells."""
    wanted = [told.stream] if told.stream is not None else [kind.value for kind in told.kinds]
    for name in wanted:
        if table.grant(SERVICE, name, told.organisation, told.legal_context) is None:
            raise ConfigurationError(
                f"{told.code}: no row of {SERVICE} grants {name} to {told.organisation} under {told.legal_context}: "
                "add one to grants/mutations.toml and apply it (kruispunt access apply), or leave it out"
            )
    right = entitled(table, told.organisation, told.legal_context, told.kinds, told.stream)
    if told.stream is None and not right.parts:
        raise ConfigurationError(
            f"{told.code}: the rows of {SERVICE} name no data group of these kinds, so nothing would ever be told"
        )
    if right.active_only and not told.active_only:
        raise ConfigurationError(
            f'{told.code}: lines: the rows of {SERVICE} are for active lines; write lines = "active"'
        )
    if right.dossier_types is not None and not right.dossier_types.issuperset(told.dossier_types or ()):
        raise ConfigurationError(
            f"{told.code}: dossier_types: the rows of {SERVICE} are for {', '.join(sorted(right.dossier_types))} alone"
        )


async def _check_registers(connection: Connection, settled: Iterable[Settled]) -> None:
    types: dict[CbeNumber, set[tuple[str, str]]] = {}
    for told in settled:
        number = cbe.to_int(told.owner)
        if told.owner not in types:
            if not await connection.fetch(_REGISTERS, [number]):
                raise ConfigurationError(
                    f"{told.code}: {told.owner} has no register; define it: kruispunt repertory define"
                )
            types[told.owner] = {(row[0], row[1]) for row in await connection.fetch(_TYPES, number)}
        there = {code for known_to, code in types[told.owner] if told.known_to in (None, known_to)}
        for code in told.dossier_types or ():
            if code not in there:
                raise ConfigurationError(
                    f"{told.code}: dossier_types: the register of {told.owner} has no type {code} for this subscriber; "
                    f"it has: kruispunt repertory types --owner {told.owner}"
                )


def _outcome(told: Settled, last: Subscription | None) -> Outcome:
    """What becomes of it. A code keeps its organisation for ever: whoever has the code may fetch all of its files."""
    if last is None:
        return Outcome.BEGUN
    for name, before, after in (
        ("organisation", last.organisation, told.organisation),
        ("stream", last.stream, told.stream),
        ("pushed", last.pushed, told.pushed),
    ):
        if before != after:
            raise ConfigurationError(
                f"{told.code}: {name}: was {before}, and a code keeps it for ever; choose another code"
            )
    if last.ended is not None:
        return Outcome.BEGUN
    same = all(getattr(last, name) == getattr(told, name) for name in Settled.__slots__)
    return Outcome.UNCHANGED if same else Outcome.CHANGED
