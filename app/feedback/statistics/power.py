"""Power beforehand: how many members for how small a difference, and the other way round."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, sqrt
from typing import Final

from app.feedback.statistics.intervals import ALPHA

POWER: Final = 0.8
_SMALLEST, _LARGEST = 1e-6, 1e6  # relative differences that are looked for


class PowerError(ValueError):
    """What was asked cannot be worked out; the sentence says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """An experiment to come.

    Attributes:
        base_share: The share of the control's members with the outcome, 0 to 1, both excluded.
        control_share: The share of all members that the control has.
        arm_share: The share that the smallest other arm has.
        comparisons: Arms beside the control, which share the chance of a false alarm.
        alpha: That chance.
        power: The chance to see a difference that is there.
    """

    base_share: float
    control_share: float = 0.5
    arm_share: float = 0.5
    comparisons: int = 1
    alpha: float = ALPHA
    power: float = POWER

    def __post_init__(self) -> None:
        if not 0 < self.base_share < 1:
            raise PowerError("The share of members who apply must be above 0 and below 100 %.")
        if not (0 < self.control_share < 1 and 0 < self.arm_share <= 1 - self.control_share + 1e-9):
            raise PowerError("The shares of the arms must be above 0, and 100 % together at most.")

    def members(self, lift: float) -> int:
        """How many members in all arms together show a relative difference of `lift` with this power.

        Both shares' own variances, two-sided (Fleiss, Levin and Paik 2003, without the continuity correction).

        Raises:
            PowerError: no share can be so much larger, or there is no difference.
        """
        share = self.base_share * (1 + lift)
        if lift == 0 or not 0 <= share <= 1:
            raise PowerError(
                f"{self.base_share:.4%} cannot become {share:.4%}: ask for a difference that is possible, and not 0."
            )
        return ceil(self._members(lift))

    def smallest_lift(self, members: int) -> float:
        """The smallest relative gain that so many members in all arms show with this power; inf where none is seen."""
        most = min(1 / self.base_share - 1, _LARGEST)
        if members <= 0 or self._members(most) > members:
            return inf
        from scipy.optimize import brentq  # noqa: PLC0415 - a second to import, which the planner's start has no need of

        return float(brentq(lambda lift: self._members(lift) - members, _SMALLEST, most, xtol=1e-9))

    def _members(self, lift: float) -> float:
        from scipy.stats import norm  # noqa: PLC0415 - a second to import, which the planner's start has no need of

        other = min(self.base_share * (1 + lift), 1.0)
        mean = (self.control_share * self.base_share + self.arm_share * other) / (
            self.control_share + self.arm_share
        )
        weights = 1 / self.control_share + 1 / self.arm_share
        under_none = sqrt(mean * (1 - mean) * weights)
        apart = sqrt(
            self.base_share * (1 - self.base_share) / self.control_share
            + other * (1 - other) / self.arm_share
        )
        z_alpha = float(norm.isf(self.alpha / self.comparisons / 2))
        z_power = float(norm.ppf(self.power))
        return ((z_alpha * under_none + z_power * apart) / (self.base_share * lift)) ** 2
