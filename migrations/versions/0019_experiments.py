"""Recipes whose lists the arms of experiments are served, and who made an experiment."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# A run without a recipe is one of the lists that every campaign is answered from. The constraint is checked for what is
# written from now on.
EXPERIMENTS = """
ALTER TABLE connected_jobs.refresh_run ADD COLUMN recipe text;

ALTER TABLE connected_jobs.experiment
    ADD COLUMN created_by text NOT NULL DEFAULT 'unknown',
    ADD CONSTRAINT experiment_instants CHECK (
        CASE state
            WHEN 'draft' THEN started_at IS NULL AND stopped_at IS NULL
            WHEN 'running' THEN started_at IS NOT NULL AND stopped_at IS NULL
            ELSE stopped_at IS NOT NULL
        END
    ) NOT VALID;
"""


def upgrade() -> None:
    op.execute(EXPERIMENTS)


def downgrade() -> None:
    op.execute("""
        ALTER TABLE connected_jobs.experiment
            DROP CONSTRAINT experiment_instants,
            DROP COLUMN created_by
    """)
    op.execute("ALTER TABLE connected_jobs.refresh_run DROP COLUMN recipe")
