"""The log's keys in operation: entries of kind 3 tell of changes; keys may be marked as lost (PL-33).

Both checks allow more than before, so every row passes: they are not held against the rows that are there, which
would lock out every exchange while a large log is read. Servers of the release before go on.
"""

from alembic import op

revision = "core_0006"
down_revision = "core_0005"
branch_labels = None
depends_on = None

STATEMENTS = (
    "alter table log_entry drop constraint log_entry_kind_check",
    "alter table log_entry add constraint log_entry_kind_check check (kind in (0, 1, 2, 3)) not valid",
    "comment on column log_entry.kind is '0 incoming, 1 outgoing, 2 reading of the log, 3 change of its keys'",
    "alter table log_key drop constraint log_key_purpose_check",
    """
    alter table log_key add constraint log_key_purpose_check
        check (purpose in ('message', 'subject', 'lost message', 'lost subject')) not valid
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the security log is never dropped by a migration")
