"""What a verdict takes for granted, and what was not looked at."""

from __future__ import annotations

from math import prod
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from app.capacity.campaign import (
    ARRIVING_BURST,
    BURST,
    CALLS_PER_RECIPIENT,
    HOST,
    Arrivals,
    IntelligentTiming,
)
from app.capacity.local_time import MINUTE_S
from app.capacity.plan.plan import Judging
from app.capacity.planner.reasons import Reason, ReasonCode
from app.capacity.planner.search.limits import SPARE_SHARE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from app.capacity.campaign import Campaign
    from app.capacity.evidence.ceiling import MeasuredCeiling
    from app.capacity.planner.judgement import CampaignJudgement, Ceiling
    from app.capacity.planner.verdict.campaign_verdict import PlanFindings


LONGER_THAN_SOAK: Final = 60  # times the soak; a send that lasts longer may meet what the soak could not
HOUR_MIN: Final = 60


def notes(findings: PlanFindings, campaigns: Sequence[CampaignJudgement]) -> tuple[Reason, ...]:
    """Return one reason for each thing that a reader should know beside the verdict."""
    return (
        *_unsaid(findings, campaigns),
        *_of_evidence(findings, campaigns),
        *_assumed(findings),
        *_left_out(findings, campaigns),
    )


def _unsaid(findings: PlanFindings, campaigns: Sequence[CampaignJudgement]) -> Iterator[Reason]:
    begun = tuple(one.name for one in campaigns if one.state != "planned")
    if begun:
        yield Reason(ReasonCode.NOTE_BEGUN, {"names": begun})
    halted = [one for one in findings.overload.values() if one.halts]
    if halted:
        numbers = {"halts": halted[0].halts, "failures_per_min": halted[0].host_failures_per_min}
        yield Reason(ReasonCode.NOTE_BREAKER, numbers)
    for one in campaigns:
        if one.skipped:
            yield Reason(ReasonCode.NOTE_SKIPPED, {"name": one.name, "skipped": one.skipped})
    yield from _base_load_alone(findings.ceiling)
    if findings.ceiling.usable_rps is not None and findings.ceiling.unchecked:
        yield Reason(ReasonCode.NOTE_UNCHECKED, {"what": findings.ceiling.unchecked})


def _base_load_alone(ceiling: Ceiling) -> Iterator[Reason]:
    """Name the hours at which other traffic leaves nothing."""
    usable = ceiling.usable_rps
    if usable is not None:
        full = tuple(hour for hour, base in enumerate(ceiling.base_load_rps) if base and base >= usable)
        if full:
            yield Reason(ReasonCode.NOTE_BASE_LOAD_ALONE, {"at_hours": full, "usable_rps": usable})


def _of_evidence(findings: PlanFindings, campaigns: Sequence[CampaignJudgement]) -> Iterator[Reason]:
    """Yield what the load test that decides was like, where that may matter."""
    test = findings.decides
    if test is None:
        return
    if test.same_machine:
        yield Reason(ReasonCode.NOTE_SAME_MACHINE)
    told = {one.name for one in campaigns}
    other = [one for one in findings.plan.campaigns if one.name in told and one.host not in {HOST, test.host}]
    if other and test.host is not None:
        names = tuple(one.name for one in other if one.host == other[0].host)
        numbers = {"measured": test.host, "called": other[0].host, "names": names}
        yield Reason(ReasonCode.NOTE_OTHER_HOST, numbers)
    if test.git_dirty:
        yield Reason(ReasonCode.NOTE_UNCOMMITTED)
    yield from _of_the_soak(findings, test, told)


def _of_the_soak(findings: PlanFindings, test: MeasuredCeiling, told: Collection[str]) -> Iterator[Reason]:
    lasts_min = {
        findings.plan.campaigns[index].name: pacing.end - pacing.first
        for index, pacing in findings.advised["likely"].pacing.items()
        if pacing.end is not None and findings.plan.campaigns[index].name in told
    }
    if test.soak_s is None or not lasts_min:
        return
    name, longest_min = max(lasts_min.items(), key=itemgetter(1))
    if longest_min * MINUTE_S > LONGER_THAN_SOAK * test.soak_s:
        numbers = {"soak_min": round(test.soak_s / MINUTE_S, 1), "hours": round(longest_min / HOUR_MIN, 1)}
        yield Reason(ReasonCode.NOTE_SHORT_SOAK, {**numbers, "name": name})


def _assumed(findings: PlanFindings) -> Iterator[Reason]:
    planned = findings.plan.campaigns
    calls = tuple(one.name for one in planned if one.calls_per_recipient == CALLS_PER_RECIPIENT)
    if calls:
        yield Reason(ReasonCode.NOTE_CALLS_ASSUMED, {"names": calls, "low": 1, "likely": 2, "high": 3})
    burst = tuple(one.name for one in planned if one.burst in {BURST, ARRIVING_BURST})
    if burst:
        yield Reason(
            ReasonCode.NOTE_BURST_ASSUMED, {"names": burst, "high": max(one.burst.high for one in planned)}
        )
    yield from _careful(planned)
    if findings.plan.judging.offered_limits_per_min == Judging().offered_limits_per_min:
        yield Reason(ReasonCode.NOTE_OFFERED_ASSUMED)
    base = findings.plan.judging.base_load_rps
    if any(base):
        yield Reason(ReasonCode.NOTE_BASE_LOAD, {"hourly_rps": (min(base), max(base))})
    if any(isinstance(one.timing, Arrivals) for one in planned):
        yield Reason(ReasonCode.NOTE_TRIGGERED)
    yield from _assumed_of_braze(findings)
    yield Reason(ReasonCode.NOTE_SPEED)


def _careful(planned: Sequence[Campaign]) -> Iterator[Reason]:
    """Say by how much the worst of what nobody typed is more careful than what is likely."""
    factors = {}
    for one in planned:
        untyped = [
            given
            for given, usual in ((one.calls_per_recipient, CALLS_PER_RECIPIENT), (one.burst, BURST))
            if given == usual
        ]
        if untyped:
            factors[one.name] = prod(given.high / given.likely for given in untyped)
    if factors:
        yield Reason(ReasonCode.NOTE_CAREFUL, {"names": tuple(factors), "factor": max(factors.values())})


def _assumed_of_braze(findings: PlanFindings) -> Iterator[Reason]:
    planned, workspace = findings.plan.campaigns, findings.plan.workspace
    unlimited = tuple(one.name for one in planned if one.limit_per_min is None)
    if unlimited:
        most = workspace.assumptions.at_once_max_per_min
        yield Reason(ReasonCode.NOTE_AT_ONCE, {"names": unlimited, "most_per_min": most})
    if any(not isinstance(one.timing, Arrivals) for one in planned):
        yield Reason(ReasonCode.NOTE_MINUTE)
    best_hours = [one for one in planned if isinstance(one.timing, IntelligentTiming)]
    if best_hours and workspace.assumptions.hour_shape == "even":
        yield Reason(ReasonCode.NOTE_BEST_HOUR, {"names": tuple(one.name for one in best_hours)})
    quiet = tuple(one.name for one in best_hours if one.quiet_hours is not None)
    if quiet:
        yield Reason(ReasonCode.NOTE_NEAREST_EDGE, {"names": quiet})
    if workspace.limit_per_min is not None and len(planned) > 1:
        yield Reason(ReasonCode.NOTE_MIXED)
    if any(one.finish_by is not None for one in planned):
        yield Reason(ReasonCode.NOTE_SPARE, {"share": SPARE_SHARE})
    if any(one.lost.low < one.lost.high for one in findings.overload.values()):
        yield Reason(ReasonCode.NOTE_LOSSES)


def _left_out(findings: PlanFindings, campaigns: Sequence[CampaignJudgement]) -> Iterator[Reason]:
    if any(rejected.reason.code is ReasonCode.NOT_TRIED for one in campaigns for rejected in one.rejected):
        yield Reason(ReasonCode.NOTE_NOT_TRIED)
    cut_short = [one for one in findings.overload.values() if not one.complete]
    if cut_short:
        yield Reason(ReasonCode.NOTE_PLAY_CUT_SHORT, {"played_min": cut_short[0].played_min})
    if findings.shared:
        yield Reason(ReasonCode.NOTE_CHANCE_TOGETHER)
    if findings.plan.service is not None or findings.plan.failures:
        yield Reason(ReasonCode.NOTE_PLAYS_ONLY)
