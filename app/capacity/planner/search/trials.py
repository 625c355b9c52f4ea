"""Whether a campaign may be sent at a limit, beside the campaigns that are placed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from app.capacity.local_time import wall_time
from app.capacity.planner.demand.forecast import NOT_MOVED
from app.capacity.planner.demand.minute_counts import total
from app.capacity.planner.demand.pacing import NOTHING, Pacing
from app.capacity.planner.demand.work import WorkLimitExceededError
from app.capacity.planner.reasons import Reason, ReasonCode, TooManyCalls
from app.capacity.planner.search.lateness import why_late
from app.capacity.planner.search.placed import PlacedCampaigns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.capacity.apportion import Counts
    from app.capacity.plan.plan import Plan
    from app.capacity.planner.demand.forecast import Forecaster, Limits
    from app.capacity.planner.demand.usable_rate import UsableRate

Loads: TypeAlias = "Mapping[int, tuple[int, Counts]]"


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One campaign at one limit beside others; `why_not` None says that it keeps everything.

    `carried` says that the ceiling does not refuse it, whatever its deadline says.
    """

    limit_per_min: int | None
    pacing: Pacing
    why_not: Reason | None
    carried: bool


class Trials:
    """Tries the campaigns of one plan, in the high case, under one usable rate; `begun` are sent as planned.

    `breaks` names what a second with too many calls breaks. `placed` are the campaigns beside which one is tried.
    """

    def __init__(
        self,
        plan: Plan,
        forecaster: Forecaster,
        *,
        usable: UsableRate,
        breaks: ReasonCode,
        begun: frozenset[int] = frozenset(),
    ) -> None:
        self.plan = plan
        self.forecaster = forecaster
        self.usable = usable
        self.begun = begun
        self.placed = PlacedCampaigns(forecaster, plan.workspace.limit_per_min)
        self._breaks = breaks

    def run(
        self, index: int, limit_per_min: int | None, *, by_itself: bool = False, moved_min: int = 0
    ) -> Trial:
        """Try a campaign at a limit beside what is placed, or by itself; begun `moved_min` later than planned."""
        try:
            return self._run(index, limit_per_min, by_itself=by_itself, moved_min=moved_min)
        except WorkLimitExceededError:
            not_tried = Reason(ReasonCode.NOT_TRIED, {"limit_per_min": limit_per_min})
            return Trial(limit_per_min, NOTHING, not_tried, carried=False)

    def holds(
        self,
        limits: Limits,
        changed: frozenset[int],
        *,
        moved_min: Mapping[int, int] = NOT_MOVED,
        may_end_late: bool = False,
    ) -> bool:
        """Say whether all of `limits` may be sent so: no second of the `changed` ones is too much, nobody is late.

        Where the changed ones `may_end_late` only their aborts count.
        """
        try:
            whole = self.forecaster.forecast(limits, moved_min)
        except WorkLimitExceededError:
            return False
        calls = total(whole.loads)
        for index in changed:
            first, own = whole.loads[index]
            if (calls.of(first, len(own)) > self.usable.of(first, len(own))).any():
                return False
        heeded = changed if self.plan.workspace.limit_per_min is None else limits
        late = {
            index: self.why_late(index, limits[index], whole.pacing[index])
            for index in heeded
            if index not in self.begun
        }
        return not any(
            why_not is not None
            and not (may_end_late and index in changed and why_not.code is ReasonCode.FINISH_BY)
            for index, why_not in late.items()
        )

    def why_late(self, index: int, limit_per_min: int | None, pacing: Pacing) -> Reason | None:
        """Return why a campaign's messages do not all start in time, None where they do."""
        return why_late(self.plan, self.forecaster, index, limit_per_min, pacing)

    def _run(self, index: int, limit_per_min: int | None, *, by_itself: bool, moved_min: int) -> Trial:
        forecaster, placed = self.forecaster, self.placed
        alone = forecaster.alone(index, limit_per_min, moved_min)
        if by_itself or not placed.uncrowded(alone):
            return self._in_line(index, limit_per_min, {} if by_itself else placed.limits, moved_min)
        if (
            alone.aborted and forecaster.demands[index].triggered
        ):  # refused already, and its worst case is much work
            return Trial(limit_per_min, alone, self.why_late(index, limit_per_min, alone), carried=False)
        first, calls = forecaster.demands[index].load(alone, limit_per_min)
        worst = self.usable.worst(first, placed.calls(first, len(calls)) + calls)
        trial = self._judged(index, limit_per_min, alone, worst, placed.loads)
        if trial.carried or self.plan.workspace.limit_per_min is None or not placed.limits:
            return trial
        # Each as fast as by itself it is too much; under a shared limit they are no faster together than one.
        whole = forecaster.forecast({**placed.limits, index: limit_per_min}, {index: moved_min})
        first, calls = whole.loads[index]
        worst = self.usable.worst(first, whole.together().of(first, len(calls)))
        return self._judged(index, limit_per_min, alone, worst, whole.loads)

    def _in_line(self, index: int, limit_per_min: int | None, others: Limits, moved_min: int) -> Trial:
        """Try a campaign beside others with which it waits in line under the workspace's limit."""
        whole = self.forecaster.forecast({**others, index: limit_per_min}, {index: moved_min})
        worst = self.usable.worst_of(whole.together())
        return self._judged(index, limit_per_min, whole.pacing[index], worst, whole.loads)

    def _judged(
        self, index: int, limit_per_min: int | None, pacing: Pacing, peak: tuple[int, int], loads: Loads
    ) -> Trial:
        """Judge what came out; `peak` is the calls of the busiest second that is most above the line, and its minute."""
        carried = peak[0] <= self.usable.in_minute(peak[1])
        why_not = self.why_late(index, limit_per_min, pacing)
        if not carried:
            why_not = self._too_many_calls(index, limit_per_min, peak, loads)
        return Trial(limit_per_min, pacing, why_not, carried)

    def _too_many_calls(
        self, index: int, limit_per_min: int | None, peak: tuple[int, int], loads: Loads
    ) -> TooManyCalls:
        rps, at = peak
        return TooManyCalls(
            self._breaks,
            limit_per_min=limit_per_min,
            peak_rps=rps,
            usable_rps=self.usable.in_minute(at),
            base_rps=self.usable.base_in_minute(at),
            at=wall_time(at, self.plan.workspace.time_zone),
            others=tuple(
                self.plan.campaigns[other].name
                for other, load in loads.items()
                if other != index and _calls_at(load, at)
            ),
        )


def _calls_at(load: tuple[int, Counts], minute: int) -> bool:
    first, calls = load
    return 0 <= minute - first < len(calls) and bool(calls[minute - first])
