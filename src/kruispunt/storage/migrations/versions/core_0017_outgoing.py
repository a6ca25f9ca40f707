"""What is pushed to subscribers, from when it is fixed until JetStream has it (RP-15 to RP-18).

A row of `outgoing` is a piece of a file, as `jetstream/pieces.py` has it. All pieces of a round are written in the
transaction that finishes its `distribution`. Bodies never change; what changes is where a piece stands.
"""

from __future__ import annotations

from alembic import op

revision = "core_0017"
down_revision = "core_0016"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE outgoing_lane (
        code   text   PRIMARY KEY,
        number bigint NOT NULL DEFAULT 0,
        stream text
    )
    """,
    "COMMENT ON TABLE outgoing_lane IS 'one for each subscription that was ever pushed'",
    "COMMENT ON COLUMN outgoing_lane.number IS 'of the last piece'",
    "COMMENT ON COLUMN outgoing_lane.stream IS 'when JetStream made the stream: a newer one holds nothing of ours'",
    """
    CREATE TABLE outgoing (
        code      text        NOT NULL REFERENCES outgoing_lane,
        number    bigint      NOT NULL,
        file      bigint      NOT NULL REFERENCES mutation_file,
        part      text        NOT NULL CHECK (part IN ('head', 'record', 'end', 'voucher')),
        body      bytea       NOT NULL,
        again     integer     NOT NULL DEFAULT 0,
        published timestamptz,
        place     bigint,
        PRIMARY KEY (code, number),
        CONSTRAINT outgoing_is_published_to_a_place CHECK ((published IS NULL) = (place IS NULL))
    )
    """,
    "COMMENT ON COLUMN outgoing.again IS 'how many times it was asked to be sent again'",
    "COMMENT ON COLUMN outgoing.published IS 'when JetStream said that it has it'",
    "COMMENT ON COLUMN outgoing.place IS 'its sequence in the stream'",
    "CREATE INDEX outgoing_waiting ON outgoing (code, number) WHERE published IS NULL",
    "CREATE INDEX outgoing_voucher ON outgoing (file) WHERE part = 'voucher'",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("what waits for subscribers is never dropped by a migration")
