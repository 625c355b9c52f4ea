"""A week passes in a database whose clock cannot be set: all that it knows of mails becomes a week older."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg.sql import SQL, Identifier

from app.postgres.feedback.partitions import CLICK, EXPOSURE, MAIL_EVENT, OUTCOME, create_partitions

if TYPE_CHECKING:
    from app.postgres.feedback.partitions import Partitioned

WEEK: Final = timedelta(days=7)
_PARTITIONED: Final = {EXPOSURE: "day", CLICK: "day", MAIL_EVENT: "day", OUTCOME: "occurred_at"}
_OTHERS: Final = ("consent", "enrolment", "experiment", "mail_count", "send_result")


def let_a_week_pass(url: str) -> None:
    """Make every time of what came back from mails, and of experiments, a week earlier."""
    with psycopg.connect(url) as connection:
        for table, column in _PARTITIONED.items():
            _move(connection, table.name, table, column)
        for name in _OTHERS:
            _move(connection, name)


def _move(
    connection: psycopg.Connection, name: str, parts: Partitioned | None = None, column: str = ""
) -> None:
    """Take a table's rows out, and put them in again a week earlier: no row may meet another's old key."""
    table, moved = Identifier("connected_jobs", name), Identifier(f"moved_{name}")
    connection.execute(
        SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT * FROM {}").format(moved, table)
    )
    times = [
        Identifier(row[0])
        for row in connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'connected_jobs' AND table_name = %s"
            " AND data_type IN ('date', 'timestamp with time zone')",
            [name],
        )
    ]
    earlier = SQL(", ").join(SQL("{0} = {0} - interval '7 days'").format(time) for time in times)
    connection.execute(SQL("UPDATE {} SET {}").format(moved, earlier))
    connection.execute(SQL("TRUNCATE {}").format(table))
    if parts:
        days = connection.execute(
            SQL("SELECT DISTINCT ({} AT TIME ZONE 'UTC')::date FROM {}").format(Identifier(column), moved)
            if parts.monthly
            else SQL("SELECT DISTINCT {} FROM {}").format(Identifier(column), moved)
        )
        create_partitions(connection, parts, [row[0] for row in days])
    connection.execute(SQL("INSERT INTO {} SELECT * FROM {}").format(table, moved))
