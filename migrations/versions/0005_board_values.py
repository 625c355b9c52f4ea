"""What feeds say of postings and the board's tables could not hold: a time of day, cents, no company."""

from alembic import op

revision = "0005"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE board.posting
            ADD COLUMN deadline_time time,
            ALTER COLUMN company_id DROP NOT NULL,
            ALTER COLUMN salary_min TYPE numeric,
            ALTER COLUMN salary_max TYPE numeric;
        ALTER TABLE board.member ALTER COLUMN desired_salary TYPE numeric
    """)


def downgrade() -> None:
    """Postings without a company go: a release before this one cannot show them."""
    op.execute("""
        DELETE FROM board.posting WHERE company_id IS NULL;
        ALTER TABLE board.posting
            DROP COLUMN deadline_time,
            ALTER COLUMN company_id SET NOT NULL,
            ALTER COLUMN salary_min TYPE bigint,
            ALTER COLUMN salary_max TYPE bigint;
        ALTER TABLE board.member ALTER COLUMN desired_salary TYPE bigint
    """)
