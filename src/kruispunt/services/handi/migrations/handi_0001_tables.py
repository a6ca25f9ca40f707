"""Tables of HandiService: what DGPH holds of people with a handicap, as it holds it.

A person whom DGPH knows has one row in `handi_file`, even without any other. Codes keep the bounds of the contract, so
that nothing can be held that could never be delivered; an amount keeps its decimals as they were written. Every primary
key begins with the SSIN, by which the tables can be spread over servers.
"""

from __future__ import annotations

from alembic import op

revision = "handi_0001"
down_revision = None
branch_labels = ("handi",)
depends_on = "core_0001"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE handi_file (
            ssin          bigint PRIMARY KEY,
            last_name     text,
            first_name    text,
            address_class text CHECK (address_class IN ('belgianAddress', 'foreignAddress', 'diplomaticPost')),
            country_code  text,
            building      text,
            street_code   text,
            house_number  text,
            box_number    text,
            postal_code   text,
            city_code     text,
            address_date  date,
            CHECK (last_name IS NOT NULL OR num_nonnulls(first_name, address_class) = 0),
            CHECK (num_nonnulls(address_class, country_code) IN (0, 2)),
            CHECK (address_class IS NOT NULL OR num_nonnulls(building, street_code, house_number, box_number,
                postal_code, city_code, address_date) = 0)
        )
        """
    )
    op.execute("COMMENT ON TABLE handi_file IS 'a person whom DGPH knows; identity and address as it knows them'")
    op.execute(
        """
        CREATE TABLE handi_address_name (
            ssin     bigint   NOT NULL,
            part     smallint NOT NULL CHECK (part IN (1, 2, 3)),
            position smallint NOT NULL CHECK (position BETWEEN 0 AND 2),
            text     text     NOT NULL,
            language text     CHECK (language IN ('NL', 'FR', 'DE', 'EN')),
            PRIMARY KEY (ssin, part, position)
        )
        """
    )
    op.execute("COMMENT ON COLUMN handi_address_name.part IS '1 street, 2 municipality, 3 country'")
    op.execute(
        """
        CREATE TABLE handi_request (
            ssin                   bigint   NOT NULL,
            position               smallint NOT NULL,
            legislation            smallint NOT NULL CHECK (legislation BETWEEN 0 AND 20),
            request_date           date     NOT NULL,
            administrative_pending boolean  NOT NULL,
            recognition_pending    boolean  NOT NULL,
            file_completion_date   date,
            appeal                 boolean  NOT NULL,
            PRIMARY KEY (ssin, position)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE handi_recognition (
            ssin                    bigint   NOT NULL,
            position                smallint NOT NULL,
            decision_date           date     NOT NULL,
            start_date              date     NOT NULL,
            end_date                date,
            lower_limbs_50p         boolean  NOT NULL,
            full_blindness          boolean  NOT NULL,
            upper_limbs_amputated   boolean  NOT NULL,
            upper_limbs_paralyzed   boolean  NOT NULL,
            result                  smallint NOT NULL CHECK (result IN (1, 2, 3, 4)),
            inability_follow_course boolean,
            inability_to_work       boolean,
            disability_code         smallint CHECK (disability_code BETWEEN 0 AND 3),
            independency_score      smallint CHECK (independency_score BETWEEN 0 AND 3),
            pillar1                 smallint CHECK (pillar1 BETWEEN 0 AND 6),
            pillar2                 smallint CHECK (pillar2 BETWEEN 0 AND 12),
            pillar3                 smallint CHECK (pillar3 BETWEEN 0 AND 18),
            pillars_total           smallint CHECK (pillars_total BETWEEN 0 AND 36),
            child_pathology         boolean,
            independence_known      boolean,
            mobility                smallint CHECK (mobility BETWEEN 0 AND 3),
            nourishment             smallint CHECK (nourishment BETWEEN 0 AND 3),
            hygiene                 smallint CHECK (hygiene BETWEEN 0 AND 3),
            household               smallint CHECK (household BETWEEN 0 AND 3),
            supervision             smallint CHECK (supervision BETWEEN 0 AND 3),
            social_skills           smallint CHECK (social_skills BETWEEN 0 AND 3),
            total_points            smallint CHECK (total_points BETWEEN 0 AND 18),
            earnings_reduction      boolean,
            mental_unsuitability    numeric  CHECK (mental_unsuitability BETWEEN 0 AND 100),
            physical_unsuitability  numeric  CHECK (physical_unsuitability BETWEEN 0 AND 100),
            PRIMARY KEY (ssin, position),
            CHECK (result = 1 OR num_nonnulls(inability_follow_course, inability_to_work, disability_code,
                independency_score, pillar1, pillar2, pillar3, pillars_total, child_pathology) = 0),
            CHECK ((result = 2) = (independence_known IS NOT NULL)),
            CHECK (result = 2 OR num_nonnulls(earnings_reduction, mental_unsuitability, physical_unsuitability) = 0),
            CHECK (coalesce(independence_known, false) OR num_nonnulls(mobility, nourishment, hygiene, household,
                supervision, social_skills, total_points) = 0)
        )
        """
    )
    op.execute(
        "COMMENT ON COLUMN handi_recognition.result IS '1 of a child, 2 of an adult, 3 of a child without data, "
        "4 of an adult without data'"
    )
    op.execute(
        """
        CREATE TABLE handi_right (
            ssin               bigint   NOT NULL,
            position           smallint NOT NULL,
            begin_date         date     NOT NULL,
            end_date           date,
            legislation        smallint NOT NULL CHECK (legislation BETWEEN 3 AND 9),
            total_month_amount numeric  NOT NULL CHECK (abs(total_month_amount) < 1000000000),
            month_amount       numeric  NOT NULL CHECK (abs(month_amount) < 1000000000),
            category_ivt       text     NOT NULL CHECK (category_ivt IN ('A', 'B', 'C', '-')),
            category_it        smallint NOT NULL CHECK (category_it BETWEEN 0 AND 5),
            partner_income     boolean  NOT NULL,
            PRIMARY KEY (ssin, position)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE handi_social_card (
            ssin          bigint   NOT NULL,
            position      smallint NOT NULL,
            delivery_date date     NOT NULL,
            end_date      date,
            number        text     NOT NULL CHECK (number ~ '^[0-9]{10}$'),
            type          text     NOT NULL CHECK (type IN ('PARKINGCARD', 'REDUCTIONCARD')),
            PRIMARY KEY (ssin, position)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE handi_payment (
            ssin      bigint   NOT NULL,
            position  smallint NOT NULL,
            month     date     NOT NULL CHECK (extract(day FROM month) = 1),
            amount    numeric  NOT NULL CHECK (abs(amount) < 1000000000),
            cancelled boolean  NOT NULL,
            PRIMARY KEY (ssin, position)
        )
        """
    )
    op.execute("COMMENT ON COLUMN handi_payment.month IS 'the first day of the month'")


def downgrade() -> None:
    for table in ("payment", "social_card", "right", "recognition", "request", "address_name", "file"):
        op.execute(f"DROP TABLE handi_{table}")
