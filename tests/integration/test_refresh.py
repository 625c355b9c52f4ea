"""A refresh makes the same lists however it is cut up, interrupted or resumed, and keeps nothing of who has left."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.cli.evaluating import _serve
from app.postgres.engines import batch_engine
from app.postgres.lists import publications
from app.postgres.lists.refresh_lock import RefreshError
from app.postgres.members import delete_member
from app.recommend.options import Options
from app.refresh import publish
from app.refresh.chunks import Ranking
from app.refresh.recipes import USUAL, Recipe
from app.refresh.whole import refresh
from tests.integration.small_board import (
    change,
    everywhere,
    fill,
    lists_made_at_once,
    lists_of,
    rows,
    run_in_force,
    run_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Engine

MEMBERS, CHUNK = 120, 15  # eight chunks


@pytest.fixture
def board(engine: Engine) -> Engine:
    fill(engine, members=MEMBERS, postings=60)
    return engine


def started_at(engine: Engine, run_id: int) -> datetime:
    moment: datetime = rows(
        engine, "SELECT started_at FROM connected_jobs.refresh_run WHERE id = :run", run=run_id
    )[0][0]
    return moment


@pytest.mark.parametrize(("chunk_members", "processes"), [(1_000, 1), (CHUNK, 1), (CHUNK, 2), (7, 3)])
def test_chunks_and_processes_do_not_change_the_lists(
    board: Engine, chunk_members: int, processes: int
) -> None:
    run = refresh(board, ranking=Ranking(chunk_members=chunk_members), processes=processes).run_id
    lists = lists_of(board, run)
    assert len(lists) > 80
    assert lists == lists_made_at_once(board, now=started_at(board, run))


def test_the_same_board_at_the_same_moment_gives_the_same_lists(board: Engine) -> None:
    now = started_at(board, refresh(board, processes=1).run_id)
    assert lists_made_at_once(board, now=now) == lists_made_at_once(board, now=now)


def test_a_refresh_reports_what_it_read_and_how_long_its_stages_took(board: Engine) -> None:
    report = refresh(board, ranking=Ranking(chunk_members=CHUNK), processes=1)
    assert (report.members, report.postings, report.resumed_chunks, report.not_dropped) == (
        MEMBERS,
        60,
        0,
        (),
    )
    assert report.same_jobs == 0
    assert report.activity == rows(board, "SELECT count(*) FROM board.activity")[0][0]
    assert list(report.seconds) == ["read", "fit", "rank", "publish"]


def test_a_board_without_postings_is_refused_and_leaves_no_run(engine: Engine) -> None:
    with pytest.raises(RefreshError, match="The board has no postings"):
        refresh(engine)
    assert rows(engine, "SELECT id FROM connected_jobs.refresh_run") == []


def test_a_second_refresh_at_the_same_time_is_refused(board: Engine) -> None:
    refused: list[str] = []

    def intrude(stage: str, _share: float) -> None:
        if stage == "rank" and not refused:
            with pytest.raises(RefreshError) as caught:
                refresh(board)
            refused.append(str(caught.value))

    run = refresh(board, processes=1, progress=intrude).run_id
    assert refused == ["Another refresh is running on this database: wait for it to end."]
    assert rows(board, "SELECT id FROM connected_jobs.refresh_run") == [(run,)]


def refresh_that_is_killed(
    url: str, *, stage: str, share: float, processes: int, recipe: Recipe = USUAL
) -> None:
    """A refresh in a process of its own, forked from this one, that kills itself at a stage's share or as it publishes."""
    process = multiprocessing.get_context("fork").Process(
        target=_refresh_and_die, args=(url, stage, share, processes, recipe)
    )
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    session = process.pid or 0
    wait_until(lambda: not processes_of(session))


def _refresh_and_die(url: str, stage: str, share: float, processes: int, recipe: Recipe) -> None:
    os.setsid()

    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def progress(now_in: str, done: float) -> None:
        if now_in == stage and done >= share:
            die()

    if stage == "publish":
        publications.insert_publication = die  # type: ignore[assignment]
    if stage == "drop":
        publish.drop_unneeded_runs = die  # type: ignore[assignment]
    ranking = Ranking(chunk_members=CHUNK)
    refresh(batch_engine(url), ranking=ranking, processes=processes, progress=progress, recipe=recipe)


def processes_of(session: int) -> list[int]:
    """Live processes of a session: a process that began it, and all that it forked."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            _name, _, rest = (folder / "stat").read_text().rpartition(") ")
        except OSError:
            continue
        state, _parent, _group, its_session, *_ = rest.split()
        if int(its_session) == session and state != "Z":
            found.append(int(folder.name))
    return found


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("stage", "share", "processes", "resumed"),
    [
        ("read", 1.0, 1, (0, 0)),
        pytest.param("rank", 0.0, 2, (0, 0), marks=pytest.mark.slow),
        pytest.param("rank", 0.4, 1, (4, 4), marks=pytest.mark.slow),
        ("rank", 0.4, 2, (4, 8)),
        pytest.param("rank", 1.0, 2, (8, 8), marks=pytest.mark.slow),
        ("publish", 0.0, 1, (8, 8)),
    ],
    ids=["read", "about to rank", "half ranked", "half ranked by two", "ranked", "about to publish"],
)
def test_a_killed_refresh_is_resumed_to_the_lists_it_would_have_made(
    board: Engine,
    database_url: str,
    stage: str,
    share: float,
    processes: int,
    resumed: tuple[int, int],
) -> None:
    first = refresh(board, ranking=Ranking(chunk_members=CHUNK), processes=1).run_id
    lists = lists_of(board, first)
    refresh_that_is_killed(database_url, stage=stage, share=share, processes=processes)
    assert run_in_force(board) == first
    assert lists_of(board, first) == lists

    wait_until(lambda: not rows(board, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"))
    report = refresh(board, ranking=Ranking(chunk_members=CHUNK), processes=processes)
    assert resumed[0] <= report.resumed_chunks <= resumed[1]
    assert run_in_force(board) == report.run_id
    assert lists_of(board, report.run_id) == lists_made_at_once(board, now=started_at(board, report.run_id))
    ready = rows(board, "SELECT id FROM connected_jobs.refresh_run WHERE state = 'ready' ORDER BY 1")
    assert ready == [(first,), (report.run_id,)]


def test_a_refresh_killed_after_publishing_has_published_whole(board: Engine, database_url: str) -> None:
    refresh_that_is_killed(database_url, stage="drop", share=0.0, processes=1)
    run = run_in_force(board)
    assert lists_of(board, run) == lists_made_at_once(board, now=started_at(board, run))


CHANGES = {
    "a member left": "UPDATE board.member SET mail_consent = false WHERE id = 'm-000001'",
    "activity went": "DELETE FROM board.activity WHERE member_id = 'm-000001'",
    "a posting closed": "UPDATE board.posting SET status = 'closed', updated_at = now() WHERE id = 'p-000001'",
    "a profile changed": "UPDATE board.member SET skills = '{welding}', updated_at = now() WHERE id = 'm-000001'",
    "as many came as left": """
        INSERT INTO board.member (id, mail_consent) VALUES ('a-newcomer', true);
        UPDATE board.member SET withdrawn_at = now() WHERE id = 'm-000120'
    """,
}
SELDOM = {"a member left", "a posting closed", "a profile changed"}


@pytest.mark.parametrize(
    "meanwhile",
    [
        pytest.param(statement, id=name, marks=pytest.mark.slow if name in SELDOM else ())
        for name, statement in CHANGES.items()
    ],
)
def test_a_killed_refresh_of_a_board_that_changed_is_begun_anew_and_its_lists_dropped(
    board: Engine, database_url: str, meanwhile: str
) -> None:
    refresh_that_is_killed(database_url, stage="rank", share=0.4, processes=1)
    change(board, meanwhile)
    report = refresh(board, ranking=Ranking(chunk_members=CHUNK), processes=1)
    assert report.resumed_chunks == 0
    assert rows(board, "SELECT id, state FROM connected_jobs.refresh_run ORDER BY 1") == [
        (1, "dropped"),
        (report.run_id, "ready"),
    ]
    assert rows(board, "SELECT to_regclass('connected_jobs.recommendation_list_1')") == [(None,)]
    assert lists_of(board, report.run_id) == lists_made_at_once(board, now=started_at(board, report.run_id))


@pytest.mark.parametrize("changed", [False, True], ids=["the same board", "another board"])
def test_a_recipes_killed_refresh_is_kept_by_the_usual_one_while_it_can_go_on(
    board: Engine,
    database_url: str,
    changed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    ranking = Ranking(chunk_members=CHUNK)
    own = Recipe("own", Options(keep=10))
    refresh_that_is_killed(database_url, stage="rank", share=0.4, processes=1, recipe=own)
    if changed:
        change(board, CHANGES["activity went"])
    usual = refresh(board, ranking=ranking, processes=1).run_id
    state = "dropped" if changed else "running"
    states = "SELECT id, state, recipe FROM connected_jobs.refresh_run ORDER BY 1"
    assert rows(board, states) == [(1, state, "own"), (usual, "ready", None)]
    report = refresh(board, ranking=ranking, processes=1, recipe=own)
    assert report.resumed_chunks == (0 if changed else 4)
    made = (report.run_id, "ready", "own")
    assert rows(board, states)[-1 if changed else 0] == made
    assert lists_of(board, report.run_id) == lists_made_at_once(
        board, now=started_at(board, report.run_id), options=own.options
    )


def test_a_refresh_one_of_whose_processes_is_killed_says_so_and_can_be_resumed(board: Engine) -> None:
    def kill_one(stage: str, share: float) -> None:
        if stage == "rank" and share > 0:
            for child in multiprocessing.active_children():
                child.kill()

    with pytest.raises(
        RefreshError, match=r"A process of the refresh was killed.*it goes on where it stopped"
    ):
        refresh(board, ranking=Ranking(chunk_members=3), processes=2, progress=kill_one)
    report = refresh(board, ranking=Ranking(chunk_members=3), processes=2)
    assert report.resumed_chunks > 0
    assert lists_of(board, report.run_id) == lists_made_at_once(board, now=started_at(board, report.run_id))


def test_members_who_withdrew_or_take_no_mail_have_no_list(board: Engine) -> None:
    change(board, "UPDATE board.member SET withdrawn_at = now() WHERE id = 'm-000007'")
    change(board, "UPDATE board.member SET mail_consent = false WHERE id = 'm-000008'")
    lists = lists_of(board, refresh(board, processes=1).run_id)
    assert "m-000009" in lists
    assert not {"m-000007", "m-000008"} & set(lists)


@pytest.mark.parametrize("at", ["rank", "publish"])
def test_a_member_who_withdraws_during_a_refresh_has_no_list_in_it(board: Engine, at: str) -> None:
    def withdraw(stage: str, share: float) -> None:
        if stage == "rank" and share == (0.0 if at == "rank" else 1.0):
            change(board, "UPDATE board.member SET withdrawn_at = now() WHERE id = 'm-000007'")

    lists = lists_of(board, refresh(board, processes=1, progress=withdraw).run_id)
    assert "m-000006" in lists
    assert "m-000007" not in lists


LIKE_P_1 = """
    INSERT INTO board.posting (id, title, company_id, categories, regions, opened_at, closes, url)
    SELECT 'same-' || n, title || ' ' || n || '팀', 'c-1', categories, regions, opened_at, 'always_open', url
    FROM board.posting, generate_series(1, 12) n
    WHERE id = 'p-000001'
"""


def test_a_company_that_a_member_applied_to_three_times_may_fill_their_answer_and_nobody_elses(
    board: Engine, database_url: str
) -> None:
    change(board, LIKE_P_1)
    change(board, "DELETE FROM board.activity")
    for member, applications in (("m-000001", 3), ("m-000005", 2)):
        change(
            board,
            "INSERT INTO board.activity SELECT :member, 'same-' || n, 'apply', now() - interval '1 day'"
            " FROM generate_series(1, :applications) n",
            member=member,
            applications=applications,
        )
    run = refresh(board, processes=1).run_id
    served = _serve(database_url, run_of(board, run), ["m-000001", "m-000005"], 10)
    of_it = {posting for (posting,) in rows(board, "SELECT id FROM board.posting WHERE company_id = 'c-1'")}
    counts = {member: len(of_it & set(answer.postings)) for member, answer in served.items()}
    assert counts["m-000001"] > 2
    assert counts["m-000005"] == 2


MEMBER = "지울-회원/7"


@pytest.fixture
def member(board: Engine) -> str:
    """A member with activity, whose id can't be mistaken for anything else."""
    change(
        board,
        "INSERT INTO board.member SELECT :new, categories, regions, career_years, education, skills, desired_salary,"
        " salary_unit, mail_consent, withdrawn_at, updated_at FROM board.member WHERE id = 'm-000007'",
        new=MEMBER,
    )
    change(
        board,
        "INSERT INTO board.activity SELECT :new, posting_id, kind, occurred_at FROM board.activity"
        " WHERE member_id = 'm-000007'",
        new=MEMBER,
    )
    return MEMBER


def test_erasing_a_member_leaves_no_trace_in_any_table(board: Engine, member: str) -> None:
    runs = [refresh(board, processes=1).run_id for _ in range(2)]
    assert {f"connected_jobs.recommendation_list_{run}" for run in runs} < set(everywhere(board, member))
    erased = delete_member(board, member)
    assert {table: rows for table, rows in erased.items() if rows} == {
        "board.activity": 5,
        "board.member": 1,
        "connected_jobs.recommendation_list": 2,
    }
    assert everywhere(board, member) == []
    assert not any(delete_member(board, member).values())


def test_a_member_erased_during_a_refresh_leaves_no_trace_either(board: Engine, member: str) -> None:
    def erase(stage: str, share: float) -> None:
        if stage == "rank" and share == 0:
            delete_member(board, member)

    refresh(board, processes=1, progress=erase)
    assert everywhere(board, member) == []


def test_a_member_erased_while_a_refresh_lies_unfinished_leaves_no_trace_either(
    board: Engine, database_url: str, member: str
) -> None:
    refresh_that_is_killed(database_url, stage="rank", share=1.0, processes=1)
    assert "connected_jobs.recommendation_list_1" in everywhere(board, member)
    delete_member(board, member)
    assert everywhere(board, member) == []
