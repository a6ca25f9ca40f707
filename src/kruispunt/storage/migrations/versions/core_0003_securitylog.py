"""The security log: entries, the keys that they are encrypted under, and the replay check (PL-06, PL-30, PL-33)."""

from alembic import op

revision = "core_0003"
down_revision = "core_0002"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    create table log_key (
        id bigint generated always as identity primary key,
        purpose text not null check (purpose in ('message', 'subject')),
        day date not null,
        organisation text not null,
        master text not null,
        wrapped bytea not null,
        unique (purpose, day, organisation)
    )
    """,
    """
    create table log_entry (
        ticket uuid not null,
        kind smallint not null check (kind in (0, 1, 2)),
        at timestamptz not null,
        organisation text not null,
        legal_context text not null,
        client_reference text not null,
        outcome text not null,
        subjects bytea[] not null,
        canonical bytea not null,
        key bigint references log_key (id),
        payload bytea,
        primary key (ticket, kind)
    )
    """,
    # Ciphertext does not get smaller; PostgreSQL would try at each insert.
    "alter table log_entry alter column payload set storage external",
    "comment on column log_entry.kind is '0 incoming, 1 outgoing, 2 reading of the log'",
    "create table replay (key bytea primary key, expires timestamptz not null)",
    "create index replay_expires on replay using brin (expires)",
    """
    create table replay_floor (
        one boolean primary key default true check (one),
        expires timestamptz not null
    )
    """,
    "comment on table replay_floor is 'keys up to this expiry may be forgotten; no older message is let in'",
    "insert into replay_floor (expires) values ('-infinity')",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the security log is never dropped by a migration")
