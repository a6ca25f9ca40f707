"""Keys that people are found by (IP-08 to IP-11, IP-15): `registers/keys.py` tells what they hold.

Searches read indexes alone: the primary key with a first name, `name_key_any_first` without one. `name_key_ssin`
serves those who change a person. `reindexing` tells how far the keys of a version of the phonetic code are written.
"""

from __future__ import annotations

from alembic import op

revision = "core_0009"
down_revision = "core_0008"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE name_key (
        key       bigint   NOT NULL,
        first_key bigint   NOT NULL,
        ssin      bigint   NOT NULL,
        birth     integer  NOT NULL,
        register  smallint NOT NULL,
        sex       smallint NOT NULL,
        PRIMARY KEY (register, key, first_key, birth, ssin) INCLUDE (sex)
    )
    """,
    "CREATE INDEX name_key_any_first ON name_key (register, key, birth, ssin) INCLUDE (sex)",
    "CREATE INDEX name_key_ssin ON name_key (ssin)",
    """
    CREATE TABLE address_key (
        ssin         bigint NOT NULL PRIMARY KEY,
        postal_code  text   COLLATE "C" NOT NULL,
        street_code  text   COLLATE "C" NOT NULL,
        house_number text   COLLATE "C" NOT NULL,
        box          text   COLLATE "C" NOT NULL
    )
    """,
    "CREATE INDEX address_key_place ON address_key (postal_code, street_code, house_number, box, ssin)",
    """
    CREATE TABLE reindexing (
        version  smallint    PRIMARY KEY,
        position bigint      NOT NULL,
        done     bigint      NOT NULL,
        started  timestamptz NOT NULL DEFAULT now(),
        finished timestamptz
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for table in ("reindexing", "address_key", "name_key"):
        op.execute(f"DROP TABLE {table}")
