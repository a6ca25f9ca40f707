"""Who was told of a number is found by that number alone, whatever became of its chain since (PL-30).

`distributed_person.replaced` is mostly empty: only the lists that are not stand in their index, and a distribution pays
for those alone.

Built while distributions are written; what is broken off is done again from the start.
"""

from __future__ import annotations

from alembic import op

revision = "core_0019"
down_revision = "core_0018"
branch_labels = None
depends_on = None

INDEXES = {
    "distributed_person_replaced": "distributed_person USING gin (replaced) WHERE replaced <> '{}'",
    "distributed_item_ssin": "distributed_item (ssin)",
    "distributed_item_item": "distributed_item (item)",
    "stream_item_ssin": "stream_item (ssin)",
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, columns in INDEXES.items():
            # One that was broken off is there, and of no use.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {columns}")


def downgrade() -> None:
    for name in INDEXES:
        op.execute(f"DROP INDEX IF EXISTS {name}")
