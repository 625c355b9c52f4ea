"""Publishing beside others: a lock whose connection is cut, a second refresh, a rollback at the same moment."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from app.postgres.audit import select_audit_log
from app.postgres.lists import publications
from app.postgres.lists.refresh_lock import RefreshError, hold_refresh_lock
from app.postgres.serving.pool import ServingPool
from app.postgres.serving.reads import STATEMENTS, PostgresStore
from app.refresh import publish
from app.refresh.incremental import refresh_changed
from app.refresh.rollback import roll_back
from app.refresh.whole import refresh
from tests.integration.small_board import change, fill, rows, run_in_force

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection, Engine

    from app.refresh.rollback import Rollback

CUT_LOCKS = """
    SELECT pg_terminate_backend(pid)
    FROM pg_locks
    WHERE locktype = 'advisory' AND pid <> pg_backend_pid()
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.fixture
def board(engine: Engine) -> Engine:
    fill(engine, members=60, postings=40)
    return engine


def when_ranked(do: Callable[[], None]) -> Callable[[str, float], None]:
    """Progress that does something once, when every member is ranked."""
    done: list[bool] = []

    def progress(stage: str, share: float) -> None:
        if (stage, share) == ("rank", 1.0) and not done:
            done.append(True)
            do()

    return progress


@pytest.mark.parametrize("make", [refresh, refresh_changed])
def test_a_refresh_whose_lock_is_cut_takes_it_again_and_publishes(
    board: Engine, make: Callable[..., object]
) -> None:
    first = refresh(board, processes=1).run_id
    make(board, processes=1, progress=when_ranked(lambda: change(board, CUT_LOCKS)))
    assert run_in_force(board) > first
    with hold_refresh_lock(board):
        pass


def test_a_lock_that_is_cut_when_all_is_done_makes_no_failure_of_it(board: Engine) -> None:
    with hold_refresh_lock(board):
        change(board, CUT_LOCKS)


@pytest.mark.parametrize("make", [refresh, refresh_changed])
def test_of_two_refreshes_after_a_cut_one_publishes_and_the_other_says_what_happened(
    board: Engine, make: Callable[..., object]
) -> None:
    refresh(board, processes=1)
    published: list[int] = []

    def another() -> None:
        change(board, CUT_LOCKS)
        change(board, "UPDATE board.posting SET status = 'closed', updated_at = now() WHERE id = 'p-000003'")
        published.append(refresh(board, processes=1).run_id)

    with pytest.raises(RefreshError, match="Another refresh took this run over or dropped it"):
        make(board, processes=1, progress=when_ranked(another))
    assert run_in_force(board) == published[0]
    assert refresh(board, processes=1).run_id > published[0]


def test_one_that_begins_while_another_holds_the_lock_it_lost_is_told_so(board: Engine) -> None:
    with hold_refresh_lock(board) as lost:
        change(board, CUT_LOCKS)
        with hold_refresh_lock(board), pytest.raises(RefreshError, match="Another refresh is running"):
            lost.ensure()


def test_a_rollback_beside_a_refresh_that_ends_waits_for_it_and_goes_to_a_run_that_has_its_lists(
    board: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [refresh(board, processes=1).run_id for _ in range(2)]
    dropping = threading.Event()
    rolled_back: list[Rollback] = []
    drop = publish.drop_unneeded_runs

    def slowly(engine: Engine) -> object:
        dropping.set()
        operator.join(0.3)  # it waits for the lock
        assert not rolled_back
        return drop(engine)

    def go_back() -> None:
        assert dropping.wait(20)
        rolled_back.append(roll_back(board))

    operator = threading.Thread(target=go_back)
    monkeypatch.setattr(publish, "drop_unneeded_runs", slowly)
    operator.start()
    third = refresh(board, processes=1).run_id
    operator.join(20)
    assert [(done.left, done.taken) for done in rolled_back] == [(third, runs[1])]
    assert run_in_force(board) == runs[1]
    assert rows(
        board, "SELECT count(*) > 0 FROM connected_jobs.recommendation_list WHERE run_id = :id", id=runs[1]
    ) == [(True,)]


def test_a_refresh_of_what_changed_since_a_run_that_was_left_publishes_nothing(board: Engine) -> None:
    good, bad = (refresh(board, processes=1).run_id for _ in range(2))

    def go_back() -> None:
        roll_back(board)

    with pytest.raises(RefreshError, match=f"Run {bad}, which this one goes on from, was left meanwhile"):
        refresh_changed(board, processes=1, progress=when_ranked(go_back))
    assert run_in_force(board) == good
    assert refresh_changed(board, processes=1).run_id == run_in_force(board)


def test_a_rollback_beside_a_refresh_goes_on_and_says_that_it_will_publish(board: Engine) -> None:
    for _ in range(2):
        refresh(board, processes=1)
    with hold_refresh_lock(board):
        assert roll_back(board).refreshing
    assert not roll_back(board).refreshing


def test_a_publication_whose_commit_was_made_and_not_told_is_one(
    board: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = publications.insert_publication

    def cut(connection: Connection, run_id: int, announced: publications.Announcement) -> datetime:
        """The connection breaks right after the commit, as the client sees it."""
        effective_at = insert(connection, run_id, announced)
        connection.connection.driver_connection.commit()  # type: ignore[union-attr] # there is one
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return effective_at

    monkeypatch.setattr(publications, "insert_publication", cut)
    report = refresh(board, processes=1)
    assert report.run_id == run_in_force(board)


def test_a_run_keeps_the_postings_that_profiles_are_ranked_over_as_they_were(
    board: Engine, database_url: str
) -> None:
    run_id = refresh(board, processes=1).run_id
    pool = ServingPool(database_url, STATEMENTS, size=1, wait_s=2, statement_timeout_ms=5_000)
    pool.open()
    try:
        store = PostgresStore(pool)
        before = store.shelf_pool(run_id)
        change(board, "UPDATE board.posting SET title = 'other', status = 'hidden', updated_at = now()")
        assert before == store.shelf_pool(run_id)
        assert {one.title for one in before} != {"other"}
        assert len(before) == 40
        assert store.shelf_pool(run_id + 1) == []
    finally:
        pool.close()


def test_who_published_and_who_went_back_is_kept_for_good(board: Engine) -> None:
    runs = [refresh(board, processes=1, by="nightly").run_id for _ in range(2)]
    roll_back(board, by="kim")
    with board.connect() as connection:
        entries = [(entry.who, entry.what, entry.subject) for entry in select_audit_log(connection, most=3)]
    assert entries == [
        ("kim", "publication rollback", f"run {runs[0]}"),
        ("nightly", "publication refresh", f"run {runs[1]}"),
        ("nightly", "publication refresh", f"run {runs[0]}"),
    ]
