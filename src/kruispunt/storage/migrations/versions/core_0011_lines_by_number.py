"""Lines of all registers by number: whoever replaces a number moves them, whoever tells of a person finds them
(RP-15, RP-16). Built while the repertory is written to.
"""

from __future__ import annotations

from alembic import op

revision = "core_0011"
down_revision = "core_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # One that was broken off is there, and of no use.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS inscription_ssin")
        op.execute("CREATE INDEX CONCURRENTLY inscription_ssin ON inscription (ssin)")


def downgrade() -> None:
    op.execute("DROP INDEX inscription_ssin")
