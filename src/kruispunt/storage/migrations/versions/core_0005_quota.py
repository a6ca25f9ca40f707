"""How much of its volume each application has used, by civil day; what operators were told of it (PL-16)."""

from alembic import op

revision = "core_0005"
down_revision = "core_0004"
branch_labels = None
depends_on = None

STATEMENTS = (
    # Rows stay: a clock that is set back finds the count of its day again, and operators see what was used.
    """
    create table quota_use (
        urn text not null,
        day date not null,
        used bigint not null check (used >= 0),
        granted bigint not null check (granted >= 0),
        primary key (urn, day)
    )
    """,
    """
    create table quota_signal (
        urn text not null,
        day date not null,
        kind text not null,
        primary key (urn, day, kind)
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("what was used is never dropped by a migration: every client would begin its day anew")
