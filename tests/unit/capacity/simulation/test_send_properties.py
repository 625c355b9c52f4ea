"""What holds for every send, whatever is planned and however the service answers."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.capacity.assumptions import Assumptions
from app.capacity.campaign import (
    AllAtOnce,
    Arrivals,
    Campaign,
    Range,
    Workspace,
)
from app.capacity.simulation.limited_service import LimitedService, RateLimits
from app.capacity.simulation.result import Quantity, SimulationResult
from app.capacity.simulation.send import Send, play, play_through
from app.capacity.simulation.service import Perfect, Scripted, ScriptedMinutes, Service
from tests.unit.capacity import drawn_plans
from tests.unit.capacity.drawn_plans import AT

ZONES = ("Asia/Seoul", "Europe/London", "America/New_York", "unknown")

timings = drawn_plans.timings(st.just(Arrivals(AT, AT + timedelta(minutes=90), (3.0, 1.0))))
campaigns = drawn_plans.campaigns(
    "rate_limited",
    timings,
    calls_per_recipient=st.floats(1, 3).map(Range.exactly),
    retry=st.booleans(),
    abort_on_failure=st.booleans(),
    host=st.sampled_from(["a", "b"]),
    zones=st.sampled_from([(), tuple((zone, 1.0 + place) for place, zone in enumerate(ZONES))]),
)
workspaces = drawn_plans.workspaces(
    max_retries=st.integers(0, 3),
    breaker_failures=st.sampled_from([100, 3_000]),
    breaker_resume=st.sampled_from(["probing", "full_speed"]),
)


def services(first_minute: int) -> st.SearchStrategy[Service]:
    """Services that are perfect, bound by capacity, or failing in part for a while."""
    limits = st.builds(
        RateLimits.of_rates,
        soft_rps=st.one_of(st.none(), st.floats(0, 60)),
        hard_rps=st.one_of(st.none(), st.floats(60, 90)),
    )
    bound = st.builds(LimitedService, st.floats(0, 60), limits=limits)
    failing = ScriptedMinutes(1, 5, shares={"503": 0.5, "500": 0.2, "cut_off": 0.1, "degraded": 0.1})

    def scripted(inner: Service) -> Service:
        return Scripted([failing], inner, first_minute=first_minute, rng=np.random.default_rng(2))

    return st.one_of(st.builds(Perfect), bound, bound.map(scripted))


def starts_by_second(send: Send, service: Service) -> list[Counter[int]]:
    """Play `send`; return each campaign's messages started, by second."""
    starts = [Counter[int]() for _ in send.result().names]
    for offer in send.offers():
        for part in offer.parts:
            starts[part.campaign][offer.second] += part.batch.started[part.place]
        send.settle(offer, service.answer(offer.second, offer.calls))
    return starts


def busiest_window(starts: Counter[int], seconds: int) -> int:
    """The most starts in any `seconds` that follow each other."""
    last = max(starts, default=0)
    return max(
        (sum(starts[second + offset] for offset in range(seconds)) for second in starts if second <= last),
        default=0,
    )


@settings(max_examples=30)
@given(data=st.data(), planned=st.lists(campaigns, min_size=1, max_size=3), workspace=workspaces)
def test_messages_are_conserved_and_limits_hold_in_every_send(
    data: st.DataObject, planned: list[Campaign], workspace: Workspace
) -> None:
    stop = data.draw(st.sampled_from([None, 20]), label="minutes played")
    send = Send(planned, workspace, seed=3)
    if stop is not None:
        send = Send(planned, workspace, seed=3, until_minute=send.first_minute + stop)
    starts = starts_by_second(send, data.draw(services(send.first_minute)))
    played = send.result()

    sent, aborted = played.count(Quantity.SENT).sum(axis=0), played.count(Quantity.ABORTED).sum(axis=0)
    accounted = sent + aborted + np.array(played.skipped) + np.array(played.pending)
    assert accounted.tolist() == list(played.recipients)
    assert (played.tallies >= 0).all()
    assert (
        played.count(Quantity.BLANK) + played.count(Quantity.DEGRADED) <= played.count(Quantity.SENT)
    ).all()
    assert (played.count(Quantity.EXPIRED) <= played.count(Quantity.ABORTED)).all()
    assert (played.count(Quantity.CALLS) == played.calls_per_s.sum(axis=2)).all()
    withheld = sum(outcomes.get("598", 0) for outcomes in played.outcomes)
    assert played.total(Quantity.CALLS) == sum(sum(o.values()) for o in played.outcomes) - withheld
    if stop is None:
        assert played.pending == (0,) * len(planned)

    attempts = played.count(Quantity.ATTEMPTS)
    for index, one in enumerate(planned):
        limit = one.limit_per_min or workspace.assumptions.at_once_max_per_min
        assert attempts[:, index].max(initial=0) <= limit
        assert busiest_window(starts[index], 60) <= limit
        assert starts[index].total() == attempts[:, index].sum()
    if workspace.limit_per_min is not None:
        assert attempts.sum(axis=1).max(initial=0) <= workspace.limit_per_min


@settings(max_examples=10)
@given(data=st.data(), planned=st.lists(campaigns, min_size=1, max_size=3), workspace=workspaces)
def test_a_seed_reproduces_a_send(data: st.DataObject, planned: list[Campaign], workspace: Workspace) -> None:
    ceiling_rps = data.draw(st.floats(0, 60))
    first, again = (play(planned, workspace, LimitedService(ceiling_rps), seed=11) for _ in range(2))
    assert same(first, again)


def same(one: SimulationResult, other: SimulationResult) -> bool:
    """Say whether two plays agree in every count."""
    return (
        np.array_equal(one.tallies, other.tallies)
        and np.array_equal(one.calls_per_s, other.calls_per_s)
        and (one.minutes.tolist(), one.outcomes, one.halts)
        == (other.minutes.tolist(), other.outcomes, other.halts)
    )


def test_a_play_of_days_tells_how_far_it_is(campaign: Callable[..., Campaign], seoul: Workspace) -> None:
    told: list[float] = []
    send = Send([campaign(40_000, limit_per_min=120, burst=Range.exactly(1))], seoul)
    play_through(send, Perfect(), told.append)
    assert len(told) >= 3
    assert told == sorted(told)
    assert told[0] < 0.01
    assert 0.5 < told[-1] <= 1.0


def test_another_seed_plays_another_send(campaign: Callable[..., Campaign], seoul: Workspace) -> None:
    arriving = campaign(5_000, timing=Arrivals(AT, AT + timedelta(hours=1)))
    assert not same(play([arriving], seoul, Perfect(), seed=1), play([arriving], seoul, Perfect(), seed=2))


@settings(max_examples=40)
@given(
    recipients=st.integers(1, 5_000),
    limit=st.integers(100, 5_000),
    burst=st.floats(1, 10),
    ceilings=st.tuples(st.floats(10, 100), st.floats(10, 100)).map(sorted),
)
def test_more_capacity_never_finishes_later_without_breaker_backoff_and_skips(
    recipients: int, limit: int, burst: float, ceilings: list[float]
) -> None:
    """With one call a recipient and retries enough, so that chance does not choose who gives up."""
    assumed = Assumptions(breaker=False, backoff_base_s=0, max_retries=10_000)
    one = Campaign(
        name="c",
        kind="rate_limited",
        audience=Range.exactly(recipients),
        timing=AllAtOnce(AT),
        limit_per_min=limit,
        calls_per_recipient=Range.exactly(1),
        burst=Range.exactly(burst),
        retry=True,
    )
    smaller, larger = (
        play([one], Workspace(assumptions=assumed), LimitedService(ceiling)) for ceiling in ceilings
    )
    assume(smaller.total(Quantity.ABORTED) == 0)
    assert larger.total(Quantity.SENT) == recipients
    assert (larger.end_minute() or 0) <= (smaller.end_minute() or 0)


@settings(max_examples=15)
@given(
    planned=st.lists(campaigns.filter(lambda one: one.quiet_hours is None), min_size=1, max_size=3),
    limits=st.tuples(st.integers(300, 3_000), st.integers(300, 3_000)).map(sorted),
)
def test_a_higher_workspace_limit_never_finishes_later_on_a_perfect_service(
    planned: list[Campaign], limits: list[int]
) -> None:
    lower, higher = (play(planned, Workspace(limit_per_min=limit), Perfect()) for limit in limits)
    assert (higher.end_minute() or 0) <= (lower.end_minute() or 0)


@settings(max_examples=40)
@given(
    audiences=st.lists(st.integers(1, 60), min_size=1, max_size=3),
    limits=st.lists(st.integers(10, 20), min_size=3, max_size=3),
    priorities=st.lists(st.integers(1, 3), min_size=3, max_size=3),
    workspace_limit=st.one_of(st.none(), st.integers(10, 30)),
    failing=st.sets(st.integers(1, 12)),
    max_retries=st.integers(0, 4),
)
def test_cohorts_play_as_a_queue_of_single_people_would(
    audiences: list[int],
    limits: list[int],
    priorities: list[int],
    workspace_limit: int | None,
    failing: set[int],
    max_retries: int,
) -> None:
    """Against a simulation that keeps one entry per person, where whole minutes fail."""
    assumed = Assumptions(breaker=False, backoff_base_s=0, max_retries=max_retries)
    planned = [
        Campaign(
            name=str(index),
            kind="rate_limited",
            audience=Range.exactly(audience),
            timing=AllAtOnce(AT + timedelta(minutes=index)),
            limit_per_min=limits[index],
            calls_per_recipient=Range.exactly(1),
            retry=True,
            priority=priorities[index],
        )
        for index, audience in enumerate(audiences)
    ]
    workspace = Workspace(limit_per_min=workspace_limit, assumptions=assumed)
    send = Send(planned, workspace)
    script = [ScriptedMinutes(minute, minute, shares={"503": 1.0}) for minute in sorted(failing)]
    service = Scripted(script, Perfect(), first_minute=send.first_minute, rng=np.random.default_rng(1))
    starts_by_second(send, service)

    expected = play_people(audiences, limits, workspace_limit, failing, max_retries)
    played = send.result()
    told = {
        (int(minute) - played.first_minute + 1, index): (int(attempts), int(sent), int(aborted))
        for row, minute in enumerate(played.minutes)
        for index in range(len(planned))
        for attempts, sent, aborted in [
            played.tallies[row, [Quantity.ATTEMPTS, Quantity.SENT, Quantity.ABORTED], index]
        ]
        if attempts
    }
    assert told == expected


def play_people(
    audiences: list[int],
    limits: list[int],
    workspace_limit: int | None,
    failing: set[int],
    max_retries: int,
) -> dict[tuple[int, int], tuple[int, int, int]]:
    """(minute, campaign) -> attempts, sent, aborted; every person is (joined, campaign, attempt)."""
    people = [(index + 1, index, 0) for index, audience in enumerate(audiences) for _ in range(audience)]
    results: dict[tuple[int, int], tuple[int, int, int]] = {}
    minute = 0
    while people:
        minute += 1
        may = may_start([one[:2] for one in people if one[0] <= minute], limits, workspace_limit)
        stay: list[Any] = []
        for joined, index, attempt in sorted(people):
            if not may[joined, index]:
                stay.append((joined, index, attempt))
                continue
            may[joined, index] -= 1
            attempts, sent, aborted = results.get((minute, index), (0, 0, 0))
            if minute not in failing:
                sent += 1
            elif attempt >= max_retries:
                aborted += 1
            else:
                stay.append((minute + 1, index, attempt + 1))
            results[minute, index] = (attempts + 1, sent, aborted)
        people = stay
    return results


def may_start(
    waiting: list[tuple[int, int]], limits: list[int], workspace_limit: int | None
) -> Counter[tuple[int, int]]:
    """How many of each (joined, campaign) start: first come first, and of one minute in proportion.

    Whole numbers by largest remainder, of equal ones the first campaign's.
    """
    may: Counter[tuple[int, int]] = Counter()
    left = len(waiting) if workspace_limit is None else workspace_limit
    for joined in sorted({joined for joined, _ in waiting}):
        wants = {
            index: min(
                waiting.count((joined, index)),
                limits[index] - sum(count for (_, one), count in may.items() if one == index),
            )
            for _, index in sorted(set(waiting))
            if (joined, index) in waiting
        }
        wanted, room = sum(wants.values()), min(left, sum(wants.values()))
        shares = {index: want * room // wanted if wanted else 0 for index, want in wants.items()}
        behind = sorted(wants, key=lambda index: (-((wants[index] * room) % max(1, wanted)), index))
        for index in behind[: room - sum(shares.values())]:
            shares[index] += 1
        for index, share in shares.items():
            may[joined, index] = share
        left -= room
    return may


@pytest.mark.parametrize("lag", [1, 3, 90])
def test_answers_that_come_late_lose_no_message(
    campaign: Callable[..., Campaign], seoul: Workspace, lag: int
) -> None:
    """As in a rehearsal, where a second's replies are known only when later seconds have begun."""
    send = Send([campaign(3_000, limit_per_min=1_000, retry=True)], replace(seoul))
    service = LimitedService(20)
    open_offers = []
    for offer in send.offers():
        open_offers.append(offer)
        if len(open_offers) > lag:
            due = open_offers.pop(0)
            send.settle(due, service.answer(due.second, due.calls))
    for due in open_offers:
        send.settle(due, service.answer(due.second, due.calls))
    played = send.result()
    assert played.total(Quantity.SENT) + played.total(Quantity.ABORTED) == 3_000
