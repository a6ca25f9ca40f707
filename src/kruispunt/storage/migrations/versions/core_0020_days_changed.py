"""Other days in the place of some in one step, closed types asked last, who replaced a number (RP-03, RP-06, RP-07).

`repertory_change_days` puts days in and takes others out under the locks of `repertory_write`, which it calls for both:
two such changes of one key come one after the other, and a crash leaves all of one or nothing. Its verdict is one of
`repertory_write`, or 7 when there was nothing to change.

A closed type refuses what is new under it, and days that are held already are not new. Each function that writes lines
asks so from here on. In everything else they stay as they are: their text is taken from the database, and the one
condition put in.

A replacement through a service tells the application and the exchange apart, in settings of its transaction; one that
comes in another way has the author that `person_change` has, as before.
"""

from __future__ import annotations

from alembic import op

revision = "core_0020"
down_revision = "core_0019"
branch_labels = None
depends_on = None

# As in core_0010, where the reasons stand.
LOCKS = 0x4B525250 << 32

CLOSED = "d.closed THEN 6"
HELD = """
    EXISTS (
        SELECT FROM inscription i
        WHERE i.owner = {owner} AND i.ssin = {ssin} AND i.organisation = {organisation} AND i.dossier_type = {type}
            AND i.period @> {period}
    )
"""
OF_ROW = HELD.format(
    owner="t.owner",
    ssin="CASE WHEN p.state = 2 THEN p.final_ssin ELSE t.ssin END",
    organisation="t.organisation",
    type="t.dossier_type",
    period="t.period",
)
OF_COLUMNS = HELD.format(
    owner="told_owner",
    ssin="t.ssin",
    organisation="told_organisations[t.kind]",
    type="told_types[t.kind]",
    period="daterange(t.first, t.until)",
)
CHANGED = {
    "repertory_write": (CLOSED, f"d.closed AND NOT {OF_ROW} THEN 6"),
    "repertory_write_plain": (CLOSED, f"d.closed AND NOT {OF_ROW} THEN 6"),
    "repertory_write_line": (CLOSED, "d.closed AND (l.span @> told_period) IS NOT TRUE THEN 6"),
    "repertory_write_columns": (
        "ELSE of_types[t.kind]",
        f"WHEN of_types[t.kind] = 6 AND {OF_COLUMNS} THEN 0 ELSE of_types[t.kind]",
    ),
    "repertory_follows_numbers": (
        "coalesce(who, session_user)",
        "coalesce(nullif(current_setting('kruispunt.application', true), ''), who, session_user)",
    ),
}
CHANGE = """
    DO $do$
    DECLARE
        before text := pg_get_functiondef('{name}'::regproc);
        after text := replace(before, $old${old}$old$, $new${new}$new$);
    BEGIN
        IF after = before THEN
            RAISE EXCEPTION '{name} is not the one that this revision knows';
        END IF;
        EXECUTE after;
    END $do$
"""

CHANGE_DAYS = f"""
    CREATE FUNCTION repertory_change_days(
        told_owner bigint, told_ssin bigint, told_organisation text, told_type text,
        told_before daterange, told_after daterange, told_author text, told_ticket text,
        OUT place bigint, OUT verdict integer, OUT ssin bigint, OUT held daterange
    ) LANGUAGE plpgsql SET enable_seqscan = off AS $$
    #variable_conflict use_column
    DECLARE
        number bigint;
        there boolean;
        leaving daterange[] := ARRAY(SELECT unnest(multirange(told_before) - multirange(told_after)));
        lines integer := cardinality(leaving);
        left_out integer;
    BEGIN
        place := 1;
        PERFORM pg_advisory_xact_lock(l.key) FROM (
            SELECT DISTINCT {LOCKS} + n % 4093 AS key
            FROM (
                SELECT told_ssin
                UNION
                SELECT p.final_ssin FROM person p WHERE p.ssin = told_ssin AND p.final_ssin IS NOT NULL
            ) x (n)
            ORDER BY key
        ) l;
        number := coalesce((SELECT p.final_ssin FROM person p WHERE p.ssin = told_ssin), told_ssin);
        there := EXISTS (
            SELECT FROM inscription i
            WHERE i.owner = told_owner AND i.ssin = number AND i.organisation = told_organisation
                AND i.dossier_type = told_type AND (i.period && told_before OR i.period @> told_after)
        );
        -- With nothing there to change, it is asked what would be said of days that are taken out.
        SELECT w.verdict, w.ssin INTO verdict, ssin
        FROM repertory_write(2::smallint, CASE WHEN there THEN 1 ELSE 2 END::smallint, there, false, NULL,
            ARRAY[told_owner], ARRAY[told_ssin], ARRAY[told_organisation], ARRAY[told_type],
            ARRAY[CASE WHEN there THEN told_after ELSE told_before END], ARRAY[told_author], ARRAY[told_ticket]) w;
        IF verdict = 1 AND NOT there THEN
            verdict := 7;
        END IF;
        IF verdict > 1 THEN
            RETURN;
        END IF;
        IF lines > 0 THEN
            SELECT min(w.verdict) INTO left_out
            FROM repertory_write(1::smallint, 2::smallint, false, false, NULL,
                array_fill(told_owner, ARRAY[lines]), array_fill(told_ssin, ARRAY[lines]),
                array_fill(told_organisation, ARRAY[lines]), array_fill(told_type, ARRAY[lines]), leaving,
                array_fill(told_author, ARRAY[lines]), array_fill(told_ticket, ARRAY[lines])) w;
            verdict := least(verdict, left_out);
        END IF;
        SELECT i.period INTO held FROM inscription i
        WHERE i.owner = told_owner AND i.ssin = number AND i.organisation = told_organisation
            AND i.dossier_type = told_type AND i.period @> told_after;
    END $$
"""  # noqa: S608  only constants are put in


def upgrade() -> None:
    for name, (old, new) in CHANGED.items():
        op.execute(CHANGE.format(name=name, old=old, new=new))
    op.execute(CHANGE_DAYS)


def downgrade() -> None:
    raise RuntimeError("the history of the repertory is never dropped by a migration")
