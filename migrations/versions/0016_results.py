"""What past mails came to, as counts that outlive the rows they are made from, and who is in an experiment's arm.

An enrolment is a member's first mail of an experiment: it stands when the exposures of that time are long dropped.
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE connected_jobs.enrolment (
    experiment  text COLLATE "C" NOT NULL,
    member_id   text COLLATE "C" NOT NULL,
    arm         text COLLATE "C" NOT NULL,
    first_at    timestamptz NOT NULL,
    crossed     boolean NOT NULL DEFAULT false,
    PRIMARY KEY (experiment, member_id)
);
CREATE INDEX enrolment_member ON connected_jobs.enrolment (member_id);

CREATE TABLE connected_jobs.send_result (
    campaign     text COLLATE "C" NOT NULL,
    day          date NOT NULL,
    counts       jsonb NOT NULL,
    computed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (campaign, day)
);

CREATE TABLE connected_jobs.experiment_result (
    experiment   text COLLATE "C" PRIMARY KEY,
    counts       jsonb NOT NULL,
    computed_at  timestamptz NOT NULL DEFAULT now()
);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(
        "DROP TABLE connected_jobs.experiment_result, connected_jobs.send_result, connected_jobs.enrolment"
    )
