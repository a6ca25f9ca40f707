"""Versions of the access table: every change with time and author, never altered (PL-14)."""

from alembic import op

revision = "core_0004"
down_revision = "core_0003"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    create table access_version (
        id bigint primary key,
        at timestamptz not null default clock_timestamp(),
        author text not null check (author <> ''),
        reason text not null,
        content text not null
    )
    """,
    """
    create function access_version_is_final() returns trigger language plpgsql as $$
    begin raise exception 'versions of the access table are never changed'; end $$
    """,
    """
    create trigger access_version_is_final before update or delete or truncate on access_version
    for each statement execute function access_version_is_final()
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the history of access is never dropped by a migration")
