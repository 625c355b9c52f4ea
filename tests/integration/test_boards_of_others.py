"""Boards as other people's Postgres holds them: ends that never come, companies that are missing, collations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from app.postgres.serving import reads
from app.refresh.whole import refresh
from tests.integration.plans import plan_of, read_whole
from tests.integration.small_board import asked, change, fill, lists_of
from tests.poison import ANYTHING_GOES

if TYPE_CHECKING:
    from sqlalchemy import Engine


@pytest.mark.parametrize("never", ["infinity", "9999-12-31", "2099-12-31 23:59:59+09", "20000-01-01"])
def test_a_member_whose_time_of_leaving_never_comes_has_not_left(
    engine: Engine, database_url: str, never: str
) -> None:
    fill(engine, members=5, postings=12)
    change(
        engine,
        "UPDATE board.member SET withdrawn_at = CAST(:never AS timestamptz) WHERE id = 'm-000003'",
        never=never,
    )
    change(engine, "UPDATE board.member SET withdrawn_at = now() + interval '1 year' WHERE id = 'm-000004'")
    lists = lists_of(engine, refresh(engine, processes=1).run_id)
    assert set(lists) == {"m-000001", "m-000002", "m-000003", "m-000005"}
    assert asked(database_url, reads.MEMBER_LIST, 0, "m-000003", "")[0][0] is True
    assert asked(database_url, reads.MEMBER_LIST, 0, "m-000004", "")[0][0] is False


def test_a_posting_of_a_company_that_the_board_does_not_have_is_counted_and_named(
    engine: Engine, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    fill(engine, members=5, postings=12)
    with psycopg.connect(database_url) as connection:
        connection.execute(ANYTHING_GOES)
        connection.execute("UPDATE board.posting SET company_id = 'nobody' WHERE id = 'p-000003'")
    report = refresh(engine, processes=1)
    assert report.left_out == ["Left out of board.posting: 1 row whose company_id cannot be used."]
    assert "board.posting 'p-000003' is left out: its company_id is not in board.company." in caplog.text


def test_a_call_finds_a_list_by_its_index_whatever_collation_the_boards_ids_have(
    engine: Engine, database_url: str
) -> None:
    fill(engine, members=2_000, postings=12)
    change(engine, 'ALTER TABLE board.member ALTER id TYPE text COLLATE "C"')
    run = refresh(engine, processes=1).run_id
    with psycopg.connect(database_url) as connection:
        plan = plan_of(
            connection, reads.MEMBER_LIST, [run, "m-000018", "weekly\x1fmonday"], mode="force_generic_plan"
        )
    assert not [name for name in read_whole(plan) if name.startswith("recommendation_list")]
