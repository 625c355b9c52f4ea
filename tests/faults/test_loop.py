"""What the loop does while a campaign goes out: an experiment with a recipe of its own, Currents read, outcomes computed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.feedback.experiments.definition import read_arms
from app.postgres.engines import batch_engine
from app.postgres.planning.experiments import PostgresExperiments
from app.recommend.options import Options
from app.refresh.recipes import Recipe
from app.refresh.rollback import roll_back
from app.refresh.whole import refresh
from tests.faults.load import CAMPAIGN
from tests.faults.rig import assert_promises, rig
from tests.faults.test_deploys import await_effect
from tests.integration.currents_day import write_day

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.own_postgres import OwnPostgres

BACK_S = 30.0
SENDS = 20_000
COMMAND = str(Path(sys.executable).with_name("connected-jobs"))


@pytest.mark.slow
def test_a_recipe_is_published_and_rolled_back_beside_an_experiment(
    postgres: OwnPostgres, board_name: str, tmp_path: Path, note: Callable[..., None]
) -> None:
    engine = batch_engine(postgres.database_url(board_name))
    own = Recipe("own", Options(keep=20, per_company=1))
    experiments = PostgresExperiments(engine)
    with rig(postgres, board_name, tmp_path) as service, service.calls() as load:
        load.wait_until_normal(within_s=BACK_S)
        began_s = time.monotonic()
        await_effect(engine, refresh(engine, processes=1, recipe=own).effective_at)
        experiments.create(
            "own-lists", CAMPAIGN, read_arms(["control=recommended", "own"]), until=None, by="a test"
        )
        started = experiments.start("own-lists", by="a test").started_at
        assert started is not None
        await_effect(engine, started)
        refresh(engine, processes=1, recipe=own)
        await_effect(engine, roll_back(engine, recipe="own").effective_at)
        load.wait_until_normal(within_s=BACK_S)
    engine.dispose()
    tally = load.tally().between(began_s, time.monotonic())
    note("A recipe published and rolled back beside an experiment", tally)
    assert_promises(tally)
    assert tally.degraded_share < 0.02


@pytest.mark.slow
def test_currents_are_read_and_outcomes_computed(
    postgres: OwnPostgres, board_name: str, tmp_path: Path, note: Callable[..., None]
) -> None:
    events = write_day(tmp_path / "bucket", SENDS)
    plain = {
        name: value for name, value in os.environ.items() if not name.startswith(("CJ_", "DATABASE_URL"))
    }
    env = plain | {"DATABASE_URL": postgres.database_url(board_name)}
    with rig(postgres, board_name, tmp_path) as service, service.calls() as load:
        load.wait_until_normal(within_s=BACK_S)
        began_s = time.monotonic()
        for words in (["currents", "read", str(tmp_path / "bucket")], ["outcomes"]):
            subprocess.run([COMMAND, *words], env=env, check=True, capture_output=True)
        load.wait_until_normal(within_s=BACK_S)
    tally = load.tally().between(began_s, time.monotonic())
    note("Currents read and outcomes computed", tally, events=events)
    assert_promises(tally)
    assert tally.degraded_share < 0.1
