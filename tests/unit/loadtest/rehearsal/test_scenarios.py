"""Scenarios fit any machine, and are compressed no more than they need."""

import pytest

from app.capacity.plan.plan import ServiceLines
from loadtest.errors import LoadtestError
from loadtest.rehearsal.comparison import StartTimes, forecast_outcome, forecast_peak_rps
from loadtest.rehearsal.rehearse import forecast
from loadtest.rehearsal.scenarios import Scenario, read_scenarios, scaled, speed_for
from loadtest.rehearsal.service_costs import Costs

COSTS = Costs(ceiling_rps=500, overloaded_share=0.9, degraded=0.6, refused=0.5)
EVERY = read_scenarios(())


def scenario(name: str) -> Scenario:
    """A scenario by the beginning of its name, for a service of 500 calls/s."""
    (read,) = read_scenarios([name])
    return scaled(read, COSTS)


def test_there_are_twenty_and_at_least_eight_ask_for_more_than_a_line_or_the_ceiling() -> None:
    sides = [forecast_outcome(each.plan, speed=1) for each in EVERY]
    above = [side for side in sides if side.shares.degraded or side.shares.cut_off or side.shares.failed]
    assert len(EVERY) == 20
    assert len(above) >= 8
    assert all(each.about.endswith(".") for each in EVERY)


def test_audience_limits_and_lines_shrink_with_the_service_and_shapes_stay() -> None:
    plan = scenario("14").plan
    (campaign,) = plan.campaigns
    assert (campaign.audience.likely, campaign.limit_per_min) == (100_000, 27_000)
    assert (campaign.burst.likely, campaign.retry) == (1, True)
    assert plan.service == ServiceLines(
        ceiling_rps=500,
        soft_rps=200,
        hard_rps=300,
        degraded_cost=0.6,
        refused_cost=0.5,
        overloaded_share=0.9,
    )
    assert scenario("07").plan.workspace.limit_per_min == 7_500
    assert scenario("09").plan.workspace.assumptions.at_once_max_per_min == 8_000


def test_the_limiter_runs_with_the_scenarios_own_lines() -> None:
    assert scenario("11").limiter == (200, 300)
    assert scenario("17").limiter == (0, 0)
    assert scenario("20").limiter == (500, 750)


def test_a_scenario_of_six_minutes_takes_forty_seconds_at_ten_times_the_speed() -> None:
    assert speed_for(scenario("01").plan, target_s=40) == 10
    assert speed_for(scenario("01").plan, target_s=1_000) == 1
    assert speed_for(scenario("03").plan, target_s=1) == 60


def test_a_scenario_nobody_wrote_is_refused() -> None:
    with pytest.raises(LoadtestError, match=r"^There is no scenario 99: choose among 01-weekly-digest, "):
        read_scenarios(["01", "99"])


def test_a_peak_is_of_a_second_of_the_rehearsal_not_of_the_plan() -> None:
    plan = scenario("12").plan  # 300 calls/s at 1.9 times the mean first, falling within the minute
    at_speed = [forecast_peak_rps(forecast(plan), speed=speed) for speed in (1, 10, 60)]
    assert at_speed == sorted(at_speed, reverse=True)
    assert at_speed[0] == pytest.approx(1.9 * 150, rel=0.01)
    assert at_speed[2] == pytest.approx(150, rel=0.01)


def test_a_call_begins_as_late_as_it_was_not_in_service() -> None:
    start_times = StartTimes()
    for begins_at, late_s in ((10.0, 0.0), (10.4, 0.7), (11.2, 0.0), (12.5, 0.0)):
        start_times.record(
            start_time=begins_at, response_time=100 + late_s * 1000, context={"service_ms": 100}
        )
    assert start_times.at_s == pytest.approx([10.0, 11.1, 11.2, 12.5])
    assert start_times.peak_rps() == 2


def test_a_forecast_at_a_speed_gives_a_compressed_service_as_much_to_do() -> None:
    plan = scenario("17").plan
    shares = [forecast_outcome(plan, speed=speed).shares.cut_off for speed in (1, 10)]
    # A third too many for four minutes and three quarters of the fifth, all answered at 0.9 of what it can do.
    offered, answered = 4.75 * 4 / 3, 4.75 * 0.9
    assert shares == pytest.approx([1 - answered / offered] * 2, abs=0.01)
