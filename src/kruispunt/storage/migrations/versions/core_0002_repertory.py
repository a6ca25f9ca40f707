"""The repertory: who is known to whom, as what, and when (RP-01).

Lines of one key (owner, SSIN, organisation, dossier type) never overlap or adjoin (RP-03).
`repertory/lines.py` and `repertory/importing.py` see to that under a lock, by one function; no constraint
can without an extension.
"""

from __future__ import annotations

from alembic import op

revision = "core_0002"
down_revision = "core_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE inscription (
            owner        bigint           NOT NULL,
            organisation text COLLATE "C" NOT NULL,
            dossier_type text COLLATE "C" NOT NULL,
            ssin         bigint           NOT NULL CHECK (ssin BETWEEN 0 AND 99999999999),
            period       daterange        NOT NULL CHECK (NOT isempty(period)),
            PRIMARY KEY (owner, ssin, organisation, dossier_type, period)
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE inscription")
