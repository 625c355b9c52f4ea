"""Campaigns that fit by themselves and not together: who meets whom, and the smallest change that resolves it.

Two ways out, each found with everything else as advised: slow one down to the highest offered limit that fits, or
begin one later by the fewest minutes (never earlier: its audience and text may not be ready). The campaign that gives
way is the one placed later; where it cannot be slowed or moved, one of those it meets is.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import numpy as np

from app.capacity.campaign import AllAtOnce, LocalTimeZones
from app.capacity.local_time import wall_time
from app.capacity.planner.demand.work import WorkLimitExceededError
from app.capacity.planner.judgement import Collision, ShiftedSend, SlowerSend
from app.capacity.planner.reasons import TooManyCalls

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from app.capacity.apportion import Counts
    from app.capacity.planner.search.limits import Placement
    from app.capacity.planner.search.trials import Trial, Trials

FURTHEST_SHIFT_MIN: Final = 24 * 60


def find_collisions(
    trials: Trials, placements: Mapping[int, Placement], *, measured: bool = True
) -> tuple[Collision, ...]:
    """Return a collision for each campaign that those placed before it crowd out, in the order of placing.

    Ways out are only named where what is usable was `measured` of what runs now.
    """
    return tuple(
        _collision(trials, placement, placement.alone, placement.crowded, measured=measured)
        for placement in placements.values()
        if placement.alone is not None and placement.crowded is not None
    )


def _collision(
    trials: Trials, placement: Placement, alone: Trial, crowded: Trial, *, measured: bool
) -> Collision:
    plan, zone = trials.plan, trials.plan.workspace.time_zone
    too_many = crowded.why_not if isinstance(crowded.why_not, TooManyCalls) else None
    begin, end = placement.crowded_minutes
    return Collision(
        campaign=plan.campaigns[placement.index].name,
        others=tuple(plan.campaigns[other].name for other in placement.crowd),
        begins_at=wall_time(begin, zone),
        ends_at=wall_time(end, zone),
        peak_rps=0 if too_many is None else too_many.peak_rps,
        excess_rps=0.0 if too_many is None else too_many.peak_rps - too_many.usable_rps,
        slow=_slow(trials, placement, alone) if measured else None,
        shift=_shift(trials, placement, alone) if measured else None,
        limit_per_min=alone.limit_per_min,
        planned_limit_per_min=plan.campaigns[placement.index].limit_per_min,
        measured=measured,
    )


def _slow(trials: Trials, placement: Placement, alone: Trial) -> SlowerSend | None:
    """Slow the one that gives way; where nothing offered is slow enough, the last of those it meets."""
    index, chosen = placement.index, placement.chosen
    if chosen is not None and chosen.limit_per_min is not None:
        holds = trials.holds(trials.placed.limits, frozenset({index}))
        return _slowed(trials, index, alone, chosen) if holds else None
    for other in _may_give_way(trials, placement):
        with _put_first(trials, index, alone, instead_of=other) as limit:
            before = trials.run(other, limit, by_itself=True)
            slower = _highest_below(trials, other, trials.forecaster.demands[other].cap(limit))
        if slower is not None:
            limits = {**trials.placed.limits, index: alone.limit_per_min, other: slower.limit_per_min}
            if trials.holds(limits, frozenset({index, other})):
                return _slowed(trials, other, before, slower)
    return None


def _may_give_way(trials: Trials, placement: Placement) -> list[int]:
    """Those it meets that can still be changed, the last one first."""
    return [
        other
        for other in reversed(placement.crowd)
        if other in trials.placed.limits and other not in trials.begun
    ]


def _slowed(trials: Trials, index: int, before: Trial, after: Trial) -> SlowerSend | None:
    if after.limit_per_min is None or after.pacing.end is None or before.pacing.end is None:
        return None
    return SlowerSend(
        campaign=trials.plan.campaigns[index].name,
        limit_per_min=after.limit_per_min,
        finishes_at=wall_time(after.pacing.end, trials.plan.workspace.time_zone),
        later_min=after.pacing.end - before.pacing.end,
    )


def _highest_below(trials: Trials, index: int, fastest: int) -> Trial | None:
    falling = [one for one in reversed(trials.plan.judging.offered_limits_per_min) if one < fastest]
    slower = (trials.run(index, limit) for limit in falling)
    return next((trial for trial in slower if trial.why_not is None), None)


@contextmanager
def _put_first(trials: Trials, index: int, trial: Trial, *, instead_of: int) -> Iterator[int | None]:
    """Place one campaign as it would be by itself and take another out, until the block ends."""
    was_there, limit = index in trials.placed.limits, trials.placed.limits[instead_of]
    own_limit = trials.placed.limits.get(index)
    trials.placed.remove(instead_of)
    if was_there:
        trials.placed.remove(index)
    trials.placed.put(index, trial.limit_per_min)
    try:
        yield limit
    finally:
        trials.placed.remove(index)
        if was_there:
            trials.placed.put(index, own_limit)
        trials.placed.put(instead_of, limit)


def _shift(trials: Trials, placement: Placement, alone: Trial) -> ShiftedSend | None:
    """Move the one that gives way; where its messages follow what members do, the last of those it meets."""
    index = placement.index
    limits = {**trials.placed.limits, index: alone.limit_per_min}
    if _movable(trials, index):
        shift = _moved(trials, index, alone.limit_per_min)
        return shift if shift is not None and _holds(trials, limits, {index: shift.by_min}) else None
    for other in _may_give_way(trials, placement):
        if _movable(trials, other):
            with _put_first(trials, index, alone, instead_of=other) as limit:
                shift = _moved(trials, other, limit)
            if shift is not None and _holds(trials, limits, {other: shift.by_min}, index):
                return shift
    return None


def _holds(
    trials: Trials, limits: Mapping[int, int | None], moved_min: Mapping[int, int], *also: int
) -> bool:
    """Say whether a move resolves it; whether the one moved is late then is told beside it."""
    changed = frozenset({*moved_min, *also})
    return trials.holds(limits, changed, moved_min=moved_min, may_end_late=True)


def _movable(trials: Trials, index: int) -> bool:
    return isinstance(trials.plan.campaigns[index].timing, AllAtOnce | LocalTimeZones)


def _moved(trials: Trials, index: int, limit: int | None) -> ShiftedSend | None:
    """Return the smallest move of one campaign beside everything else that is placed."""
    was_there, own_limit = index in trials.placed.limits, trials.placed.limits.get(index)
    if was_there:
        trials.placed.remove(index)
    try:
        by_min = _smallest_move(trials, index, limit)
        return None if by_min is None else _as_shift(trials, index, limit, by_min)
    except WorkLimitExceededError:
        return None
    finally:
        if was_there:
            trials.placed.put(index, own_limit)


def _as_shift(trials: Trials, index: int, limit: int | None, by_min: int) -> ShiftedSend | None:
    zone = trials.plan.workspace.time_zone
    trial = trials.run(index, limit, moved_min=by_min)
    if trial.pacing.end is None:
        return None
    deadline = trials.plan.campaigns[index].finish_by
    late = trials.why_late(index, limit, trial.pacing) is not None
    first = int(trials.forecaster.demands[index].arrivals.minutes[0])
    return ShiftedSend(
        campaign=trials.plan.campaigns[index].name,
        by_min=by_min,
        starts_at=wall_time(first + by_min, zone),
        finishes_at=wall_time(trial.pacing.end, zone),
        in_time=None if deadline is None else not late,
    )


def _smallest_move(trials: Trials, index: int, limit: int | None) -> int | None:
    """Return the fewest minutes later, up to a day, at which the campaign fits; None where there are none."""
    campaign, workspace = trials.plan.campaigns[index], trials.plan.workspace
    if campaign.quiet_hours is not None or workspace.limit_per_min is not None:
        moves = _ends_of_others(trials, index)
        return next((move for move in moves if trials.run(index, limit, moved_min=move).carried), None)
    alone = trials.forecaster.alone(index, limit)
    first, own = trials.forecaster.demands[index].load(alone, limit)
    others = trials.placed.calls(first, len(own) + FURTHEST_SHIFT_MIN)
    return smallest_move(others, own, trials.usable.of(first, len(others)))


def smallest_move(others: Counts, own: Counts, usable_rps: NDArray[np.float64]) -> int | None:
    """Return the smallest move at which `own` fits on top of `others`; both, and what is usable, begin in one minute.

    Where `own` never rises, a minute that is too much at one move is too much at every further move that still
    covers it: only beginning after it helps.
    """
    falling = bool((np.diff(own) <= 0).all())
    move = 1
    while move + len(own) <= len(others):
        there = slice(move, move + len(own))
        over = np.flatnonzero(others[there] + own > usable_rps[there])
        if not len(over):
            return move
        move += int(over[-1]) + 1 if falling else 1
    return None


def _ends_of_others(trials: Trials, index: int) -> Sequence[int]:
    """Moves that begin when another campaign ends: where quiet hours or a shared limit make others hard to tell."""
    first = int(trials.forecaster.demands[index].arrivals.minutes[0])
    ends = sorted(end - first for end in trials.placed.ends())
    return [move for move in ends if 0 < move <= FURTHEST_SHIFT_MIN]
