"""The trigger that holds changed facts against `person_change` compares rows before and after as sets (SS-07 to SS-09).

A join of both is planned for the first row that it may find, and there is none: row by row, each with all the others.
Whoever resolves thirty thousand chains at once would wait for nine hundred million comparisons. What is refused stays
the same.
"""

from __future__ import annotations

from alembic import op

revision = "core_0014"
down_revision = "core_0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE OR REPLACE FUNCTION person_fact_is_written_down() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT ssin FROM rows_before EXCEPT SELECT ssin FROM rows_after) THEN
                RAISE EXCEPTION 'a number is never changed into another one';
            END IF;
            IF EXISTS (
                SELECT FROM (
                    SELECT ssin, register, replaced_by, replaced_by IS NULL AND state = 3 FROM rows_after
                    EXCEPT SELECT ssin, register, replaced_by, replaced_by IS NULL AND state = 3 FROM rows_before
                ) AS changed
                WHERE NOT EXISTS (
                    SELECT FROM person_change c WHERE c.ssin = changed.ssin AND c.transaction = pg_current_xact_id()
                )
            ) THEN
                RAISE EXCEPTION 'a person is changed without a row in person_change';
            END IF;
            RETURN NULL;
        END $$
        """
    )


def downgrade() -> None:
    raise RuntimeError("the history of people is never dropped by a migration")
