"""A board of a few hundred rows, made by SQL, and looks at what refreshes make of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import text

from app.postgres.board.snapshot import profiles, snapshot
from app.postgres.lists.runs import select_ready_runs
from app.recommend.options import Options
from app.recommend.recommender import fit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

    from sqlalchemy import Engine

    from app.postgres.serving.pool import Statement
    from app.serving.store import Run

Lists = dict[str, tuple[list[str], list[int]]]

_FILL = """
INSERT INTO board.company (id, name)
SELECT 'c-' || n, '가상회사 ' || n FROM generate_series(1, :postings / 3 + 1) n;

INSERT INTO board.posting (id, title, company_id, categories, regions, career_min_years, career_max_years, education,
                           employment_types, salary_min, salary_unit, skills, opened_at, deadline, closes, url)
SELECT 'p-' || lpad(n::text, 6, '0'), '공고 ' || n, 'c-' || (n % (:postings / 3 + 1) + 1),
       ARRAY[(ARRAY['2', '3', '16', '4'])[n % 4 + 1]], ARRAY[(ARRAY['101000/강남구', '102000/성남시'])[n % 2 + 1]],
       n % 5, n % 5 + 3, n % 4, ARRAY['regular'], 30000000 + n * 1000, 'KRW/year',
       ARRAY['skill-' || n % 7], now() - make_interval(hours => n), current_date + 5 + n % 20, 'on_date',
       'https://board.example/postings/' || n
FROM generate_series(1, :postings) n;

INSERT INTO board.member (id, categories, regions, career_years, education, skills, mail_consent)
SELECT 'm-' || lpad(n::text, 6, '0'), ARRAY[(ARRAY['2', '3', '16', '4'])[n % 4 + 1]], ARRAY['101000/강남구'], n % 8,
       3, ARRAY['skill-' || n % 7], true
FROM generate_series(1, :members) n;

INSERT INTO board.activity (member_id, posting_id, kind, occurred_at)
SELECT 'm-' || lpad(n::text, 6, '0'),
       'p-' || lpad(((n * 7 + k * k * 31) % :postings + 1)::text, 6, '0'),
       (ARRAY['view', 'scrap', 'apply'])[(n + k) % 3 + 1],
       now() - make_interval(hours => 12 + n % 50 + k)
FROM generate_series(1, :members) n, generate_series(1, 5) k
ON CONFLICT DO NOTHING;
"""


def fill(engine: Engine, *, members: int = 300, postings: int = 120) -> None:
    """Companies, open postings, members who take mail, and five activities of each."""
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL timezone = 'Asia/Seoul'"))
        for statement in _FILL.split(";\n"):
            if statement.strip():
                connection.execute(text(statement), {"members": members, "postings": postings})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE board.company, board.posting, board.member, board.activity"))


def rows(engine: Engine, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """What a query says."""
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(sql), parameters)]


def change(engine: Engine, sql: str, **parameters: Any) -> None:
    """Run a statement and commit it."""
    with engine.begin() as connection:
        connection.execute(text(sql), parameters)


def asked(database_url: str, statement: Statement, *values: object) -> list[tuple[object, ...]]:
    """What a serving statement finds."""
    with psycopg.connect(database_url) as connection:
        return psycopg.RawCursor(connection).execute(statement.sql, values).fetchall()


def run_of(engine: Engine, run_id: int) -> Run:
    """A run that has its lists."""
    with engine.connect() as connection:
        return next(row.run for row in select_ready_runs(connection) if row.run.id == run_id)


def run_in_force(engine: Engine) -> int:
    """The run that answers come from now, asked as a reader would."""
    return int(
        rows(
            engine,
            """
            SELECT p.run_id
            FROM connected_jobs.publication p
            JOIN connected_jobs.refresh_run r ON r.id = p.run_id AND r.state = 'ready'
            WHERE p.effective_at <= now()
            ORDER BY p.id DESC
            LIMIT 1
            """,
        )[0][0]
    )


def lists_of(engine: Engine, run_id: int) -> Lists:
    """Every list of a run, by member."""
    found = rows(
        engine,
        "SELECT member_id, posting_ids, reasons FROM connected_jobs.recommendation_list WHERE run_id = :run_id",
        run_id=run_id,
    )
    return {member_id: (ids, list(reasons)) for member_id, ids, reasons in found}


def lists_made_at_once(engine: Engine, *, now: datetime, options: Options | None = None) -> Lists:
    """The lists that the recommender makes of the board in one go, without chunks, processes and Postgres."""
    with snapshot(engine) as board:
        postings, ids = board.postings(), board.member_ids()
        activity = board.activity([posting.id for posting in postings])
        driver: Any = board.connection.connection.driver_connection

        def members(positions: Sequence[int]) -> Any:
            return profiles(driver, [ids[position] for position in positions])

        model = fit(postings, ids, activity, members, now=now, options=options or Options())
        ranked = model.rank(range(len(ids)), members(range(len(ids))))
    return {
        member_id: ([r.posting_id for r in places], [int(r.reason) for r in places])
        for member_id, places in zip(ids, ranked, strict=True)
        if places
    }


def everywhere(engine: Engine, needle: str) -> list[str]:
    """Tables, in any schema but Postgres's own, with a row that holds the text anywhere, in bytes as well.

    Not as a part of a longer word or number: in those a short one stands by chance.
    """
    tables = rows(
        engine,
        """
        SELECT format('%I.%I', n.nspname, c.relname),
               array_agg(format('%I', a.attname)) FILTER (WHERE a.atttypid = 'bytea'::regtype)
        FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
        GROUP BY 1
        ORDER BY 1
        """,
    )
    as_text, as_bytes = (
        rf"(^|[^\w.]){needle}($|[^\w.])",
        re.compile(rb"(?<![\w.])%b(?![\w.])" % needle.encode()),
    )
    found = []
    with engine.connect() as connection:
        for table, of_bytes in tables:
            in_text = text(f"SELECT EXISTS (SELECT FROM {table} AS t WHERE CAST(t AS text) ~ :text)")  # noqa: S608 - names from the catalogue
            in_bytes = (
                value
                for column in of_bytes or ()
                for value in connection.execute(
                    text(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL")  # noqa: S608
                ).scalars()
            )
            if connection.execute(in_text, {"text": as_text}).scalar() or any(map(as_bytes.search, in_bytes)):
                found.append(table)
    return found
