"""What a verdict takes for granted, and what was not looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.capacity.campaign import ARRIVING_BURST, BURST, CALLS_PER_RECIPIENT, Arrivals
from app.capacity.plan.plan import Judging
from app.capacity.planner.judgement import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from app.capacity.planner.judgement import CampaignJudgement
    from app.capacity.planner.verdict.campaign_verdict import Facts


def notes(facts: Facts, campaigns: Sequence[CampaignJudgement]) -> tuple[Reason, ...]:
    """Return one reason for each thing that a reader should know beside the verdict."""
    return (*_unsaid(facts, campaigns), *_assumed(facts), *_left_out(facts, campaigns))


def _unsaid(facts: Facts, campaigns: Sequence[CampaignJudgement]) -> Iterator[Reason]:
    begun = tuple(one.name for one in campaigns if one.state != "planned")
    if begun:
        yield Reason("note_begun", {"names": begun})
    halted = [one for one in facts.beyond.values() if one.halts]
    if halted:
        numbers = {"halts": halted[0].halts, "failures_per_min": halted[0].host_failures_per_min}
        yield Reason("note_breaker", numbers)
    for one in campaigns:
        if one.skipped:
            yield Reason("note_skipped", {"name": one.name, "skipped": one.skipped})
    if facts.ceiling.usable_rps is not None and facts.ceiling.unchecked:
        yield Reason("note_unchecked", {"what": facts.ceiling.unchecked})


def _assumed(facts: Facts) -> Iterator[Reason]:
    planned = facts.plan.campaigns
    calls = tuple(one.name for one in planned if one.calls_per_recipient == CALLS_PER_RECIPIENT)
    if calls:
        yield Reason("note_calls_assumed", {"names": calls, "low": 1, "likely": 2, "high": 3})
    burst = tuple(one.name for one in planned if one.burst in {BURST, ARRIVING_BURST})
    if burst:
        yield Reason("note_burst_assumed", {"names": burst, "high": max(one.burst.high for one in planned)})
    if facts.plan.judging.offered_limits_per_min == Judging().offered_limits_per_min:
        yield Reason("note_offered_assumed")
    if any(isinstance(one.timing, Arrivals) for one in planned):
        yield Reason("note_triggered")
    yield Reason("note_speed")


def _left_out(facts: Facts, campaigns: Sequence[CampaignJudgement]) -> Iterator[Reason]:
    if any(rejected.reason.code == "not_tried" for one in campaigns for rejected in one.rejected):
        yield Reason("note_not_tried")
    cut_short = [one for one in facts.beyond.values() if not one.complete]
    if cut_short:
        yield Reason("note_play_cut_short", {"played_min": cut_short[0].played_min})
    if facts.shared:
        yield Reason("note_chance_together")
    if facts.plan.service is not None or facts.plan.failures:
        yield Reason("note_plays_only")
