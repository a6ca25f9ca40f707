"""Registers of the repertory, their dossier types, and the history of lines (RP-01, RP-03, RP-04, RP-06, RP-15).

`inscription` stays the table of what holds; `change` tells which change made a line. `inscription_history` has the
lines that hold no more, with the change that made each and the change that ended it: together they tell the lines of
any past moment. `repertory_change` tells who, when, what. Both are append-only.

One function writes lines, for inscription, deletion, batch, import and replacement: `repertory_write`. Its arguments,
verdicts and locks: `repertory/writing.py`. Every row that it reads or writes is keyed by the owner that it was given.

A number that is replaced takes its lines along, in the transaction that replaces it, whoever does so: the trigger on
`person` sees to it. Lines that were there before this revision count as made by change 0.
"""

from __future__ import annotations

from alembic import op

revision = "core_0010"
down_revision = "core_0009"
branch_labels = None
depends_on = None

LOCKS = 0x4B525250 << 32
LOCK = f"{LOCKS} + n % 4093"
"""The advisory lock of the number `n`. So few that PostgreSQL's table of locks, with room for 6,400 as it is installed,
has them all, however many lines are written at the same time."""

# Tables are small when a plan is made and grow while it is kept: a plan that reads them whole would stay.
PLANS = """
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
    SET plan_cache_mode = force_generic_plan
"""

WRITE = f"""
    CREATE FUNCTION repertory_write(
        told_mode smallint, told_operation smallint, told_adding boolean, told_apart boolean, told_change bigint,
        told_owners bigint[], told_ssins bigint[], told_organisations text[], told_types text[],
        told_periods daterange[], told_authors text[], told_tickets text[]
    ) RETURNS TABLE (place bigint, verdict integer, ssin bigint, held daterange)
    LANGUAGE plpgsql {PLANS} AS $$
    #variable_conflict use_column
    DECLARE
        numbers bigint[];
        ids bigint[];
    BEGIN
        IF told_mode > 0 THEN
            SELECT array_agg(n) INTO numbers FROM (
                SELECT unnest(told_ssins)
                UNION
                SELECT p.final_ssin FROM unnest(told_ssins) t (ssin) JOIN person p ON p.ssin = t.ssin
                WHERE p.final_ssin IS NOT NULL
            ) x (n);
            PERFORM pg_advisory_xact_lock(l.key)
            FROM (SELECT DISTINCT {LOCK} AS key FROM unnest(numbers) AS n ORDER BY key) l;
        END IF;
        IF told_change IS NULL THEN
            SELECT array_agg(nextval('repertory_change_id')) INTO ids
            FROM generate_series(1, CASE WHEN told_apart THEN cardinality(told_ssins) ELSE 1 END);
        ELSE
            ids := ARRAY[told_change];
        END IF;
        RETURN QUERY
        WITH judged AS MATERIALIZED (
            SELECT t.place, CASE WHEN told_apart THEN t.place ELSE 1 END AS request, t.owner,
                CASE WHEN told_mode > 0 AND p.state = 2 THEN p.final_ssin ELSE t.ssin END AS ssin,
                t.organisation COLLATE "C" AS organisation, t.dossier_type COLLATE "C" AS dossier_type, t.period,
                CASE
                    WHEN told_mode = 0 THEN 0
                    WHEN p.state = 2 AND p.final_ssin <> ALL (numbers) THEN 9
                    WHEN told_mode = 2 AND p.ssin IS NULL THEN 3
                    WHEN told_mode = 2 AND p.state = 3 THEN 4
                    WHEN d.code IS NULL THEN 5
                    WHEN told_mode = 2 AND told_adding AND d.closed THEN 6
                    ELSE 0
                END AS verdict
            FROM unnest(told_owners, told_ssins, told_organisations, told_types, told_periods)
                WITH ORDINALITY AS t (owner, ssin, organisation, dossier_type, period, place)
            LEFT JOIN person p ON p.ssin = t.ssin
            LEFT JOIN dossier_type d
                ON d.owner = t.owner AND d.organisation = t.organisation AND d.code = t.dossier_type
        ), claimed AS MATERIALIZED (
            SELECT j.place, j.request, j.owner, j.ssin, j.organisation, j.dossier_type, j.period,
                CASE
                    WHEN told_apart AND j.verdict = 0 AND j.request > min(j.request) FILTER (WHERE j.verdict = 0)
                        OVER (PARTITION BY j.owner, j.ssin, j.organisation, j.dossier_type)
                    THEN 9 ELSE j.verdict
                END AS verdict
            FROM judged j
        ), settled AS MATERIALIZED (
            SELECT k.*, b.held, b.before, b.rows, b.changes,
                ARRAY(SELECT unnest(CASE WHEN told_adding THEN b.held + k.told ELSE b.held - k.told END)) AS after
            FROM (
                SELECT c.owner, c.ssin, c.organisation, c.dossier_type, ids[min(c.request)] AS change,
                    min(c.place) AS first_place, range_agg(c.period) AS told,
                    array_agg(c.place) AS places, array_agg(c.period) AS periods
                FROM claimed c WHERE c.verdict = 0
                GROUP BY c.owner, c.ssin, c.organisation, c.dossier_type
            ) k
            CROSS JOIN LATERAL (
                SELECT coalesce(range_agg(i.period), '{{}}'::datemultirange) AS held,
                    coalesce(array_agg(i.period ORDER BY i.period), '{{}}'::daterange[]) AS before,
                    array_agg(i.ctid ORDER BY i.period) AS rows, array_agg(i.change ORDER BY i.period) AS changes
                FROM inscription i
                WHERE i.owner = k.owner AND i.ssin = k.ssin AND i.organisation = k.organisation
                    AND i.dossier_type = k.dossier_type
            ) b
        ), changed AS MATERIALIZED (
            SELECT s.* FROM settled s WHERE s.before <> s.after
        ), gone AS MATERIALIZED (
            SELECT c.owner, c.ssin, c.organisation, c.dossier_type, g.period, g.change AS begun, c.change AS ended,
                g.place
            FROM changed c CROSS JOIN LATERAL unnest(c.before, c.rows, c.changes) AS g (period, place, change)
            WHERE g.period <> ALL (c.after)
        ), noted AS (
            INSERT INTO repertory_change (id, author, ticket, operation, owner)
            SELECT DISTINCT ON (c.change) c.change, told_authors[c.first_place], told_tickets[c.first_place],
                told_operation, c.owner
            FROM changed c WHERE told_change IS NULL
        ), ended AS (
            DELETE FROM inscription WHERE ctid = ANY (ARRAY(SELECT g.place FROM gone g))
        ), kept AS (
            INSERT INTO inscription_history (owner, ssin, organisation, dossier_type, period, begun, ended)
            SELECT g.owner, g.ssin, g.organisation, g.dossier_type, g.period, g.begun, g.ended FROM gone g
        ), made AS (
            INSERT INTO inscription (owner, ssin, organisation, dossier_type, period, change)
            SELECT c.owner, c.ssin, c.organisation, c.dossier_type, a.period, c.change
            FROM changed c CROSS JOIN LATERAL unnest(c.after) AS a (period)
            WHERE a.period <> ALL (c.before)
        )
        SELECT u.place,
            CASE WHEN CASE WHEN told_adding THEN s.held @> u.period ELSE NOT s.held && u.period END
                THEN 1 ELSE 0 END,
            s.ssin, (SELECT a FROM unnest(s.after) AS a WHERE a @> u.period)
        FROM settled s CROSS JOIN LATERAL unnest(s.places, s.periods) AS u (place, period)
        UNION ALL
        SELECT c.place, c.verdict, c.ssin, NULL FROM claimed c WHERE c.verdict <> 0;
    END $$
"""  # noqa: S608  only constants are put in

FOLLOW = f"""
    CREATE FUNCTION repertory_follows_numbers() RETURNS trigger LANGUAGE plpgsql {PLANS} AS $$
    DECLARE
        old_numbers bigint[];
        who text;
        told_ticket text := nullif(current_setting('kruispunt.ticket', true), '');
        pair record;
        id bigint;
    BEGIN
        SELECT array_agg(a.ssin ORDER BY a.ssin) INTO old_numbers FROM rows_after a
        WHERE a.final_ssin IS NOT NULL;
        IF old_numbers IS NULL THEN
            RETURN NULL;
        END IF;
        PERFORM pg_advisory_xact_lock(l.key) FROM (
            SELECT DISTINCT {LOCK} AS key
            FROM rows_after a CROSS JOIN LATERAL (VALUES (a.ssin), (a.final_ssin)) AS v (n)
            WHERE a.final_ssin IS NOT NULL
            ORDER BY key
        ) l;
        SELECT c.author INTO who FROM person_change c
        WHERE c.transaction = pg_current_xact_id() AND c.sequence = (SELECT max(sequence) FROM person_change);
        FOR pair IN
            SELECT p.ssin, p.final_ssin FROM unnest(old_numbers) AS o (ssin) JOIN person p ON p.ssin = o.ssin
            WHERE EXISTS (SELECT FROM inscription i WHERE i.ssin = o.ssin)
        LOOP
            id := nextval('repertory_change_id');
            INSERT INTO repertory_change (id, author, ticket, operation, old, new)
            VALUES (id, coalesce(who, session_user), told_ticket, 3, pair.ssin, pair.final_ssin);
            PERFORM repertory_move(id, pair.ssin, pair.final_ssin);
        END LOOP;
        RETURN NULL;
    END $$
"""  # noqa: S608

MOVE = """
    CREATE FUNCTION repertory_move(told_change bigint, told_old bigint, told_new bigint) RETURNS void
    LANGUAGE plpgsql AS $$
    DECLARE
        owners bigint[];
        organisations text[];
        types text[];
        periods daterange[];
    BEGIN
        SELECT array_agg(i.owner), array_agg(i.organisation), array_agg(i.dossier_type), array_agg(i.period)
        INTO owners, organisations, types, periods
        FROM inscription i WHERE i.ssin = told_old;
        PERFORM repertory_write(0::smallint, 3::smallint, false, false, told_change, owners,
            array_fill(told_old, ARRAY[cardinality(owners)]), organisations, types, periods, NULL, NULL);
        PERFORM repertory_write(0::smallint, 3::smallint, true, false, told_change, owners,
            array_fill(told_new, ARRAY[cardinality(owners)]), organisations, types, periods, NULL, NULL);
    END $$
"""

STATEMENTS = (
    """
    CREATE TABLE register (
        owner      bigint      PRIMARY KEY,
        name       text        NOT NULL CHECK (name <> ''),
        integrator boolean     NOT NULL,
        author     text        NOT NULL CHECK (author <> ''),
        at         timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    """
    CREATE TABLE dossier_type (
        owner        bigint           NOT NULL REFERENCES register,
        organisation text COLLATE "C" NOT NULL,
        code         text COLLATE "C" NOT NULL,
        name         text             NOT NULL,
        closed       boolean          NOT NULL DEFAULT false,
        author       text             NOT NULL CHECK (author <> ''),
        at           timestamptz      NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (owner, organisation, code)
    )
    """,
    "CREATE SEQUENCE repertory_change_id",
    """
    CREATE TABLE repertory_change (
        id        bigint      PRIMARY KEY,
        at        timestamptz NOT NULL DEFAULT clock_timestamp(),
        author    text        NOT NULL CHECK (author <> ''),
        ticket    text,
        operation smallint    NOT NULL CHECK (operation BETWEEN 0 AND 4),
        owner     bigint,
        old       bigint,
        new       bigint,
        undoes    bigint      UNIQUE,
        CONSTRAINT repertory_change_tells_of_whom CHECK ((old IS NULL) = (new IS NULL)),
        CONSTRAINT repertory_change_tells_from_which CHECK ((old IS NOT NULL) = (operation IN (3, 4))),
        CONSTRAINT repertory_change_tells_what_it_undoes CHECK ((undoes IS NOT NULL) = (operation = 4))
    )
    """,
    "COMMENT ON COLUMN repertory_change.operation IS '0 loaded, 1 inscribed, 2 deleted, 3 replaced, 4 undone'",
    "COMMENT ON COLUMN repertory_change.old IS 'the number whose lines moved to new; of 4: that lines came back to'",
    "CREATE INDEX repertory_change_old ON repertory_change (old, id) WHERE old IS NOT NULL",
    "CREATE INDEX repertory_change_new ON repertory_change (new, id) WHERE new IS NOT NULL",
    "INSERT INTO repertory_change (id, author, operation) VALUES (0, 'before there was a history', 0)",
    """
    CREATE TABLE inscription_history (
        owner        bigint           NOT NULL,
        organisation text COLLATE "C" NOT NULL,
        dossier_type text COLLATE "C" NOT NULL,
        ssin         bigint           NOT NULL,
        period       daterange        NOT NULL,
        begun        bigint           NOT NULL,
        ended        bigint           NOT NULL,
        PRIMARY KEY (owner, ssin, organisation, dossier_type, period, begun)
    )
    """,
    "CREATE INDEX inscription_history_ended ON inscription_history (ended)",
    "CREATE INDEX inscription_history_ssin ON inscription_history (ssin)",
    """
    CREATE FUNCTION repertory_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the history of the repertory is never altered'; END $$
    """,
    """
    CREATE TRIGGER repertory_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON repertory_change
    FOR EACH STATEMENT EXECUTE FUNCTION repertory_is_final()
    """,
    """
    CREATE TRIGGER repertory_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON inscription_history
    FOR EACH STATEMENT EXECUTE FUNCTION repertory_is_final()
    """,
    """
    INSERT INTO register (owner, name, integrator, author)
    VALUES (244640631, 'Crossroads Bank for Social Security', true, 'migration')
    """,
    """
    INSERT INTO register (owner, name, integrator, author)
    SELECT DISTINCT owner, lpad(owner::text, 10, '0'), true, 'migration' FROM inscription
    ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO dossier_type (owner, organisation, code, name, author)
    SELECT DISTINCT owner, organisation, dossier_type, dossier_type, 'migration' FROM inscription
    """,
    WRITE,
    MOVE,
    FOLLOW,
    # From here on others wait for the end: nothing that takes long comes after it.
    "ALTER TABLE inscription ADD COLUMN change bigint NOT NULL DEFAULT 0",
    """
    CREATE TRIGGER repertory_follows_numbers AFTER UPDATE ON person REFERENCING NEW TABLE AS rows_after
    FOR EACH STATEMENT EXECUTE FUNCTION repertory_follows_numbers()
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the history of the repertory is never dropped by a migration")
