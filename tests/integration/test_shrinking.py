"""A refresh that sees or makes far less than the last one publishes nothing, and says what it saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.cli.errors import sentence_of
from app.cli.main import main
from app.refresh.incremental import refresh_changed
from app.refresh.shrink_guard import ShrunkError
from app.refresh.whole import refresh
from tests.integration.small_board import change, fill, rows, run_in_force

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from app.refresh.report import RunReport

FEWER = {
    "no members": ("UPDATE board.member SET mail_consent = false", r"sees 0 members \(60 in run \d+\)"),
    "a third of them": (
        "UPDATE board.member SET mail_consent = false WHERE id > 'm-000020'",
        r"sees 20 members \(60 in run \d+\)",
    ),
    "few postings": (
        "DELETE FROM board.activity WHERE posting_id > 'p-000009'; DELETE FROM board.posting WHERE id > 'p-000009'",
        r"sees 9 postings \(40 in run \d+\)",
    ),
    "no activity": ("DELETE FROM board.activity", r"sees 0 activities \(300 in run \d+\)"),
    "all postings closed": (
        "UPDATE board.posting SET status = 'closed'",
        r"made 0 lists \(60 in run \d+\)",
    ),
}


@pytest.fixture
def board(engine: Engine) -> Engine:
    fill(engine, members=60, postings=40)
    return engine


@pytest.mark.parametrize("make", [refresh, refresh_changed])
@pytest.mark.parametrize(("fewer", "sentence"), FEWER.values(), ids=FEWER)
def test_far_less_than_last_time_is_not_published_unless_asked_for(
    board: Engine, make: Callable[..., RunReport], fewer: str, sentence: str
) -> None:
    first = refresh(board, processes=1).run_id
    for statement in fewer.split("; "):
        change(board, statement)
    with pytest.raises(ShrunkError, match=sentence) as caught:
        make(board, processes=1)
    assert sentence_of(caught.value) == str(caught.value)
    assert caught.value.exit_code == 4
    assert run_in_force(board) == first
    published = make(board, processes=1, least_percent=0)
    assert published.run_id == run_in_force(board) > first


def test_a_little_less_is_published(board: Engine) -> None:
    refresh(board, processes=1)
    change(board, "UPDATE board.member SET mail_consent = false WHERE id > 'm-000050'")
    refresh(board, processes=1)
    assert refresh_changed(board, processes=1).members == 50


def test_the_first_refresh_needs_somebody_to_make_lists_for(board: Engine) -> None:
    change(board, "UPDATE board.member SET mail_consent = false")
    with pytest.raises(ShrunkError, match="sees 0 members: nothing is published"):
        refresh(board, processes=1)
    assert refresh(board, processes=1, least_percent=0).members == 0


def test_a_board_on_which_nothing_is_known_of_anybody_is_published_and_published_again(board: Engine) -> None:
    change(board, "DELETE FROM board.activity")
    change(
        board,
        "UPDATE board.member SET categories = '{}', regions = '{}', skills = '{}', career_years = NULL, education = NULL",
    )
    first = refresh(board, processes=1).run_id
    assert run_in_force(board) == first
    second = refresh_changed(board, processes=1).run_id
    assert run_in_force(board) == second > first


def test_a_run_of_a_version_that_did_not_note_its_extent_is_read(board: Engine) -> None:
    refresh(board, processes=1)
    change(board, "UPDATE connected_jobs.refresh_run SET measures = measures - 'lists' - 'places'")
    change(board, "UPDATE board.posting SET status = 'closed'")
    with pytest.raises(ShrunkError, match=r"made 0 lists \(60 in run 1\), 0 places"):
        refresh(board, processes=1)


def test_the_command_ends_with_a_code_of_its_own_and_yes_publishes(
    board: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    refresh(board, processes=1)
    change(board, "UPDATE board.member SET mail_consent = false WHERE id > 'm-000020'")
    for options in (["--processes", "1"], ["--changed"]):
        monkeypatch.setattr("sys.argv", ["connected-jobs", "refresh", *options])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 4
        assert "connected-jobs: This refresh sees 20 members (60 in run 1)" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["connected-jobs", "refresh", "--processes", "1", "--yes", "--by", "kim"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert "Sends begin with it from" in capsys.readouterr().out
    assert rows(board, "SELECT published_by FROM connected_jobs.publication ORDER BY id DESC LIMIT 1") == [
        ("kim",)
    ]
