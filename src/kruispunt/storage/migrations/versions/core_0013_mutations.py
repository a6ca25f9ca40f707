"""Subscriptions to changes of people, and what was told to whom (RP-15 to RP-19).

`person_change` stays the one record of changes. `parts` tells what of the person changed (`registers/parts.py`), so
that a distribution chooses without reading a document; changes from before this revision count as changes of all.

A `distribution` tells the changes after one place in `person_change` up to another, and the same of the items of
streams: one of a civil day for files, or one without a day for what is pushed. `distributed_person` and
`distributed_item` keep what was chosen and for which files, in the transaction that fixes those places. From there on
the bytes of a file follow from rows that no longer change, so a file can be made again at any time.

A definition that changes ends its row in `subscription`, and a new row goes on with the numbers of the same `code`.
"""

from __future__ import annotations

from alembic import op

revision = "core_0013"
down_revision = "core_0012"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE person_change ADD COLUMN parts smallint NOT NULL DEFAULT 4095 CHECK (parts BETWEEN 0 AND 4095)",
    "COMMENT ON COLUMN person_change.parts IS 'what of the person changed: registers/parts.py'",
    """
    CREATE TABLE subscription (
        id            bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
        code          text        NOT NULL CHECK (code ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
        organisation  text        NOT NULL,
        receiver      text        NOT NULL,
        legal_context text        NOT NULL,
        owner         bigint      NOT NULL REFERENCES register,
        known_to      text COLLATE "C",
        dossier_types text[] COLLATE "C" CHECK (cardinality(dossier_types) > 0),
        active_only   boolean     NOT NULL,
        kinds         text[]      NOT NULL,
        stream        text,
        pushed        boolean     NOT NULL,
        author        text        NOT NULL CHECK (author <> ''),
        at            timestamptz NOT NULL DEFAULT clock_timestamp(),
        ended         timestamptz,
        CONSTRAINT subscription_is_to_something CHECK ((cardinality(kinds) = 0) = (stream IS NOT NULL))
    )
    """,
    "CREATE UNIQUE INDEX subscription_code ON subscription (code) WHERE ended IS NULL",
    "COMMENT ON COLUMN subscription.organisation IS 'code of the access files'",
    "COMMENT ON COLUMN subscription.owner IS 'whose register tells who is known'",
    "COMMENT ON COLUMN subscription.known_to IS 'the organisation within that register; null: all of them'",
    "COMMENT ON COLUMN subscription.dossier_types IS 'null: all of them'",
    """
    CREATE TABLE stream_item (
        sequence  bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
        stream    text        NOT NULL,
        reference text        NOT NULL CHECK (reference <> ''),
        ssin      bigint      NOT NULL,
        told_at   timestamptz NOT NULL,
        document  text        NOT NULL,
        received  timestamptz NOT NULL DEFAULT clock_timestamp(),
        author    text        NOT NULL CHECK (author <> ''),
        UNIQUE (stream, reference)
    )
    """,
    "COMMENT ON COLUMN stream_item.reference IS 'of whoever sends it: the same one twice is one item'",
    "COMMENT ON COLUMN stream_item.document IS 'one XML element in canonical form'",
    """
    CREATE FUNCTION stream_item_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'items of a stream are never altered'; END $$
    """,
    """
    CREATE TRIGGER stream_item_is_final BEFORE UPDATE ON stream_item
    FOR EACH STATEMENT EXECUTE FUNCTION stream_item_is_final()
    """,
    """
    CREATE TABLE stream_position (
        stream   text        PRIMARY KEY,
        position text        NOT NULL CHECK (position <> ''),
        at       timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    "COMMENT ON COLUMN stream_position.position IS 'where the supplier of the stream said that its items ended'",
    """
    CREATE TABLE distribution (
        id           bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
        day          date        UNIQUE,
        changes_from bigint      NOT NULL,
        changes_upto bigint      NOT NULL,
        items_from   bigint      NOT NULL,
        items_upto   bigint      NOT NULL,
        at           timestamptz NOT NULL,
        finished     timestamptz,
        CONSTRAINT distribution_goes_on CHECK (changes_from <= changes_upto AND items_from <= items_upto)
    )
    """,
    "COMMENT ON COLUMN distribution.day IS 'civil day in Belgium; null: a round of what is pushed'",
    "COMMENT ON COLUMN distribution.changes_from IS 'not told here: the last one that was told before'",
    "COMMENT ON COLUMN distribution.at IS 'when it was fixed; its files tell this as their time'",
    "COMMENT ON COLUMN distribution.finished IS 'when its last file was there'",
    """
    CREATE TABLE mutation_file (
        id           bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
        distribution bigint      NOT NULL REFERENCES distribution,
        subscription bigint      NOT NULL REFERENCES subscription,
        code         text        NOT NULL,
        sequence     bigint      NOT NULL CHECK (sequence BETWEEN 1 AND 999999999999999),
        parts        smallint    NOT NULL,
        groups       smallint    NOT NULL,
        records      bigint,
        size         bigint,
        sha256       bytea       CHECK (octet_length(sha256) = 32),
        voucher      bytea,
        published    timestamptz,
        asked        timestamptz,
        collected    timestamptz,
        collector    text,
        noticed      timestamptz,
        UNIQUE (code, sequence),
        UNIQUE (distribution, subscription),
        CONSTRAINT mutation_file_is_whole CHECK (
            num_nulls(records, size, sha256, voucher, published) IN (0, 5)
        )
    )
    """,
    "COMMENT ON COLUMN mutation_file.parts IS 'which changes it tells, as authorised when it was fixed'",
    "COMMENT ON COLUMN mutation_file.groups IS 'which data of them, likewise; parts of registers/parts.py'",
    "COMMENT ON COLUMN mutation_file.asked IS 'when the subscriber asked for it again, until it is there again'",
    "COMMENT ON COLUMN mutation_file.collected IS 'when the subscriber said that it has it'",
    "COMMENT ON COLUMN mutation_file.noticed IS 'when it was told to the operator that nobody collects it'",
    "CREATE INDEX mutation_file_waiting ON mutation_file (published) WHERE collected IS NULL",
    """
    CREATE TABLE distributed_person (
        distribution bigint   NOT NULL REFERENCES distribution,
        ssin         bigint   NOT NULL,
        parts        smallint NOT NULL,
        replaced     bigint[] NOT NULL DEFAULT '{}',
        files        bigint[] NOT NULL,
        PRIMARY KEY (distribution, ssin)
    )
    """,
    "COMMENT ON COLUMN distributed_person.ssin IS 'at the end of its chain'",
    "COMMENT ON COLUMN distributed_person.replaced IS 'numbers in whose place it came meanwhile, smallest first'",
    "COMMENT ON COLUMN distributed_person.files IS 'in which it is told, smallest first'",
    "CREATE INDEX distributed_person_ssin ON distributed_person (ssin)",
    """
    CREATE TABLE distributed_item (
        distribution bigint   NOT NULL REFERENCES distribution,
        item         bigint   NOT NULL,
        ssin         bigint   NOT NULL,
        files        bigint[] NOT NULL,
        PRIMARY KEY (distribution, item)
    )
    """,
    "COMMENT ON COLUMN distributed_item.ssin IS 'at the end of its chain'",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("what was told to whom is never dropped by a migration")
