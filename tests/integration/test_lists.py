"""What documents promise of lists, sources and reasons, on the real ranker, Postgres and the path of a call."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from app.cli.evaluating import _serve, evaluate_
from app.cli.refreshing import summary
from app.recommend.reasons import Reason
from app.refresh.incremental import refresh_changed
from app.refresh.whole import refresh
from tests.integration.small_board import change, fill, lists_of, rows, run_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sqlalchemy import Engine

    from app.recommend.evaluation import RankedList

# A day of the board: who says nothing, who says nothing that the board knows, and whose every action is on a posting that is gone.
STRANGERS = """
INSERT INTO board.member (id, categories, regions, skills, desired_salary, salary_unit, mail_consent) VALUES
    ('blank', '{}', '{}', '{}', NULL, NULL, true),
    ('unknown-codes', '{no-such}', '{ZZ/nowhere}', '{없는기술}', NULL, NULL, true),
    ('paid-in-shells', '{}', '{}', '{}', 40, 'SHELL/moon', true)
"""
TWINS = """
INSERT INTO board.posting (id, title, company_id, categories, regions, career_min_years, career_max_years, education,
                           employment_types, salary_min, salary_unit, skills, opened_at, deadline, closes, url)
SELECT name, mark || title, company_id, categories, regions, career_min_years, career_max_years, education,
       employment_types, salary_min, salary_unit, skills, now() - interval '1 hour', NULL, 'always_open', url || '?utm_source=' || name
FROM board.posting, (VALUES ('twin-b', '[재등록] '), ('twin-c', '')) t (name, mark)
WHERE id = 'p-000001'
"""
ABOUT_A_PROFILE = {
    Reason.POPULAR_IN_FIELD,
    Reason.NEW_IN_FIELD,
    Reason.FITS_FIELD,
    Reason.FITS_REGION,
    Reason.FITS_CAREER,
    Reason.FITS_SKILLS,
    Reason.FITS_SALARY,
    Reason.FITS_EDUCATION,
    Reason.PEERS_APPLIED,
}
SAME_JOB = {"p-000001", "twin-b", "twin-c"}


@pytest.fixture
def board(engine: Engine) -> Engine:
    fill(engine, members=100, postings=60)
    change(engine, STRANGERS)
    change(engine, TWINS)
    return engine


def served(engine: Engine, url: str, run: int, *members: str, limit: int = 10) -> Mapping[str, RankedList]:
    return _serve(url, run_of(engine, run), members, limit)


def test_who_has_no_trace_on_the_board_is_answered_the_popular_list_and_told_nothing_of_a_profile(
    board: Engine, database_url: str
) -> None:
    run = refresh(board, processes=1).run_id
    change(board, "INSERT INTO board.member (id, mail_consent) VALUES ('came-later', true)")
    change(
        board,
        "INSERT INTO board.member (id, mail_consent, categories) VALUES ('came-later-with-a-field', true, '{2}')",
    )
    strangers = ("blank", "unknown-codes", "paid-in-shells", "came-later")
    answers = served(board, database_url, run, "nobody", "came-later-with-a-field", "m-000003", *strangers)
    popular = answers["nobody"]
    assert {answers[member].source for member in ("nobody", *strangers)} == {"popular"}
    assert all(answers[member].postings == popular.postings for member in strangers)
    assert answers["came-later-with-a-field"].source == "profile"
    assert answers["m-000003"].source == "personalized"
    assert not set(strangers) & set(lists_of(board, run))
    told = rows(
        board,
        "SELECT reasons FROM connected_jobs.shelf WHERE run_id = :run AND category = '' AND region = ''",
        run=run,
    )
    assert not set(bytes(told[0][0])) & ABOUT_A_PROFILE


def test_one_job_is_shown_once_and_to_nobody_who_applied_to_any_of_its_postings(
    board: Engine, database_url: str
) -> None:
    change(board, "DELETE FROM board.activity WHERE posting_id = ANY('{p-000001,twin-b,twin-c}')")
    change(
        board,
        "INSERT INTO board.activity VALUES ('m-000004', 'p-000001', 'apply', now() - interval '2 days')",
    )
    change(board, "UPDATE board.posting SET status = 'closed' WHERE id = 'p-000001'")
    report = refresh(board, processes=1)
    assert report.same_jobs == 2
    for ids, _ in lists_of(board, report.run_id).values():
        assert len(SAME_JOB & set(ids)) <= 1
    change(board, "INSERT INTO board.activity VALUES ('m-000008', 'twin-c', 'apply', now())")
    answers = served(board, database_url, report.run_id, "m-000004", "m-000008", "m-000012", limit=50)
    assert not SAME_JOB & {*answers["m-000004"].postings, *answers["m-000008"].postings}
    assert len(SAME_JOB & set(answers["m-000012"].postings)) == 1


def test_a_job_stays_where_it_stood_whichever_of_its_postings_is_open(
    board: Engine, database_url: str
) -> None:
    first = refresh(board, processes=1).run_id
    (shown,) = SAME_JOB & {id_ for ids, _ in lists_of(board, first).values() for id_ in ids}
    change(board, "UPDATE board.posting SET status = 'closed', updated_at = now() WHERE id = :id", id=shown)
    report = refresh_changed(board, processes=1)
    lists = lists_of(board, report.run_id)
    assert report.same_jobs == 2
    (instead,) = SAME_JOB & {id_ for ids, _ in lists.values() for id_ in ids}
    assert instead != shown
    had = {member for member, (ids, _) in lists_of(board, first).items() if shown in ids}
    assert had == {member for member, (ids, _) in lists.items() if instead in ids}
    change(board, "INSERT INTO board.activity VALUES ('m-000012', :id, 'apply', now())", id=shown)
    assert not SAME_JOB & set(
        served(board, database_url, report.run_id, "m-000012", limit=50)["m-000012"].postings
    )


def test_one_event_dated_ahead_changes_no_popular_list_but_for_its_own_posting(
    board: Engine, database_url: str
) -> None:
    change(
        board,
        "UPDATE board.activity SET occurred_at = occurred_at - interval '300 days' WHERE posting_id < 'p-000030'",
    )
    before = served(board, database_url, refresh(board, processes=1).run_id, "nobody", limit=50)
    change(
        board,
        "INSERT INTO board.activity VALUES ('m-000009', 'p-000059', 'view', '2099-01-01') ON CONFLICT DO NOTHING",
    )
    after = served(board, database_url, refresh(board, processes=1).run_id, "nobody", limit=50)
    lists = [[id_ for id_ in each["nobody"].postings if id_ != "p-000059"] for each in (before, after)]
    assert lists[0] == lists[1]


def test_evaluate_and_the_refresh_tell_how_many_places_misfit(
    board: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    change(
        board, "UPDATE board.posting SET career_min_years = 9, career_max_years = NULL WHERE id > 'p-000005'"
    )
    change(board, "UPDATE board.member SET career_years = 1, education = 5 WHERE id LIKE 'm-%'")
    report = refresh(board, processes=1)
    holdout = tmp_path / "holdout.csv"
    holdout.write_text("member_id,posting_id\nm-000003,p-000004\nm-000004,p-000004\n")
    told = CliRunner().invoke(evaluate_, ["--holdout", str(holdout), "--json"], catch_exceptions=False)
    misfits = json.loads(told.output)["misfits"]
    assert json.loads(told.output)["repeats"]["ignored"] == 0  # nobody was mailed
    assert (misfits["places"], misfits["education"]) == (20, 0.0)
    assert misfits["any"] == misfits["career"] >= 0.5
    assert report.misfits is not None
    assert report.misfits > 0.3
    assert "misfit plainly" in summary(report)
