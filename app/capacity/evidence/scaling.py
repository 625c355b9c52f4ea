"""Ceilings at several sizes, fitted with the Universal Scalability Law.

    C(n) = lambda n / (1 + sigma (n - 1) + kappa n (n - 1))

n workers or instances; lambda what one does, sigma the share that queues, kappa the cost of keeping each other
informed (Gunther, A General Theory of Computational Scalability, 2008). Rejected: a straight line through the
points, which promises that every instance adds as much as the first.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

FEWEST_SIZES: Final = 3
FURTHEST: Final = 2  # times the largest measured size
BOOTSTRAPS: Final = 200
INSIDE: Final = (5, 95)


class ScalingError(ValueError):
    """What the measured sizes do not tell; one sentence with the way out."""


@dataclass(frozen=True, order=True)
class Point:
    """A measured ceiling: `size` workers or instances, calls/s with bounds."""

    size: int
    rps: float
    low_rps: float
    high_rps: float


@dataclass(frozen=True)
class Law:
    """One fitted curve."""

    single_rps: float
    sigma: float
    kappa: float

    def rps(self, size: float) -> float:
        """The ceiling at a size."""
        return self.single_rps * size / (1 + self.sigma * (size - 1) + self.kappa * size * (size - 1))

    @property
    def peak(self) -> float:
        """The size beyond which more is less; infinity without mutual cost."""
        return math.sqrt(max(1 - self.sigma, 0) / self.kappa) if self.kappa > 0 else math.inf


@dataclass(frozen=True)
class Scaling:
    """The fit, and the fits of resampled points, from which every interval comes."""

    points: tuple[Point, ...]
    law: Law
    resampled: tuple[Law, ...]

    @property
    def furthest(self) -> int:
        """The largest size that may be spoken of."""
        return FURTHEST * max(point.size for point in self.points)

    def interval(self, size: int) -> tuple[float, float]:
        """90 % interval of the ceiling at a size.

        Raises:
            ScalingError: the size is too far from what was measured.
        """
        if size > self.furthest:
            raise ScalingError(
                f"{size} is more than {FURTHEST} times the largest measured size, {self.furthest // FURTHEST}: "
                f"measure at {math.ceil(size / FURTHEST)} or more first."
            )
        low, high = np.percentile([law.rps(size) for law in self.resampled], INSIDE)
        return float(low), float(high)

    def size_for(self, wanted_rps: float) -> int:
        """The smallest size whose lower bound reaches a rate.

        Raises:
            ScalingError: none does within what may be spoken of.
        """
        for size in range(1, self.furthest + 1):
            if self.interval(size)[0] >= wanted_rps:
                return size
        best = max(range(1, self.furthest + 1), key=lambda size: self.interval(size)[0])
        raise ScalingError(
            f"{wanted_rps:g} calls/s is more than {best} of these surely do ({self.interval(best)[0]:.0f}), the best "
            f"up to {self.furthest}, twice what was measured: measure larger sizes, or make one of them faster."
        )


def fit(points: Sequence[Point], *, seed: int = 1) -> Scaling:
    """Fit the law, and fit it again to points drawn from within their bounds.

    Raises:
        ScalingError: fewer than three sizes.
    """
    sizes = {point.size for point in points}
    if len(sizes) < FEWEST_SIZES:
        raise ScalingError(
            f"The law has three unknowns and {len(sizes)} sizes were given: measure at {FEWEST_SIZES} or more."
        )
    ordered = tuple(sorted(points))
    chance = random.Random(seed)  # noqa: S311 - a bootstrap, not a secret
    draws = [[_draw(point, chance) for point in ordered] for _ in range(BOOTSTRAPS)]
    law = _fit(ordered, [point.rps for point in ordered])
    return Scaling(ordered, law, tuple(_fit(ordered, draw) for draw in draws))


def _draw(point: Point, chance: random.Random) -> float:
    return chance.triangular(point.low_rps, point.high_rps, point.rps)


def _fit(points: Sequence[Point], rps: Sequence[float]) -> Law:
    """Least squares of the relative errors."""
    sizes = np.array([point.size for point in points], float)
    heights = np.array(rps)

    def errors(given: NDArray[np.float64]) -> NDArray[np.float64]:
        single, sigma, kappa = given
        law = single * sizes / (1 + sigma * (sizes - 1) + kappa * sizes * (sizes - 1))
        wrong: NDArray[np.float64] = law / heights - 1
        return wrong

    start = (heights[0] / sizes[0], 0.02, 0.0001)
    scale = (start[0], 0.1, 0.01)
    found = least_squares(errors, start, bounds=([0, 0, 0], [np.inf, 1, 1]), x_scale=scale)
    return Law(*(float(value) for value in found.x))
