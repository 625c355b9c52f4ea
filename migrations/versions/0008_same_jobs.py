"""Which postings are one job, and what the reasons of a list rest on.

A run's groups of postings of one job are read by every worker when it reads the run's shelves, so that who applied to
one of them is shown none. `anchors` are ids and titles in turn of the postings that reasons of a list may name, and
`anchored` has a byte a place of the list: which of them it is (from 1), 0 for none.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE connected_jobs.same_job (
            run_id       bigint NOT NULL REFERENCES connected_jobs.refresh_run (id) ON DELETE CASCADE,
            posting_ids  text[] NOT NULL
        )
    """)
    op.execute("CREATE INDEX ON connected_jobs.same_job (run_id)")
    op.execute(
        "ALTER TABLE connected_jobs.recommendation_list ADD COLUMN anchors text[], ADD COLUMN anchored bytea"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE connected_jobs.recommendation_list DROP COLUMN anchors, DROP COLUMN anchored")
    op.execute("DROP TABLE connected_jobs.same_job")
