"""Quiet hours of one zone stop the queue's clock: the closed form gives what a play minute by minute gives."""

from __future__ import annotations

from datetime import time
from random import Random

import numpy as np
import pytest

from app.capacity.campaign import QuietHours
from app.capacity.local_time import held_until
from app.capacity.planner.demand.expected_arrivals import ArrivalCurve
from app.capacity.planner.demand.pacing import QueuedCampaign, pace_in_open_hours, pace_together
from app.capacity.planner.demand.work import WorkBudget

DAY_OF_NOVEMBER = 29_923_200  # minutes since 1970
NIGHTS_OF_CLOCK_CHANGES = (DAY_OF_NOVEMBER - 40_000, DAY_OF_NOVEMBER - 180_000)
KEEP_MIN = 72 * 60


def _arrivals(rng: Random, quiet: QuietHours, zone: str) -> ArrivalCurve:
    base = rng.choice([DAY_OF_NOVEMBER, *NIGHTS_OF_CLOCK_CHANGES])
    rows: dict[int, int] = {}
    for _ in range(rng.randint(1, 12)):
        minute = base + rng.randint(0, rng.choice([5, 600, 4_000]))
        held = held_until(quiet, zone, minute)
        minute = minute if held is None else held
        rows[minute] = rows.get(minute, 0) + rng.choice([1, 5, 40, 500, 20_000])
    minutes = sorted(rows)
    return ArrivalCurve(
        np.array(minutes), np.array([rows[minute] for minute in minutes]), (zone,) * len(minutes)
    )


@pytest.mark.parametrize("seed", range(40))
def test_the_closed_form_is_the_play(seed: int) -> None:
    rng = Random(seed)
    quiet = QuietHours(
        time(rng.choice([0, 9, 21, 22]), rng.choice([0, 30])),
        time(rng.choice([5, 8, 12, 17]), rng.choice([0, 15])),
    )
    zone = rng.choice(["Asia/Seoul", "Europe/London", "America/New_York", "UTC"])
    arrivals, cap = _arrivals(rng, quiet, zone), rng.choice([3, 10, 50, 700])
    found = pace_in_open_hours(arrivals, cap, KEEP_MIN, quiet, zone)
    (played,) = pace_together(
        [QueuedCampaign(arrivals=arrivals, limit_per_min=cap, quiet_hours=quiet)],
        workspace_limit=None,
        order="first_come",
        keep_min=KEEP_MIN,
        work=WorkBudget(10**8),
    )
    assert bool(found.aborted) == bool(played.aborted)
    if not found.aborted:
        assert (found.first, found.attempts.tolist()) == (played.first, played.attempts.tolist())
