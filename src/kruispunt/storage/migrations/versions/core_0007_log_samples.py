"""Messages of the log are compressed with a sample of their key, and stay in the row of their entry (PL-30)."""

from alembic import op

revision = "core_0007"
down_revision = "core_0006"
branch_labels = None
depends_on = None

STATEMENTS = (
    "alter table log_key add column sample bytea",
    "comment on column log_key.sample is 'encrypted under the key itself; see securitylog/pack.py'",
    # A side table would cost each entry two more inserts; the largest ordinary message fits into the row.
    "alter table log_entry set (toast_tuple_target = 8160)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the security log is never dropped by a migration")
