"""A board with a row of every kind that nobody can use: refreshes leave out those rows and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from app.postgres.board.snapshot import snapshot
from app.refresh.incremental import refresh_changed
from app.refresh.whole import refresh
from tests.integration.small_board import fill, lists_of, rows
from tests.poison import ACTIVITY, ANYTHING_GOES, COMPANY, MEMBER, POSTING, each

if TYPE_CHECKING:
    from sqlalchemy import Engine

# One row like those of the board, to be spoilt in one column.
COPIES = {
    "company": ("c", "INSERT INTO board.company SELECT * FROM board.company WHERE id = 'c-1'", COMPANY),
    "posting": ("p", "INSERT INTO board.posting SELECT * FROM board.posting WHERE id = 'p-000001'", POSTING),
    "member": ("m", "INSERT INTO board.member SELECT * FROM board.member WHERE id = 'm-000001'", MEMBER),
}


def spoilt(connection: psycopg.Connection) -> None:
    """Beside the board's own rows, one with each value."""
    for table, (letter, copy, values) in COPIES.items():
        name = {"company": "c-1", "posting": "p-000001", "member": "m-000001"}[table]
        for number, (column, value) in enumerate(each(values)):
            connection.execute(copy.encode())
            connection.execute(
                f"UPDATE board.{table} SET id = '{letter}-bad-{number}' "  # noqa: S608 - names of our own, here and below
                f"WHERE ctid = (SELECT max(ctid) FROM board.{table} WHERE id = '{name}')".encode()
            )
            if table == "company":
                connection.execute(
                    f"INSERT INTO board.posting SELECT * FROM board.posting WHERE id = 'p-000002'; "  # noqa: S608
                    f"UPDATE board.posting SET id = 'p-of-bad-{number}', company_id = 'c-bad-{number}' "
                    "WHERE ctid = (SELECT max(ctid) FROM board.posting WHERE id = 'p-000002')".encode()
                )
            connection.execute(
                f"UPDATE board.{table} SET {column} = {value} WHERE id = '{letter}-bad-{number}'".encode()  # noqa: S608
            )
    for column, value in each(ACTIVITY):
        given = {
            "member_id": "'m-000001'",
            "posting_id": "'p-000009'",
            "kind": "'apply'",
            "occurred_at": "now()",
        }
        connection.execute(
            f"INSERT INTO board.activity ({', '.join(given)}) VALUES ({', '.join((given | {column: value}).values())})".encode()  # noqa: S608
        )


@pytest.fixture
def board(engine: Engine, database_url: str) -> Engine:
    fill(engine, members=60, postings=60)
    with psycopg.connect(database_url) as connection:
        connection.execute(ANYTHING_GOES)
        spoilt(connection)
    return engine


def test_a_refresh_and_one_of_changes_leave_out_what_they_cannot_use_and_nothing_else(board: Engine) -> None:
    report = refresh(board, processes=1)
    lists = lists_of(board, report.run_id)
    good = {f"m-{number:06}" for number in range(1, 61)}
    assert good <= set(lists)
    with snapshot(board) as at:
        postings = at.postings()
    assert {f"p-{number:06}" for number in range(1, 61)} <= {posting.id for posting in postings}
    assert len({posting.id for posting in postings}) == len(postings)
    assert any("board.posting" in sentence and "title" in sentence for sentence in report.left_out)
    assert any("board.member" in sentence and "id" in sentence for sentence in report.left_out)
    (left_out,) = rows(
        board, "SELECT (measures ->> 'rows_left_out')::bigint FROM connected_jobs.refresh_run"
    )[0]
    assert left_out > len(POSTING["title"])
    again = refresh_changed(board, processes=1)
    assert good <= set(lists_of(board, again.run_id))
    stored = rows(
        board, "SELECT cardinality(posting_ids), length(reasons) FROM connected_jobs.recommendation_list"
    )
    assert all(ids == reasons for ids, reasons in stored)


@pytest.mark.parametrize("nothing", ["NULL", "''"])
def test_a_posting_whose_company_is_nothing_is_shown_without_one(
    engine: Engine, database_url: str, nothing: str
) -> None:
    fill(engine, members=5, postings=12)
    with psycopg.connect(database_url) as connection:
        connection.execute(ANYTHING_GOES)
        connection.execute(f"UPDATE board.posting SET company_id = {nothing} WHERE id = 'p-000003'".encode())  # noqa: S608
    with snapshot(engine) as at:
        assert "p-000003" in {posting.id for posting in at.postings()}
