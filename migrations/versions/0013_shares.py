"""Links that show one report to whoever has them, until they expire or are revoked."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SHARES = """
CREATE TABLE connected_jobs.share (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_hash   bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    campaign_id  bigint NOT NULL REFERENCES connected_jobs.campaign (id),
    created_at   timestamptz NOT NULL DEFAULT now(),
    created_by   text NOT NULL,
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    revoked_by   text
);

CREATE INDEX share_campaign ON connected_jobs.share (campaign_id);
"""


def upgrade() -> None:
    op.execute(SHARES)


def downgrade() -> None:
    op.execute("DROP TABLE connected_jobs.share")
