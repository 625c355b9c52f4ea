"""How a collision is resolved: who is slowed, who is moved, and by how much."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np

from app.capacity.campaign import Arrivals, QuietHours
from app.capacity.planner.search.collisions import smallest_move
from tests.unit.capacity.planner.conftest import NINE

Build = Callable[..., Any]


def test_where_the_later_one_cannot_be_slowed_the_earlier_one_is(at: Build, judged: Build) -> None:
    """The later must end in 10 minutes, so at 50,000; beside it the earlier may have 25,000, and ends at 09:20."""
    must = at("must", 5, finish_by=NINE + timedelta(minutes=15))
    (met,) = judged(at("early"), must).collisions
    assert (met.campaign, met.others) == ("must", ("early",))
    assert met.slow is not None
    assert (met.slow.campaign, met.slow.limit_per_min, met.slow.later_min) == ("early", 25_000, 10)
    assert met.shift is not None
    assert (met.shift.campaign, met.shift.by_min, met.shift.in_time) == ("must", 5, False)


def test_what_members_trigger_is_not_moved_but_what_it_meets_is(at: Build, judged: Build) -> None:
    """50,000 a minute by chance come beside 50,000 a minute; what members trigger has no other time."""
    timing = Arrivals(NINE + timedelta(minutes=2), NINE + timedelta(minutes=32))
    triggered = at("triggered", recipients=1_500_000, kind="triggered", timing=timing, limit_per_min=None)
    (met,) = judged(at("early"), triggered).collisions
    assert met.campaign == "triggered"
    assert met.shift is not None
    assert (met.shift.campaign, met.shift.by_min) == ("early", 32)


def test_a_move_is_the_smallest_that_fits() -> None:
    room = np.array([0, 9, 9, 0, 9, 0, 0, 0, 0, 9, 0, 0, 0])
    usable = np.full(len(room), 10.0)
    assert smallest_move(room, np.array([5, 5, 5]), usable) == 5
    assert smallest_move(room, np.array([1, 1, 1]), usable) == 1
    assert smallest_move(room, np.array([1, 5, 5]), usable) == 4
    assert smallest_move(room, np.array([11]), usable) is None
    usable[5:] = 4.0  # an hour in which other traffic takes more
    assert smallest_move(room, np.array([5, 5, 5]), usable) is None


def test_quiet_hours_are_kept_by_a_move(at: Build, judged: Build) -> None:
    quiet = QuietHours(NINE.replace(hour=9, minute=8).time(), NINE.replace(hour=12).time())
    judgement = judged(at("early"), at("late", 5, quiet_hours=quiet))
    (met,) = judgement.collisions
    assert met.campaign == "late"
    assert met.shift is not None
    assert f"{met.shift.finishes_at:%H:%M}" == "12:10"
