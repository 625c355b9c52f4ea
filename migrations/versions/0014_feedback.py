"""What became of the mail: files read, exposures, clicks, other mail events, and what is credited to them.

Tables that grow by the day are partitioned by it, so that what is past its retention is dropped whole. Texts compare by
bytes: what two copies of one event say is merged the same everywhere.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# `nameless`: the event itself named no member; `member_id` is then what `braze_user` says, and follows it.
TABLES = """
CREATE TABLE connected_jobs.currents_file (
    object_key      text COLLATE "C" PRIMARY KEY,
    etag            text NOT NULL,
    event_type      text COLLATE "C" NOT NULL DEFAULT '',
    schema_id       text COLLATE "C",
    hour            timestamptz,
    size            bigint NOT NULL DEFAULT 0,
    rows            bigint NOT NULL DEFAULT 0,
    new_rows        bigint NOT NULL DEFAULT 0,
    refused         bigint NOT NULL DEFAULT 0,
    unknown_fields  text[] NOT NULL DEFAULT '{}',
    refusal         text,
    read_at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX currents_file_read_at ON connected_jobs.currents_file (read_at);
CREATE INDEX currents_file_hour ON connected_jobs.currents_file (event_type, hour);

CREATE TABLE connected_jobs.exposure (
    day           date NOT NULL,
    event_id      uuid NOT NULL,
    rid           text COLLATE "C" NOT NULL,
    member_id     text COLLATE "C",
    braze_user    text COLLATE "C" NOT NULL,
    nameless      boolean NOT NULL DEFAULT false,
    campaign      text COLLATE "C" NOT NULL,
    campaign_id   text COLLATE "C",
    variation_id  text COLLATE "C",
    canvas_id     text COLLATE "C",
    dispatch_id   text COLLATE "C",
    source        text COLLATE "C" NOT NULL,
    arm           text COLLATE "C",
    shown         integer NOT NULL,
    posting_ids   text[] COLLATE "C" NOT NULL,
    sent_at       timestamptz NOT NULL,
    PRIMARY KEY (day, event_id)
) PARTITION BY RANGE (day);
CREATE INDEX exposure_rid ON connected_jobs.exposure (rid);
CREATE INDEX exposure_member ON connected_jobs.exposure (member_id);
CREATE INDEX exposure_nameless ON connected_jobs.exposure (braze_user) WHERE nameless;

CREATE TABLE connected_jobs.click (
    day           date NOT NULL,
    event_id      uuid NOT NULL,
    rid           text COLLATE "C",
    member_id     text COLLATE "C",
    braze_user    text COLLATE "C" NOT NULL,
    nameless      boolean NOT NULL DEFAULT false,
    campaign      text COLLATE "C",
    campaign_id   text COLLATE "C",
    variation_id  text COLLATE "C",
    canvas_id     text COLLATE "C",
    dispatch_id   text COLLATE "C",
    arm           text COLLATE "C",
    variant       text COLLATE "C",
    posting_id    text COLLATE "C",
    position      integer,
    link          text COLLATE "C",
    at            timestamptz NOT NULL,
    sent_at       timestamptz,
    suspect       boolean,
    suspected     text[] COLLATE "C",
    person        boolean,
    why           text COLLATE "C",
    rule_version  integer,
    PRIMARY KEY (day, event_id)
) PARTITION BY RANGE (day);
CREATE INDEX click_rid ON connected_jobs.click (rid);
CREATE INDEX click_member ON connected_jobs.click (member_id);
CREATE INDEX click_nameless ON connected_jobs.click (braze_user) WHERE nameless;

CREATE TABLE connected_jobs.mail_event (
    day           date NOT NULL,
    event_id      uuid NOT NULL,
    kind          text COLLATE "C" NOT NULL,
    member_id     text COLLATE "C",
    braze_user    text COLLATE "C" NOT NULL,
    nameless      boolean NOT NULL DEFAULT false,
    campaign_id   text COLLATE "C",
    variation_id  text COLLATE "C",
    canvas_id     text COLLATE "C",
    dispatch_id   text COLLATE "C",
    rid           text COLLATE "C",
    campaign      text COLLATE "C",
    arm           text COLLATE "C",
    at            timestamptz NOT NULL,
    why           text COLLATE "C",
    PRIMARY KEY (day, event_id)
) PARTITION BY RANGE (day);
CREATE INDEX mail_event_kind ON connected_jobs.mail_event (kind, campaign_id);
CREATE INDEX mail_event_member ON connected_jobs.mail_event (member_id);
CREATE INDEX mail_event_nameless ON connected_jobs.mail_event (braze_user) WHERE nameless;

CREATE TABLE connected_jobs.mail_count (
    day           date NOT NULL,
    kind          text COLLATE "C" NOT NULL,
    campaign_id   text COLLATE "C" NOT NULL DEFAULT '',
    canvas_id     text COLLATE "C" NOT NULL DEFAULT '',
    variation_id  text COLLATE "C" NOT NULL DEFAULT '',
    events        bytea NOT NULL,
    members       bytea NOT NULL,
    PRIMARY KEY (day, kind, campaign_id, canvas_id, variation_id)
);

CREATE TABLE connected_jobs.braze_user (
    braze_user   text COLLATE "C" PRIMARY KEY,
    member_id    text COLLATE "C",
    merged_into  text COLLATE "C"
);
CREATE INDEX braze_user_member ON connected_jobs.braze_user (member_id);
CREATE INDEX braze_user_merged ON connected_jobs.braze_user (merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE connected_jobs.erased_braze_user (
    user_hash  bytea PRIMARY KEY CHECK (length(user_hash) = 32),
    erased_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE connected_jobs.consent (
    braze_user  text COLLATE "C" PRIMARY KEY,
    member_id   text COLLATE "C",
    nameless    boolean NOT NULL DEFAULT false,
    withdrawn   boolean NOT NULL,
    changed_at  timestamptz NOT NULL,
    noted_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX consent_member ON connected_jobs.consent (member_id);
CREATE INDEX consent_noted_at ON connected_jobs.consent (noted_at);

CREATE TABLE connected_jobs.outcome (
    member_id     text COLLATE "C" NOT NULL,
    posting_id    text COLLATE "C" NOT NULL,
    occurred_at   timestamptz NOT NULL,
    rid           text COLLATE "C" NOT NULL,
    campaign      text COLLATE "C" NOT NULL,
    arm           text COLLATE "C",
    basis         text NOT NULL CHECK (basis IN ('clicked', 'seen', 'drawn')),
    lag           interval NOT NULL,
    rule_version  integer NOT NULL,
    PRIMARY KEY (member_id, posting_id, occurred_at)
) PARTITION BY RANGE (occurred_at);
CREATE INDEX outcome_campaign ON connected_jobs.outcome (campaign, occurred_at);

CREATE TABLE connected_jobs.experiment (
    key          text COLLATE "C" PRIMARY KEY,
    campaign     text COLLATE "C" NOT NULL,
    state        text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'running', 'stopped')),
    arms         jsonb NOT NULL,
    salt         text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    started_at   timestamptz,
    planned_end  timestamptz,
    stopped_at   timestamptz
);
CREATE UNIQUE INDEX experiment_running ON connected_jobs.experiment (campaign) WHERE state = 'running';
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("""
        DROP TABLE connected_jobs.experiment, connected_jobs.outcome, connected_jobs.consent,
            connected_jobs.erased_braze_user, connected_jobs.braze_user, connected_jobs.mail_count,
            connected_jobs.mail_event, connected_jobs.click, connected_jobs.exposure, connected_jobs.currents_file
    """)
