"""A short way for plain lines, and files of inscriptions in larger blocks (RP-03, RP-06, RP-08).

A line is *plain* when no other line of the call tells its key, and its number was not replaced. Then nothing has to be
grouped: the lines that are held and touch it, mostly none or one, are found by one look into the index, and become one
line with it.

- `repertory_write_plain` goes that way with a line of each number, and calls `repertory_write` when a number occurs
  twice. A line whose number was replaced is told to come again (9), to `repertory_write`.
- `repertory_write_line` is its way with one line, in small statements: to start one large one costs twice as much as
  they do. It is called with the settings of `repertory_write_plain`.
- `repertory_write_columns` goes that way with the lines of a file, as numbers. It gives back those alone that were
  not done.

Tests hold all of them against `repertory_write`, which stays as it is: for lines that are not plain, for replacement,
and for servers that run while this revision is applied.

The index on `inscription_history.ended` goes: who asks what a change ended tells the number too.

A file keeps into which blocks and parts it is cut, so that a load goes on as it began (`batch/loading.py`).
"""

from __future__ import annotations

from alembic import op

revision = "core_0015"
down_revision = "core_0014"
branch_labels = None
depends_on = None

# As in core_0010, where the reasons stand.
LOCKS = 0x4B525250 << 32
LOCK = f"""
    PERFORM pg_advisory_xact_lock(l.key)
    FROM (SELECT DISTINCT {LOCKS} + n % 4093 AS key FROM unnest(told_ssins) AS n ORDER BY key) l;
"""  # noqa: S608
PLANS = """
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
    SET plan_cache_mode = force_generic_plan
"""

VERDICT = """
    CASE
        WHEN p.state = 2 THEN 9
        WHEN told_mode = 2 AND p.ssin IS NULL THEN 3
        WHEN told_mode = 2 AND p.state = 3 THEN 4
        ELSE {of_type}
    END AS verdict
"""
OF_TYPE = "CASE WHEN d.code IS NULL THEN 5 WHEN told_mode = 2 AND told_adding AND d.closed THEN 6 ELSE 0 END"
LINES = f"""
    SELECT t.place, t.owner, t.ssin, t.organisation COLLATE "C" AS organisation,
        t.dossier_type COLLATE "C" AS dossier_type, t.period, lower(t.period) AS first, upper(t.period) AS until,
        changes[CASE WHEN told_apart THEN t.place ELSE 1 END] AS change, {VERDICT.format(of_type=OF_TYPE)}
    FROM unnest(told_owners, told_ssins, told_organisations, told_types, told_periods)
        WITH ORDINALITY AS t (owner, ssin, organisation, dossier_type, period, place)
    LEFT JOIN person p ON p.ssin = t.ssin
    LEFT JOIN dossier_type d ON d.owner = t.owner AND d.organisation = t.organisation AND d.code = t.dossier_type
"""  # noqa: S608
COLUMNS = f"""
    SELECT t.place, told_owner AS owner, t.ssin, told_organisations[t.kind] COLLATE "C" AS organisation,
        told_types[t.kind] COLLATE "C" AS dossier_type, daterange(t.first, t.until) AS period, t.first, t.until,
        change, {VERDICT.format(of_type="of_types[t.kind]")}
    FROM (
        SELECT u.place, u.ssin, u.kind, date '0001-01-01' + (nullif(u.first, 0) - 1) AS first,
            date '0001-01-01' + (nullif(u.until, 0) - 1) AS until
        FROM unnest(told_ssins, told_kinds, told_firsts, told_untils)
            WITH ORDINALITY AS u (ssin, kind, first, until, place)
    ) t
    LEFT JOIN person p ON p.ssin = t.ssin
"""  # noqa: S608

FOUND = """
    found AS MATERIALIZED (
        SELECT t.place, t.owner, t.ssin, t.organisation, t.dossier_type, t.period, t.change, t.verdict,
            i.ctid AS row, i.period AS held, i.change AS begun
        FROM ({lines}) t
        LEFT JOIN inscription i ON t.verdict = 0 AND i.owner = t.owner AND i.ssin = t.ssin
            AND i.organisation = t.organisation AND i.dossier_type = t.dossier_type AND i.period && {near}
    )
"""
WRITTEN = """
    noted AS ({noted}), ended AS (
        DELETE FROM inscription WHERE ctid = ANY (ARRAY(SELECT f.row FROM found f WHERE {gone}))
    ), kept AS (
        INSERT INTO inscription_history (owner, ssin, organisation, dossier_type, period, begun, ended)
        SELECT f.owner, f.ssin, f.organisation, f.dossier_type, f.held, f.begun, f.change FROM found f WHERE {gone}
    ), made AS (
        INSERT INTO inscription (owner, ssin, organisation, dossier_type, period, change) {made}
    )
"""
NOTED = """
    INSERT INTO repertory_change (id, author, ticket, operation, owner)
    SELECT s.change, told_authors[min(s.place)], told_tickets[min(s.place)], told_operation, s.owner
    FROM settled s GROUP BY s.change, s.owner
"""
NOTED_ONCE = """
    INSERT INTO repertory_change (id, author, ticket, operation, owner)
    SELECT change, told_author, told_ticket, told_operation, told_owner WHERE EXISTS (
        SELECT FROM found f WHERE f.verdict = 0
            AND CASE WHEN told_adding THEN (f.held @> f.period) IS NOT TRUE ELSE f.row IS NOT NULL END
    )
"""


def adding(lines: str, noted: str) -> str:
    """A line that touches several is put together apart: `near` is a day longer at both ends, so all of it is one."""
    found = FOUND.format(lines=lines, near="daterange(t.first - 1, t.until + 1)")
    written = WRITTEN.format(
        noted=noted,
        gone="f.row IS NOT NULL AND NOT f.held @> f.period",
        made="SELECT s.owner, s.ssin, s.organisation, s.dossier_type, s.after, s.change FROM settled s",
    )
    return f"""
        WITH {found}, several AS MATERIALIZED (
            SELECT f.place FROM found f GROUP BY f.place HAVING count(*) > 1
        ), settled AS (
            SELECT f.place, f.owner, f.ssin, f.organisation, f.dossier_type, f.change,
                CASE WHEN f.row IS NULL THEN f.period ELSE f.period + f.held END AS after
            FROM found f
            WHERE f.verdict = 0 AND (f.held @> f.period) IS NOT TRUE
                AND f.place NOT IN (SELECT s.place FROM several s)
            UNION ALL
            SELECT f.place, f.owner, f.ssin, f.organisation, f.dossier_type, f.change,
                range_merge(range_agg(f.held) + multirange(f.period))
            FROM found f WHERE (f.place IN (SELECT s.place FROM several s)) IS TRUE
            GROUP BY f.place, f.owner, f.ssin, f.organisation, f.dossier_type, f.change, f.period
        ), {written}
    """  # noqa: S608  only constants are put in


def taking_out(lines: str, noted: str) -> str:
    """Of each line that is held, what is left."""
    found = FOUND.format(lines=lines, near="t.period")
    written = WRITTEN.format(
        noted=noted,
        gone="f.row IS NOT NULL",
        made="""
            SELECT f.owner, f.ssin, f.organisation, f.dossier_type, a.period, f.change
            FROM found f CROSS JOIN LATERAL unnest(multirange(f.held) - multirange(f.period)) AS a (period)
            WHERE f.row IS NOT NULL
        """,
    )
    return f"""
        WITH {found}, settled AS (
            SELECT f.place, f.owner, f.change FROM found f WHERE f.row IS NOT NULL
        ), {written}
    """  # noqa: S608


WRITE_LINE = f"""
    CREATE FUNCTION repertory_write_line(
        told_mode smallint, told_operation smallint, told_adding boolean, told_owner bigint, told_ssin bigint,
        told_organisation text, told_type text, told_period daterange, told_author text, told_ticket text
    ) RETURNS TABLE (place bigint, verdict integer, ssin bigint, held daterange)
    LANGUAGE plpgsql AS $$
    #variable_conflict use_column
    DECLARE
        locked boolean := pg_advisory_xact_lock({LOCKS} + told_ssin % 4093) IS NULL;
        near daterange := told_period;
        span datemultirange;
        after datemultirange;
        rows tid[];
        change bigint;
    BEGIN
        place := 1;
        ssin := told_ssin;
        SELECT {VERDICT.format(of_type=OF_TYPE)} INTO verdict
        FROM (SELECT) one
        LEFT JOIN person p ON p.ssin = told_ssin
        LEFT JOIN dossier_type d
            ON d.owner = told_owner AND d.organisation = told_organisation AND d.code = told_type;
        IF verdict <> 0 THEN
            RETURN NEXT;
            RETURN;
        END IF;
        IF told_adding THEN
            near := daterange(lower(told_period) - 1, upper(told_period) + 1);
        END IF;
        SELECT range_agg(i.period), array_agg(i.ctid) INTO span, rows
        FROM inscription i
        WHERE i.owner = told_owner AND i.ssin = told_ssin AND i.organisation = told_organisation
            AND i.dossier_type = told_type AND i.period && near;
        IF told_adding THEN
            held := range_merge(coalesce(span, '{{}}') + multirange(told_period));
            after := multirange(held);
        ELSE
            after := span - multirange(told_period);
        END IF;
        IF after IS NOT DISTINCT FROM span THEN
            verdict := 1;
            RETURN NEXT;
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
        RETURN NEXT;
    END $$
"""  # noqa: S608

WRITE_PLAIN = f"""
    CREATE FUNCTION repertory_write_plain(
        told_mode smallint, told_operation smallint, told_adding boolean, told_apart boolean,
        told_owners bigint[], told_ssins bigint[], told_organisations text[], told_types text[],
        told_periods daterange[], told_authors text[], told_tickets text[]
    ) RETURNS TABLE (place bigint, verdict integer, ssin bigint, held daterange)
    LANGUAGE plpgsql {PLANS} AS $$
    #variable_conflict use_column
    DECLARE
        lines integer := cardinality(told_ssins);
        changes bigint[];
    BEGIN
        IF lines = 1 THEN
            RETURN QUERY SELECT * FROM repertory_write_line(told_mode, told_operation, told_adding, told_owners[1],
                told_ssins[1], told_organisations[1], told_types[1], told_periods[1], told_authors[1],
                told_tickets[1]);
            RETURN;
        END IF;
        IF lines > (SELECT count(DISTINCT n) FROM unnest(told_ssins) AS n) THEN
            RETURN QUERY SELECT * FROM repertory_write(told_mode, told_operation, told_adding, told_apart, NULL,
                told_owners, told_ssins, told_organisations, told_types, told_periods, told_authors, told_tickets);
            RETURN;
        END IF;
        {LOCK}
        SELECT array_agg(nextval('repertory_change_id')) INTO changes
        FROM generate_series(1, CASE WHEN told_apart THEN lines ELSE 1 END);
        IF told_adding THEN
            RETURN QUERY {adding(LINES, NOTED)}
            SELECT s.place, 0, s.ssin, s.after FROM settled s
            UNION ALL
            SELECT f.place, CASE WHEN f.verdict = 0 THEN 1 ELSE f.verdict END, f.ssin, f.held
            FROM found f WHERE f.verdict <> 0 OR f.held @> f.period;
        ELSE
            RETURN QUERY {taking_out(LINES, NOTED)}
            SELECT DISTINCT f.place, CASE WHEN f.verdict = 0 AND f.row IS NULL THEN 1 ELSE f.verdict END, f.ssin,
                NULL::daterange
            FROM found f;
        END IF;
    END $$
"""  # noqa: S608

WRITE_COLUMNS = f"""
    CREATE FUNCTION repertory_write_columns(
        told_mode smallint, told_operation smallint, told_adding boolean, told_owner bigint,
        told_organisations text[], told_types text[],
        told_ssins bigint[], told_kinds integer[], told_firsts integer[], told_untils integer[],
        told_author text, told_ticket text
    ) RETURNS TABLE (place bigint, verdict integer)
    LANGUAGE plpgsql {PLANS} AS $$
    #variable_conflict use_column
    DECLARE
        of_types integer[];
        change bigint;
    BEGIN
        IF (SELECT count(*) FROM (SELECT DISTINCT n, k FROM unnest(told_ssins, told_kinds) AS u (n, k)) d)
            < cardinality(told_ssins)
        THEN
            RAISE EXCEPTION 'two of the lines are about the same';
        END IF;
        {LOCK}
        SELECT array_agg({OF_TYPE} ORDER BY k.place) INTO of_types
        FROM unnest(told_organisations, told_types) WITH ORDINALITY AS k (organisation, code, place)
        LEFT JOIN dossier_type d
            ON d.owner = told_owner AND d.organisation = k.organisation AND d.code = k.code;
        change := nextval('repertory_change_id');
        IF told_adding THEN
            RETURN QUERY {adding(COLUMNS, NOTED_ONCE)}
            SELECT f.place, CASE WHEN f.verdict = 0 THEN 1 ELSE f.verdict END
            FROM found f WHERE f.verdict <> 0 OR f.held @> f.period;
        ELSE
            RETURN QUERY {taking_out(COLUMNS, NOTED_ONCE)}
            SELECT f.place, CASE WHEN f.verdict = 0 THEN 1 ELSE f.verdict END FROM found f WHERE f.row IS NULL;
        END IF;
    END $$
"""  # noqa: S608

STATEMENTS = (
    WRITE_LINE,
    WRITE_PLAIN,
    WRITE_COLUMNS,
    "ALTER TABLE batch_file ADD COLUMN block integer NOT NULL DEFAULT 50000 CHECK (block > 0)",
    "ALTER TABLE batch_file ADD COLUMN part integer NOT NULL DEFAULT 1000 CHECK (part > 0)",
    "COMMENT ON COLUMN batch_file.block IS 'lines that are put in order of SSIN together'",
    "COMMENT ON COLUMN batch_file.part IS 'lines of one transaction'",
    "COMMENT ON COLUMN batch_part.places IS"
    " 'of each line its place in the block, low byte first: two bytes when block is at most 65536, otherwise four'",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS inscription_history_ended")


def downgrade() -> None:
    raise RuntimeError("the history of the repertory is never dropped by a migration")
