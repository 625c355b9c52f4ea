"""A refresh of what changed makes the lists that the saved model makes, for those it touches and for all others."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from app.board.model import Status
from app.cli.database import CommandError
from app.cli.refreshing import refresh_, summary
from app.postgres.board.snapshot import snapshot
from app.postgres.engines import batch_engine
from app.postgres.lists.changes import HEAD
from app.postgres.lists.model_store import read_model
from app.postgres.lists.refresh_lock import RefreshError
from app.postgres.members import delete_member
from app.recommend.incremental.update import update
from app.refresh.folded_in import rank_again
from app.refresh.incremental import refresh_changed
from app.refresh.rollback import roll_back
from app.refresh.whole import refresh
from tests.integration.small_board import change, everywhere, fill, lists_of, rows, run_in_force
from tests.postgres_fixtures import _create, _drop, _url_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Engine

    from app.board.model import Posting
    from app.refresh.report import RunReport
    from tests.integration.small_board import Lists

NEW_POSTING = """
    INSERT INTO board.posting (id, title, company_id, categories, regions, career_min_years, career_max_years, education,
                               employment_types, salary_min, salary_unit, skills, opened_at, deadline, closes, url)
    SELECT 'p-new', '공고 새로', company_id, categories, regions, career_min_years, career_max_years, education,
           employment_types, salary_min, salary_unit, skills, now(), deadline, closes, url
    FROM board.posting WHERE id = :like
"""


@pytest.fixture(scope="module")
def ranked(server_url: str, template: str) -> Iterator[tuple[str, RunReport]]:
    """A database to copy, and its first run: more postings than are worth scoring for one member, all rows a day old."""
    name = _create(server_url, "cj_ranked", template)
    engine = batch_engine(_url_of(server_url, name))
    _fill(engine)
    report = refresh(engine, processes=1)
    engine.dispose()
    yield name, report
    _drop(server_url, name)


@pytest.fixture
def board_url(server_url: str, ranked: tuple[str, RunReport]) -> Iterator[str]:
    name = _create(server_url, "cj_ranked", ranked[0])
    yield _url_of(server_url, name)
    _drop(server_url, name)


@pytest.fixture
def board(board_url: str) -> Iterator[Engine]:
    """A board whose lists were made once."""
    engine = batch_engine(board_url)
    yield engine
    engine.dispose()


@pytest.fixture
def whole(ranked: tuple[str, RunReport]) -> RunReport:
    """The run that the board has."""
    return ranked[1]


def _fill(engine: Engine) -> None:
    fill(engine, members=150, postings=400)
    change(engine, "UPDATE board.posting SET updated_at = now() - interval '1 day'")
    change(engine, "UPDATE board.member SET updated_at = now() - interval '1 day'")


def touch_everything(board: Engine, lists: Lists) -> None:
    """One change of every kind; the postings are ones that some lists hold."""
    shown = sorted({posting for ids, _ in lists.values() for posting in ids[:HEAD]})
    change(
        board,
        "INSERT INTO board.activity VALUES ('m-000003', :posting, 'apply', now())",
        posting=lists["m-000003"][0][0],
    )
    change(board, "UPDATE board.member SET regions = '{106000}', updated_at = now() WHERE id = 'm-000005'")
    change(board, "INSERT INTO board.member (id, categories, mail_consent) VALUES ('newcomer', '{2}', true)")
    change(board, "UPDATE board.member SET withdrawn_at = now(), updated_at = now() WHERE id = 'm-000006'")
    change(
        board,
        "UPDATE board.posting SET status = 'closed', updated_at = now() WHERE id = :posting",
        posting=shown[0],
    )
    change(
        board,
        "UPDATE board.posting SET title = '다른 일', categories = '{5}', updated_at = now() WHERE id = :posting",
        posting=shown[1],
    )
    change(board, "UPDATE board.posting SET deadline = '2020-01-01' WHERE id = :posting", posting=shown[2])
    change(board, NEW_POSTING, like=shown[3])


def ranked_by(board: Engine, model_of: int, postings: Sequence[Posting] | None = None) -> Lists:
    """Every member's list by a run's saved model, from the board as it is, or from these of its postings alone."""
    with snapshot(board) as at:
        saved = read_model(at.connection, model_of)
        updated = update(saved, at.postings() if postings is None else postings, now=at.taken_at)
        driver: Any = at.connection.connection.driver_connection
        ids = at.member_ids()
        ranked = rank_again(updated, driver, ids)
    return {
        member_id: ([r.posting_id for r in places], [int(r.reason) for r in places])
        for member_id, places in zip(ids, ranked, strict=True)
        if places
    }


def touched(board: Engine, before: Lists, since: datetime, model_of: int) -> set[str]:
    """Who is to be ranked again, from the definition."""
    with snapshot(board) as at:
        updated = update(read_model(at.connection, model_of), at.postings(), now=at.taken_at)
        members, postings = at.member_ids(), at.postings()
    recent = {posting.id for posting in postings if posting.updated_at >= since}
    like, open_ = updated.similar(recent), set(updated.open_ids())
    changed = {
        member
        for (member,) in rows(
            board, "SELECT member_id FROM board.activity WHERE occurred_at > :since", since=since
        )
    }
    changed |= {
        member
        for (member,) in rows(board, "SELECT id FROM board.member WHERE updated_at >= :since", since=since)
    }
    return {
        member
        for member in members
        if member in changed
        or member not in before
        or set(before[member][0]) - open_
        or set(before[member][0]) & updated.replaced
        or set(before[member][0][:HEAD]) & like
    }


def test_lists_are_those_of_the_kept_model_for_members_touched_and_for_all_others(
    board: Engine, whole: RunReport
) -> None:
    first = whole.run_id
    before = lists_of(board, first)
    with snapshot(board) as at:
        was = {posting.id: posting for posting in at.postings()}
    touch_everything(board, before)
    report = refresh_changed(board, chunk_members=7, processes=2)
    lists = lists_of(board, report.run_id)

    since = rows(board, "SELECT cutoff_at FROM connected_jobs.refresh_run WHERE id = :run", run=first)[0][0]
    again = touched(board, before, since, first)
    with snapshot(board) as at:
        open_as_before = {posting.id for posting in at.postings() if posting.updated_at < since}
        old = [
            replace(
                was[posting.id],
                deadline=posting.deadline,
                status=Status.OPEN if posting.id in open_as_before else Status.HIDDEN,
            )
            for posting in at.postings()
            if posting.id in was
        ]
    with_new, without_new = ranked_by(board, first), ranked_by(board, first, old)
    assert set(lists) == set(with_new)
    assert {"m-000003", "m-000005", "newcomer"} <= again
    assert report.ranked == len(again) < len(lists)
    assert {member: lists[member] for member in again} == {member: with_new[member] for member in again}
    others = set(lists) - again
    assert {member: lists[member] for member in others} == {member: without_new[member] for member in others}
    assert {member: lists[member] for member in others} == {member: before[member] for member in others}


def test_the_kept_model_makes_the_lists_of_its_own_run_again(board: Engine, whole: RunReport) -> None:
    run = whole.run_id
    assert ranked_by(board, run) == lists_of(board, run)


def test_where_nothing_changed_nobody_is_ranked_again(board: Engine, whole: RunReport) -> None:
    first = whole.run_id
    second = refresh_changed(board, processes=1)
    assert (second.ranked, run_in_force(board)) == (0, second.run_id)
    assert lists_of(board, second.run_id) == lists_of(board, first)


def test_an_application_that_arrives_late_ranks_its_member_again(board: Engine, whole: RunReport) -> None:
    """Made before the cut-off of the run before, written after it: a log that is filled now and then."""
    first = whole
    (posting, *_), _ = lists_of(board, first.run_id)["m-000003"]
    change(
        board,
        "INSERT INTO board.activity VALUES ('m-000003', :posting, 'apply', now() - interval '45 minutes')",
        posting=posting,
    )
    report = refresh_changed(board, processes=1)
    assert report.ranked == 1
    assert posting not in lists_of(board, report.run_id)["m-000003"][0]


def test_a_new_posting_reaches_lists_before_anyone_applied(board: Engine, whole: RunReport) -> None:
    before = lists_of(board, whole.run_id)
    change(board, NEW_POSTING, like=before["m-000003"][0][0])
    report = refresh_changed(board, processes=1)
    lists = lists_of(board, report.run_id)
    assert 0 < sum("p-new" in ids for ids, _ in lists.values()) <= report.ranked < len(lists)


def test_postings_that_may_not_be_shown_are_in_no_list(board: Engine, whole: RunReport) -> None:
    before = lists_of(board, whole.run_id)
    closed, changed = before["m-000003"][0][:2]
    change(board, "UPDATE board.posting SET status = 'closed', updated_at = now() WHERE id = :id", id=closed)
    change(board, "DELETE FROM board.activity WHERE posting_id = :id", id=changed)
    change(board, "DELETE FROM board.posting WHERE id = :id", id=changed)
    run = refresh_changed(board, processes=1).run_id
    listed = {posting for ids, _ in lists_of(board, run).values() for posting in ids}
    shelves = rows(board, "SELECT posting_ids FROM connected_jobs.shelf WHERE run_id = :run", run=run)
    assert not {closed, changed} & (listed | {posting for (ids,) in shelves for posting in ids})


def test_one_change_after_another_keeps_the_model_until_the_next_whole_refresh(
    board: Engine, whole: RunReport
) -> None:
    models = "SELECT relname FROM pg_class WHERE relname LIKE 'kept_model_%' AND relkind = 'r' ORDER BY 1"
    first = whole.run_id
    for posting in ("p-000001", "p-000002", "p-000003"):
        change(board, "INSERT INTO board.activity VALUES ('m-000003', :id, 'apply', now())", id=posting)
        report = refresh_changed(board, processes=1)
        assert lists_of(board, report.run_id)["m-000003"] == ranked_by(board, first)["m-000003"]
    assert rows(board, models) == [(f"kept_model_{first}",)]
    later = [refresh(board, processes=1).run_id for _ in range(2)]
    assert rows(board, models) == [(f"kept_model_{run}",) for run in later]


def test_it_is_published_and_rolled_back_like_any_run(board: Engine, whole: RunReport) -> None:
    first = whole.run_id
    refresh_changed(board, processes=1, publication_delay=timedelta(minutes=15))
    assert run_in_force(board) == first
    third = refresh_changed(board, processes=1)
    assert run_in_force(board) == third.run_id
    assert roll_back(board).taken == first


def test_one_that_is_cut_short_changes_nothing_and_the_next_one_drops_it(
    board: Engine, whole: RunReport
) -> None:
    first = whole.run_id
    change(board, "UPDATE board.member SET updated_at = now()")

    def fail(stage: str, share: float) -> None:
        if stage == "rank" and share > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        refresh_changed(board, chunk_members=20, processes=1, progress=fail)
    assert run_in_force(board) == first
    report = refresh_changed(board, processes=1)
    assert rows(board, "SELECT id, state FROM connected_jobs.refresh_run ORDER BY 1") == [
        (first, "ready"),
        (first + 1, "dropped"),
        (report.run_id, "ready"),
    ]


def test_a_member_erased_or_gone_has_no_list_in_it(board: Engine) -> None:
    delete_member(board, "m-000003")
    change(board, "UPDATE board.member SET mail_consent = false WHERE id = 'm-000004'")
    lists = lists_of(board, refresh_changed(board, processes=1).run_id)
    assert "m-000005" in lists
    assert not {"m-000003", "m-000004"} & set(lists)
    assert everywhere(board, "m-000003") == []


def test_without_a_run_it_says_what_to_do(engine: Engine) -> None:
    _fill(engine)
    with pytest.raises(
        RefreshError, match="There is no run to go on from: run `connected-jobs refresh` first"
    ):
        refresh_changed(engine)


@pytest.mark.parametrize(
    "harm",
    [
        "DROP TABLE connected_jobs.kept_model_1",
        # A pickle that would run a command.
        "UPDATE connected_jobs.kept_model_1 SET content = decode('636f730a73797374656d0a28532774727565270a74522e', 'hex')",
        # One that would run it through what numpy has for its own tests.
        "UPDATE connected_jobs.kept_model_1 SET content = decode('636e756d70792e74657374696e672e5f707269766174652e7574696c730a72756e737472696e670a285327783d31270a7d74522e', 'hex')",
        "UPDATE connected_jobs.kept_model_1 SET content = substr(content, 1, 1000)",
    ],
    ids=["none", "something that runs", "something of numpy that runs", "cut short"],
)
def test_a_model_that_cannot_be_read_is_told_and_a_whole_refresh_mends_it(
    board: Engine, whole: RunReport, harm: str
) -> None:
    assert whole.run_id == 1
    change(board, harm)
    with pytest.raises(
        RefreshError, match=r"The model of run 1 cannot be taken up.*Run `connected-jobs refresh`\."
    ):
        refresh_changed(board)
    refresh(board, processes=1)
    assert refresh_changed(board, processes=1).ranked == 0


def test_the_command_says_how_many_were_ranked_again(
    board: Engine, board_url: str, whole: RunReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    listless = whole.members - whole.extent.lists
    assert f"Run {whole.run_id}: lists for {whole.extent.lists:,} members from" in summary(whole)
    assert (f" {listless:,} who left no trace get popular postings." in summary(whole)) is (listless > 0)
    change(board, "UPDATE board.member SET updated_at = now() WHERE id = 'm-000003'")
    monkeypatch.setenv("DATABASE_URL", board_url)
    result = CliRunner().invoke(refresh_, ["--changed", "--at-once"], catch_exceptions=False)
    assert "lists for 1 of 150 members, the others' as they were" in result.output
    with pytest.raises(CommandError, match="--rollback and --changed do not go together"):
        CliRunner().invoke(refresh_, ["--changed", "--rollback"], catch_exceptions=False)
