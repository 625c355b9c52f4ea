"""A recipe's lists are made, published, rolled back and dropped beside the usual ones, which stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.feedback.experiments.definition import read_arms
from app.postgres.lists.publications import select_log
from app.postgres.planning.experiments import PostgresExperiments
from app.recommend.options import Options
from app.refresh.incremental import refresh_changed
from app.refresh.publish import drop_unneeded_runs
from app.refresh.recipes import Recipe
from app.refresh.rollback import roll_back
from app.refresh.whole import refresh
from tests.integration.small_board import change, fill, lists_of, rows

if TYPE_CHECKING:
    from sqlalchemy import Engine

OWN = Recipe("own", Options(keep=10, per_company=1))
USUAL_OPTIONS = 50


@pytest.fixture
def board(engine: Engine) -> Engine:
    fill(engine, members=40, postings=40)
    return engine


def in_force(engine: Engine, recipe: str | None) -> int | None:
    with engine.connect() as connection:
        return select_log(connection, recipe).in_force()


def ready(engine: Engine) -> list[tuple[int, str | None]]:
    return rows(engine, "SELECT id, recipe FROM connected_jobs.refresh_run WHERE state = 'ready' ORDER BY id")


def test_a_recipe_is_published_updated_and_rolled_back_beside_the_usual_lists(board: Engine) -> None:
    usual = refresh(board, processes=1).run_id
    first = refresh(board, processes=1, recipe=OWN).run_id
    assert (in_force(board, None), in_force(board, "own")) == (usual, first)
    longest = [max(len(ids) for ids, _ in lists_of(board, run).values()) for run in (usual, first)]
    assert longest[1] == 10 < longest[0]
    change(board, "UPDATE board.member SET career_years = 9, updated_at = now() WHERE id = 'm-000001'")
    changed = refresh_changed(board, processes=1, recipe="own").run_id
    assert (in_force(board, None), in_force(board, "own")) == (usual, changed)
    assert rows(board, "SELECT options ->> 'keep' FROM connected_jobs.refresh_run WHERE id = :run", run=changed) == [("10",)]  # fmt: skip
    assert roll_back(board, recipe="own").taken == first
    assert (in_force(board, None), in_force(board, "own")) == (usual, first)
    again = refresh_changed(board, processes=1).run_id
    assert (in_force(board, None), in_force(board, "own")) == (again, first)


def test_a_recipes_runs_are_kept_while_they_are_needed_and_dropped_when_no_experiment_uses_it(
    board: Engine,
) -> None:
    usual = refresh(board, processes=1).run_id
    own = [refresh(board, processes=1, recipe=OWN).run_id for _ in range(3)]
    assert ready(board) == [(usual, None), (own[1], "own"), (own[2], "own")]
    again = refresh(board, processes=1).run_id
    assert ready(board) == [(usual, None), (own[1], "own"), (own[2], "own"), (again, None)]
    register = PostgresExperiments(board)
    register.create("test", "weekly", read_arms(["a=recommended", "b=own"]), until=None, by="kim")
    change(board, "UPDATE connected_jobs.publication SET published_at = published_at - interval '40 days'")
    drop_unneeded_runs(board)
    assert [recipe for _, recipe in ready(board)] == [None, "own", "own", None]
    register.start("test", by="kim")
    register.stop("test", by="kim")
    change(
        board,
        "UPDATE connected_jobs.experiment SET started_at = started_at - interval '20 days',"
        " stopped_at = stopped_at - interval '20 days'",
    )
    drop_unneeded_runs(board)
    assert ready(board) == [(usual, None), (again, None)]


def test_a_send_under_way_keeps_the_recipes_run_of_its_beginning(board: Engine) -> None:
    usual = refresh(board, processes=1).run_id
    own = refresh(board, processes=1, recipe=OWN).run_id
    change(
        board,
        "INSERT INTO connected_jobs.send_run (campaign, send, run_id, first_at, last_at, until)"
        " VALUES ('weekly', 's', :run, now(), now(), now() + interval '1 day')",
        run=usual,
    )
    for _ in range(3):
        refresh(board, processes=1, recipe=OWN)
    assert own in [run for run, recipe in ready(board) if recipe == "own"]
