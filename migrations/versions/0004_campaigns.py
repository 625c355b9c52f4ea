"""Campaigns on record and who changed them, instances that run, and what they count of each send.

`send_second` grows by a row for each second of a send and is emptied after two weeks; what a send came to is by
then in `send.measured`. A worker adds what it counted under a number that goes up by one: `send_flush` has the last
one that is in, so that a flush of unknown end can be sent again and is added once. What people wrote is json and not jsonb, so that
its fields stay in their order.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE connected_jobs.campaign (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key                text NOT NULL,
    name               text GENERATED ALWAYS AS (definition ->> 'name') STORED,
    owner              text NOT NULL,
    braze_campaign_id  text,
    definition         json NOT NULL,
    version            integer NOT NULL DEFAULT 1,
    created_at         timestamptz NOT NULL DEFAULT now(),
    created_by         text NOT NULL,
    updated_at         timestamptz NOT NULL DEFAULT now(),
    updated_by         text NOT NULL,
    removed_at         timestamptz
);
CREATE UNIQUE INDEX campaign_name ON connected_jobs.campaign (name) WHERE removed_at IS NULL;

CREATE TABLE connected_jobs.workspace (
    is_the_one  boolean PRIMARY KEY DEFAULT true CHECK (is_the_one),
    definition  json NOT NULL,
    version     integer NOT NULL DEFAULT 1,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    updated_by  text NOT NULL
);
INSERT INTO connected_jobs.workspace (definition, updated_by)
VALUES ('{"time_zone": "Asia/Seoul"}', 'connected-jobs');

CREATE TABLE connected_jobs.campaign_change (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id  bigint REFERENCES connected_jobs.campaign (id),
    at           timestamptz NOT NULL DEFAULT now(),
    who          text NOT NULL,
    what         text NOT NULL CHECK (what IN ('added', 'edited', 'removed')),
    before       json,
    after        json
);
CREATE INDEX campaign_change_of ON connected_jobs.campaign_change (campaign_id, id);

CREATE TABLE connected_jobs.instance (
    id           text PRIMARY KEY,
    fingerprint  text NOT NULL,
    workers      integer NOT NULL,
    settings     jsonb NOT NULL,
    started_at   timestamptz NOT NULL,
    beat_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE connected_jobs.send (
    campaign   text NOT NULL,
    send       text NOT NULL,
    first_at   timestamptz NOT NULL,
    last_at    timestamptz NOT NULL,
    sent       bigint CHECK (sent >= 0),
    sent_by    text,
    sent_at    timestamptz,
    measured   jsonb,
    closed_at  timestamptz,
    PRIMARY KEY (campaign, send)
);

CREATE TABLE connected_jobs.send_second (
    campaign  text NOT NULL,
    send      text NOT NULL,
    second    timestamptz NOT NULL,
    calls     integer NOT NULL,
    degraded  integer NOT NULL,
    PRIMARY KEY (campaign, send, second)
);

CREATE TABLE connected_jobs.send_sketch (
    campaign  text NOT NULL,
    send      text NOT NULL,
    worker    text NOT NULL,
    sketch    bytea NOT NULL,
    PRIMARY KEY (campaign, send, worker)
);

CREATE TABLE connected_jobs.send_flush (
    worker  text PRIMARY KEY,
    number  bigint NOT NULL,
    at      timestamptz NOT NULL
);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(
        "DROP TABLE connected_jobs.send_flush, connected_jobs.send_sketch, connected_jobs.send_second,"
        " connected_jobs.send, connected_jobs.instance, connected_jobs.campaign_change,"
        " connected_jobs.workspace, connected_jobs.campaign"
    )
