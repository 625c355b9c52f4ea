"""Who did what: operators' writes, and their sessions, which end on the server."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE connected_jobs.audit (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    who      text NOT NULL,
    what     text NOT NULL,
    subject  text NOT NULL,
    before   jsonb,
    after    jsonb
);

CREATE TABLE connected_jobs.operator_session (
    id_hash      bytea PRIMARY KEY CHECK (length(id_hash) = 32),
    secret_hash  bytea NOT NULL REFERENCES connected_jobs.credential (secret_hash) ON DELETE CASCADE,
    began_at     timestamptz NOT NULL DEFAULT now(),
    ends_at      timestamptz NOT NULL
);

ALTER TABLE connected_jobs.evidence ADD COLUMN added_by text;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("ALTER TABLE connected_jobs.evidence DROP COLUMN added_by")
    op.execute("DROP TABLE connected_jobs.operator_session, connected_jobs.audit")
