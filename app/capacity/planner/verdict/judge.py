"""From a plan and what is known of the service to a verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Final

import numpy as np

from app.capacity.campaign import HOST, AllAtOnce, Arrivals
from app.capacity.evidence.file import is_ahead
from app.capacity.local_time import MINUTE_S
from app.capacity.plan.table import PlanError
from app.capacity.planner.demand.curves import curve, minutes_over
from app.capacity.planner.demand.forecast import Forecast, Forecaster, Limits
from app.capacity.planner.demand.minute_counts import total
from app.capacity.planner.demand.usable_rate import UsableRate
from app.capacity.planner.demand.work import WorkBudget, WorkLimitExceededError
from app.capacity.planner.judgement import Judgement, Verdict
from app.capacity.planner.reasons import Reason, ReasonCode
from app.capacity.planner.scope import EVERYTHING, JudgementScope
from app.capacity.planner.search.collisions import find_collisions
from app.capacity.planner.search.deadlines import Deadlines
from app.capacity.planner.search.limits import place_all
from app.capacity.planner.search.trials import Trials
from app.capacity.planner.verdict.campaign_verdict import PlanFindings, campaign_judgement
from app.capacity.planner.verdict.caveats import notes
from app.capacity.planner.verdict.evidence_choice import choose_ceiling
from app.capacity.planner.verdict.instances import instances_needed
from app.capacity.planner.verdict.overload import simulate_overload, without_failures
from app.capacity.simulation.schedule import first_minute

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from app.capacity.campaign import Case
    from app.capacity.evidence.ceiling import MeasuredCeiling, RunningService
    from app.capacity.plan.plan import Plan
    from app.capacity.planner.judgement import CampaignJudgement, Ceiling, SendOutcome
    from app.capacity.planner.search.limits import Placement

# How much is worked out beside verdicts and times: all, or no chance of ending in time and nothing of what becomes of a
# send that is too fast. The names are those of `judge`.
ALL_WORK: Final[Mapping[str, int]] = {}
ONLY_VERDICTS: Final[Mapping[str, int]] = {"samples": 1, "most_played": 0}
SAMPLES: Final = 10_000
MOST_STEPS: Final = 400_000  # of work, of about a microsecond each, on the plan as it is
STEPS_EACH: Final = 5_000  # for each campaign of a plan of more than there are in a plan file
SEARCH_PART: Final = 0.7  # as many for placing the campaigns
ADVISED_PART: Final = 0.25  # for the plan as advised, much of which has been worked out by then
TELLING_PART: Final = 0.1  # and for ways out and chances
MOST_PLAYED: Final = 2_400  # campaign-seconds of each play beyond the ceiling: a tenth of a second
APART_MIN: Final = 30  # minutes that are too much belong together unless this far apart
CASES: Final[tuple[Case, ...]] = ("low", "likely", "high")
WORST_FIRST: Final[tuple[Verdict, ...]] = ("NO_GO", "RETEST", "GO_IF", "GO")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkBounds:
    """How much is worked out by each of the load tests that a plan is judged by: see `judge`."""

    samples: int
    most_steps: int
    most_played: int


class FirstLooks:
    """A plan as it is, forecast once for all load tests that it is judged by: what it asks for is no matter of those.

    Tests that called different hosts have different campaigns ask; those looks share one budget of work.
    """

    def __init__(self, plan: Plan, most_steps: int) -> None:
        self.work = WorkBudget(most_steps)
        self._plan = plan
        self._left = most_steps
        self._looks: dict[frozenset[str], tuple[Mapping[Case, Forecaster], Mapping[Case, Forecast]]] = {}

    def look(self, hosts: frozenset[str]) -> tuple[Mapping[Case, Forecaster], Mapping[Case, Forecast]]:
        """Return the forecasters of each case, and the plan as it is. Raises PlanError where it is too much work."""
        if hosts not in self._looks:
            self.work.grant(self._left)
            forecasters = _forecasters(self._plan, self.work, hosts)
            as_planned = {index: one.limit_per_min for index, one in enumerate(self._plan.campaigns)}
            self._looks[hosts] = forecasters, _forecasts(forecasters, as_planned)
            self._left = self.work.left
        return self._looks[hosts]


def judge(
    plan: Plan,
    measured: Sequence[MeasuredCeiling],
    *,
    running: RunningService | None,
    now: datetime,
    scope: JudgementScope = EVERYTHING,
    samples: int = SAMPLES,
    most_steps: int | None = None,
    most_played: int = MOST_PLAYED,
) -> Judgement:
    """Judge a plan by the load tests there are, as of the aware instant `now`; the same input gives the same verdict.

    `running` None is that nobody knows what runs: then only a test's age and kind are checked. Every campaign is
    judged beside all the others of the plan, and those within `scope` are told. `samples` are drawn
    for the chance of ending in time; `most_steps` and `most_played` bound the work on plans of many campaigns; with
    `most_played` 0 nothing is played, and no campaign tells what becomes of it as planned. A campaign that counts on
    another number of instances is judged by the test of so many, where one holds; the tests share the work, whichever
    campaigns are told of, so that these have the same verdicts alone.

    Raises:
        PlanError: the plan is too much work, with the way out.
    """
    if most_steps is None:
        most_steps = max(MOST_STEPS, STEPS_EACH * len(plan.campaigns))
    of_now = [one for one in measured if not is_ahead(one.ended_at, now)]
    first = choose_ceiling(plan, measured, running, now)
    others: dict[int, tuple[Ceiling, MeasuredCeiling | None]] = {}
    for size in sorted({one.instances for one in plan.campaigns if one.instances} - {first[0].instances}):
        chosen = choose_ceiling(plan, measured, running, now, instances=size)
        if chosen[0].instances == size and not chosen[0].retest:
            others[size] = chosen
    share = 1 + len(others)
    bounds = WorkBounds(samples=samples, most_steps=most_steps // share, most_played=most_played // share)
    looks = FirstLooks(plan, most_steps)

    def judged(chosen: tuple[Ceiling, MeasuredCeiling | None]) -> Judgement:
        return _judge_by(looks, plan, chosen, of_now, now=now, scope=scope, bounds=bounds)

    found = judged(first)
    for size, chosen in others.items():
        of_size = judged(chosen)
        if any(one.instances == size and scope.tells(one.name) for one in plan.campaigns):
            found = _with_those_of_size(found, of_size, plan, size)
    return found


def _with_those_of_size(found: Judgement, of_size: Judgement, plan: Plan, size: int) -> Judgement:
    """Return a judgement with its campaigns that count on `size` instances as the test of so many judges them.

    Where every campaign counts on so many, that is the judgement.
    """
    names = {one.name for one in plan.campaigns if one.instances == size}
    if all(one.name in names for one in found.campaigns):
        return of_size
    theirs = {one.name: one for one in of_size.campaigns if one.name in names}
    campaigns = tuple(theirs.get(one.name, one) for one in found.campaigns)
    verdict, binding = _whole(campaigns, found.ceiling)
    numbers = {
        "instances": size,
        "usable_rps": int(of_size.ceiling.usable_rps or 0),
        "names": tuple(sorted(theirs)),
    }
    return replace(
        found,
        campaigns=campaigns,
        verdict=verdict,
        binding=binding,
        if_evidence_held=found.if_evidence_held if verdict == "RETEST" else None,
        notes=(*found.notes, Reason(ReasonCode.NOTE_OTHER_INSTANCES, numbers)),
    )


def _judge_by(
    looks: FirstLooks,
    plan: Plan,
    chosen: tuple[Ceiling, MeasuredCeiling | None],
    measured: Sequence[MeasuredCeiling],
    *,
    now: datetime,
    scope: JudgementScope,
    bounds: WorkBounds,
) -> Judgement:
    """Judge a plan by one ceiling; `measured` are all load tests, for what more instances would do."""
    ceiling, decides = chosen
    told = [index for index, one in enumerate(plan.campaigns) if scope.tells(one.name)]
    findings = _find_out(looks, plan, ceiling, now, hosts=hosts_of(plan, decides), bounds=bounds)
    findings = replace(
        findings,
        decides=decides,
        overload=_overload(
            plan, findings.planned["high"], findings.trials.usable, decides, told, bounds.most_played
        ),
    )
    collisions = find_collisions(findings.trials, findings.placements, measured=not ceiling.retest)
    campaigns = tuple(campaign_judgement(findings, findings.placements[index]) for index in told)
    verdict, binding = _whole(campaigns, ceiling)
    ahead = [findings.placements[index] for index in told if index not in findings.trials.begun]
    high = findings.forecasters["high"]
    return Judgement(
        verdict=verdict,
        binding=binding,
        if_evidence_held=_if_held(verdict, findings, ahead),
        time_zone=plan.workspace.time_zone,
        judged_at=findings.now(),
        seed=plan.seed,
        ceiling=ceiling,
        campaigns=campaigns,
        collisions=tuple(met for met in collisions if scope.tells(met.campaign, *met.others)),
        planned=curve(plan, findings.planned, high, scope.minutes()),
        advised=curve(plan, findings.advised, high, scope.minutes()),
        instances=instances_needed(
            _wanted_rps(findings, ahead),
            decides,
            measured,
        ),
        notes=notes(findings, campaigns),
        assumptions=tuple(plan.workspace.assumptions.explained()),
    )


def hosts_of(plan: Plan, decides: MeasuredCeiling | None) -> frozenset[str]:
    """Return by which names campaigns call the service that a ceiling was measured of.

    Where all of a plan call one host it is that one, whatever name the load test had for it: a note says so.
    """
    called = {one.host for one in plan.campaigns}
    ours = {HOST} if decides is None or decides.host is None else {HOST, decides.host}
    return frozenset(ours | called if len(called) == 1 else ours)


def _find_out(
    looks: FirstLooks,
    plan: Plan,
    ceiling: Ceiling,
    now: datetime,
    *,
    hosts: frozenset[str],
    bounds: WorkBounds,
) -> PlanFindings:
    """Forecast the plan, place its campaigns, and forecast it as advised: each with a part of the work.

    What is then left is for telling it; where that does not suffice for a way out or a chance, none is told.
    """
    most_steps, work = bounds.most_steps, looks.work
    forecasters, planned = looks.look(hosts)
    now_minute = int(now.timestamp()) // MINUTE_S
    rps = inf if ceiling.usable_rps is None else ceiling.usable_rps
    trials = Trials(
        plan,
        forecasters["high"],
        usable=UsableRate(rps, plan.judging.base_load_rps, plan.workspace.time_zone),
        breaks=ceiling.breaks,
        begun=frozenset(_begun(plan, forecasters["likely"], now_minute)),
    )
    work.grant(int(most_steps * SEARCH_PART))
    placements = place_all(trials)
    work.grant(int(most_steps * ADVISED_PART))
    advised = _forecasts(forecasters, dict(trials.placed.limits))
    work.grant(int(most_steps * TELLING_PART))
    deadlines = Deadlines(plan, forecasters["high"], samples=bounds.samples)
    return PlanFindings(
        plan=plan,
        now_minute=now_minute,
        ceiling=ceiling,
        forecasters=forecasters,
        trials=trials,
        placements=placements,
        planned=planned,
        advised=advised,
        overload={},
        deadlines=deadlines,
        shared={} if trials.placed.uncrowded() else deadlines.together(dict(trials.placed.limits)),
        pushed_aside=_pushed_aside(plan, placements, trials.begun),
    )


def _forecasters(plan: Plan, work: WorkBudget, hosts: frozenset[str]) -> Mapping[Case, Forecaster]:
    """Make a forecaster for each case, which share what is the same."""
    made: dict[Case, Forecaster] = {}
    like: Forecaster | None = None
    try:
        for case in CASES:
            made[case] = like = Forecaster(plan, case, work=work, like=like, hosts=hosts)
    except WorkLimitExceededError:
        raise _too_much(len(plan.campaigns)) from None
    return made


def _begun(plan: Plan, forecaster: Forecaster, now_minute: int) -> Iterator[int]:
    """Yield the campaigns whose start lies before this minute: by their clock, or by their first message."""
    for index, campaign in enumerate(plan.campaigns):
        timing, minutes = campaign.timing, forecaster.demands[index].arrivals.minutes
        start = int(minutes[0]) if len(minutes) else None
        if start is None or isinstance(timing, AllAtOnce | Arrivals):
            start = first_minute(campaign, plan.workspace.time_zone)
        if start < now_minute:
            yield index


def _pushed_aside(
    plan: Plan, placements: Mapping[int, Placement], begun: frozenset[int]
) -> Mapping[int, tuple[str, ...]]:
    """Return whom a campaign pushes aside of those listed before it, where who is listed first goes first.

    A priority lets it, but that is no plain yes: who was there first has to give way.
    """
    if plan.judging.goes_first == "start":
        return {}
    pushed: dict[int, tuple[str, ...]] = {}
    for index, placement in placements.items():
        for other in placement.crowd:
            if other > index and other not in begun:
                pushed[other] = (*pushed.get(other, ()), plan.campaigns[index].name)
    return pushed


def _forecasts(forecasters: Mapping[Case, Forecaster], limits: Limits) -> Mapping[Case, Forecast]:
    try:
        return {case: forecaster.forecast(limits) for case, forecaster in forecasters.items()}
    except WorkLimitExceededError:
        raise _too_much(len(limits)) from None


def _too_much(campaigns: int) -> PlanError:
    return PlanError(
        f"plan: {campaigns} {'campaign' if campaigns == 1 else 'campaigns'} with so many minutes in which messages wait "
        "for a workspace limit or for quiet hours are too much to judge at once; plan fewer days, or fewer campaigns, at "
        "a time, or a higher limit."
    )


def _overload(
    plan: Plan,
    planned: Forecast,
    usable: UsableRate,
    decides: MeasuredCeiling | None,
    told: Sequence[int],
    most_played: int,
) -> Mapping[int, SendOutcome]:
    """Return what becomes of the campaigns around the busiest minute, where that is too much, by place in the plan.

    It is the busiest of those in which a campaign that is told of sends.
    """
    if decides is None or not most_played:
        return {}
    together = planned.together()
    over = minutes_over(together, usable)
    theirs = over[total({index: planned.loads[index] for index in told}).at(over) > 0]
    if not len(theirs):
        return {}
    asked = together.at(theirs) + usable.base_at(theirs)
    worst, peak_rps = int(theirs[int(asked.argmax())]), float(asked.max())
    first, last = _stretch(over.tolist(), worst)
    hit = {
        index: pacing
        for index, pacing in planned.pacing.items()
        if pacing.end is not None
        and pacing.first <= last
        and pacing.end > first
        and planned.loads[index][1].any()
    }
    if peak_rps <= decides.low_rps:  # it eats what the usable share keeps back, no more
        return {index: without_failures(plan, pacing) for index, pacing in hit.items()}
    return simulate_overload(
        plan,
        hit,
        ceiling_rps=max(0.0, decides.low_rps - usable.base_in_minute(worst)),
        most_parts=most_played,
    )


def _stretch(minutes: Sequence[int], worst: int) -> tuple[int, int]:
    """Return the first and last of the minutes around `worst` that lie no more than `APART_MIN` apart."""
    place = minutes.index(worst)
    first = last = place
    while first > 0 and minutes[first] - minutes[first - 1] <= APART_MIN:
        first -= 1
    while last + 1 < len(minutes) and minutes[last + 1] - minutes[last] <= APART_MIN:
        last += 1
    return minutes[first], minutes[last]


def _whole(campaigns: Sequence[CampaignJudgement], ceiling: Ceiling) -> tuple[Verdict, Reason | None]:
    """Return the worst of the campaigns that have not begun, and what decides it."""
    ahead = [one for one in campaigns if one.state == "planned"]
    if not ahead:
        return "NO_GO", Reason(ReasonCode.IN_THE_PAST)
    worst = min((one.verdict for one in ahead), key=WORST_FIRST.index)
    if worst == "GO" and ceiling.retest:  # nobody to send to
        return worst, None
    return worst, next(one.binding for one in ahead if one.verdict == worst)


def _if_held(verdict: Verdict, findings: PlanFindings, ahead: Sequence[Placement]) -> Verdict | None:
    if verdict != "RETEST" or findings.ceiling.usable_rps is None:
        return None
    return min((findings.by_numbers(placement) for placement in ahead), key=WORST_FIRST.index)


def _wanted_rps(findings: PlanFindings, ahead: Sequence[Placement]) -> float:
    """Return the ceiling that the campaigns as wished need: as planned, and fast enough for every deadline.

    Those that are not told of are taken as advised: what one send needs does not hang on how others were planned.
    """
    planned, advised = findings.planned["high"], findings.advised["high"]
    wished = {placement.index: planned.loads[placement.index] for placement in ahead}
    together, usable, peak = total({**advised.loads, **wished}), findings.trials.usable, 0.0
    for placement in ahead:
        first, own = planned.loads[placement.index]
        calls = together.of(first, len(own))
        with_base = calls + usable.base_at(np.arange(first, first + len(own)))
        peak = max(peak, float(with_base[calls > 0].max(initial=0)))
    for placement in ahead:
        if placement.chosen is None and placement.late is not None:
            peak = max(peak, findings.peak_in_time(placement.index) + max(usable.base_load_rps, default=0.0))
    return peak / findings.ceiling.usable_share
