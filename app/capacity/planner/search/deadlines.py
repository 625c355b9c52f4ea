"""The chance of ending by its deadline, for each campaign at its setting, from what nobody knows exactly.

Seeded draws. While the service answers every call, which the advised limits see to, only the audience decides when a
send ends. An audience given as low / likely / high is drawn from the triangle over the three. Rejected: PERT (a beta
distribution), which takes the likely number for better known than three guesses make it, and so promises more.
"""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

from app.capacity.campaign import Range
from app.capacity.local_time import unix_minute
from app.capacity.planner.demand.forecast import Forecaster, Limits
from app.capacity.planner.demand.work import WorkLimitExceededError
from app.capacity.planner.judgement import Probability

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from app.capacity.plan.plan import Plan
    from app.capacity.planner.demand.pacing import Pacing

GRID: Final = tuple(np.linspace(0, 1, 9).tolist())
STREAM: Final = 2  # of the plan's seed, beside those of plays
Z_95: Final = 1.959964


class Deadlines:
    """Draws audiences and sees who ends in time."""

    def __init__(self, plan: Plan, high: Forecaster, *, samples: int) -> None:
        self._plan = plan
        self._high = high
        self._samples = samples

    def by_itself(self, index: int, limit_per_min: int | None) -> Probability | None:
        """Return the chance of a campaign that shares no limit with others; None without a deadline or recipients."""
        campaign = self._plan.campaigns[index]
        if campaign.finish_by is None or not campaign.audience.high:
            return None
        demand = self._high.demands[index]

        def in_time(recipients: float) -> bool:
            arrivals = demand.arrivals.scaled(recipients / campaign.audience.high)
            return self._in_time(index, demand.paced.pace(arrivals, demand.cap(limit_per_min)))

        try:
            largest = largest_in_time(campaign.audience, in_time)
        except WorkLimitExceededError:
            return None
        return chance_in_time(triangle(campaign.audience, self._draws(index)) <= largest)

    def together(self, limits: Limits) -> Mapping[int, Probability]:
        """Return the chances of campaigns that share a limit.

        All audiences are drawn large or small together (assumed: what makes one list longer than thought makes the
        others so), in eight steps; a draw counts as in time where the step above it is.
        """
        dated = [index for index in limits if self._plan.campaigns[index].finish_by is not None]
        if not dated:
            return {}
        try:
            ends = [self._pace_at(quantile, limits) for quantile in GRID]
        except WorkLimitExceededError:
            return {}
        return {
            index: self._chance(index, [self._in_time(index, pacing[index]) for pacing in ends])
            for index in dated
        }

    def _chance(self, index: int, in_time: list[bool]) -> Probability:
        sure = next((place for place, ends in enumerate(in_time) if not ends), len(GRID)) - 1
        largest = GRID[sure] if sure >= 0 else -1.0
        return chance_in_time(self._draws(index) <= largest)

    def _pace_at(self, quantile: float, limits: Limits) -> Mapping[int, Pacing]:
        campaigns = tuple(
            replace(one, audience=Range.exactly(float(triangle(one.audience, np.array([quantile]))[0])))
            for one in self._plan.campaigns
        )
        plan = replace(self._plan, campaigns=campaigns)
        forecaster = Forecaster(plan, "high", work=self._high.work)
        return forecaster.pace(limits)

    def _in_time(self, index: int, pacing: Pacing) -> bool:
        campaign = self._plan.campaigns[index]
        if campaign.finish_by is None or pacing.aborted:
            return not pacing.aborted
        return (pacing.end or 0) <= unix_minute(campaign.finish_by, self._plan.workspace.time_zone)

    def _draws(self, index: int) -> NDArray[np.float64]:
        return np.random.default_rng([self._plan.seed, STREAM, index]).random(self._samples)


def triangle(audience: Range, draws: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the quantiles `draws` (0 to 1) of the triangular distribution, by its inverse."""
    width = audience.high - audience.low
    if width <= 0:
        return np.full(len(draws), audience.high)
    rising = audience.likely - audience.low
    below = draws * width <= rising
    left = audience.low + np.sqrt(draws * width * rising)
    right = audience.high - np.sqrt((1 - draws) * width * (width - rising))
    return np.where(below, left, right)


def chance_in_time(in_time: NDArray[np.bool_]) -> Probability:
    """Return the share of draws in time, with Wilson's 95 % interval (Wilson, J. Am. Stat. Assoc. 22, 1927)."""
    drawn = len(in_time)
    share = float(in_time.mean())
    square = Z_95**2 / drawn
    middle = (share + square / 2) / (1 + square)
    half = Z_95 * sqrt(share * (1 - share) / drawn + square / (4 * drawn)) / (1 + square)
    return Probability(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)), drawn)


def largest_in_time(audience: Range, ends_in_time: Callable[[float], bool]) -> float:
    """Return the largest audience that ends in time, to within one in a million; -1 where none does.

    A larger audience never ends earlier, so halving finds it.
    """
    if ends_in_time(audience.high):
        return audience.high
    if not ends_in_time(audience.low):
        return -1.0
    low, high = audience.low, audience.high
    while high - low > max(1.0, audience.high * 1e-6):
        middle = (low + high) // 2
        low, high = (middle, high) if ends_in_time(middle) else (low, middle)
    return low
