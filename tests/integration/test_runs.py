"""Runs are published whole, rolled back, kept as long as they are needed, and dropped without a wait."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from app.cli.refreshing import rollback_summary
from app.postgres.lists.refresh_lock import RefreshError
from app.refresh.chunks import Ranking
from app.refresh.incremental import refresh_changed
from app.refresh.publish import drop_unneeded_runs
from app.refresh.rollback import roll_back
from app.refresh.whole import refresh
from tests.integration.small_board import fill, lists_of, rows, run_in_force

if TYPE_CHECKING:
    from sqlalchemy import Engine

PARTITIONS = """
    SELECT relname FROM pg_class
    WHERE relname LIKE 'recommendation_list_%' AND relkind = 'r'
    ORDER BY 1
"""


@pytest.fixture
def board(engine: Engine) -> Engine:
    fill(engine, members=60, postings=40)
    return engine


def partitions(engine: Engine) -> list[str]:
    return [name for (name,) in rows(engine, PARTITIONS)]


def states(engine: Engine) -> list[tuple[int, str]]:
    return [
        (run, state)
        for run, state in rows(engine, "SELECT id, state FROM connected_jobs.refresh_run ORDER BY 1")
    ]


def test_readers_see_the_old_run_or_the_new_one_whole_while_a_refresh_publishes(board: Engine) -> None:
    first = refresh(board, processes=1).run_id
    whole = len(lists_of(board, first))
    seen: set[tuple[int, int, bool]] = set()
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            run = run_in_force(board)
            shelves = rows(board, "SELECT 1 FROM connected_jobs.shelf WHERE run_id = :run", run=run)
            seen.add((run, len(lists_of(board, run)), bool(shelves)))

    reader = threading.Thread(target=read)
    reader.start()
    second = refresh(board, ranking=Ranking(chunk_members=20), processes=1).run_id
    time.sleep(0.1)
    ended.set()
    reader.join()
    assert whole > 0
    assert seen == {(first, whole, True), (second, whole, True)}


def test_what_lists_hold_is_not_counted_for_the_planner_of_queries(board: Engine) -> None:
    run = refresh(board, processes=1).run_id
    counted = rows(
        board,
        "SELECT attname FROM pg_stats WHERE tablename = :table ORDER BY 1",
        table=f"recommendation_list_{run}",
    )
    assert counted == [("member_id",), ("run_id",)]


def test_a_run_published_for_later_is_not_in_force_before_its_time(board: Engine) -> None:
    first = refresh(board, processes=1).run_id
    report = refresh(board, processes=1, publication_delay=timedelta(minutes=15))
    assert run_in_force(board) == first
    assert report.effective_at - datetime.now(UTC) > timedelta(minutes=14)
    assert partitions(board) == [f"recommendation_list_{first}", f"recommendation_list_{report.run_id}"]


def test_the_first_run_is_in_force_at_once_whatever_the_delay(board: Engine) -> None:
    report = refresh(board, processes=1, publication_delay=timedelta(minutes=15))
    assert run_in_force(board) == report.run_id


def test_the_run_before_is_kept_and_older_ones_are_dropped(board: Engine) -> None:
    runs = [refresh(board, processes=1).run_id for _ in range(3)]
    assert partitions(board) == [f"recommendation_list_{run}" for run in runs[1:]]
    assert states(board) == [(runs[0], "dropped"), (runs[1], "ready"), (runs[2], "ready")]
    assert {run for (run,) in rows(board, "SELECT run_id FROM connected_jobs.shelf")} == set(runs[1:])


def test_a_rollback_goes_back_from_the_run_in_force_and_a_second_one_says_that_there_is_nothing(
    board: Engine,
) -> None:
    old, new = (refresh(board, processes=1).run_id for _ in range(2))
    done = roll_back(board, by="kim")
    assert (done.left, done.taken, done.withdrawn, done.on_left, done.refreshing) == (new, old, [], [], False)
    assert run_in_force(board) == old
    again = roll_back(board)
    assert (again.left, again.taken, again.further_back) == (old, old, False)
    assert (
        rollback_summary(again, moved=False)
        == f"Sends begin with run {old} as before: there is none to go further back to."
    )
    assert roll_back(board, to=new).taken == new == run_in_force(board)
    assert roll_back(board).taken == old == run_in_force(board)


def test_a_rollback_while_another_run_waits_for_its_time_goes_back_from_the_one_in_force(
    board: Engine,
) -> None:
    good, bad = (refresh(board, processes=1).run_id for _ in range(2))
    coming = refresh_changed(board, processes=1, publication_delay=timedelta(seconds=0.5)).run_id
    done = roll_back(board)
    assert (done.left, done.taken, done.withdrawn) == (bad, good, [coming])
    time.sleep(0.7)
    assert run_in_force(board) == good


def test_a_run_that_waits_for_its_time_can_be_withdrawn_alone(board: Engine) -> None:
    old = refresh(board, processes=1).run_id
    coming = refresh(board, processes=1, publication_delay=timedelta(seconds=0.5)).run_id
    done = roll_back(board, to=old)
    assert (done.left, done.taken, done.withdrawn) == (old, old, [coming])
    time.sleep(0.7)
    assert run_in_force(board) == old


def test_where_nothing_lies_behind_a_rollback_withdraws_what_waits_for_its_time(board: Engine) -> None:
    """On the first day the only bad lists there can be are those that are to follow."""
    first = refresh(board, processes=1).run_id
    coming = refresh(board, processes=1, publication_delay=timedelta(hours=1)).run_id
    done = roll_back(board)
    assert (done.left, done.taken, done.withdrawn, done.further_back) == (first, first, [coming], False)
    assert rollback_summary(done, moved=False).endswith(f"Run {coming}, which was to follow, does not.")


def test_a_refresh_after_a_rollback_keeps_the_run_rolled_back_to_and_goes_back_to_it(board: Engine) -> None:
    old, _new = (refresh(board, processes=1).run_id for _ in range(2))
    roll_back(board)
    newest = refresh(board, processes=1).run_id
    assert partitions(board) == [f"recommendation_list_{old}", f"recommendation_list_{newest}"]
    assert roll_back(board).taken == old


@pytest.mark.parametrize("runs", [0, 1])
def test_without_an_earlier_run_a_rollback_says_so(board: Engine, runs: int) -> None:
    for _ in range(runs):
        refresh(board, processes=1)
    with pytest.raises(RefreshError, match="There is no earlier run to go back to"):
        roll_back(board)
    assert rows(board, "SELECT count(*) FROM connected_jobs.publication") == [(runs,)]


def test_a_run_without_lists_is_not_gone_to(board: Engine) -> None:
    dropped, *_ = (refresh(board, processes=1).run_id for _ in range(3))
    for run_id in (dropped, 4_711):
        with pytest.raises(RefreshError, match=f"Run {run_id} has no lists to go to"):
            roll_back(board, to=run_id)


def test_who_published_and_what_stands_in_the_log(board: Engine) -> None:
    refresh(board, processes=1, by="nightly")
    refresh_changed(board, processes=1, by="hourly")
    roll_back(board, by="kim", moves_sends=True)
    assert rows(
        board, "SELECT what, published_by, moves_sends FROM connected_jobs.publication ORDER BY id"
    ) == [("refresh", "nightly", False), ("changed", "hourly", False), ("rollback", "kim", True)]


def test_a_long_transaction_neither_hangs_a_refresh_nor_loses_what_it_reads_nor_hinders_others(
    board: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = refresh(board, processes=1).run_id
    count = "SELECT count(*) FROM connected_jobs.recommendation_list WHERE run_id = %s"
    with psycopg.connect(database_url) as analyst:
        analyst.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        before = analyst.execute(count, [old]).fetchone()
        monkeypatch.setattr("app.refresh.publish.drop_unneeded_runs", lambda *_: ())
        newest = [refresh(board, processes=1).run_id for _ in range(2)][-1]
        left: list[int] = []
        dropping = threading.Thread(target=lambda: left.extend(drop_unneeded_runs(board, wait_s=2.0)))
        dropping.start()
        waits_s = []
        while dropping.is_alive():
            start_s = time.monotonic()
            assert len(lists_of(board, newest)) > 0
            waits_s.append(time.monotonic() - start_s)
        assert left == [old]
        assert max(waits_s) < 1.0
        assert analyst.execute(count, [old]).fetchone() == before
    assert drop_unneeded_runs(board) == ()
    assert f"recommendation_list_{old}" not in partitions(board)


def test_a_refresh_whose_old_run_is_being_read_ends_well_and_the_next_one_drops_it(
    board: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.refresh.publish.drop_unneeded_runs.__kwdefaults__", {"wait_s": 0.2})
    first, second = (refresh(board, processes=1).run_id for _ in range(2))
    with psycopg.connect(database_url) as analyst:
        analyst.execute("SELECT count(*) FROM connected_jobs.recommendation_list")
        third = refresh(board, processes=1)
        fourth = refresh(board, processes=1)
        assert (third.not_dropped, fourth.not_dropped) == ([first], [first, second])
        assert run_in_force(board) == fourth.run_id
    assert refresh(board, processes=1).not_dropped == ()
    assert len(partitions(board)) == 2
