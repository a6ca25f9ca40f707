"""People: who is known to the registers, and what became of each number (SS-07, SS-08).

`replaced_by` is a fact as it was told. `state` and `final_ssin` are derived from it, and kept whenever a
fact changes: a number that was replaced has the end of its chain in `final_ssin`; it is cancelled when the
chain has no valid end. A number without `replaced_by` that is cancelled was cancelled as such. Codes:
`registers/people.py`.
"""

from __future__ import annotations

from alembic import op

revision = "core_0001"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE person (
            ssin        bigint   PRIMARY KEY CHECK (ssin BETWEEN 0 AND 99999999999),
            register    smallint NOT NULL CHECK (register IN (1, 2, 3)),
            state       smallint NOT NULL CHECK (state IN (1, 2, 3)),
            replaced_by bigint   CHECK (replaced_by <> ssin),
            final_ssin  bigint   CHECK (final_ssin <> ssin),
            CONSTRAINT person_state_tells_its_end CHECK ((state = 2) = (final_ssin IS NOT NULL)),
            CONSTRAINT person_active_is_not_replaced CHECK (state <> 1 OR replaced_by IS NULL)
        )
        """
    )
    op.execute("CREATE INDEX person_replaced_by ON person (replaced_by) WHERE replaced_by IS NOT NULL")
    op.execute("CREATE INDEX person_final_ssin ON person (final_ssin, ssin) WHERE final_ssin IS NOT NULL")


def downgrade() -> None:
    op.execute("DROP TABLE person")
