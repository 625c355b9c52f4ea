"""CUPED: what members did before the first mail takes away a part of the noise (Deng et al. 2013)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.feedback.statistics.sums import Sums

LEAST_GAIN: Final = 0.02  # of the variance: for less it is not worth a second number


def gain(arms: Sequence[Sums]) -> float:
    """The share of the variance that the adjustment takes away, 0 to 1: the squared correlation."""
    slope = _slope(arms)
    before = sum(arm.variance * (arm.members - 1) for arm in arms)
    if before <= 0:
        return 0.0
    after = sum(_adjusted_variance(arm, slope) * (arm.members - 1) for arm in arms)
    return max(0.0, 1 - after / before)


def adjusted(arms: Sequence[Sums]) -> list[Sums]:
    """The arms' sums with each outcome y taken as y - theta (x - mean of x over all arms).

    Theta is one for all arms (the pooled regression within them), so that a difference between arms is not touched on
    average; the mean over all arms keeps the level of the outcome.
    """
    slope = _slope(arms)
    members = sum(arm.members for arm in arms)
    level = sum(arm.x for arm in arms) / members if members else 0.0
    return [_adjusted(arm, slope, level) for arm in arms]


def _slope(arms: Sequence[Sums]) -> float:
    known = [arm for arm in arms if arm.members > 1]
    spread = sum(arm.variance_before * (arm.members - 1) for arm in known)
    together = sum(arm.covariance * (arm.members - 1) for arm in known)
    return together / spread if spread > 0 else 0.0


def _adjusted_variance(arm: Sums, slope: float) -> float:
    return arm.variance + slope**2 * arm.variance_before - 2 * slope * arm.covariance


def _adjusted(arm: Sums, slope: float, level: float) -> Sums:
    y = arm.y - slope * (arm.x - level * arm.members)
    variance = _adjusted_variance(arm, slope) if arm.members > 1 else 0.0
    return replace(arm, y=y, yy=variance * (arm.members - 1) + y * y / arm.members if arm.members else 0.0)
