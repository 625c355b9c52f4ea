"""What the service owns: refresh runs, their lists and shelves, publications, credentials.

A run's lists are one partition, filled while nobody reads it and dropped whole when it is no longer
needed. `publication` is a log: the run in force is that of the newest publication whose time has come,
so every worker knows a switch before it happens and all switch at the same moment.
"""

from alembic import op

revision = "0002"
down_revision = None
branch_labels = ("service",)
depends_on = None

TABLES = """
CREATE TABLE connected_jobs.refresh_run (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state        text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'ready', 'dropped')),
    started_at   timestamptz NOT NULL,
    cutoff_at    timestamptz NOT NULL,
    finished_at  timestamptz,
    inputs       jsonb NOT NULL,
    options      jsonb NOT NULL,
    weights      jsonb,
    measures     jsonb
);

CREATE TABLE connected_jobs.refresh_chunk (
    run_id   bigint NOT NULL REFERENCES connected_jobs.refresh_run (id) ON DELETE CASCADE,
    chunk    integer NOT NULL,
    members  integer NOT NULL,
    PRIMARY KEY (run_id, chunk)
);

CREATE TABLE connected_jobs.recommendation_list (
    run_id       bigint NOT NULL,
    member_id    text NOT NULL,
    posting_ids  text[] NOT NULL,
    reasons      bytea NOT NULL,
    PRIMARY KEY (run_id, member_id)
) PARTITION BY LIST (run_id);

CREATE TABLE connected_jobs.shelf (
    run_id       bigint NOT NULL REFERENCES connected_jobs.refresh_run (id) ON DELETE CASCADE,
    category     text NOT NULL,
    region       text NOT NULL,
    posting_ids  text[] NOT NULL,
    reasons      bytea NOT NULL,
    PRIMARY KEY (run_id, category, region)
);

CREATE TABLE connected_jobs.publication (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id        bigint NOT NULL REFERENCES connected_jobs.refresh_run (id),
    published_at  timestamptz NOT NULL,
    effective_at  timestamptz NOT NULL
);

CREATE TABLE connected_jobs.credential (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL,
    scope        text NOT NULL CHECK (scope IN ('content', 'metrics', 'operator')),
    secret_hash  bytea NOT NULL UNIQUE CHECK (length(secret_hash) = 32),
    created_at   timestamptz NOT NULL DEFAULT now(),
    revoked_at   timestamptz
);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(
        "DROP TABLE connected_jobs.credential, connected_jobs.publication, connected_jobs.shelf,"
        " connected_jobs.recommendation_list, connected_jobs.refresh_chunk, connected_jobs.refresh_run"
    )
