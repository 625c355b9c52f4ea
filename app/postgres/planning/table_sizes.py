"""How much the service stands on: what a load test's evidence records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from app.postgres.lists.publications import select_table_in_force

if TYPE_CHECKING:
    from sqlalchemy import Connection

_BOARD = {"postings": "board.posting", "members": "board.member", "activity": "board.activity"}


def select_table_sizes(connection: Connection) -> dict[str, int]:
    """Rows of what serving reads; of lists those in force."""
    return {name: _count(connection, table) for name, table in _tables(connection).items()}


def select_row_estimates(connection: Connection) -> dict[str, int]:
    """About how many rows serving reads from, as Postgres's planner knows: counting them would read them all.

    Of a view it only guesses what its conditions leave, so those are counted.
    """
    return {
        name: (_count if table is None or _is_view(connection, table) else _estimate)(connection, table)
        for name, table in _tables(connection).items()
    }


def _tables(connection: Connection) -> dict[str, str | None]:
    return {**_BOARD, "lists": select_table_in_force(connection)}


def _is_view(connection: Connection, table: str) -> bool:
    kind = connection.execute(
        text("SELECT relkind FROM pg_class WHERE oid = to_regclass(:table)"), {"table": table}
    ).scalar_one()
    return bool(kind == "v")


def _count(connection: Connection, table: str | None) -> int:
    if table is None:
        return 0
    count: int = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
    return count


def _estimate(connection: Connection, table: str | None) -> int:
    plan = connection.execute(text(f"EXPLAIN (FORMAT JSON) SELECT FROM {table}")).scalar_one()[0]["Plan"]
    rows: int = plan["Plan Rows"]
    return rows


def select_server_version(connection: Connection) -> str:
    """Postgres's version, "18.6"."""
    version: str = connection.execute(text("SELECT current_setting('server_version')")).scalar_one()
    return version.partition(" ")[0]
