"""The forecast is the send model's own play against a service that answers everything, without playing it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.capacity.assumptions import Assumptions
from app.capacity.campaign import (
    Arrivals,
    Campaign,
    QuietHours,
    Range,
    Workspace,
)
from app.capacity.local_time import unix_minute
from app.capacity.plan.plan import Plan
from app.capacity.planner.demand.expected_arrivals import expected_arrivals, highest_arrivals
from app.capacity.planner.demand.forecast import Forecaster
from app.capacity.planner.demand.pacing import Pacing
from app.capacity.planner.demand.work import WorkBudget, WorkLimitExceededError
from app.capacity.simulation.result import Quantity, SimulationResult
from app.capacity.simulation.schedule import schedule_of
from app.capacity.simulation.send import play
from app.capacity.simulation.service import Perfect
from tests.unit.capacity import drawn_plans
from tests.unit.capacity.drawn_plans import AT

ENOUGH = 10**9

campaigns = drawn_plans.campaigns(
    "canvas_step",
    drawn_plans.timings(starts=(AT + timedelta(days=40),)),
    calls_per_recipient=st.floats(1, 4).map(Range.exactly),
    zones=st.sampled_from([(), (("Asia/Seoul", 1.0), ("Europe/London", 2.0), ("unknown", 1.0))]),
)
workspaces = drawn_plans.workspaces()


def forecaster(planned: list[Campaign], workspace: Workspace) -> Forecaster:
    return Forecaster(Plan(campaigns=tuple(planned), workspace=workspace), "high", work=WorkBudget(ENOUGH))


def limits(planned: list[Campaign]) -> dict[int, int | None]:
    return {index: one.limit_per_min for index, one in enumerate(planned)}


def by_minute(pacing: Pacing) -> dict[int, int]:
    return {pacing.first + place: count for place, count in enumerate(pacing.attempts.tolist()) if count}


def attempts_of(played: SimulationResult, index: int) -> dict[int, int]:
    column = played.count(Quantity.ATTEMPTS)[:, index].tolist()
    return {minute: count for minute, count in zip(played.minutes.tolist(), column, strict=True) if count}


@settings(max_examples=25)
@given(planned=st.lists(campaigns, min_size=1, max_size=4), workspace=workspaces)
def test_it_equals_the_play_in_every_minute_second_and_abort(
    planned: list[Campaign], workspace: Workspace
) -> None:
    played = play(planned, workspace, Perfect(), case="high")
    high = forecaster(planned, workspace)
    forecast = high.forecast(limits(planned))
    for index, demand in enumerate(high.demands):
        pacing, limit = forecast.pacing[index], planned[index].limit_per_min
        assert by_minute(pacing) == attempts_of(played, index)
        assert pacing.aborted == played.count(Quantity.ABORTED)[:, index].sum()
        assert demand.arrivals.skipped == played.skipped[index]
        for row, minute in enumerate(played.minutes.tolist()):
            assert demand.seconds(pacing, limit, minute).tolist() == played.calls_per_s[row, index].tolist()


@settings(max_examples=15)
@given(planned=st.lists(campaigns, min_size=1, max_size=4), workspace=workspaces)
def test_no_second_exceeds_its_minutes_peak_and_the_busiest_one_comes_near_it(
    planned: list[Campaign], workspace: Workspace
) -> None:
    """Near: two calls for each of up to three render passes after the first, where not all messages reach them."""
    played = play(planned, workspace, Perfect(), case="high")
    peaks = forecaster(planned, workspace).forecast(limits(planned)).together().at(played.minutes)
    busiest = played.by_second().max(axis=1)
    assert (busiest <= peaks).all()
    assert (peaks - busiest <= 6 * len(planned)).all()


def test_whole_calls_per_recipient_make_the_peak_exact(campaign: Callable[..., Campaign]) -> None:
    """25,000 a minute with burst 2: ceil(833.3) messages start in the first second, each calls three times."""
    one = campaign(25_000, limit_per_min=25_000, calls_per_recipient=Range.exactly(3), burst=Range.exactly(2))
    high = forecaster([one], Workspace())
    assert high.forecast({0: 25_000}).together().peak()[0] == 3 * 834
    assert play([one], Workspace(), Perfect(), case="high").by_second().max() == 3 * 834


def arriving(recipients: int, minutes: int, hourly: tuple[float, ...] | None) -> Campaign:
    timing = Arrivals(AT, AT + timedelta(minutes=minutes), hourly)
    return Campaign(name="t", kind="triggered", audience=Range.exactly(recipients), timing=timing)


@settings(max_examples=20)
@given(
    recipients=st.integers(0, 20_000),
    shape=st.sampled_from([(60, None), (90, (5.0, 1.0)), (600, None)]),
    limit=st.one_of(st.none(), st.integers(10, 400)),
    quiet=st.sampled_from([None, QuietHours(time(22), time(7)), QuietHours(time(0, 20), time(1, 10))]),
    seed=st.integers(0, 100),
)
def test_chance_does_not_take_triggered_messages_above_their_bound(
    recipients: int,
    shape: tuple[int, tuple[float, ...] | None],
    limit: int | None,
    quiet: QuietHours | None,
    seed: int,
) -> None:
    zones = (("Asia/Seoul", 1.0), ("Europe/London", 2.0))
    one = replace(arriving(recipients, *shape), limit_per_min=limit, quiet_hours=quiet, zones=zones)
    workspace = Workspace(time_zone="Asia/Seoul")
    played = play([one], workspace, Perfect(), case="high", seed=seed)
    peaks = forecaster([one], workspace).forecast({0: limit}).together().at(played.minutes)
    assert (played.by_second().max(axis=1, initial=0) <= peaks).all()


@pytest.mark.parametrize("recipients", [1, 3, 500, 5_000, 20_000])
def test_triggered_messages_end_when_their_time_does_however_few_they_are(recipients: int) -> None:
    """Of a week's 10,080 minutes the last one counts: as members act, somebody may act in it."""
    one = arriving(recipients, 7 * 24 * 60, None)
    pacing = forecaster([one], Workspace()).demands[0].alone(None)
    assert pacing.started == recipients
    assert pacing.end == unix_minute(AT, "UTC") + 7 * 24 * 60


def test_a_smaller_audience_of_a_triggered_send_loses_no_message_and_ends_as_late() -> None:
    arrivals = expected_arrivals(arriving(1_000, 3_000, None), Workspace(), "high")
    fewer = arrivals.scaled(0.4)
    assert fewer.recipients() == 400
    assert fewer.minutes[fewer.counts > 0].max() == arrivals.minutes.max()


def test_a_triggered_minute_that_waited_goes_at_the_limits_pace_and_what_arrives_over_the_minute() -> None:
    """900 held till seven go 400 in each minute, at burst 1 seven a second; the few of later minutes one by one."""
    timing = Arrivals(datetime(2026, 3, 2, 6), datetime(2026, 3, 2, 8))  # noqa: DTZ001  (wall time)
    one = Campaign(
        name="t",
        kind="triggered",
        audience=Range.exactly(1_800),
        timing=timing,
        limit_per_min=400,
        burst=Range.exactly(1),
        calls_per_recipient=Range.exactly(1),
        quiet_hours=QuietHours(time(22), time(7)),
    )
    demand = Forecaster(
        Plan(campaigns=(one,), workspace=Workspace()), "likely", work=WorkBudget(ENOUGH)
    ).demands[0]
    pacing = demand.alone(400)
    _, calls = demand.load(pacing, 400)
    assert pacing.attempts[:4].tolist() == [400, 400, 145, 15]
    assert calls[:5].tolist() == [7, 7, 7, 1, 1]


def test_messages_that_quiet_hours_hold_are_let_go_together_in_their_members_zone() -> None:
    """Half past nine to eleven in Seoul is half past midnight to two in London, which sleeps until seven."""
    seoul = Workspace(time_zone="Asia/Seoul")
    one = Campaign(
        name="t",
        kind="triggered",
        audience=Range.exactly(900),
        timing=Arrivals(datetime(2026, 3, 2, 9, 30), datetime(2026, 3, 2, 11)),  # noqa: DTZ001  (wall time)
        zones=(("Asia/Seoul", 1.0), ("Europe/London", 2.0)),
        quiet_hours=QuietHours(time(22), time(7)),
    )
    for arrivals in (expected_arrivals(one, seoul, "high"), highest_arrivals(one, seoul, "high")):
        in_london = [
            count
            for count, zone in zip(arrivals.counts, arrivals.zones, strict=True)
            if zone == "Europe/London"
        ]
        assert in_london == [600]
    assert expected_arrivals(one, seoul, "high").recipients() == 900


def test_the_bound_of_triggered_messages_is_no_wild_guess() -> None:
    """1,000 a minute expected: chance alone makes about 1,170 of it once in a million minutes."""
    workspace = Workspace()
    one = arriving(600_000, 600, None)
    assert set(expected_arrivals(one, workspace, "high").counts.tolist()) == {1_000}
    assert set(highest_arrivals(one, workspace, "high").counts.tolist()) == {1_208}
    drawn = schedule_of(one, workspace, "high", np.random.default_rng(1)).messages.values()
    assert 1_090 < max(drawn) < 1_208


def test_messages_of_many_moments_are_given_up_after_their_longest_delay() -> None:
    """2,000 a minute for an hour at 10 a minute: at most 6 hours' 3,600 wait, the rest will never start."""
    workspace = Workspace(assumptions=Assumptions(delay_abort_h=6))
    one = arriving(120_000, 60, None)
    pacing = forecaster([one], workspace).demands[0].alone(10)
    played = play([replace(one, limit_per_min=10)], workspace, Perfect(), case="high")
    assert pacing.started + pacing.aborted == 120_000
    assert pacing.started == pytest.approx(played.total(Quantity.ATTEMPTS), abs=20)
    assert pacing.started == 3_600 + 59 * 10


def test_work_is_bounded(campaign: Callable[..., Campaign]) -> None:
    shared = Workspace(limit_per_min=500)
    high = Forecaster(
        Plan(campaigns=(campaign(1_000), campaign(1_000, name="other")), workspace=shared),
        "high",
        work=WorkBudget(700),
    )
    with pytest.raises(WorkLimitExceededError):
        high.forecast({0: None, 1: None})
