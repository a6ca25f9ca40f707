"""Files of inscriptions: which were taken, how far each came, and what became of its lines (RP-08).

A row of `batch_part` is written in the transaction that writes the lines of the part: a part is done and told, or
neither. Where lines stand in the file follows from the file alone (`batch/loading.py`), so a load that was broken off
goes on behind the parts that are there.
"""

from __future__ import annotations

from alembic import op

revision = "core_0012"
down_revision = "core_0011"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE batch_file (
        id            bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
        owner         bigint      NOT NULL REFERENCES register,
        sequence      bigint      NOT NULL CHECK (sequence BETWEEN 1 AND 999999999999999),
        kind          text        NOT NULL CHECK (kind IN ('INSCRIPTIONS', 'DELETIONS')),
        records       bigint      NOT NULL CHECK (records >= 0),
        size          bigint      NOT NULL CHECK (size >= 0),
        sha256        bytea       NOT NULL CHECK (octet_length(sha256) = 32),
        voucher       bytea       NOT NULL,
        author        text        NOT NULL CHECK (author <> ''),
        received      timestamptz NOT NULL DEFAULT clock_timestamp(),
        day           date        NOT NULL,
        finished      timestamptz,
        UNIQUE (owner, sequence)
    )
    """,
    "COMMENT ON COLUMN batch_file.voucher IS 'as it was signed: who sent what'",
    "COMMENT ON COLUMN batch_file.day IS 'the civil day in Belgium by which its lines are judged'",
    """
    CREATE TABLE batch_part (
        file      bigint   NOT NULL REFERENCES batch_file,
        block     integer  NOT NULL CHECK (block >= 0),
        part      integer  NOT NULL CHECK (part >= 0),
        lines     integer  NOT NULL,
        done      integer  NOT NULL,
        unchanged integer  NOT NULL,
        places    bytea    NOT NULL,
        verdicts  bytea    NOT NULL,
        remarks   jsonb,
        PRIMARY KEY (file, block, part)
    )
    """,
    "COMMENT ON COLUMN batch_part.places IS 'of each line its place in the block, two bytes, low one first'",
    "COMMENT ON COLUMN batch_part.verdicts IS 'of each line one byte'",
    "COMMENT ON COLUMN batch_part.remarks IS 'by place: what else is told of the line'",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE batch_part")
    op.execute("DROP TABLE batch_file")
