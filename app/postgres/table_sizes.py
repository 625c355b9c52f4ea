"""How much the service stands on: what a load test's evidence records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection

_COUNTED = {
    "postings": "board.posting",
    "members": "board.member",
    "activity": "board.activity",
    "lists": "connected_jobs.recommendation_list",
}


def select_table_sizes(connection: Connection) -> dict[str, int]:
    """Rows of what serving reads."""
    return {
        name: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
        for name, table in _COUNTED.items()
    }


def select_server_version(connection: Connection) -> str:
    """Postgres's version, "18.6"."""
    version: str = connection.execute(text("SELECT current_setting('server_version')")).scalar_one()
    return version.partition(" ")[0]
