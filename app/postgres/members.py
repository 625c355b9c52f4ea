"""Members in Postgres: their ids for a load test and for the demo, and erasing one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from app.postgres.board.columns import TAKES_MAIL
from app.postgres.board.load import ERASE_OR_MERGE
from app.postgres.engines import driver_of
from app.postgres.feedback import users
from app.postgres.lists import runs
from app.postgres.syncs.questions import delete_sent
from app.serving.erasures import member_hash

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine


def select_member_ids(connection: Connection, *, most: int | None = None) -> Iterator[str]:
    """Ids of members who take mail, in an order that has nothing to do with the board's; streamed."""
    rows = connection.execution_options(yield_per=10_000).execute(
        text(f"""
            SELECT m.id
            FROM board.member m
            WHERE {TAKES_MAIL} AND m.id <> ''
            ORDER BY md5(m.id)
            LIMIT :most
        """),
        {"most": most},
    )
    yield from rows.scalars()


def select_active_member_id(connection: Connection) -> str:
    """The id of a member who takes mail and applied about eight times."""
    member_id: str = connection.execute(
        text(f"""
            SELECT a.member_id
            FROM board.activity a
            JOIN board.member m ON m.id = a.member_id AND {TAKES_MAIL}
            WHERE a.kind = 'apply'
            GROUP BY a.member_id
            ORDER BY abs(count(*) - 8), a.member_id
            LIMIT 1
        """)
    ).scalar_one()
    return member_id


def delete_member(engine: Engine, member_id: str) -> dict[str, int]:
    """Erase every trace of a member; returns how many rows went from which table.

    Of their id a hash stays, by which workers and imports know that they were erased. An import that is putting its
    rows in is waited for. The lists are ours. The board's own tables are erased too where they are tables that we may delete from;
    elsewhere the board erases its own, first, and what is counted here is 0. The lists go last, when the member
    is gone for everybody: a refresh under way drops lists of members it no longer finds before it publishes.
    """
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ERASE_OR_MERGE})
        connection.execute(
            text("""
                INSERT INTO connected_jobs.erased_member (member_hash)
                VALUES (:hash)
                ON CONFLICT (member_hash) DO UPDATE SET erased_at = now()
            """),
            {"hash": member_hash(member_id)},
        )
        erased = users.delete_member_feedback(driver_of(connection), member_id) | {
            table: _delete_from_board(connection, table, column, member_id)
            for table, column in (("board.activity", "member_id"), ("board.member", "id"))
        }
        erased |= delete_sent(connection, member_id)
    with engine.begin() as connection:
        erased["connected_jobs.recommendation_list"] = runs.delete_lists(connection, member_id)
    return erased


def restore_member(connection: Connection, member_id: str) -> bool:
    """Let imports bring a member who was erased again; false for one who was not."""
    users.restore_users(driver_of(connection), member_id)
    return (
        connection.execute(
            text("DELETE FROM connected_jobs.erased_member WHERE member_hash = :hash"),
            {"hash": member_hash(member_id)},
        ).rowcount
        == 1
    )


def _delete_from_board(connection: Connection, table: str, column: str, member_id: str) -> int:
    ours = connection.execute(
        text("""
            SELECT relkind IN ('r', 'p') AND has_table_privilege(oid, 'DELETE')
            FROM pg_class
            WHERE oid = to_regclass(:table)
        """),
        {"table": table},
    ).scalar()
    if not ours:
        return 0
    return connection.execute(text(f"DELETE FROM {table} WHERE {column} = :id"), {"id": member_id}).rowcount
