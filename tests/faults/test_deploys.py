"""What operators do while a campaign is under way: a refresh, a migration."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from app.postgres import migrate
from app.postgres.engines import batch_engine
from app.refresh.rollback import roll_back
from app.refresh.whole import refresh
from tests.faults.rig import assert_promises, rig

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Engine

    from tests.faults.own_postgres import OwnPostgres

BACK_S = 30.0


@pytest.mark.slow
def test_a_refresh_publishes_and_is_rolled_back(
    postgres: OwnPostgres, board_name: str, tmp_path: Path, note: Callable[..., None]
) -> None:
    engine = batch_engine(postgres.database_url(board_name))
    with rig(postgres, board_name, tmp_path) as service, service.calls() as load:
        load.wait_until_normal(within_s=BACK_S)
        began_s = time.monotonic()
        report = refresh(engine, processes=1)
        await_effect(engine, report.effective_at)
        await_effect(engine, roll_back(engine).effective_at)
        load.wait_until_normal(within_s=BACK_S)
    engine.dispose()
    tally = load.tally().between(began_s, time.monotonic())
    note("A refresh published and rolled back", tally, members=report.members)
    assert_promises(tally)
    assert tally.degraded_share < 0.02


@pytest.mark.slow
def test_a_migration_that_adds_columns(
    postgres: OwnPostgres, board_name: str, tmp_path: Path, note: Callable[..., None]
) -> None:
    engine = batch_engine(postgres.database_url(board_name))
    with rig(postgres, board_name, tmp_path) as service, service.calls() as load:
        load.wait_until_normal(within_s=BACK_S)
        began_s = time.monotonic()
        migrate.upgrade(engine, "service")
        with engine.begin() as connection:  # what a migration does that adds a column
            connection.execute(text("SET LOCAL lock_timeout = '3s'"))
            connection.execute(text("ALTER TABLE connected_jobs.recommendation_list ADD COLUMN later text"))
            connection.execute(text("ALTER TABLE board.member ADD COLUMN later text"))
        time.sleep(3.0)
        load.wait_until_normal(within_s=BACK_S)
    engine.dispose()
    tally = load.tally().between(began_s, time.monotonic())
    note("A migration that adds columns", tally, recovered_s=tally.recovered_s(began_s))
    assert_promises(tally)
    assert tally.degraded_share < 0.1


def await_effect(engine: Engine, effective_at: datetime) -> None:
    """Wait until a publication is in force, and a little more."""
    with engine.connect() as connection:
        now: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    time.sleep(max(0.0, (effective_at - now).total_seconds()) + 3.0)
