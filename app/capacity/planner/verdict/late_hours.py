"""What a send does at hours that few want it to: messages at night, and an end on the day after."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from app.capacity.campaign import AllAtOnce
from app.capacity.local_time import wall_time
from app.capacity.planner.reasons import Reason, ReasonCode
from app.capacity.simulation.schedule import HOUR_MIN

if TYPE_CHECKING:
    from datetime import time

    from numpy.typing import NDArray

    from app.capacity.apportion import Counts
    from app.capacity.campaign import Campaign, QuietHours
    from app.capacity.plan.plan import Plan
    from app.capacity.planner.demand.expected_arrivals import ArrivalCurve
    from app.capacity.planner.demand.pacing import Pacing

_DAY_MIN: Final = 24 * HOUR_MIN
_MINUTE: Final = timedelta(minutes=1)


class _Started(NamedTuple):
    """Messages by the minute in which they start and the zone of their members."""

    minutes: Counts
    counts: Counts
    zones: NDArray[np.str_]


def late_hours(plan: Plan, campaign: Campaign, arrivals: ArrivalCurve, pacing: Pacing) -> tuple[Reason, ...]:
    """Say what of a send as paced goes out at night, and that it ends on the day after; nothing where neither is so.

    Night is `judging.night` by each member's own clock. Messages start in the order in which they fall due. A night of
    no length is no night.
    """
    if not len(pacing.attempts):
        return ()
    return (*_at_night(plan, campaign, arrivals, pacing), *_next_day(plan, campaign, pacing))


def _at_night(plan: Plan, campaign: Campaign, arrivals: ArrivalCurve, pacing: Pacing) -> tuple[Reason, ...]:
    night = plan.judging.night
    started = _started(arrivals, pacing)
    clock = _clock(started)
    inside = _within(night, clock)
    if campaign.quiet_hours is not None:  # Braze holds them then, whatever their place in line
        inside &= ~_within(campaign.quiet_hours, clock)
    messages = int(started.counts[inside].sum())
    if not messages:
        return ()
    first = int(started.minutes[inside].min())
    numbers = {
        "begin": f"{night.begin:%H:%M}",
        "end": f"{night.end:%H:%M}",
        "messages": messages,
        "first_at": wall_time(first, plan.workspace.time_zone),
    }
    return (Reason(ReasonCode.NIGHT, numbers),)


def _next_day(plan: Plan, campaign: Campaign, pacing: Pacing) -> tuple[Reason, ...]:
    """Of a send that is due at one moment; one of members' local times, or of what they do, spans days by its nature."""
    if not isinstance(campaign.timing, AllAtOnce):
        return ()
    ends = wall_time(pacing.first + len(pacing.attempts), plan.workspace.time_zone)
    if (ends - _MINUTE).date() <= campaign.timing.at.date():
        return ()
    return (Reason(ReasonCode.NEXT_DAY, {"finishes_at": ends}),)


def _started(arrivals: ArrivalCurve, pacing: Pacing) -> _Started:
    """Cut the line of messages where a minute ends, and where another zone's begin."""
    starts_until = np.cumsum(pacing.attempts)
    due_until = np.cumsum(arrivals.counts)
    edges = np.union1d(starts_until, due_until)
    edges = edges[edges <= starts_until[-1]]
    last = edges - 1  # the last message of each piece
    minutes = pacing.first + np.searchsorted(starts_until, last, side="right")
    group = np.minimum(np.searchsorted(due_until, last, side="right"), len(arrivals.zones) - 1)
    return _Started(minutes, np.diff(edges, prepend=0), np.array(arrivals.zones)[group])


def _clock(started: _Started) -> Counts:
    """Minutes since local midnight at which each piece starts; clocks change on the hour."""
    clock = np.zeros(len(started.minutes), dtype=np.int64)
    for zone in np.unique(started.zones).tolist():
        of_zone = started.zones == zone
        hours, place = np.unique(started.minutes[of_zone] // HOUR_MIN, return_inverse=True)
        offsets = [wall_time(hour * HOUR_MIN, zone).utcoffset() or timedelta() for hour in hours.tolist()]
        ahead = np.array([offset // _MINUTE for offset in offsets], dtype=np.int64)
        clock[of_zone] = (started.minutes[of_zone] + ahead[place]) % _DAY_MIN
    return clock


def _within(hours: QuietHours, clock: Counts) -> NDArray[np.bool_]:
    begin, end = _minutes(hours.begin), _minutes(hours.end)
    inside: NDArray[np.bool_] = (clock - begin) % _DAY_MIN < (end - begin) % _DAY_MIN
    return inside


def _minutes(at: time) -> int:
    return at.hour * HOUR_MIN + at.minute
