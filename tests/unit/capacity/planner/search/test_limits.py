"""What holds for the limits and verdicts of every plan."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.capacity.campaign import (
    AllAtOnce,
    Arrivals,
    Campaign,
    IntelligentTiming,
    LocalTimeZones,
    QuietHours,
    Range,
    Timing,
    Workspace,
)
from app.capacity.evidence.ceiling import MeasuredCeiling
from app.capacity.plan.plan import Judging, Plan
from app.capacity.planner import Judgement, as_json, as_text, judge, sentence
from app.capacity.simulation.send import play
from app.capacity.simulation.service import Perfect

if TYPE_CHECKING:
    from app.capacity.simulation.result import SimulationResult

AT = datetime(2026, 3, 29, 9, 0)  # noqa: DTZ001  (wall time; the day when clocks change in London)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
SEOUL = Workspace(time_zone="Asia/Seoul")
OFFERED = (50, 100, 500, 1_000, 2_500, 5_000)
WORST_FIRST = ("NO_GO", "RETEST", "GO_IF", "GO")

timings: st.SearchStrategy[Timing] = st.one_of(
    st.builds(AllAtOnce, st.integers(0, 6).map(lambda minutes: AT + timedelta(minutes=minutes))),
    st.just(LocalTimeZones(AT)),
    st.just(IntelligentTiming(AT.date(), tuple(float(hour % 5) for hour in range(24)), 0.3, time(10))),
    st.just(Arrivals(AT, AT + timedelta(minutes=90), (3.0, 1.0))),
)
ranges = st.lists(st.integers(0, 8_000), min_size=3, max_size=3).map(lambda three: Range(*sorted(three)))
campaigns = st.builds(
    Campaign,
    name=st.just("c"),
    kind=st.just("canvas_step"),
    audience=ranges,
    timing=timings,
    limit_per_min=st.one_of(st.none(), st.sampled_from([50, 400, 1_000, 3_000])),
    calls_per_recipient=st.sampled_from([Range.exactly(1), Range(1, 2, 3), Range.exactly(1.5)]),
    burst=st.sampled_from([Range.exactly(1), Range(1.2, 2, 4), Range.exactly(7.5)]),
    zones=st.sampled_from([(), (("Asia/Seoul", 1.0), ("Europe/London", 2.0))]),
    quiet_hours=st.sampled_from([None, None, QuietHours(time(22), time(7))]),
    finish_by=st.sampled_from([None, None, AT + timedelta(minutes=12), AT + timedelta(hours=30)]),
    priority=st.integers(1, 3),
)
plans = st.lists(campaigns, min_size=1, max_size=4)


def named(planned: Sequence[Campaign]) -> tuple[Campaign, ...]:
    return tuple(replace(one, name=f"c{place}") for place, one in enumerate(planned))


def judge_campaigns(planned: Sequence[Campaign], low_rps: float, **changes: Any) -> Judgement:
    share = changes.pop("usable_share", 0.5)
    workspace = changes.pop("workspace", SEOUL)
    judging = Judging(usable_share=share, offered_limits_per_min=OFFERED)
    plan = Plan(campaigns=named(planned), workspace=workspace, judging=judging)
    test = MeasuredCeiling(
        evidence_id="t",
        kind="ceiling",
        rps=low_rps,
        low_rps=low_rps,
        high_rps=None,
        ended_at=NOW,
        bound_by=("latency",),
    )
    return judge(plan, [replace(test, **changes)], running=None, now=NOW, samples=50)


def advised(judgement: Judgement, planned: Sequence[Campaign]) -> list[Campaign]:
    """The campaigns that may be sent, at what is advised for them."""
    return [
        replace(one, limit_per_min=told.advised_limit_per_min)
        for one, told in zip(named(planned), judgement.campaigns, strict=True)
        if told.verdict in {"GO", "GO_IF"}
    ]


def busiest(planned: Sequence[Campaign], workspace: Workspace = SEOUL) -> int:
    played: SimulationResult = play(planned, workspace, Perfect(), case="high", seed=5)
    return int(played.by_second().max(initial=0))


HELD_IN_LONDON = Campaign(
    name="c",
    kind="canvas_step",
    audience=Range(0, 0, 991),
    timing=Arrivals(AT, AT + timedelta(minutes=90), (3.0, 1.0)),
    zones=(("Asia/Seoul", 1.0), ("Europe/London", 2.0)),
    quiet_hours=QuietHours(time(22), time(7)),
)


@settings(max_examples=15)
@given(planned=plans, low_rps=st.floats(1, 1_500), shared=st.sampled_from([None, 700, 2_000]))
@example(planned=[HELD_IN_LONDON], low_rps=50.0, shared=None)
def test_played_as_advised_no_second_is_above_the_usable_rate_and_no_deadline_is_missed(
    planned: list[Campaign], low_rps: float, shared: int | None
) -> None:
    workspace = replace(SEOUL, limit_per_min=shared)
    judgement = judge_campaigns(planned, low_rps, workspace=workspace)
    sent = advised(judgement, planned)
    assert busiest(sent, workspace) <= (judgement.ceiling.usable_rps or 0)
    for one in judgement.campaigns:
        told = one.finishes_at.high if one.finishes_at else None
        if one.verdict in {"GO", "GO_IF"} and one.finish_by is not None and told is not None:
            assert told <= one.finish_by


@settings(max_examples=15)
@given(planned=plans, low_rps=st.floats(1, 1_500))
def test_the_next_larger_limit_is_too_much_when_played_or_another_constraint_is_named(
    planned: list[Campaign], low_rps: float
) -> None:
    """Up to two calls a broken render pass may lie between the bound that decides and the second that is played."""
    judgement = judge_campaigns(planned, low_rps)
    sent = {one.name: one for one in advised(judgement, planned)}
    for told, one in zip(judgement.campaigns, named(planned), strict=True):
        above = [limit for limit in OFFERED if limit > (told.limit_per_min or 0)]
        if told.limit_per_min is None or told.stops_at is None:
            continue
        if not above:
            assert told.stops_at.code == "end_of_list"
        elif told.stops_at.code == "latency_slo" and not isinstance(one.timing, Arrivals):
            with_it = {**sent, one.name: replace(one, limit_per_min=above[0])}
            assert busiest(list(with_it.values())) > (judgement.ceiling.usable_rps or 0) - 6 * len(planned)
        else:
            assert told.stops_at.code in {"latency_slo", "finish_by", "abort_72h"}


@settings(max_examples=12)
@given(
    one=campaigns,
    low_rps=st.floats(1, 1_500),
    more=st.sampled_from(["recipients", "calls", "less usable"]),
    factor=st.sampled_from([1.3, 2.0, 10.0]),
)
def test_more_demand_or_less_usable_never_turns_a_verdict_better(
    one: Campaign, low_rps: float, more: str, factor: float
) -> None:
    before = judge_campaigns([one], low_rps)
    share = 0.5 / factor if more == "less usable" else 0.5
    after = judge_campaigns([harder(one, more, factor)], low_rps, usable_share=share)
    assert WORST_FIRST.index(after.verdict) <= WORST_FIRST.index(before.verdict)
    if after.campaigns[0].limit_per_min is not None and more != "recipients":
        assert after.campaigns[0].limit_per_min <= (before.campaigns[0].limit_per_min or 0)


def harder(one: Campaign, more: str, factor: float) -> Campaign:
    audience, calls = one.audience, one.calls_per_recipient
    if more == "recipients":
        return replace(
            one,
            audience=Range(*(int(n * factor) + 1 for n in (audience.low, audience.likely, audience.high))),
        )
    if more == "calls":
        return replace(
            one, calls_per_recipient=Range(*(n * factor for n in (calls.low, calls.likely, calls.high)))
        )
    return one


@settings(max_examples=12)
@given(planned=plans, low_rps=st.floats(1, 1_500), factor=st.sampled_from([1.1, 1.5, 4.0]))
def test_a_higher_ceiling_never_lowers_the_limit_of_who_goes_first_nor_unmakes_a_go(
    planned: list[Campaign], low_rps: float, factor: float
) -> None:
    lower, higher = judge_campaigns(planned, low_rps), judge_campaigns(planned, low_rps * factor)
    if lower.verdict == "GO":
        assert higher.verdict == "GO"
    alone_lower, alone_higher = (
        judge_campaigns(planned[:1], low_rps),
        judge_campaigns(planned[:1], low_rps * factor),
    )
    first, then = (judgement.campaigns[0].limit_per_min or 0 for judgement in (alone_lower, alone_higher))
    assert then >= first
    assert WORST_FIRST.index(alone_higher.verdict) >= WORST_FIRST.index(alone_lower.verdict)


@settings(max_examples=12)
@given(planned=plans, low_rps=st.floats(0, 1_500), kind=st.sampled_from(["at_least", "unconfirmed", "none"]))
def test_evidence_that_is_no_ceiling_never_refuses(
    planned: list[Campaign], low_rps: float, kind: str
) -> None:
    without_deadlines = [replace(one, finish_by=None, limit_per_min=None) for one in planned]
    judgement = judge_campaigns(without_deadlines, low_rps, kind=kind)
    recipients = sum(one.audience.high for one in planned)
    allowed = {"GO", "RETEST"} if kind == "at_least" or not recipients else {"RETEST"}
    assert judgement.verdict in allowed


@settings(max_examples=15)
@given(planned=plans, low_rps=st.floats(0, 1_500))
def test_the_same_plan_is_judged_the_same_again_and_says_so_in_both_languages(
    planned: list[Campaign], low_rps: float
) -> None:
    first, again = judge_campaigns(planned, low_rps), judge_campaigns(planned, low_rps)
    assert as_json(first) == as_json(again)
    assert as_text(first, "ko") != as_text(first, "en")


EDGES = {
    "nobody to send to": Campaign(
        name="c", kind="rate_limited", audience=Range.exactly(0), timing=AllAtOnce(AT), limit_per_min=1_000
    ),
    "a schedule in the past": Campaign(
        name="c",
        kind="at_once",
        audience=Range.exactly(1_000),
        timing=AllAtOnce(datetime(2025, 1, 1, 9)),  # noqa: DTZ001
    ),
    "all skipped at launch": Campaign(
        name="c",
        kind="local_time_zones",
        audience=Range.exactly(1_000),
        timing=LocalTimeZones(AT, AT + timedelta(days=2)),
        zones=(("Asia/Seoul", 1.0),),
    ),
    "clocks change in another zone": Campaign(
        name="c",
        kind="local_time_zones",
        audience=Range.exactly(1_000),
        timing=LocalTimeZones(datetime(2026, 3, 29, 1, 30)),  # noqa: DTZ001  (a time that London skips)
        zones=(("Asia/Seoul", 1.0), ("Europe/London", 1.0)),
    ),
    "an audience that may be nobody": Campaign(
        name="c",
        kind="at_once",
        audience=Range(0, 0, 10),
        timing=AllAtOnce(AT),
        finish_by=AT + timedelta(minutes=1),
    ),
}


@pytest.mark.parametrize("low_rps", [0.0, 1e-6, 1e9])
@pytest.mark.parametrize("edge", EDGES, ids=str)
def test_nothing_divides_by_zero_at_the_edges_and_each_has_a_sentence(edge: str, low_rps: float) -> None:
    for kind in ("ceiling", "at_least", "none"):
        judgement = judge_campaigns([EDGES[edge]], low_rps, kind=kind)
        told = judgement.campaigns[0]
        for said in (
            sentence(judgement, "ko"),
            sentence(judgement, "en"),
            sentence(told, "ko"),
            sentence(told, "en"),
        ):
            assert said.endswith(".")
        assert "nan" not in as_text(judgement, "en")


def test_units_are_messages_a_minute_in_and_calls_a_second_out(
    campaign: Callable[..., Campaign], judged: Callable[..., Judgement]
) -> None:
    """60,000 messages a minute are 1,000 a second, evenly sent, each calling twice: 2,000 calls a second."""
    one = campaign(
        600_000, limit_per_min=60_000, burst=Range.exactly(1), calls_per_recipient=Range.exactly(2)
    )
    judgement = judged(one)
    assert judgement.planned.peak_rps == 2_000
    assert judgement.ceiling.usable_rps == 2_800
    assert judgement.campaigns[0].finishes_at is not None
    assert judgement.campaigns[0].starts_at is not None
    assert judgement.campaigns[0].finishes_at.high == judgement.campaigns[0].starts_at + timedelta(minutes=10)
