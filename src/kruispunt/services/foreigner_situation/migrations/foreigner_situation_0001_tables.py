"""Tables of ForeignerSituationService: what the National Register tells of foreigners, as it tells it.

Dates are text, because they may be incomplete and are passed on as they are (FS-03). Every primary key begins
with the SSIN, by which the tables can be spread over servers.
"""

from __future__ import annotations

from alembic import op

revision = "foreigner_situation_0001"
down_revision = None
branch_labels = ("foreigner_situation",)
depends_on = "core_0001"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE foreigner_employment (
            ssin            bigint   NOT NULL,
            kind            smallint NOT NULL CHECK (kind IN (1, 2)),
            position        smallint NOT NULL,
            inception_date  text     NOT NULL,
            expiry_date     text,
            duplicate       text,
            number          text     NOT NULL,
            expiration_date text,
            comment         text,
            PRIMARY KEY (ssin, kind, position)
        )
        """
    )
    op.execute("COMMENT ON COLUMN foreigner_employment.kind IS '1 employment card, 2 work permit'")
    op.execute(
        """
        CREATE TABLE foreigner_special_info (
            ssin           bigint   NOT NULL,
            position       smallint NOT NULL,
            inception_date text     NOT NULL,
            expiry_date    text,
            comment1       text,
            comment2       text,
            reason1        text,
            reason2        text,
            base_ssin      bigint,
            base_fictional text,
            PRIMARY KEY (ssin, position),
            CHECK (reason1 IS NOT NULL OR num_nonnulls(reason2, base_ssin, base_fictional) = 0),
            CHECK (num_nonnulls(base_ssin, base_fictional) <= 1)
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE foreigner_special_info")
    op.execute("DROP TABLE foreigner_employment")
