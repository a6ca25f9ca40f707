"""The registers whole: what each holds of a person, and every change to a person, for ever (SS-07 to SS-09, IP-16).

`dossier.document` is JSON as `registers/legal_json.py` writes it: compared as text, and never searched in. `person`
stays the table of numbers. `person_change` is append-only; its `before` and `after` are lines of `kruispunt people
import`, so that a distribution can tell what changed from the row alone. Codes: `registers/changes.py`.

Nothing changes a person around that table: the triggers on `person` and `dossier` refuse a statement whose
transaction has not written the change down before. A row without a number tells how many new people were
loaded together. Derived columns (`state`, `final_ssin`) follow by themselves and are no change.
"""

from __future__ import annotations

from alembic import op

revision = "core_0008"
down_revision = "core_0007"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE dossier (
        ssin     bigint   NOT NULL CHECK (ssin BETWEEN 0 AND 99999999999),
        origin   smallint NOT NULL CHECK (origin IN (1, 2)),
        document text     NOT NULL,
        PRIMARY KEY (ssin, origin)
    )
    """,
    """
    CREATE TABLE person_change (
        sequence    bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        transaction xid8        NOT NULL DEFAULT pg_current_xact_id(),
        at          timestamptz NOT NULL DEFAULT clock_timestamp(),
        author      text        NOT NULL CHECK (author <> ''),
        kind        smallint    NOT NULL CHECK (kind BETWEEN 0 AND 4),
        people      integer,
        ssin        bigint,
        origins     smallint    NOT NULL DEFAULT 0 CHECK (origins BETWEEN 0 AND 3),
        before      text,
        after       text,
        CONSTRAINT person_change_tells_of_whom CHECK ((ssin IS NULL) = (kind = 0)),
        CONSTRAINT person_change_tells_how_many CHECK ((people IS NOT NULL) = (kind = 0)),
        CONSTRAINT person_change_tells_what CHECK ((kind = 0) = (after IS NULL)),
        CONSTRAINT person_change_tells_from_what CHECK ((kind <= 1) = (before IS NULL))
    )
    """,
    "COMMENT ON COLUMN person_change.kind IS '0 people loaded, 1 new, 2 changed, 3 replaced, 4 cancelled'",
    "COMMENT ON COLUMN person_change.origins IS 'whose document changed: 1 National Register, 2 CBSS, 3 both'",
    "CREATE INDEX person_change_ssin ON person_change (ssin, sequence) WHERE ssin IS NOT NULL",
    "CREATE INDEX person_change_loaded ON person_change (transaction) WHERE ssin IS NULL",
    """
    CREATE FUNCTION person_change_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'changes of people are never altered'; END $$
    """,
    """
    CREATE TRIGGER person_change_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON person_change
    FOR EACH STATEMENT EXECUTE FUNCTION person_change_is_final()
    """,
    """
    CREATE FUNCTION person_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'a number that was given out is never removed'; END $$
    """,
    """
    CREATE TRIGGER person_stays BEFORE DELETE OR TRUNCATE ON person
    FOR EACH STATEMENT EXECUTE FUNCTION person_stays()
    """,
    """
    CREATE TRIGGER dossier_stays BEFORE TRUNCATE ON dossier
    FOR EACH STATEMENT EXECUTE FUNCTION person_stays()
    """,
    """
    CREATE FUNCTION person_new_is_written_down() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (
            SELECT FROM person_change WHERE ssin IS NULL AND transaction = pg_current_xact_id()
        ) AND EXISTS (
            SELECT FROM rows_after r WHERE NOT EXISTS (
                SELECT FROM person_change c WHERE c.ssin = r.ssin AND c.transaction = pg_current_xact_id()
            )
        ) THEN
            RAISE EXCEPTION 'a person is added without a row in person_change';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION person_fact_is_written_down() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM rows_before b WHERE NOT EXISTS (SELECT FROM rows_after a WHERE a.ssin = b.ssin)) THEN
            RAISE EXCEPTION 'a number is never changed into another one';
        END IF;
        IF EXISTS (
            SELECT FROM rows_before b JOIN rows_after a USING (ssin)
            WHERE (b.register, b.replaced_by, b.replaced_by IS NULL AND b.state = 3)
                IS DISTINCT FROM (a.register, a.replaced_by, a.replaced_by IS NULL AND a.state = 3)
            AND NOT EXISTS (
                SELECT FROM person_change c WHERE c.ssin = b.ssin AND c.transaction = pg_current_xact_id()
            )
        ) THEN
            RAISE EXCEPTION 'a person is changed without a row in person_change';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION dossier_is_written_down() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (
            SELECT FROM rows_changed r WHERE NOT EXISTS (
                SELECT FROM person_change c WHERE c.ssin = r.ssin AND c.transaction = pg_current_xact_id()
            )
        ) THEN
            RAISE EXCEPTION 'the data of a person are changed without a row in person_change';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER person_new_is_written_down AFTER INSERT ON person REFERENCING NEW TABLE AS rows_after
    FOR EACH STATEMENT EXECUTE FUNCTION person_new_is_written_down()
    """,
    """
    CREATE TRIGGER person_fact_is_written_down AFTER UPDATE ON person
    REFERENCING OLD TABLE AS rows_before NEW TABLE AS rows_after
    FOR EACH STATEMENT EXECUTE FUNCTION person_fact_is_written_down()
    """,
    """
    CREATE TRIGGER dossier_new_is_written_down AFTER INSERT ON dossier REFERENCING NEW TABLE AS rows_after
    FOR EACH STATEMENT EXECUTE FUNCTION person_new_is_written_down()
    """,
    """
    CREATE TRIGGER dossier_fact_is_written_down AFTER UPDATE ON dossier REFERENCING NEW TABLE AS rows_changed
    FOR EACH STATEMENT EXECUTE FUNCTION dossier_is_written_down()
    """,
    """
    CREATE TRIGGER dossier_end_is_written_down AFTER DELETE ON dossier REFERENCING OLD TABLE AS rows_changed
    FOR EACH STATEMENT EXECUTE FUNCTION dossier_is_written_down()
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the history of people is never dropped by a migration")
