"""A member drawn to look at a mail with: one of those who have a list now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.postgres.planning.random_member import draw_random_member
from app.refresh.whole import refresh
from tests.integration.small_board import fill, rows

if TYPE_CHECKING:
    from sqlalchemy import Engine


def test_without_lists_there_is_nobody(engine: Engine) -> None:
    assert draw_random_member(engine) is None


def test_whoever_is_drawn_has_a_list_and_it_is_not_always_the_same(engine: Engine) -> None:
    fill(engine, members=60, postings=40)
    refresh(engine, processes=1)
    listed = rows(
        engine,
        "SELECT member_id FROM connected_jobs.recommendation_list WHERE cardinality(posting_ids) > 0",
    )
    drawn = {draw_random_member(engine) for _ in range(20)}
    assert drawn <= {member for (member,) in listed}
    assert len(drawn) > 1
