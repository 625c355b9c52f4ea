"""Forecasts of the three cases as one curve."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from app.capacity.apportion import Counts
from app.capacity.campaign import Case
from app.capacity.local_time import MINUTE_S, wall_time
from app.capacity.plan.plan import Plan
from app.capacity.planner.demand.forecast import Forecast, Forecaster
from app.capacity.planner.demand.minute_counts import MinuteCounts
from app.capacity.planner.demand.usable_rate import UsableRate
from app.capacity.planner.judgement import Curve

MOST_MINUTES: Final = 20_000  # two weeks without a pause
BUCKETS_MIN: Final = (1, 2, 5, 10, 15, 30, 60, 240, 1_440, 10_080)


def curve(
    plan: Plan,
    forecasts: Mapping[Case, Forecast],
    high: Forecaster,
    window: tuple[int, int] | None = None,
) -> Curve:
    """Lay the forecasts of all cases side by side; `high` made the one of the high case.

    With a `window` of minutes (from, until) nothing outside it is there, its campaigns included.
    """
    loads = {case: one.together() for case, one in forecasts.items()}
    minutes: Counts = np.unique(np.concatenate([load.busy() for load in loads.values()]))
    if window is not None:
        minutes = minutes[(minutes >= window[0]) & (minutes < window[1])]
    bucket_min = coarse_enough(minutes, MOST_MINUTES)
    rows: Counts = np.unique(minutes // bucket_min * bucket_min)
    totals = {case: _in_rows(rows, bucket_min, minutes, load.at(minutes)) for case, load in loads.items()}
    calls = loads["high"].at(minutes)
    peak = int(calls.max(initial=0))
    at = int(minutes[int(calls.argmax())]) if peak else 0
    return Curve(
        names=tuple(campaign.name for campaign in plan.campaigns),
        time_zone=plan.workspace.time_zone,
        bucket_min=bucket_min,
        minutes=rows,
        low=totals["low"],
        likely=totals["likely"],
        high=totals["high"],
        by_campaign_likely=_by_campaign(plan, forecasts["likely"], rows, bucket_min),
        by_campaign_high=_by_campaign(plan, forecasts["high"], rows, bucket_min),
        peak_rps=peak,
        peak_at=wall_time(at, plan.workspace.time_zone) if peak else None,
        seconds_of_peak=_seconds(plan, forecasts["high"], high, at),
    )


def _in_rows(rows: Counts, bucket_min: int, minutes: Counts, calls: Counts) -> Counts:
    found = np.zeros(len(rows), dtype=np.int64)
    np.maximum.at(found, np.searchsorted(rows, minutes // bucket_min * bucket_min), calls)
    return found


def _by_campaign(plan: Plan, forecast: Forecast, rows: Counts, bucket_min: int) -> Counts:
    found = np.zeros((len(plan.campaigns), len(rows)), dtype=np.int64)
    if not len(rows):
        return found
    for index, (first, calls) in forecast.loads.items():
        busy = np.flatnonzero(calls)
        busy = busy[(first + busy >= rows[0]) & (first + busy < rows[-1] + bucket_min)]
        found[index] = _in_rows(rows, bucket_min, first + busy, calls[busy])
    return found


def _seconds(plan: Plan, forecast: Forecast, high: Forecaster, minute: int) -> Counts:
    seconds = np.zeros((len(plan.campaigns), MINUTE_S), dtype=np.int64)
    for index, pacing in forecast.pacing.items():
        limit = forecast.limits[index]
        seconds[index] = high.demands[index].seconds(pacing, limit, minute)
    return seconds


def coarse_enough(minutes: Counts, most_rows: int, *, at_least: int = 1) -> int:
    """Return the fewest minutes to a row that make no more than `most_rows` rows."""
    for bucket in BUCKETS_MIN:
        if bucket >= at_least and len(np.unique(minutes // bucket)) <= most_rows:
            return bucket
    return BUCKETS_MIN[-1]


def own_peak(forecast: Forecast, index: int) -> int:
    """Return the busiest second of one campaign."""
    return int(forecast.loads[index][1].max(initial=0))


def minutes_over(load: MinuteCounts, usable: UsableRate) -> Counts:
    """Return the minutes whose busiest second is above what is usable then."""
    minutes = load.busy()
    over: Counts = minutes[load.at(minutes) > usable.at(minutes)]
    return over
