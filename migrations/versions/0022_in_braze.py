"""What Braze says of campaigns on record that came from its calendar, and what is wrong with their templates.

`told` is what it said last, `given` what the register took over: a field of a campaign that still says what was given is
Braze's, any other is a person's.
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE connected_jobs.campaign_in_braze (
    campaign_id  bigint PRIMARY KEY REFERENCES connected_jobs.campaign (id),
    braze_id     text NOT NULL,
    told         jsonb NOT NULL,
    given        jsonb NOT NULL,
    findings     jsonb NOT NULL,
    looked_at    timestamptz,
    read_at      timestamptz NOT NULL DEFAULT now(),
    gone_at      timestamptz
);
CREATE INDEX campaign_in_braze_id ON connected_jobs.campaign_in_braze (braze_id);
"""


def upgrade() -> None:
    op.execute(TABLE)


def downgrade() -> None:
    op.execute("DROP TABLE connected_jobs.campaign_in_braze")
