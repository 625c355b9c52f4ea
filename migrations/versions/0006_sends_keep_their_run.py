"""Which run each send is answered from, who published what, and what a run's shelves held when it was made.

`send_run` has a row for each send of a campaign until `until`: whoever meets the send first writes it, and all workers
go by it. It is pruned by workers. `moves_sends` is true of a publication that ends what sends under way keep.
"""

from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE connected_jobs.publication
    ADD COLUMN what text NOT NULL DEFAULT 'refresh' CHECK (what IN ('refresh', 'changed', 'rollback')),
    ADD COLUMN published_by text,
    ADD COLUMN moves_sends boolean NOT NULL DEFAULT false;

CREATE TABLE connected_jobs.send_run (
    campaign  text NOT NULL,
    send      text NOT NULL,
    run_id    bigint NOT NULL,
    first_at  timestamptz NOT NULL,
    last_at   timestamptz NOT NULL,
    until     timestamptz NOT NULL,
    PRIMARY KEY (campaign, send)
);
CREATE INDEX send_run_last_at ON connected_jobs.send_run (last_at);

CREATE TABLE connected_jobs.shelf_pool (
    run_id    bigint PRIMARY KEY REFERENCES connected_jobs.refresh_run (id) ON DELETE CASCADE,
    postings  bytea NOT NULL
);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("""
        DROP TABLE connected_jobs.shelf_pool, connected_jobs.send_run;
        ALTER TABLE connected_jobs.publication DROP COLUMN what, DROP COLUMN published_by, DROP COLUMN moves_sends;
    """)
