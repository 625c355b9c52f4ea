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
from typing import TYPE_CHECKING, Final

from app.capacity.local_time import unix_minute
from app.capacity.planner.demand.work import WorkLimitExceededError
from app.capacity.planner.reasons import Reason, ReasonCode
from app.capacity.simulation.schedule import HOUR_MIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.capacity.apportion import Counts
    from app.capacity.planner.search.trials import Trial, Trials

SPARE_SHARE: Final = 0.1  # of the time until a deadline: what an advised speed leaves of it


@dataclass(slots=True)
class Placement:
    """Where one campaign ended up.

    `alone` is the best it could do by itself; `crowded` what refused that beside the campaigns before it.
    `late` is the highest limit that the ceiling carries where its deadline refuses all. `tried` are the offered limits,
    each beside all the other campaigns as placed.
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


def place_all(trials: Trials) -> dict[int, Placement]:
    """Place every campaign, and then see how much higher each could go beside all the others."""
    placements = {index: _place_next(trials, index) for index in _order(trials)}
    for index, placement in placements.items():
        with_it = index in trials.placed.limits
        if with_it:
            trials.placed.remove(index)
        for limit in trials.plan.judging.offered_limits_per_min:
            placement.tried[limit] = _beside_all(trials, index, limit)
        if with_it and placement.chosen is not None:
            trials.placed.put(index, placement.chosen.limit_per_min)
    return placements


def _order(trials: Trials) -> list[int]:
    """Return the campaigns' places in the plan, who goes first first."""
    plan, demands = trials.plan, trials.forecaster.demands
    by_start = plan.judging.goes_first == "start"

    def key(index: int) -> tuple[bool, int, int, int]:
        minutes = demands[index].arrivals.minutes
        first = int(minutes[0]) if by_start and len(minutes) else 0
        return index not in trials.begun, plan.campaigns[index].priority, first, index

    return sorted(range(len(plan.campaigns)), key=key)


def _place_next(trials: Trials, index: int) -> Placement:
    placement = Placement(index, _beside_all(trials, index, trials.plan.campaigns[index].limit_per_min))
    if placement.planned.why_not is None or index in trials.begun:
        placement.chosen = placement.planned
    else:
        offered = [_beside_all(trials, index, limit) for limit in trials.plan.judging.offered_limits_per_min]
        placement.chosen = _advised(trials, placement, [trial for trial in offered if trial.why_not is None])
        if placement.chosen is None:
            placement.late = max((one for one in offered if one.carried), key=_speed, default=None)
        _note_crowd(trials, placement)
    if placement.chosen is not None:
        trials.placed.put(index, placement.chosen.limit_per_min)
    return placement


def _advised(trials: Trials, placement: Placement, safe: Sequence[Trial]) -> Trial | None:
    """Return which of the safe speeds, rising, is advised."""
    if not safe:
        return None
    refused = placement.planned.why_not
    too_slow = refused is not None and refused.code is ReasonCode.ABORT_72H
    if trials.plan.campaigns[placement.index].finish_by is None and not too_slow:
        return safe[-1]
    in_good_time = (trial for trial in safe if _spares_time(trials, placement.index, trial))
    return next(in_good_time, min(safe, key=lambda trial: trial.pacing.end or 0))


def _spares_time(trials: Trials, index: int, trial: Trial) -> bool:
    """Say whether a speed leaves a part of the time until the deadline, or until Braze aborts messages."""
    campaign, workspace = trials.plan.campaigns[index], trials.plan.workspace
    minutes = trials.forecaster.demands[index].arrivals.minutes
    if trial.pacing.end is None or not len(minutes):
        return True
    begin = int(minutes[0])
    until = int(minutes[-1]) + workspace.assumptions.delay_abort_h * HOUR_MIN
    if campaign.finish_by is not None:
        until = min(until, unix_minute(campaign.finish_by, workspace.time_zone))
    return trial.pacing.end <= until - ceil(SPARE_SHARE * (until - begin))


def _beside_all(trials: Trials, index: int, limit_per_min: int | None) -> Trial:
    """Try a limit beside all that are placed; under a shared limit it must not make them late, either."""
    trial = trials.run(index, limit_per_min)
    if trial.why_not is not None or trials.placed.uncrowded(trial.pacing):
        return trial
    limits = trials.placed.limits
    try:
        before = trials.forecaster.pace(limits)
        after = trials.forecaster.pace({**limits, index: limit_per_min})
    except WorkLimitExceededError:
        return replace(trial, why_not=Reason(ReasonCode.NOT_TRIED, {"limit_per_min": limit_per_min}))
    late = tuple(
        trials.plan.campaigns[other].name
        for other, limit in limits.items()
        if trials.why_late(other, limit, before[other]) is None
        and trials.why_late(other, limit, after[other])
    )
    if not late:
        return trial
    return replace(
        trial, why_not=Reason(ReasonCode.MAKES_LATE, {"limit_per_min": limit_per_min, "names": late})
    )


def _note_crowd(trials: Trials, placement: Placement) -> None:
    """Find whether others, and not its own size, refuse what is best for it."""
    index, plan = placement.index, trials.plan
    planned = trials.run(index, plan.campaigns[index].limit_per_min, by_itself=True)
    offered = [trials.run(index, limit, by_itself=True) for limit in plan.judging.offered_limits_per_min]
    safe = [trial for trial in offered if trial.why_not is None]
    placement.alone = planned if planned.why_not is None else _advised(trials, placement, safe)
    if placement.alone is None:
        return
    beside = trials.run(index, placement.alone.limit_per_min)
    if beside.carried:
        return
    placement.crowded = beside
    placement.crowded_minutes = over = _minutes_over(trials, index, placement.alone)
    placement.crowd = tuple(other for other, load in trials.placed.loads.items() if _has_calls(load, *over))


def _minutes_over(trials: Trials, index: int, trial: Trial) -> tuple[int, int]:
    """Return the first minute that is too much with `trial` added, and the one after the last."""
    with trials.forecaster.work.unbounded():
        first, calls = trials.forecaster.demands[index].load(trial.pacing, trial.limit_per_min)
    together = trials.placed.calls(first, len(calls)) + calls
    over = (together > trials.usable.of(first, len(calls))).nonzero()[0]
    return (first + int(over[0]), first + int(over[-1]) + 1) if len(over) else (first, first + len(calls))


def _speed(trial: Trial) -> int:
    return trial.limit_per_min or 0


def _has_calls(load: tuple[int, Counts], begin: int, end: int) -> bool:
    first, calls = load
    return bool(calls[max(0, begin - first) : max(0, end - first)].any())
