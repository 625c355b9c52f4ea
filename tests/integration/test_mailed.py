"""Refreshes take what became of earlier mails to the members who got them, and to nobody else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from app.cli.evaluating import _judge
from app.postgres.engines import batch_engine, driver_of
from app.postgres.feedback.rows import ClickRow, ExposureRow, put_clicks, put_exposures
from app.recommend.evaluation import RankedList, RepeatShare
from app.recommend.options import Options
from app.refresh.chunks import Ranking
from app.refresh.incremental import refresh_changed
from app.refresh.recipes import Recipe
from app.refresh.whole import refresh
from tests.integration.small_board import change, fill, lists_of, rows
from tests.postgres_fixtures import _create, _drop, _url_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Engine

    from tests.integration.small_board import Lists

IGNORED, CLICKED, SCANNED, UNJUDGED, CHANGED = (f"m-{number:06}" for number in (1, 2, 3, 4, 5))
MAILED = {IGNORED, CLICKED, SCANNED, UNJUDGED, CHANGED}


def mail(engine: Engine, member_id: str, posting_ids: Sequence[str], *, days_ago: float) -> str:
    """A mail that went out; returns its rid."""
    sent_at, rid = datetime.now(UTC) - timedelta(days=days_ago), uuid4().hex[:16]
    row = ExposureRow(
        day=sent_at.date(),
        event_id=uuid4(),
        rid=rid,
        member_id=member_id,
        braze_user=f"b-{member_id}",
        campaign="weekly",
        source="personalized",
        shown=len(posting_ids),
        posting_ids=posting_ids,
        sent_at=sent_at,
    )
    with engine.connect() as connection:
        put_exposures(driver_of(connection), [row])
        connection.commit()
    return rid


def click(
    engine: Engine, member_id: str, posting_id: str, *, rid: str, days_ago: float, person: bool | None
) -> None:
    """A click in a mail."""
    at = datetime.now(UTC) - timedelta(days=days_ago)
    row = ClickRow(
        day=at.date(),
        event_id=uuid4(),
        rid=rid,
        member_id=member_id,
        braze_user=f"b-{member_id}",
        posting_id=posting_id,
        at=at,
        person=person,
    )
    with engine.connect() as connection:
        put_clicks(driver_of(connection), [row])
        connection.commit()


@dataclass(frozen=True)
class Mailed:
    """A board whose members were mailed the first ten of their lists, once a week for three weeks."""

    database: str
    before: Lists
    tops: dict[str, list[str]]


@pytest.fixture(scope="module")
def mailed(server_url: str, template: str) -> Iterator[Mailed]:
    name = _create(server_url, "cj_mailed", template)
    engine = batch_engine(_url_of(server_url, name))
    fill(engine, members=60, postings=120)
    before = lists_of(engine, refresh(engine, processes=1).run_id)
    tops = {member_id: before[member_id][0][:10] for member_id in MAILED}
    for member_id, top in tops.items():
        for days_ago in (15, 8, 1):
            rid = mail(engine, member_id, top, days_ago=days_ago)
        if member_id in (CLICKED, SCANNED, UNJUDGED):
            person = {CLICKED: True, SCANNED: False, UNJUDGED: None}[member_id]
            click(engine, member_id, top[0], rid=rid, days_ago=0.5, person=person)
    engine.dispose()
    yield Mailed(name, before, tops)
    _drop(server_url, name)


@pytest.fixture
def board(server_url: str, mailed: Mailed) -> Iterator[Engine]:
    name = _create(server_url, "cj_mailed", mailed.database)
    engine = batch_engine(_url_of(server_url, name))
    yield engine
    engine.dispose()
    _drop(server_url, name)


def test_ignored_postings_sink_for_those_who_were_mailed_and_no_other_list_moves(
    board: Engine, mailed: Mailed
) -> None:
    run_id = refresh(board, processes=1).run_id
    after = lists_of(board, run_id)
    moved = {member_id for member_id in after if after[member_id] != mailed.before[member_id]}
    assert moved == MAILED
    repeats = {one: len(set(mailed.tops[one]) & set(after[one][0][:10])) for one in MAILED}
    assert max(repeats.values()) <= 4
    first = {one: mailed.tops[one][0] in after[one][0][:10] for one in MAILED}
    assert first == {IGNORED: False, CHANGED: False, SCANNED: False, CLICKED: True, UNJUDGED: True}
    (weights,) = rows(board, "SELECT weights FROM connected_jobs.refresh_run WHERE id = :run", run=run_id)[0]
    assert (set(weights["discount"]), weights["click"]) == ({"times", "lately", "high"}, 0.45)
    assert (weights["learned_from"]["discount"], weights["learned_from"]["click"]) == (0, 0)


def test_lists_are_the_same_in_whatever_chunks_and_processes(board: Engine) -> None:
    alone, together = (
        lists_of(board, refresh(board, processes=processes, ranking=Ranking(members)).run_id)
        for processes, members in ((1, 1_000), (2, 7))
    )
    assert alone == together


def test_a_refresh_that_is_told_not_to_learn_makes_the_lists_of_a_board_without_mails(
    board: Engine, mailed: Mailed
) -> None:
    run_id = refresh(board, recipe=Recipe(options=Options(learn_from_mails=False)), processes=1).run_id
    assert lists_of(board, run_id) == mailed.before


def test_what_the_board_saw_of_a_click_is_no_second_visit(board: Engine) -> None:
    clicked = refresh(board, processes=1)
    change(
        board,
        """
        INSERT INTO board.activity (member_id, posting_id, kind, occurred_at)
        SELECT member_id, posting_id, 'view', at + interval '5 seconds' FROM connected_jobs.click WHERE person
        """,
    )
    with_view = refresh(board, processes=1)
    change(board, "DELETE FROM connected_jobs.click WHERE person")
    of = [lists_of(board, run_id)[CLICKED] for run_id in (clicked.run_id, with_view.run_id)]
    assert of[0] != of[1]  # the board's view says that they were there; it is then not shown again
    without = lists_of(board, refresh(board, processes=1).run_id)[CLICKED]
    assert set(without[0]) == set(of[1][0])


def test_a_refresh_of_what_changed_takes_the_same(board: Engine, mailed: Mailed) -> None:
    whole = lists_of(board, refresh(board, processes=1).run_id)
    change(board, "UPDATE board.member SET updated_at = now()")
    report = refresh_changed(board, processes=1)
    changed = lists_of(board, report.run_id)
    assert report.ranked == report.members
    assert changed == whole
    assert set(changed[CHANGED][0][:10]) != set(mailed.tops[CHANGED])


def test_an_evaluation_says_how_much_was_shown_before_and_ignored(board: Engine, mailed: Mailed) -> None:
    served = {member_id: RankedList(top, "personalized") for member_id, top in mailed.tops.items()}
    (_, repeats) = _judge(board, served)
    assert repeats == RepeatShare(mailed=5, places=50, ignored=48 / 50)  # two were clicked, by whomever
