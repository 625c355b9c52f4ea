"""From a judgement's curve, a row a minute, to the few steps that a chart shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from app.capacity.local_time import MINUTE_S
from app.web.pages.charts.svg import TimeAxis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.capacity.planner import Curve

MOST_STEPS: Final = 144
_STEPS_MIN: Final = (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 1440)


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The busiest second of each step, in calls/s: all campaigns together, and each one's part of the high one."""

    times: TimeAxis
    low: Sequence[float]
    likely: Sequence[float]
    high: Sequence[float]
    by_campaign: Sequence[Sequence[float]]
    likely_by_campaign: Sequence[Sequence[float]]

    def begins(self, step: int) -> datetime:
        """When a step begins."""
        return self.times.begin + timedelta(minutes=self.times.step_min * step)

    def busy(self) -> list[int]:
        """The steps with calls."""
        return [step for step, calls in enumerate(self.high) if calls > 0]


def fitting(begin: datetime, end: datetime, *, most: int = MOST_STEPS) -> TimeAxis:
    """At most so many equal steps over a span of time, beginning on a round one."""
    whole_min = max(1, -(-int((end - begin).total_seconds()) // MINUTE_S))
    step_min = next((step for step in _STEPS_MIN if whole_min <= step * (most - 2)), _STEPS_MIN[-1])
    first = begin.replace(second=0, microsecond=0)
    first -= timedelta(minutes=(first.hour * 60 + first.minute) % step_min)
    steps = -(-int((end - first).total_seconds()) // (step_min * MINUTE_S))
    return TimeAxis(first, step_min, min(most, max(2, steps)))


def stepped(curve: Curve, times: TimeAxis) -> Steps:
    """The curve over these steps: of each the minute with the highest second."""
    minutes, high = np.asarray(curve.minutes), np.asarray(curve.high, float)
    first_minute = int(times.begin.timestamp()) // MINUTE_S
    step = (minutes - first_minute) // times.step_min
    rows = np.flatnonzero((step >= 0) & (step < times.steps))
    ordered = rows[np.lexsort((high[rows], step[rows]))]
    last_of_step = np.r_[step[ordered][1:] != step[ordered][:-1], True] if len(ordered) else []
    peaks = ordered[np.asarray(last_of_step, bool)]

    def placed(values: np.ndarray) -> list[float]:
        whole = np.zeros(times.steps)
        whole[step[peaks]] = values[peaks]
        return [float(value) for value in whole]

    return Steps(
        times=times,
        low=placed(np.asarray(curve.low, float)),
        likely=placed(np.asarray(curve.likely, float)),
        high=placed(high),
        by_campaign=[placed(part) for part in np.asarray(curve.by_campaign_high, float)],
        likely_by_campaign=[placed(part) for part in np.asarray(curve.by_campaign_likely, float)],
    )


def received_by_step(seconds: Sequence[tuple[datetime, int, int]], times: TimeAxis) -> list[float | None]:
    """The busiest second that was counted in each step, None where nothing was."""
    most: list[float | None] = [None] * times.steps
    for at, calls, _degraded in seconds:
        step = int((at - times.begin).total_seconds()) // (times.step_min * MINUTE_S)
        if 0 <= step < times.steps:
            most[step] = max(most[step] or 0.0, float(calls))
    return most
