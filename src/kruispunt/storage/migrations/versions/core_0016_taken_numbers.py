"""Which numbers a new one may not be (RP-11, SS-02).

A number is also taken when no register knows it and only a line of the repertory names it, now or in the past: an
import of the operator may load lines before people. The registers stand below the repertory and do not know its tables,
so that both are put together here, where nobody who issues numbers can pass them by.

`number_claimed` takes the lock under which lines about a number are written, and then looks: whoever is about to
inscribe it has done so, or comes when it is somebody's. The locks are those of core_0010.
"""

from __future__ import annotations

from alembic import op

revision = "core_0016"
down_revision = "core_0015"
branch_labels = None
depends_on = None

LOCKS = 0x4B525250 << 32

STATEMENTS = (
    """
    CREATE VIEW number_taken AS
        SELECT ssin FROM person
        UNION ALL
        SELECT replaced_by FROM person WHERE replaced_by IS NOT NULL
        UNION ALL
        SELECT ssin FROM inscription
        UNION ALL
        SELECT ssin FROM inscription_history
    """,
    f"""
    CREATE FUNCTION number_claimed(told bigint) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock({LOCKS} + told % 4093);
        RETURN NOT EXISTS (SELECT FROM number_taken t WHERE t.ssin = told);
    END $$
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP FUNCTION number_claimed(bigint)")
    op.execute("DROP VIEW number_taken")
