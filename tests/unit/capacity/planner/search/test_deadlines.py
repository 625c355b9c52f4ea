"""The chance that a send ends in time."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from app.capacity.campaign import Range, Workspace
from app.capacity.plan.plan import Judging
from app.capacity.planner.search.deadlines import chance_in_time, triangle
from tests.unit.capacity.planner.conftest import NINE

Build = Callable[..., Any]


def test_the_chance_of_ending_in_time_is_the_triangles_share(at: Build, judged: Build) -> None:
    """At 50,000 a minute ten minutes carry 500,000 of 400,000 to 600,000, likeliest 500,000: half of the triangle."""
    one = replace(at("c", finish_by=NINE + timedelta(minutes=10)), audience=Range(400_000, 500_000, 600_000))
    chance = judged(one).campaigns[0].chance
    assert chance.share == pytest.approx(0.5, abs=0.015)
    assert chance.low < 0.5 < chance.high
    assert chance.high - chance.low == pytest.approx(2 * 1.96 * 0.5 / 100, rel=0.02)
    assert chance.samples == 10_000


def test_a_known_audience_is_certain_to_be_in_time_or_not(at: Build, judged: Build) -> None:
    in_time, late = (judged(at("c", finish_by=NINE + timedelta(minutes=m))).campaigns[0] for m in (10, 9))
    assert (in_time.verdict, in_time.chance.share) == ("GO", 1.0)
    assert (late.verdict, late.chance.share) == ("NO_GO", 0.0)


def test_audiences_that_share_a_limit_have_chances_too(at: Build, judged: Build) -> None:
    shared = Workspace(time_zone="Asia/Seoul", limit_per_min=50_000)
    first, second = (
        replace(
            at(name, finish_by=NINE + timedelta(minutes=minutes)), audience=Range(400_000, 500_000, 600_000)
        )
        for name, minutes in (("first", 30), ("second", 20))
    )
    as_it_is = Judging(offered_limits_per_min=(50_000,))
    told = judged(first, second, workspace=shared, judging=as_it_is).campaigns
    assert told[0].chance.share == 1.0
    assert 0.3 < told[1].chance.share <= 0.51


def test_triangles_quantiles_run_from_low_over_likely_to_high() -> None:
    drawn = triangle(Range(0, 10, 40), np.array([0.0, 0.25, 1.0]))
    assert drawn.tolist() == pytest.approx([0, 10, 40])
    assert triangle(Range.exactly(7), np.array([0.1, 0.9])).tolist() == [7, 7]


def test_wilsons_interval_is_right_at_the_ends() -> None:
    """Wilson's interval of 0 in 10 draws is 0 to 0.2775."""
    none = chance_in_time(np.zeros(10, dtype=bool))
    assert (none.share, none.low, none.high) == pytest.approx((0, 0, 0.2775), abs=1e-4)
