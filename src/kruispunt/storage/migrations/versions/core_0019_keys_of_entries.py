"""The key of an entry is looked up by the statement that writes it, once a group (PL-30, PL-33).

The foreign key asked again for every row and locked the key's row each time, which was a quarter of what PostgreSQL
spends on an exchange. It also stood in the way of destroying a key, which leaves its entries as proofs.
"""

from alembic import op

revision = "core_0019"
down_revision = "core_0018"
branch_labels = None
depends_on = None

STATEMENTS = (
    "alter table log_entry drop constraint log_entry_key_fkey",
    # What the statement finds no key for has none: a message is never kept under a key that the database does not hold.
    "alter table log_entry add constraint log_entry_key_held check ((key is null) = (payload is null)) not valid",
    "comment on column log_entry.key is 'of log_key, which held it when the entry was written; it may be destroyed'",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the security log is never dropped by a migration")
