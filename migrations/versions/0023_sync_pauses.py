"""Syncs that an operator paused, how far a run is, and within how many hours another must have ended."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

PAUSES = """
CREATE TABLE connected_jobs.sync_pause (
    sync       text PRIMARY KEY,
    paused_at  timestamptz NOT NULL DEFAULT now(),
    paused_by  text NOT NULL
);

ALTER TABLE connected_jobs.sync_run
    ADD COLUMN total bigint,
    ADD COLUMN ends_at timestamptz,
    ADD COLUMN within_hours integer NOT NULL DEFAULT 0;

CREATE INDEX outbox_refused ON connected_jobs.outbox (sync, settled_at) WHERE state IN ('refused', 'unknown');
"""


def upgrade() -> None:
    op.execute(PAUSES)


def downgrade() -> None:
    op.execute("DROP INDEX connected_jobs.outbox_refused")
    op.execute(
        "ALTER TABLE connected_jobs.sync_run DROP COLUMN total, DROP COLUMN ends_at, DROP COLUMN within_hours"
    )
    op.execute("DROP TABLE connected_jobs.sync_pause")
