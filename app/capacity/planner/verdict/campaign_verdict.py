"""The judgement of one campaign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.capacity.campaign import Range
from app.capacity.local_time import unix_minute, wall_time
from app.capacity.planner.demand.curves import own_peak
from app.capacity.planner.demand.usable_rate import UNLIMITED
from app.capacity.planner.demand.work import WorkLimitExceededError
from app.capacity.planner.judgement import CampaignJudgement, Instants, Later, Rejected
from app.capacity.planner.reasons import Reason, ReasonCode
from app.capacity.planner.search.trials import Trials
from app.capacity.planner.verdict.late_hours import late_hours
from app.capacity.planner.verdict.overload import without_failures

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from app.capacity.campaign import Case
    from app.capacity.evidence.ceiling import MeasuredCeiling
    from app.capacity.plan.plan import Plan
    from app.capacity.planner.demand.forecast import Forecast, Forecaster
    from app.capacity.planner.demand.pacing import Pacing
    from app.capacity.planner.judgement import Ceiling, Probability, SendOutcome, State, Verdict
    from app.capacity.planner.search.deadlines import Deadlines
    from app.capacity.planner.search.limits import Placement
    from app.capacity.planner.search.trials import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFindings:
    """All that was found out about a plan, before it is told campaign by campaign."""

    plan: Plan
    now_minute: int
    ceiling: Ceiling
    decides: MeasuredCeiling | None = None
    forecasters: Mapping[Case, Forecaster]
    trials: Trials
    placements: Mapping[int, Placement]
    planned: Mapping[Case, Forecast]
    advised: Mapping[Case, Forecast]
    overload: Mapping[int, SendOutcome]
    deadlines: Deadlines
    shared: Mapping[int, Probability]
    pushed_aside: Mapping[int, tuple[str, ...]]

    def now(self) -> datetime:
        """Return the instant of judging in the plan's zone."""
        return wall_time(self.now_minute, self.plan.workspace.time_zone)

    def measured(self) -> bool:
        """Say whether what is usable was measured of what runs now."""
        return self.ceiling.usable_rps is not None and not self.ceiling.retest

    def calls_us(self, index: int) -> bool:
        """Say whether a campaign calls the service that the ceiling is of."""
        return self.forecasters["high"].demands[index].calls_us

    def has_room(self, index: int, setting: Trial) -> bool:
        """Say whether the workspace's limit would leave a campaign that is left out as it is by itself."""
        with self.trials.forecaster.work.unbounded():
            return self.trials.placed.uncrowded(self.forecasters["high"].alone(index, setting.limit_per_min))

    def by_numbers(self, placement: Placement) -> Verdict:
        """Return what the numbers say, whatever the evidence is worth."""
        if placement.chosen is None or self.late_after_all(placement) is not None:
            return "NO_GO"
        return "GO" if placement.chosen is placement.planned else "GO_IF"

    def late_after_all(self, placement: Placement) -> Reason | None:
        """Return why a campaign is late once all are placed: later ones may delay it under a shared limit."""
        if placement.chosen is None:
            return None
        pacing = self.advised["high"].pacing[placement.index]
        return self.trials.why_late(placement.index, placement.chosen.limit_per_min, pacing)

    def hopeless(self, placement: Placement) -> Reason | None:
        """Return why no offered limit would be in time even if every call were answered, None where one would."""
        if placement.chosen is not None:
            return None
        unbounded = self._without_a_ceiling()
        fastest_first = (*reversed(self.plan.judging.offered_limits_per_min), placement.planned.limit_per_min)
        why_not: Reason | None = None
        for limit in fastest_first:
            trial = unbounded.run(placement.index, limit, by_itself=True)
            if trial.why_not is None or trial.why_not.code is ReasonCode.NOT_TRIED:
                return None
            why_not = why_not or trial.why_not
        return why_not

    def later(self, placement: Placement) -> Trial | None:
        """Return the highest limit that only the campaign's own deadline refuses, beside all others as advised."""
        index, limits = placement.index, self.trials.placed.limits
        wanted = self.plan.campaigns[index].instances
        if not self.measured() or wanted not in {None, self.ceiling.instances}:
            return None
        tried: dict[int | None, Trial] = dict(placement.tried.items())
        if index not in limits:
            planned = placement.planned.limit_per_min
            tried[planned] = self.trials.run(index, planned)
        cap = self.forecasters["high"].demands[index].cap
        for limit in sorted(tried, key=cap, reverse=True):
            trial = tried[limit]
            only_late = trial.why_not is not None and trial.why_not.code is ReasonCode.FINISH_BY
            if (trial.carried and only_late and trial.pacing.end is not None) and self.trials.holds(
                {**limits, index: limit}, frozenset({index}), may_end_late=True
            ):
                return trial
        return None

    def peak_in_time(self, index: int) -> int:
        """Return the busiest second at the lowest offered limit that is in time by itself; 0 where none is."""
        unbounded = self._without_a_ceiling()
        for limit in self.plan.judging.offered_limits_per_min:
            trial = unbounded.run(index, limit, by_itself=True)
            if trial.why_not is None:
                high = self.forecasters["high"]
                with high.work.unbounded():
                    _, calls = high.demands[index].load(trial.pacing, limit)
                return int(calls.max(initial=0))
        return 0

    def _without_a_ceiling(self) -> Trials:
        """Return trials in which every call is answered."""
        return Trials(self.plan, self.forecasters["high"], usable=UNLIMITED, breaks=ReasonCode.CEILING)


def campaign_judgement(findings: PlanFindings, placement: Placement) -> CampaignJudgement:
    """Tell what was found out about one campaign."""
    index = placement.index
    campaign = findings.plan.campaigns[index]
    verdict, binding = _verdict(findings, placement)
    late_only = verdict == "NO_GO" and binding is not None and binding.code is ReasonCode.FINISH_BY
    later = findings.later(placement) if late_only else None
    setting = _setting(findings, placement) or later
    if later is not None and placement.chosen is None:
        setting = later
    state = _state(findings, index)
    known = findings.ceiling.usable_rps is not None and state == "planned" and findings.calls_us(index)
    safe = tuple(limit for limit, trial in placement.tried.items() if trial.why_not is None) if known else ()
    pacing = None if setting is None else _pace(findings, index, setting)
    may = verdict != "NO_GO" and placement.chosen is not None
    other_servers = binding is not None and binding.code is ReasonCode.INSTANCES_UNMEASURED
    foreseen = findings.measured() and state == "planned" and findings.calls_us(index) and not other_servers
    return CampaignJudgement(
        name=campaign.name,
        kind=campaign.kind,
        priority=campaign.priority,
        state=state,
        verdict=verdict,
        binding=binding,
        recipients=campaign.audience,
        skipped=findings.forecasters["likely"].demands[index].arrivals.skipped,
        planned_limit_per_min=campaign.limit_per_min,
        advised_limit_per_min=placement.chosen.limit_per_min if known and may and placement.chosen else None,
        limit_per_min=max(safe, default=None),
        safe_limits=safe,
        stops_at=_stops_at(placement, safe) if known else None,
        starts_at=_starts_at(findings, index),
        finishes_at=None if pacing is None else _ends(findings, pacing),
        finish_by=_finish_by(findings, index),
        chance=_chance(findings, index, setting) if foreseen and setting is not None else None,
        planned_peak_rps=own_peak(findings.planned["high"], index),
        peak_rps=None if pacing is None or setting is None else _peaks(findings, index, setting, pacing),
        expected=without_failures(findings.plan, pacing["high"]) if foreseen and pacing is not None else None,
        as_planned=None if other_servers else findings.overload.get(index),
        if_later=None if later is None else _when_later(findings, later),
        none_later=_none_later(findings, placement) if late_only and later is None else None,
        rejected=_rejected(placement) if known else (),
        braze=_braze(findings, placement, verdict),
        late_hours=()
        if pacing is None
        else late_hours(
            findings.plan, campaign, findings.forecasters["high"].demands[index].arrivals, pacing["high"]
        ),
        retry=campaign.retry,
    )


def _when_later(findings: PlanFindings, later: Trial) -> Later:
    return Later(later.limit_per_min, wall_time(later.pacing.end or 0, _zone(findings)))


def _none_later(findings: PlanFindings, placement: Placement) -> Reason | None:
    """Return that no speed helps, where all that the ceiling carries are so slow that Braze aborts messages."""
    carried = [trial for trial in placement.tried.values() if trial.carried]
    if not findings.measured() or not carried or not all(trial.pacing.aborted for trial in carried):
        return None
    return Reason(ReasonCode.NONE_LATER, {"hours": findings.plan.workspace.assumptions.delay_abort_h})


def _verdict(findings: PlanFindings, placement: Placement) -> tuple[Verdict, Reason | None]:
    return _whatever_holds(findings, placement) or _by_evidence(findings, placement)


def _whatever_holds(findings: PlanFindings, placement: Placement) -> tuple[Verdict, Reason] | None:
    """Return what no load test could change."""
    if placement.index in findings.trials.begun:
        return "NO_GO", Reason(ReasonCode.IN_THE_PAST)
    hopeless = findings.hopeless(placement)
    if hopeless is not None:
        return "NO_GO", hopeless
    arrivals = findings.forecasters["high"].demands[placement.index].arrivals
    if arrivals.recipients():
        return None
    return (
        ("NO_GO", Reason(ReasonCode.ALL_SKIPPED))
        if arrivals.skipped
        else ("GO", Reason(ReasonCode.NOTHING_TO_SEND))
    )


def _by_evidence(findings: PlanFindings, placement: Placement) -> tuple[Verdict, Reason | None]:
    if not findings.calls_us(placement.index):
        return "RETEST", Reason(
            ReasonCode.EVIDENCE_HOST, {"host": findings.plan.campaigns[placement.index].host}
        )
    by_numbers = findings.by_numbers(placement)
    binding = findings.late_after_all(placement) or placement.binding
    if findings.ceiling.retest:
        return "RETEST", findings.ceiling.retest[0]
    wanted, measured = findings.plan.campaigns[placement.index].instances, findings.ceiling.instances
    if wanted is not None and wanted != measured:
        return "RETEST", Reason(
            ReasonCode.INSTANCES_UNMEASURED, {"wanted": wanted, "measured": measured or 1}
        )
    if findings.ceiling.kind == "at_least" and by_numbers != "GO":
        return "RETEST", Reason(ReasonCode.EVIDENCE_LOWER_BOUND, _too_much_numbers(binding))
    if by_numbers == "GO" and placement.index in findings.pushed_aside:
        return "GO_IF", Reason(ReasonCode.PUSHES_ASIDE, {"names": findings.pushed_aside[placement.index]})
    return by_numbers, binding


def _too_much_numbers(binding: Reason | None) -> Mapping[str, object]:
    return {} if binding is None else binding.numbers


def _setting(findings: PlanFindings, placement: Placement) -> Trial | None:
    """Return the limit that the numbers shown are for: as advised, or the best that the ceiling carries."""
    if findings.ceiling.usable_rps is None:
        return placement.planned
    return placement.chosen or placement.late


def _pace(findings: PlanFindings, index: int, setting: Trial) -> Mapping[Case, Pacing] | None:
    """Return what starts when at a setting; of who is left out, as if it were sent beside all that are not.

    None where that is too much work.
    """
    if index in findings.trials.placed.limits:
        return {case: forecast.pacing[index] for case, forecast in findings.advised.items()}
    limits = {**findings.trials.placed.limits, index: setting.limit_per_min}
    try:
        if findings.has_room(index, setting):
            return {
                case: one.alone(index, setting.limit_per_min) for case, one in findings.forecasters.items()
            }
        return {case: one.pace(limits)[index] for case, one in findings.forecasters.items()}
    except WorkLimitExceededError:
        return None


def _peaks(findings: PlanFindings, index: int, setting: Trial, pacing: Mapping[Case, Pacing]) -> Range:
    peaks = {}
    for case, forecaster in findings.forecasters.items():
        with forecaster.work.unbounded():
            _, calls = forecaster.demands[index].load(pacing[case], setting.limit_per_min)
        peaks[case] = int(calls.max(initial=0))
    return Range(**peaks)


def _ends(findings: PlanFindings, pacing: Mapping[Case, Pacing]) -> Instants:
    ends = {
        case: None if one.end is None else wall_time(one.end, _zone(findings)) for case, one in pacing.items()
    }
    return Instants(ends["low"], ends["likely"], ends["high"])


def _chance(findings: PlanFindings, index: int, setting: Trial) -> Probability | None:
    if index in findings.shared:
        return findings.shared[index]
    if index in findings.trials.placed.limits or findings.has_room(index, setting):
        return findings.deadlines.by_itself(index, setting.limit_per_min)
    limits = {**findings.trials.placed.limits, index: setting.limit_per_min}
    return findings.deadlines.together(limits).get(index)


def _state(findings: PlanFindings, index: int) -> State:
    if index not in findings.trials.begun:
        return "planned"
    end = findings.planned["likely"].pacing[index].end
    return "over" if end is None or end <= findings.now_minute else "begun"


def _starts_at(findings: PlanFindings, index: int) -> datetime | None:
    minutes = findings.forecasters["likely"].demands[index].arrivals.minutes
    return wall_time(int(minutes[0]), _zone(findings)) if len(minutes) else None


def _finish_by(findings: PlanFindings, index: int) -> datetime | None:
    finish_by = findings.plan.campaigns[index].finish_by
    return None if finish_by is None else wall_time(unix_minute(finish_by, _zone(findings)), _zone(findings))


def _zone(findings: PlanFindings) -> str:
    return findings.plan.workspace.time_zone


def _stops_at(placement: Placement, safe: tuple[int, ...]) -> Reason | None:
    """Return why no offered limit above the highest safe one is."""
    if not safe:
        return None
    highest = max(safe)
    above = [trial for limit, trial in placement.tried.items() if limit > highest]
    return above[0].why_not if above else Reason(ReasonCode.END_OF_LIST, {"limit_per_min": highest})


def _rejected(placement: Placement) -> tuple[Rejected, ...]:
    """Return the plan's own limit and every offered one that is not safe beside the others as advised."""
    planned = placement.planned
    own = () if planned.why_not is None else (Rejected("planned", planned.limit_per_min, planned.why_not),)
    return own + tuple(
        Rejected("limit", limit, trial.why_not)
        for limit, trial in placement.tried.items()
        if trial.why_not is not None and limit != planned.limit_per_min
    )


def _braze(findings: PlanFindings, placement: Placement, verdict: Verdict) -> tuple[Reason, ...]:
    """Return what to choose in Braze."""
    campaign = findings.plan.campaigns[placement.index]
    if placement.index in findings.trials.begun:
        return ()
    if verdict in {"NO_GO", "RETEST"}:
        return (Reason(ReasonCode.BRAZE_WAIT),)
    limit = placement.chosen.limit_per_min if placement.chosen is not None else None
    if limit is None:
        speed = Reason(ReasonCode.BRAZE_NO_LIMIT)
    else:
        speed = Reason(
            ReasonCode.BRAZE_LIMIT, {"limit_per_min": limit, "changed": limit != campaign.limit_per_min}
        )
    failing = (
        ReasonCode.BRAZE_RETRY
        if campaign.retry
        else ReasonCode.BRAZE_ABORT
        if campaign.abort_on_failure
        else ReasonCode.BRAZE_BLANK
    )
    return speed, Reason(failing)
