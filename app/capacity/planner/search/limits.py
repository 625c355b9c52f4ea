"""Which limits keep every second under the usable rate, campaign by campaign.

Campaigns that have begun are placed first, as planned: nobody slows them any more. The others are placed one after the
other: by priority, then by their first due minute (or, of campaigns on record, by who was put on record first), then
by their order in the plan. Each gets its own limit as planned where that is safe beside those before it, else an offered
one that is. With a deadline that is the slowest that leaves a part of the time until then unused, and so asks least of
the service; without one the highest, nearest to what was wanted. A campaign for which none is safe is left out, and those
after it are placed as if it were not sent. So who goes first may take what others would have wanted: that is what
priority is for. Rejected: sharing in proportion, which has no such sentence, and with a short list of offered limits
leaves most of the room unused.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING, Final, TypeAlias

from app.capacity.local_time import unix_minute, wall_time
from app.capacity.planner.demand.forecast import NOT_MOVED
from app.capacity.planner.demand.minute_counts import MinuteCounts, total
from app.capacity.planner.demand.pacing import NOTHING, Pacing
from app.capacity.planner.demand.work import WorkLimitExceededError
from app.capacity.planner.reasons import Reason, ReasonCode, TooManyCalls
from app.capacity.simulation.schedule import HOUR_MIN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.capacity.apportion import Counts
    from app.capacity.plan.plan import Plan
    from app.capacity.planner.demand.forecast import Forecaster
    from app.capacity.planner.demand.usable_rate import UsableRate

Loads: TypeAlias = "Mapping[int, tuple[int, Counts]]"
SPARE_SHARE: Final = 0.1  # of the time until a deadline: what an advised speed leaves of it


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One campaign at one limit beside others; `why_not` None says that it keeps everything.

    `peak_rps` is the busiest second of all campaigns in its minutes, at minute `peak_at`. `carried` says that the
    ceiling does not refuse it, whatever its deadline says.
    """

    limit_per_min: int | None
    pacing: Pacing
    why_not: Reason | None
    carried: bool


@dataclass(slots=True)
class Placement:
    """Where one campaign ended up.

    `alone` is the best it could do by itself; `crowded` what refused that beside the campaigns before it.
    `late_limit` is the highest limit that the ceiling carries where its deadline refuses all.
    """

    index: int
    planned: Trial
    chosen: Trial | None = None
    late: Trial | None = None
    alone: Trial | None = None
    crowded: Trial | None = None
    crowd: tuple[int, ...] = ()
    crowded_minutes: tuple[int, int] = (0, 0)
    tried: dict[int, Trial] = field(default_factory=dict)

    @property
    def binding(self) -> Reason | None:
        """Why it is not as planned: what refuses the best there is, else the plan's own limit."""
        if self.chosen is not None:
            return self.planned.why_not
        return self.late.why_not if self.late is not None else self.planned.why_not


class Search:
    """The search for limits of one plan, in the high case, under one usable rate; `begun` are sent as planned."""

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
        self.begun = begun
        self.forecaster = forecaster
        self.usable = usable
        self._breaks = breaks
        self.limits: dict[int, int | None] = {}  # of the campaigns placed so far
        self._calls = MinuteCounts()
        self._messages = MinuteCounts()
        self._loads: dict[int, tuple[int, Counts]] = {}
        self._alone: dict[int, Pacing] = {}

    def order(self) -> list[int]:
        """Return the campaigns' places in the plan, who goes first first."""
        by_start = self.plan.judging.goes_first == "start"

        def key(index: int) -> tuple[bool, int, int, int]:
            minutes = self.forecaster.demands[index].arrivals.minutes
            first = int(minutes[0]) if by_start and len(minutes) else 0
            return index not in self.begun, self.plan.campaigns[index].priority, first, index

        return sorted(range(len(self.plan.campaigns)), key=key)

    def place_all(self) -> dict[int, Placement]:
        """Place every campaign, and then see how much higher each could go beside all the others."""
        placements = {index: self._place_next(index) for index in self.order()}
        for index, placement in placements.items():
            with_it = index in self.limits
            if with_it:
                self.remove(index)
            for limit in self.plan.judging.offered_limits_per_min:
                placement.tried[limit] = self._beside_all(index, limit)
            if with_it and placement.chosen is not None:
                self.put(index, placement.chosen.limit_per_min)
        return placements

    def _place_next(self, index: int) -> Placement:
        planned_limit = self.plan.campaigns[index].limit_per_min
        placement = Placement(index, self.trial(index, planned_limit))
        if placement.planned.why_not is None or index in self.begun:
            placement.chosen = placement.planned
        else:
            trials = [self.trial(index, limit) for limit in self.plan.judging.offered_limits_per_min]
            placement.chosen = self._advised(placement, [trial for trial in trials if trial.why_not is None])
            if placement.chosen is None:
                placement.late = max((one for one in trials if one.carried), key=_speed, default=None)
            self._note_crowd(placement)
        if placement.chosen is not None:
            self.put(index, placement.chosen.limit_per_min)
        return placement

    def _advised(self, placement: Placement, safe: Sequence[Trial]) -> Trial | None:
        """Return which of the safe speeds, rising, is advised."""
        if not safe:
            return None
        refused = placement.planned.why_not
        too_slow = refused is not None and refused.code is ReasonCode.ABORT_72H
        if self.plan.campaigns[placement.index].finish_by is None and not too_slow:
            return safe[-1]
        in_good_time = (trial for trial in safe if self._spares_time(placement.index, trial))
        return next(in_good_time, min(safe, key=lambda trial: trial.pacing.end or 0))

    def _spares_time(self, index: int, trial: Trial) -> bool:
        """Say whether a speed leaves a part of the time until the deadline, or until Braze aborts messages."""
        campaign, minutes = self.plan.campaigns[index], self.forecaster.demands[index].arrivals.minutes
        if trial.pacing.end is None or not len(minutes):
            return True
        begin = int(minutes[0])
        until = int(minutes[-1]) + self.plan.workspace.assumptions.delay_abort_h * HOUR_MIN
        if campaign.finish_by is not None:
            until = min(until, unix_minute(campaign.finish_by, self.plan.workspace.time_zone))
        return trial.pacing.end <= until - ceil(SPARE_SHARE * (until - begin))

    def _beside_all(self, index: int, limit_per_min: int) -> Trial:
        """Try an offered limit beside all the others; under a shared limit it must not make them late, either."""
        trial = self.trial(index, limit_per_min)
        if trial.why_not is not None or self.uncrowded(trial.pacing):
            return trial
        try:
            before = self.forecaster.pace(self.limits)
            after = self.forecaster.pace({**self.limits, index: limit_per_min})
        except WorkLimitExceededError:
            return replace(trial, why_not=Reason(ReasonCode.NOT_TRIED, {"limit_per_min": limit_per_min}))
        late = tuple(
            self.plan.campaigns[other].name
            for other, limit in self.limits.items()
            if self.late(other, limit, before[other]) is None and self.late(other, limit, after[other])
        )
        why_not = (
            Reason(ReasonCode.MAKES_LATE, {"limit_per_min": limit_per_min, "names": late}) if late else None
        )
        return replace(trial, why_not=why_not)

    def holds(
        self,
        limits: Mapping[int, int | None],
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
            index: self.late(index, limits[index], whole.pacing[index])
            for index in heeded
            if index not in self.begun
        }
        return not any(
            why_not is not None
            and not (may_end_late and index in changed and why_not.code is ReasonCode.FINISH_BY)
            for index, why_not in late.items()
        )

    def _note_crowd(self, placement: Placement) -> None:
        """Find whether others, and not its own size, refuse what is best for it."""
        index = placement.index
        planned = self.trial(index, self.plan.campaigns[index].limit_per_min, by_itself=True)
        trials = [
            self.trial(index, limit, by_itself=True) for limit in self.plan.judging.offered_limits_per_min
        ]
        safe = [trial for trial in trials if trial.why_not is None]
        placement.alone = planned if planned.why_not is None else self._advised(placement, safe)
        if placement.alone is None:
            return
        beside = self.trial(placement.index, placement.alone.limit_per_min)
        if beside.carried:
            return
        placement.crowded = beside
        over = self._over(placement.index, placement.alone)
        placement.crowded_minutes = over
        placement.crowd = tuple(other for other, load in self._loads.items() if _has_calls(load, *over))

    def _over(self, index: int, trial: Trial) -> tuple[int, int]:
        """Return the first minute that is too much with `trial` added, and the one after the last."""
        with self.forecaster.work.unbounded():
            first, calls = self.forecaster.demands[index].load(trial.pacing, trial.limit_per_min)
        together = self._calls.of(first, len(calls)) + calls
        over = (together > self.usable.of(first, len(calls))).nonzero()[0]
        return (first + int(over[0]), first + int(over[-1]) + 1) if len(over) else (first, first + len(calls))

    def trial(
        self, index: int, limit_per_min: int | None, *, by_itself: bool = False, moved_min: int = 0
    ) -> Trial:
        """Try a campaign at a limit beside what is placed, or by itself."""
        try:
            return self._trial(index, limit_per_min, by_itself=by_itself, moved_min=moved_min)
        except WorkLimitExceededError:
            return Trial(
                limit_per_min,
                NOTHING,
                Reason(ReasonCode.NOT_TRIED, {"limit_per_min": limit_per_min}),
                carried=False,
            )

    def _trial(self, index: int, limit_per_min: int | None, *, by_itself: bool, moved_min: int) -> Trial:
        forecaster = self.forecaster
        alone = forecaster.alone(index, limit_per_min, moved_min)
        if by_itself or not self.uncrowded(alone):
            return self._played(index, limit_per_min, {} if by_itself else self.limits, moved_min)
        if (
            alone.aborted and forecaster.demands[index].triggered
        ):  # refused already, and its worst case is much work
            return Trial(limit_per_min, alone, self.late(index, limit_per_min, alone), carried=False)
        first, calls = forecaster.demands[index].load(alone, limit_per_min)
        worst = self.usable.worst(first, self._calls.of(first, len(calls)) + calls)
        trial = self._judged(index, limit_per_min, alone, worst, self._loads)
        if trial.carried or self.plan.workspace.limit_per_min is None or not self.limits:
            return trial
        # Each as fast as by itself it is too much; under a shared limit they are no faster together than one.
        whole = forecaster.forecast({**self.limits, index: limit_per_min}, {index: moved_min})
        first, calls = whole.loads[index]
        worst = self.usable.worst(first, whole.together().of(first, len(calls)))
        return self._judged(index, limit_per_min, alone, worst, whole.loads)

    def _played(
        self, index: int, limit_per_min: int | None, others: Mapping[int, int | None], moved_min: int
    ) -> Trial:
        whole = self.forecaster.forecast({**others, index: limit_per_min}, {index: moved_min})
        worst = self.usable.worst_of(whole.together())
        return self._judged(index, limit_per_min, whole.pacing[index], worst, whole.loads)

    def uncrowded(self, also: Pacing = NOTHING) -> bool:
        """Say whether the workspace's limit leaves all that is placed, and `also`, as it is by itself."""
        limit = self.plan.workspace.limit_per_min
        if limit is None:
            return True
        messages = self._messages.of(also.first, len(also.attempts)) + also.attempts
        return bool(messages.max(initial=0) <= limit) and self._messages.peak()[0] <= limit

    def _judged(
        self,
        index: int,
        limit_per_min: int | None,
        pacing: Pacing,
        peak: tuple[int, int],
        loads: Loads,
    ) -> Trial:
        """Judge what came out; `peak` is the calls of the busiest second that is most above the line, and its minute."""
        carried = peak[0] <= self.usable.in_minute(peak[1])
        why_not = self.late(index, limit_per_min, pacing)
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

    def late(self, index: int, limit_per_min: int | None, pacing: Pacing) -> Reason | None:
        """Say why a campaign's messages do not all start in time, None where they do."""
        campaign, zone = self.plan.campaigns[index], self.plan.workspace.time_zone
        held_up = self._held_up_by_workspace(index, limit_per_min, pacing)
        if pacing.aborted:
            hours = self.plan.workspace.assumptions.delay_abort_h
            return Reason(
                ReasonCode.ABORT_72H,
                {"limit_per_min": limit_per_min, "aborted": pacing.aborted, "hours": hours, **held_up},
            )
        if (
            campaign.finish_by is None
            or pacing.end is None
            or pacing.end <= unix_minute(campaign.finish_by, zone)
        ):
            return None
        times = {
            "finishes_at": wall_time(pacing.end, zone),
            "finish_by": wall_time(unix_minute(campaign.finish_by, zone), zone),
        }
        return Reason(ReasonCode.FINISH_BY, {"limit_per_min": limit_per_min, **times, **held_up})

    def _held_up_by_workspace(
        self, index: int, limit_per_min: int | None, pacing: Pacing
    ) -> Mapping[str, int]:
        """Name the workspace's limit where a campaign ends later, or loses more, than its own limit makes it."""
        workspace_limit = self.plan.workspace.limit_per_min
        if workspace_limit is None:
            return {}
        with self.forecaster.work.unbounded():
            own = self.forecaster.alone(index, limit_per_min)
        if own.aborted >= pacing.aborted and (own.end or 0) >= (pacing.end or 0):
            return {}
        return {"workspace_limit_per_min": workspace_limit}

    def put(self, index: int, limit_per_min: int | None, moved_min: int = 0) -> None:
        """Place a campaign, as it was tried."""
        with self.forecaster.work.unbounded():
            alone = self.forecaster.alone(index, limit_per_min, moved_min)
            load = self.forecaster.demands[index].load(alone, limit_per_min)
        self.limits[index] = limit_per_min
        self._alone[index], self._loads[index] = alone, load
        self._calls.add(*load)
        self._messages.add(alone.first, alone.attempts)

    def remove(self, index: int) -> None:
        """Take a campaign away again."""
        alone, load = self._alone.pop(index), self._loads.pop(index)
        del self.limits[index]
        self._calls.add(*load, -1)
        self._messages.add(alone.first, alone.attempts, -1)

    def calls_of_others(self, first: int, length: int) -> Counts:
        """Return the calls by minute of what is placed, each by itself, as a copy."""
        return self._calls.of(first, length).copy()

    def ends(self) -> list[int]:
        """Return when the placed campaigns end, in line where they share a limit. Raises WorkLimitExceededError."""
        return [pacing.end for pacing in self.forecaster.pace(self.limits).values() if pacing.end is not None]


def _speed(trial: Trial) -> int:
    return trial.limit_per_min or 0


def _has_calls(load: tuple[int, Counts], begin: int, end: int) -> bool:
    first, calls = load
    return bool(calls[max(0, begin - first) : max(0, end - first)].any())


def _calls_at(load: tuple[int, Counts], minute: int) -> bool:
    first, calls = load
    return 0 <= minute - first < len(calls) and bool(calls[minute - first])
