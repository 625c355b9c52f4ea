"""What was sent where, what waits to be sent once, what was refused, and the runs that did it."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

PARTITIONS = 16

TABLES = """
CREATE TABLE connected_jobs.sync_destination (
    id        integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    identity  text NOT NULL UNIQUE
);

CREATE TABLE connected_jobs.sync_run (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sync            text NOT NULL,
    destination_id  integer NOT NULL REFERENCES connected_jobs.sync_destination (id),
    kind            text NOT NULL CHECK (kind IN ('attributes', 'events', 'catalog')),
    names           text[] NOT NULL,
    digest          bytea NOT NULL,
    state           text NOT NULL DEFAULT 'running'
                    CHECK (state IN ('running', 'done', 'paused', 'stopped', 'killed')),
    started_at      timestamptz NOT NULL DEFAULT now(),
    ended_at        timestamptz,
    figures         jsonb NOT NULL DEFAULT '{}',
    sentence        text NOT NULL DEFAULT '',
    paused_until    timestamptz
);

CREATE INDEX sync_run_sync ON connected_jobs.sync_run (sync, started_at);

CREATE TABLE connected_jobs.sync_batch (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id     bigint NOT NULL REFERENCES connected_jobs.sync_run (id) ON DELETE CASCADE,
    at         timestamptz NOT NULL DEFAULT now(),
    status     integer,
    taken      integer NOT NULL,
    refused    integer NOT NULL,
    unknown    integer NOT NULL,
    sent_values integer NOT NULL
);

CREATE INDEX sync_batch_run ON connected_jobs.sync_batch (run_id, at);

CREATE TABLE connected_jobs.attribute_sent (
    destination_id  integer NOT NULL,
    member_id       text COLLATE "C" NOT NULL,
    sent            jsonb NOT NULL,
    batches         jsonb NOT NULL,
    before          jsonb NOT NULL,
    PRIMARY KEY (destination_id, member_id)
) PARTITION BY HASH (member_id);

CREATE TABLE connected_jobs.outbox (
    destination_id  integer NOT NULL REFERENCES connected_jobs.sync_destination (id),
    sync            text NOT NULL,
    once_key        text COLLATE "C" NOT NULL,
    member_id       text NOT NULL,
    happened_at     text NOT NULL,
    properties      jsonb NOT NULL,
    state           text NOT NULL DEFAULT 'waiting'
                    CHECK (state IN ('waiting', 'sending', 'sent', 'refused', 'unknown')),
    attempts        integer NOT NULL DEFAULT 0,
    batch_id        bigint,
    queued_at       timestamptz NOT NULL DEFAULT now(),
    settled_at      timestamptz,
    sentence        text NOT NULL DEFAULT '',
    PRIMARY KEY (destination_id, sync, once_key)
);

CREATE INDEX outbox_waiting ON connected_jobs.outbox (destination_id, sync, queued_at, once_key)
    WHERE state IN ('waiting', 'sending');
CREATE INDEX outbox_member ON connected_jobs.outbox (member_id);

CREATE TABLE connected_jobs.sync_reject (
    sync        text NOT NULL,
    key         text COLLATE "C" NOT NULL,
    member_id   text,
    row_digest  bytea NOT NULL,
    sentence    text NOT NULL,
    run_id      bigint NOT NULL,
    first_at    timestamptz NOT NULL DEFAULT now(),
    last_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (sync, key)
);

CREATE INDEX sync_reject_member ON connected_jobs.sync_reject (member_id);
"""


def upgrade() -> None:
    op.execute(TABLES)
    for part in range(PARTITIONS):
        op.execute(
            f"CREATE TABLE connected_jobs.attribute_sent_{part} PARTITION OF connected_jobs.attribute_sent"
            f" FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {part})"
        )


def downgrade() -> None:
    op.execute(
        "DROP TABLE connected_jobs.sync_reject, connected_jobs.outbox, connected_jobs.attribute_sent,"
        " connected_jobs.sync_batch, connected_jobs.sync_run, connected_jobs.sync_destination"
    )
