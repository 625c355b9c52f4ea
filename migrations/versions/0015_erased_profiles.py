"""A deleted profile's tombstone says whose it was, as a hash, so that a member who is restored gets mail's events again."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE connected_jobs.erased_braze_user ADD COLUMN member_hash bytea")


def downgrade() -> None:
    op.execute("ALTER TABLE connected_jobs.erased_braze_user DROP COLUMN member_hash")
