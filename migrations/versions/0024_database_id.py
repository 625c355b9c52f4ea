"""What tells this database from another one, so that two do not export to one place and remove each other's days."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE connected_jobs.database_id (
    id  uuid PRIMARY KEY DEFAULT gen_random_uuid()
);
INSERT INTO connected_jobs.database_id DEFAULT VALUES;
"""


def upgrade() -> None:
    op.execute(TABLE)


def downgrade() -> None:
    op.execute("DROP TABLE connected_jobs.database_id")
