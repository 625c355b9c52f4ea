"""Members in Postgres: their ids for a load test, and erasing one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection


def select_member_ids(connection: Connection, *, most: int | None = None) -> Iterator[str]:
    """Ids of members who take mail, in an order that has nothing to do with the board's; streamed."""
    rows = connection.execution_options(yield_per=10_000).execute(
        text("""
            SELECT id
            FROM board.member
            WHERE mail_consent AND withdrawn_at IS NULL
            ORDER BY md5(id)
            LIMIT :most
        """),
        {"most": most},
    )
    yield from rows.scalars()


def delete_member(connection: Connection, member_id: str) -> dict[str, int]:
    """Erase every trace of a member; returns how many rows went from which table.

    The lists are ours. The board's own tables are erased too where they are tables; where they are views,
    the board erases its own and what is counted here is 0.
    """
    erased = {
        "connected_jobs.recommendation_list": connection.execute(
            text("DELETE FROM connected_jobs.recommendation_list WHERE member_id = :id"), {"id": member_id}
        ).rowcount
    }
    for table, column in (("board.activity", "member_id"), ("board.member", "id")):
        is_table = connection.execute(
            text("SELECT relkind IN ('r', 'p') FROM pg_class WHERE oid = to_regclass(:table)"),
            {"table": table},
        ).scalar()
        erased[table] = (
            connection.execute(text(f"DELETE FROM {table} WHERE {column} = :id"), {"id": member_id}).rowcount
            if is_table
            else 0
        )
    return erased
