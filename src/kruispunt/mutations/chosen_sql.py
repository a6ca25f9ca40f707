"""The statements of `choosing.py`, in the order in which they run.

Tables of the transaction hold what is known so far:

    candidate   a subscription, the file that it would get, and what may be told in it
    mutated     a number that changed, and its parts; `first` and `last` are places in `person_change`
    number      a number whose chain is followed: it changed, or an item is about it
    past        a number whose place in its chain changed after the last change that is told, as it was before that
    link        a number that was replaced and the next one; the end of a chain has none
    ending      a number, and the one under which it is told
    told        a number under which is told, the parts, and the numbers in whose place it came
    holder      a number at which lines of such a number may stand
"""

from __future__ import annotations

from typing import Final

from kruispunt.registers.parts import DATA, NUMBER, Part

_FEW: Final = 40
"""Lines for each number, from which on they are found by the number, and not by reading all of them."""

CREATE: Final = (
    """
    CREATE TEMPORARY TABLE candidate (
        file bigint NOT NULL, subscription bigint NOT NULL, code text NOT NULL, owner bigint NOT NULL,
        known_to text COLLATE "C", dossier_types text[] COLLATE "C", active_only boolean NOT NULL,
        parts smallint NOT NULL, groups smallint NOT NULL, stream text
    ) ON COMMIT DROP
    """,
    """
    CREATE TEMPORARY TABLE mutated (
        ssin bigint PRIMARY KEY, parts smallint NOT NULL, first bigint NOT NULL, last bigint NOT NULL
    ) ON COMMIT DROP
    """,
    "CREATE TEMPORARY TABLE number (ssin bigint PRIMARY KEY) ON COMMIT DROP",
    """
    CREATE TEMPORARY TABLE past (
        ssin bigint PRIMARY KEY, known boolean NOT NULL, replaced_by bigint, cancelled boolean NOT NULL
    ) ON COMMIT DROP
    """,
    "CREATE TEMPORARY TABLE link (ssin bigint PRIMARY KEY, next bigint) ON COMMIT DROP",
    "CREATE TEMPORARY TABLE ending (ssin bigint PRIMARY KEY, told bigint NOT NULL) ON COMMIT DROP",
    """
    CREATE TEMPORARY TABLE told (ssin bigint PRIMARY KEY, parts smallint NOT NULL, replaced bigint[] NOT NULL)
    ON COMMIT DROP
    """,
    "CREATE TEMPORARY TABLE holder (ssin bigint NOT NULL, told bigint NOT NULL) ON COMMIT DROP",
)

RESERVE: Final = "SELECT nextval(pg_get_serial_sequence('mutation_file', 'id')) FROM generate_series(1, $1::integer)"
"""Numbers of rows that are there before the rows: those of files without content may stay unused."""

MUTATED: Final = """
    INSERT INTO pg_temp.mutated (ssin, parts, first, last)
    SELECT ssin, bit_or(parts), min(sequence), max(sequence) FROM person_change
    WHERE sequence > $1 AND sequence <= $2 AND ssin IS NOT NULL
    GROUP BY ssin HAVING bit_or(parts) <> 0
"""
# What was written down once more is told, although nothing differs (`Changer.repeat`).
SEVERAL: Final = """
    SELECT m.ssin, f.before, l.after, (
        SELECT coalesce(bit_or(r.parts), 0) FROM person_change r
        WHERE r.ssin = m.ssin AND r.sequence BETWEEN m.first AND m.last AND r.before = r.after
    )
    FROM pg_temp.mutated m JOIN person_change f ON f.sequence = m.first JOIN person_change l ON l.sequence = m.last
    WHERE m.first < m.last
"""
NET: Final = """
    UPDATE pg_temp.mutated m SET parts = n.parts
    FROM unnest($1::bigint[], $2::smallint[]) AS n (ssin, parts) WHERE m.ssin = n.ssin
"""
UNCHANGED: Final = "DELETE FROM pg_temp.mutated WHERE parts = 0"

NUMBERS_OF_PEOPLE: Final = "INSERT INTO pg_temp.number SELECT ssin FROM pg_temp.mutated"
NUMBERS_OF_ITEMS: Final = """
    INSERT INTO pg_temp.number
    SELECT DISTINCT s.ssin FROM stream_item s
    WHERE s.sequence > $1 AND s.sequence <= $2 AND s.stream IN (SELECT c.stream FROM pg_temp.candidate c)
    ON CONFLICT DO NOTHING
"""

# The first change after the end tells how it was at the end.
PAST: Final = f"""
    INSERT INTO pg_temp.past (ssin, known, replaced_by, cancelled)
    SELECT DISTINCT ON (ssin) ssin, before IS NOT NULL, (before::jsonb ->> 'replacedBy')::bigint,
        coalesce((before::jsonb ->> 'cancelled')::boolean, false)
    FROM person_change
    WHERE sequence > $1 AND ssin IS NOT NULL AND parts & {NUMBER.value} <> 0
    ORDER BY ssin, sequence
"""  # noqa: S608  only constants are put in

_STANDING: Final = """
    SELECT CASE WHEN o.ssin IS NULL THEN p.replaced_by ELSE o.replaced_by END AS next,
        CASE WHEN o.ssin IS NULL THEN p.state = 3 AND p.replaced_by IS NULL ELSE o.cancelled END AS cancelled
    FROM person p LEFT JOIN pg_temp.past o ON o.ssin = p.ssin
    WHERE p.ssin = {ssin} AND o.known IS NOT FALSE
"""
# UNION forgets what was seen before: the walk visits each number once, and ends also in a circle.
LINKS: Final = f"""
    INSERT INTO pg_temp.link (ssin, next)
    WITH RECURSIVE reached (ssin, next) AS (
        SELECT n.ssin, s.next FROM pg_temp.number n CROSS JOIN LATERAL ({_STANDING.format(ssin="n.ssin")}) s
        WHERE s.next IS NOT NULL
    UNION
        SELECT r.next, s.next FROM reached r CROSS JOIN LATERAL ({_STANDING.format(ssin="r.next")}) s
    )
    SELECT ssin, next FROM reached
"""  # noqa: S608
# From the ends back, so that a long chain costs no more than its length.
ENDINGS: Final = """
    INSERT INTO pg_temp.ending (ssin, told)
    WITH RECURSIVE back (ssin, told) AS (
        SELECT l.ssin, l.ssin FROM pg_temp.link l
        WHERE NOT EXISTS (SELECT FROM pg_temp.link further WHERE further.ssin = l.next)
    UNION ALL
        SELECT l.ssin, b.told FROM back b JOIN pg_temp.link l ON l.next = b.ssin
    )
    SELECT n.ssin, coalesce(b.told, n.ssin) FROM pg_temp.number n LEFT JOIN back b ON b.ssin = n.ssin
"""

TOLD: Final = """
    INSERT INTO pg_temp.told (ssin, parts, replaced)
    SELECT e.told, bit_or(m.parts),
        coalesce(array_agg(m.ssin ORDER BY m.ssin) FILTER (WHERE m.ssin <> e.told), '{}')
    FROM pg_temp.mutated m JOIN pg_temp.ending e ON e.ssin = m.ssin
    GROUP BY e.told
"""
# Whoever knew the other number has none of the data of this one.
TOLD_WHOLE: Final = f"""
    UPDATE pg_temp.told t SET parts = t.parts | {DATA.value}
    WHERE cardinality(t.replaced) > 0 AND EXISTS (
        SELECT FROM ({_STANDING.format(ssin="t.ssin")}) s WHERE s.next IS NULL AND NOT s.cancelled
    )
"""  # noqa: S608
# Where all groups may differ, a decease is told only when a register holds one, or held one that is withdrawn. With its
# quotes the name of the field stands in no text, where they are escaped.
TOLD_DECEASED: Final = f"""
    UPDATE pg_temp.told t SET parts = CASE WHEN EXISTS (
        SELECT FROM unnest(t.ssin || t.replaced) n (ssin) WHERE EXISTS (
            SELECT FROM person_change c WHERE c.ssin = n.ssin AND c.sequence <= $1
                AND (strpos(c.after, '"decease":') > 0 OR strpos(c.before, '"decease":') > 0)
        ) OR strpos(coalesce(
            (SELECT c.before FROM person_change c WHERE c.ssin = n.ssin AND c.sequence > $1 ORDER BY sequence LIMIT 1),
            (SELECT string_agg(d.document, '') FROM dossier d WHERE d.ssin = n.ssin)
        ), '"decease":') > 0
    ) THEN t.parts | {Part.DECEASE.value} ELSE t.parts & ~{Part.DECEASE.value} END
    WHERE t.parts & {(Part.DECEASE | Part.ACCESS).value} <> 0
"""  # noqa: S608

# `broken` are those without a valid end now: of their chains both sides are looked at, but for circles.
HOLDERS: Final = """
    INSERT INTO pg_temp.holder (ssin, told)
    WITH RECURSIVE standing AS (
        SELECT e.told, p.state, p.final_ssin, p.replaced_by
        FROM (SELECT DISTINCT told FROM pg_temp.ending) e LEFT JOIN person p ON p.ssin = e.told
    ), broken AS (
        SELECT s.told, s.replaced_by, l.next IS NULL AS was_last FROM standing s
        LEFT JOIN pg_temp.link l ON l.ssin = s.told
        WHERE s.state = 3 AND NOT EXISTS (SELECT FROM pg_temp.link further WHERE further.ssin = l.next)
    ), earlier (told, ssin) AS (
        SELECT b.told, b.told FROM broken b
    UNION
        SELECT e.told, p.ssin FROM earlier e JOIN person p ON p.replaced_by = e.ssin
    ), later (told, ssin) AS (
        SELECT b.told, b.replaced_by FROM broken b WHERE b.was_last AND b.replaced_by IS NOT NULL
    UNION
        SELECT l.told, p.replaced_by FROM later l JOIN person p ON p.ssin = l.ssin WHERE p.replaced_by IS NOT NULL
    )
    SELECT CASE s.state WHEN 2 THEN s.final_ssin ELSE s.told END, s.told FROM standing s
    UNION SELECT e.ssin, e.told FROM earlier e
    UNION SELECT l.ssin, l.told FROM later l
    ORDER BY 1
"""
HOLDERS_ARE_FEW: Final = f"""
    SELECT (SELECT count(*) FROM pg_temp.holder) * {_FEW} < reltuples FROM pg_class WHERE oid = 'inscription'::regclass
"""  # noqa: S608

# In the order of the numbers, one probe each: OFFSET 0 keeps the planner from reading all lines.
_PROBED: Final = """
    SELECT h.told, i.owner, i.organisation, i.dossier_type, i.period FROM pg_temp.holder h CROSS JOIN LATERAL (
        SELECT owner, organisation, dossier_type, period FROM inscription WHERE ssin = h.ssin OFFSET 0
    ) i
"""
_SCANNED: Final = """
    SELECT h.told, i.owner, i.organisation, i.dossier_type, i.period
    FROM pg_temp.holder h JOIN inscription i ON i.ssin = h.ssin
"""
_COUNTS: Final = """
    (c.dossier_types IS NULL OR l.dossier_type = ANY (c.dossier_types)) AND (NOT c.active_only OR l.period @> $2::date)
"""
# A register has thousands of subscribers or one: joined by equality of all that can be equal.
_DISTRIBUTE_PEOPLE: Final = f"""
    INSERT INTO distributed_person (distribution, ssin, parts, replaced, files)
    WITH line AS MATERIALIZED (
        SELECT l.*, t.parts FROM ({{lines}}) l JOIN pg_temp.told t ON t.ssin = l.told
    )
    SELECT $1, t.ssin, t.parts, t.replaced, f.files
    FROM (
        SELECT m.told, array_agg(DISTINCT m.file ORDER BY m.file) AS files
        FROM (
            SELECT l.told, c.file FROM line l
            JOIN pg_temp.candidate c ON c.owner = l.owner AND c.known_to = l.organisation
            WHERE l.parts & c.parts <> 0 AND {_COUNTS}
            UNION ALL
            SELECT l.told, c.file FROM line l
            JOIN pg_temp.candidate c ON c.owner = l.owner AND c.known_to IS NULL
            WHERE l.parts & c.parts <> 0 AND {_COUNTS}
        ) m
        GROUP BY m.told
    ) f JOIN pg_temp.told t ON t.ssin = f.told
"""  # noqa: S608
_OF_ITEMS: Final = """
    SELECT s.sequence, s.stream, e.told FROM stream_item s JOIN pg_temp.ending e ON e.ssin = s.ssin
    WHERE s.sequence > $3 AND s.sequence <= $4
"""
_DISTRIBUTE_ITEMS: Final = f"""
    INSERT INTO distributed_item (distribution, item, ssin, files)
    WITH item AS MATERIALIZED ({_OF_ITEMS})
    SELECT $1, s.sequence, s.told, f.files
    FROM item s JOIN (
        SELECT l.told, c.stream, array_agg(DISTINCT c.file ORDER BY c.file) AS files
        FROM ({{lines}}) l
        JOIN (SELECT DISTINCT told, stream FROM item) n ON n.told = l.told
        JOIN pg_temp.candidate c ON c.owner = l.owner AND c.stream = n.stream
        WHERE (c.known_to IS NULL OR c.known_to = l.organisation) AND {_COUNTS}
        GROUP BY l.told, c.stream
    ) f ON f.told = s.told AND f.stream = s.stream
"""  # noqa: S608
DISTRIBUTE_PEOPLE: Final = {
    True: _DISTRIBUTE_PEOPLE.format(lines=_PROBED),
    False: _DISTRIBUTE_PEOPLE.format(lines=_SCANNED),
}
"""By whether the holders are few."""
DISTRIBUTE_ITEMS: Final = {
    True: _DISTRIBUTE_ITEMS.format(lines=_PROBED),
    False: _DISTRIBUTE_ITEMS.format(lines=_SCANNED),
}

FILES: Final = """
    INSERT INTO mutation_file (id, distribution, subscription, code, sequence, parts, groups)
    OVERRIDING SYSTEM VALUE
    SELECT c.file, $1, c.subscription, c.code,
        1 + coalesce((SELECT max(f.sequence) FROM mutation_file f WHERE f.code = c.code), 0), c.parts, c.groups
    FROM pg_temp.candidate c
    WHERE $2 OR c.file IN (
        SELECT unnest(files) FROM distributed_person WHERE distribution = $1
        UNION ALL SELECT unnest(files) FROM distributed_item WHERE distribution = $1
    )
"""
"""Without gaps for each code; with `$2` also for subscriptions of which nothing is told."""
