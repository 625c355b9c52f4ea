"""Who was erased, as hashes: workers let go of what they keep of them, and no import brings them back."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE connected_jobs.erased_member (
            member_hash  bytea PRIMARY KEY CHECK (length(member_hash) = 32),
            erased_at    timestamptz NOT NULL DEFAULT now()
        )
    """)
    op.execute("CREATE INDEX erased_member_erased_at ON connected_jobs.erased_member (erased_at)")


def downgrade() -> None:
    op.execute("DROP TABLE connected_jobs.erased_member")
