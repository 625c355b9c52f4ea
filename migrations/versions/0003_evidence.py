"""Evidence of load tests: what a plan is held against."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE connected_jobs.evidence (
            id        text PRIMARY KEY,
            began_at  timestamptz NOT NULL,
            ended_at  timestamptz NOT NULL,
            kind      text NOT NULL CHECK (kind IN ('ceiling', 'at_least', 'unconfirmed', 'none')),
            rps       double precision NOT NULL,
            low_rps   double precision NOT NULL,
            sentence  text NOT NULL,
            document  jsonb NOT NULL,
            added_at  timestamptz NOT NULL DEFAULT now()
        )
    """)


def downgrade() -> None:
    op.execute("DROP TABLE connected_jobs.evidence")
