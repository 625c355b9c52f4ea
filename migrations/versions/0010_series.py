"""Campaigns that are sent every week: each is one of its own, and names the one that its series began with."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE connected_jobs.campaign ADD COLUMN series bigint REFERENCES connected_jobs.campaign (id)"
    )
    op.execute("CREATE INDEX campaign_series ON connected_jobs.campaign (series) WHERE series IS NOT NULL")


def downgrade() -> None:
    op.execute("ALTER TABLE connected_jobs.campaign DROP COLUMN series")
