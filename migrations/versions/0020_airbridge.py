"""What Airbridge counted, out of the raw data that it puts into a bucket: it keeps that for 180 days."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE connected_jobs.airbridge_file (LIKE connected_jobs.currents_file INCLUDING ALL);

CREATE TABLE connected_jobs.airbridge_event (
    day          date NOT NULL,
    event_id     uuid NOT NULL,
    source       text COLLATE "C" NOT NULL,
    member_id    text COLLATE "C",
    category     text COLLATE "C" NOT NULL,
    action       text COLLATE "C",
    label        text COLLATE "C",
    value        double precision,
    channel      text COLLATE "C",
    campaign     text COLLATE "C",
    ad_group     text COLLATE "C",
    ad_creative  text COLLATE "C",
    rid          text COLLATE "C",
    at           timestamptz NOT NULL,
    PRIMARY KEY (day, event_id)
) PARTITION BY RANGE (day);
CREATE INDEX airbridge_event_member ON connected_jobs.airbridge_event (member_id);
CREATE INDEX airbridge_event_category ON connected_jobs.airbridge_event (category, at);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE connected_jobs.airbridge_event, connected_jobs.airbridge_file")
