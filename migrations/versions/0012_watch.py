"""What the last look at the campaigns to come found, to tell what turned since."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

WATCH = """
CREATE TABLE connected_jobs.watch (
    only_one   boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    seen       jsonb NOT NULL,
    looked_at  timestamptz NOT NULL DEFAULT now()
);
"""


def upgrade() -> None:
    op.execute(WATCH)


def downgrade() -> None:
    op.execute("DROP TABLE connected_jobs.watch")
