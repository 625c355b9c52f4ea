"""Roles of operators: who looks, who plans, who administers."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# One without a role is an operator of before there were roles, who administers. The constraints are checked for what is
# written from now on and need no look at what is there, which has no role.
ROLES = """
ALTER TABLE connected_jobs.credential
    ADD COLUMN role text,
    ADD CONSTRAINT credential_role CHECK (role IN ('look', 'plan', 'administer')) NOT VALID,
    ADD CONSTRAINT credential_role_of_operators CHECK (role IS NULL OR scope = 'operator') NOT VALID;
"""


def upgrade() -> None:
    op.execute(ROLES)


def downgrade() -> None:
    op.execute("ALTER TABLE connected_jobs.credential DROP COLUMN role")
