"""The board's tables, for a demo or a board that has no views of its own to offer.

Activity is partitioned by a hash of the member: the serving read and an erasure touch one small
partition each, the refresh reads partition after partition, and the primary key makes loading the
same row twice a no-op. Cutting by time instead would make old activity cheap to drop, but every
serving read would probe every month. A board that keeps its own tables keeps its own partitions.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = ("board",)
depends_on = None

ACTIVITY_PARTITIONS = 16

TABLES = """
CREATE SCHEMA IF NOT EXISTS board;

CREATE TABLE board.company (
    id          text PRIMARY KEY,
    name        text NOT NULL,
    industry    text,
    employees   integer,
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE board.posting (
    id                text PRIMARY KEY,
    title             text NOT NULL,
    company_id        text NOT NULL REFERENCES board.company (id),
    categories        text[] NOT NULL DEFAULT '{}',
    regions           text[] NOT NULL DEFAULT '{}',
    career_min_years  real,
    career_max_years  real,
    education         smallint CHECK (education BETWEEN 0 AND 5),
    employment_types  text[] NOT NULL DEFAULT '{}',
    salary_min        bigint,
    salary_max        bigint,
    salary_unit       text,
    skills            text[] NOT NULL DEFAULT '{}',
    opened_at         timestamptz NOT NULL,
    deadline          date,
    closes            text NOT NULL DEFAULT 'when_filled' CHECK (closes IN ('on_date', 'when_filled', 'always_open')),
    status            text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed', 'hidden')),
    url               text NOT NULL,
    updated_at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX posting_updated_at ON board.posting (updated_at);
CREATE INDEX posting_company ON board.posting (company_id);

CREATE TABLE board.member (
    id              text PRIMARY KEY,
    categories      text[] NOT NULL DEFAULT '{}',
    regions         text[] NOT NULL DEFAULT '{}',
    career_years    real,
    education       smallint CHECK (education BETWEEN 0 AND 5),
    skills          text[] NOT NULL DEFAULT '{}',
    desired_salary  bigint,
    salary_unit     text,
    mail_consent    boolean NOT NULL,
    withdrawn_at    timestamptz,
    updated_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX member_updated_at ON board.member (updated_at);

CREATE TABLE board.activity (
    member_id    text NOT NULL,
    posting_id   text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('view', 'scrap', 'apply')),
    occurred_at  timestamptz NOT NULL,
    PRIMARY KEY (member_id, kind, occurred_at, posting_id)
) PARTITION BY HASH (member_id);
CREATE INDEX activity_occurred_at ON board.activity USING brin (occurred_at);
"""


def upgrade() -> None:
    op.execute(TABLES)
    for part in range(ACTIVITY_PARTITIONS):
        op.execute(
            f"CREATE TABLE board.activity_{part:02} PARTITION OF board.activity "
            f"FOR VALUES WITH (MODULUS {ACTIVITY_PARTITIONS}, REMAINDER {part})"
        )


def downgrade() -> None:
    op.execute("DROP TABLE board.activity, board.member, board.posting, board.company")
