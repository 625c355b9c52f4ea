"""One row that nobody can use: it is left out, and everything else goes on."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import text

from app.postgres.board.left_out import LeftOutRows
from app.postgres.board.snapshot import Snapshot, profiles
from app.postgres.engines import batch_engine, driver_of
from app.runtime.errors import UnavailableError
from tests.poison import ANYTHING_GOES, COMPANY, MEMBER, POSTING, each
from tests.postgres_fixtures import _create, _drop, _url_of
from tests.web.service import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.service import Service


@pytest.fixture(scope="module")
def anything_url(server_url: str, board_template: str) -> Iterator[str]:
    """The fixed board in tables that hold whatever a view could."""
    name = _create(server_url, "cj_poison", board_template)
    url = _url_of(server_url, name)
    with psycopg.connect(url) as connection:
        connection.execute(ANYTHING_GOES)
        connection.execute("CREATE SCHEMA kept")
        for table in ("posting", "company", "member"):
            connection.execute(f"CREATE TABLE kept.{table} AS TABLE board.{table}".encode())
    yield url
    _drop(server_url, name)


@pytest.fixture(scope="module")
def poisoned(anything_url: str) -> Iterator[Service]:
    with serving(anything_url, list_fresh_s=0) as service:
        yield service


@pytest.mark.parametrize("column", POSTING)
def test_a_posting_with_a_value_nobody_can_read_harms_no_other(
    poisoned: Service, anything_url: str, column: str
) -> None:
    """Every value a column may hold, one after the other: answers go on, and another posting's closing is seen."""
    with psycopg.connect(anything_url, autocommit=True) as connection:
        for value in POSTING[column]:
            _poison(connection, "posting", "p-06", column, value)
            for status in ("closed", "open"):
                connection.execute(
                    "UPDATE board.posting SET status = %s, updated_at = now() WHERE id = 'p-later'", [status]
                )
                poisoned.run_tasks()
                assert ("p-later" in poisoned.ids("m-list", limit=50)) is (status == "open"), value
                assert len(poisoned.ids("nobody", limit=50)) > 5, value
        _poison(connection, "posting", "p-06", "skills", "skills")
    poisoned.run_tasks()
    assert "p-06" in poisoned.ids("m-list", limit=50)


def test_a_company_with_a_value_nobody_can_read_harms_no_other(poisoned: Service, anything_url: str) -> None:
    with psycopg.connect(anything_url, autocommit=True) as connection:
        for column, value in each(COMPANY):
            _poison(connection, "company", "c-evil", column, value)
            connection.execute("UPDATE board.posting SET updated_at = now() WHERE company_id = 'c-evil'")
            poisoned.run_tasks()
            assert "p-later" in poisoned.ids("m-list", limit=50), (column, value)


def test_a_member_with_a_value_nobody_can_read_is_answered_and_so_are_all_others(
    poisoned: Service, anything_url: str
) -> None:
    with psycopg.connect(anything_url, autocommit=True) as connection:
        for member in ("m-list", "m-bare"):
            for column, value in each(MEMBER):
                _poison(connection, "member", member, column, value)
                assert len(poisoned.ids(member, limit=50)) > 5, (column, value)
            assert len(poisoned.ids("nobody", limit=50)) > 5


def test_a_row_that_is_left_out_is_named_once_and_counted(
    board_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with psycopg.connect(board_url) as connection:
        connection.execute("UPDATE board.posting SET title = '', updated_at = now() WHERE id = 'p-06'")
    with caplog.at_level(logging.WARNING, "connected_jobs.board"), serving(board_url) as service:
        for _ in range(3):
            service.run_tasks()
            assert "p-06" not in service.ids("m-list", limit=50)
        exposed = service.instruments.exposition().decode()
    assert [record.getMessage() for record in caplog.records] == [
        "board.posting 'p-06' is left out: its title is empty."
    ]
    assert 'cj_rows_left_out_total{column="title",relation="posting"} ' in exposed
    assert 'cj_rows_left_out_total{column="title",relation="posting"} 0.0' not in exposed


FAILS_FOR = """
    ALTER TABLE board.{table} RENAME TO own;
    CREATE VIEW board.{table} AS
    SELECT {columns}, CASE id WHEN '{row}' THEN id::int::text::{type} ELSE {column} END AS {column}
    FROM board.own
"""


def _fail(url: str, table: str, row: str, column: str = "education") -> None:
    """Put a view in a table's place in which a cast fails for one row."""
    with psycopg.connect(url) as connection:
        names = connection.execute(
            "SELECT string_agg(attname, ', ') FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attname <> %s",
            [f"board.{table}", column],
        ).fetchone()
        assert names is not None
        type_ = "text" if column == "status" else "smallint"
        view = FAILS_FOR.format(table=table, row=row, columns=names[0], column=column, type=type_)
        connection.execute(view.encode())


@pytest.mark.parametrize("column", ["education", "status"])
def test_a_posting_for_which_the_view_fails_harms_no_other(
    board_url: str, column: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a service that runs, of one that starts, and of a refresh."""
    with serving(board_url) as service:
        assert "p-06" in service.ids("m-list", limit=50)
        _fail(board_url, "posting", "p-06", column)
        with psycopg.connect(board_url) as connection:
            connection.execute("UPDATE board.own SET updated_at = now() WHERE id = 'p-06'")
            connection.execute(
                "UPDATE board.own SET status = 'closed', updated_at = now() WHERE id = 'p-later'"
            )
        service.run_tasks()
        assert not {"p-06", "p-later"} & set(service.ids("m-list", limit=50))
        assert len(service.ids("nobody", limit=50)) > 5
    with serving(board_url) as service:
        answer = service.answer("m-list", limit=50)
        assert (answer["source"], answer["degraded"]) == ("personalized", None)
        assert "p-06" not in {posting["id"] for posting in answer["postings"]}
    with batch_engine(board_url).connect() as connection:
        read = Snapshot(connection, datetime.now(UTC))
        assert {"p-06"} == set(
            connection.scalars(text("SELECT id FROM board.own WHERE company_id IS NOT NULL"))
        ) - {posting.id for posting in read.postings()}
        assert read.left_out.sentences() == ["Left out of board.posting: 1 row whose row cannot be used."]
    assert (
        "board.posting 'p-06' is left out: its row cannot be read: an expression in the view" in caplog.text
    )


def test_a_member_for_whom_the_view_fails_is_answered_and_so_are_all_others(board_url: str) -> None:
    _fail(board_url, "member", "m-bare")
    with serving(board_url, list_fresh_s=0) as service:
        for member in ("m-bare", "m-list", "nobody"):
            assert len(service.ids(member, limit=50)) > 5, member
    with batch_engine(board_url).connect() as connection:
        left_out = LeftOutRows()
        found = profiles(driver_of(connection), ["m-list", "m-bare"], left_out)
    assert [member.id for member in found] == ["m-list", "m-bare"]
    assert left_out.rows == 1


def test_a_member_for_whose_activity_the_view_fails_is_told_and_harms_no_other(
    board_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with psycopg.connect(board_url) as connection:
        connection.execute("""
            ALTER TABLE board.activity RENAME TO own;
            CREATE VIEW board.activity AS
            SELECT member_id, CASE WHEN (CASE member_id WHEN 'm-list' THEN 'none' ELSE '1' END)::int = 1 THEN posting_id END
                       AS posting_id, kind, occurred_at
            FROM board.own
        """)
        connection.execute(
            "INSERT INTO board.own VALUES ('m-bare', 'p-06', 'view', now() - interval '1 hour')"
        )
        connection.execute(
            "INSERT INTO board.own VALUES ('m-list', 'p-06', 'view', now() - interval '1 hour')"
        )
    with serving(board_url, list_fresh_s=0) as service:
        answer = service.answer("m-list")
        assert (answer["source"], answer["degraded"]) == ("popular", "postgres")
        assert service.answer("m-bare")["degraded"] is None
    assert "board.member 'm-list' is left out: its row cannot be read" in caplog.text
    with batch_engine(board_url).connect() as connection:
        read = Snapshot(connection, datetime.now(UTC))
        members, catalogue = read.member_ids(), [posting.id for posting in read.postings()]
        activity = read.activity(catalogue)
        assert read.left_out.sentences() == ["Left out of board.activity: 1 row whose row cannot be used."]
    assert (members.index("m-bare"), catalogue.index("p-06")) in set(
        zip(activity.member.tolist(), activity.posting.tolist(), strict=True)
    )
    assert members.index("m-list") not in activity.member


@pytest.mark.parametrize("deadline", ["infinity", "9999-12-31", "2099-12-31", None])
def test_a_deadline_for_ever_is_none(board_url: str, deadline: str | None) -> None:
    with psycopg.connect(board_url) as connection:
        connection.execute(
            "UPDATE board.posting SET deadline = %s, closes = 'on_date' WHERE id = 'p-later'", [deadline]
        )
    with serving(board_url) as service:
        shown = {posting["id"]: posting for posting in service.answer("m-list", limit=50)["postings"]}
    assert (shown["p-later"]["deadline"], shown["p-later"]["days_left"]) == (None, None)
    assert shown["p-later"]["deadline_label"] == ("상시 채용" if deadline else "채용 시 마감")


def test_a_list_that_fails_to_be_made_is_a_popular_one_and_the_fault_is_logged(
    board_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with psycopg.connect(board_url) as connection:
        connection.execute(
            "UPDATE connected_jobs.recommendation_list SET reasons = 'x' WHERE member_id = 'm-list'"
        )
    with serving(board_url) as service:
        found = service.answer("m-list")
        assert (found["source"], found["degraded"], found["count"]) == ("popular", "fault", 10)
        assert service.answer("nobody")["degraded"] is None
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        "an answer failed"
    ]


def _poison(connection: psycopg.Connection, table: str, row_id: str, column: str, value: str) -> None:
    """Put a value into a row of a table that is otherwise as it was."""
    stamp = "" if column == "updated_at" else ", updated_at = now()"
    for statement in (
        f"DELETE FROM board.{table}",  # noqa: S608 - names and values of our own, here and below
        f"INSERT INTO board.{table} TABLE kept.{table}",
        f"UPDATE board.{table} SET {column} = {value}{stamp} WHERE id = '{row_id}'",  # noqa: S608
    ):
        connection.execute(statement.encode())


@pytest.mark.parametrize(
    ("column", "type_"),
    [
        ("updated_at", "timestamp"),
        ("opened_at", "timestamp"),
        ("deadline", "timestamptz"),
        ("title", "integer USING 1"),
        ("categories", "text"),
        ("salary_min", "numeric USING 'NaN'"),
        ("salary_min", "text USING 'a lot'"),
        ("deadline_time", "timetz USING '24:00+09'::timetz"),
    ],
)
def test_a_column_of_another_type_ends_no_answer_and_no_round_of_the_watch(
    board_url: str, column: str, type_: str
) -> None:
    """A refresh refuses such a view by name; a service that runs when it changes goes on with what can be read."""
    with serving(board_url) as service:
        shown = service.ids("m-list", limit=50)
        with psycopg.connect(board_url) as connection:
            connection.execute(ANYTHING_GOES)
            connection.execute(f"ALTER TABLE board.posting ALTER {column} DROP DEFAULT".encode())
            connection.execute(f"ALTER TABLE board.posting ALTER {column} TYPE {type_}".encode())
            connection.execute("UPDATE board.posting SET updated_at = now() WHERE id = 'p-06'")
        for _ in range(2):
            with suppress(UnavailableError):  # a statement that was prepared for other types
                service.run_tasks()
            assert set(service.ids("m-list", limit=50)) <= set(shown)
    with serving(board_url) as service:
        service.ids("m-list", limit=50)
        service.ids("nobody", limit=50)
