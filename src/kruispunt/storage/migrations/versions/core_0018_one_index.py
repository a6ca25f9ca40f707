"""One index for lines and one for those of the past, by number first; a shorter way for one line (RP-03, RP-06).

Every question about lines tells the number, many without the owner: with the number first, the primary key answers
those too, and the index on the number alone is not needed. A line is then written to one index, where it was two.

What undid a change is asked of few changes, and only those that undo one stand in its index.

`repertory_write_line` is called by itself from here on, with the values of the line and no arrays, and gives one row.
It keeps its name, arguments and columns, by which `repertory_write_plain` calls it, and reads all that it needs in one
statement. Reading whole tables is off, because tables are small when a plan is made and grow while it is kept.

Built while the repertory is written to; what is broken off is done again from the start.
"""

from __future__ import annotations

from alembic import op

revision = "core_0018"
down_revision = "core_0017"
branch_labels = None
depends_on = None

# As in core_0010, where the reasons stand.
LOCKS = 0x4B525250 << 32

INDEXES = {
    "inscription_by_number": "inscription (ssin, owner, organisation, dossier_type, period)",
    "inscription_history_by_number": "inscription_history (ssin, owner, organisation, dossier_type, period, begun)",
    "repertory_change_undoes": "repertory_change (undoes) WHERE undoes IS NOT NULL",
}

WRITE_LINE = f"""
    CREATE FUNCTION repertory_write_line(
        told_mode smallint, told_operation smallint, told_adding boolean, told_owner bigint, told_ssin bigint,
        told_organisation text, told_type text, told_period daterange, told_author text, told_ticket text,
        OUT place bigint, OUT verdict integer, OUT ssin bigint, OUT held daterange
    ) LANGUAGE plpgsql SET enable_seqscan = off AS $$
    #variable_conflict use_column
    DECLARE
        locked boolean := pg_advisory_xact_lock({LOCKS} + told_ssin % 4093) IS NULL;
        near daterange := CASE
            WHEN told_adding THEN daterange(lower(told_period) - 1, upper(told_period) + 1) ELSE told_period
        END;
        span datemultirange;
        after datemultirange;
        rows tid[];
        change bigint;
    BEGIN
        place := 1;
        ssin := told_ssin;
        SELECT
            CASE
                WHEN p.state = 2 THEN 9
                WHEN told_mode = 2 AND p.ssin IS NULL THEN 3
                WHEN told_mode = 2 AND p.state = 3 THEN 4
                WHEN d.code IS NULL THEN 5
                WHEN told_mode = 2 AND told_adding AND d.closed THEN 6
                ELSE 0
            END, l.span, l.rows
        INTO verdict, span, rows
        FROM (
            SELECT range_agg(i.period) AS span, array_agg(i.ctid) AS rows
            FROM inscription i
            WHERE i.ssin = told_ssin AND i.owner = told_owner AND i.organisation = told_organisation
                AND i.dossier_type = told_type AND i.period && near
        ) l
        LEFT JOIN person p ON p.ssin = told_ssin
        LEFT JOIN dossier_type d
            ON d.owner = told_owner AND d.organisation = told_organisation AND d.code = told_type;
        IF verdict <> 0 THEN
            RETURN;
        END IF;
        IF told_adding THEN
            held := coalesce(range_merge(span + multirange(told_period)), told_period);
            after := multirange(held);
        ELSE
            after := span - multirange(told_period);
        END IF;
        IF after IS NOT DISTINCT FROM span THEN
            verdict := 1;
            RETURN;
        END IF;
        change := nextval('repertory_change_id');
        INSERT INTO repertory_change (id, author, ticket, operation, owner)
        VALUES (change, told_author, told_ticket, told_operation, told_owner);
        IF rows IS NOT NULL THEN
            WITH ended AS (DELETE FROM inscription WHERE ctid = ANY (rows) RETURNING period, change AS begun)
            INSERT INTO inscription_history (owner, ssin, organisation, dossier_type, period, begun, ended)
            SELECT told_owner, told_ssin, told_organisation, told_type, e.period, e.begun, change FROM ended e;
        END IF;
        IF told_adding THEN
            INSERT INTO inscription (owner, ssin, organisation, dossier_type, period, change)
            VALUES (told_owner, told_ssin, told_organisation, told_type, held, change);
        ELSE
            INSERT INTO inscription (owner, ssin, organisation, dossier_type, period, change)
            SELECT told_owner, told_ssin, told_organisation, told_type, a.period, change
            FROM unnest(after) AS a (period);
        END IF;
    END $$
"""  # noqa: S608  only constants are put in

TABLES = ("inscription", "inscription_history")


def upgrade() -> None:
    # Each statement by itself: none holds a table while it waits for another one, as those do who write lines.
    with op.get_context().autocommit_block():
        for name, columns in INDEXES.items():
            # One that was broken off is there, and of no use.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {columns}")
        for table in TABLES:
            op.execute(
                f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey,"
                f" ADD CONSTRAINT {table}_pkey PRIMARY KEY USING INDEX {table}_by_number"
            )
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {table}_ssin")
        op.execute("ALTER TABLE repertory_change DROP CONSTRAINT IF EXISTS repertory_change_undoes_key")
    op.execute(
        "DROP FUNCTION repertory_write_line"
        " (smallint, smallint, boolean, bigint, bigint, text, text, daterange, text, text)"
    )
    op.execute(WRITE_LINE)


def downgrade() -> None:
    raise RuntimeError("the history of the repertory is never dropped by a migration")
