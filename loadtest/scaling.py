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
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from loadtest import evidence
from loadtest.errors import LoadtestError

FEWEST_SIZES = 3
FURTHEST = 2  # times the largest measured size
BOOTSTRAPS = 200
PLAIN_UNCERTAINTY = 0.05  # of a ceiling given without bounds: what the search bisects to
INSIDE = (5, 95)


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
            LoadtestError: the size is too far from what was measured.
        """
        if size > self.furthest:
            raise LoadtestError(
                f"{size} is more than {FURTHEST} times the largest measured size, {self.furthest // FURTHEST}: "
                f"measure at {math.ceil(size / FURTHEST)} or more first."
            )
        low, high = np.percentile([law.rps(size) for law in self.resampled], INSIDE)
        return float(low), float(high)

    def size_for(self, wanted_rps: float) -> int:
        """The smallest size whose lower bound reaches a rate.

        Raises:
            LoadtestError: none does within what may be spoken of.
        """
        for size in range(1, self.furthest + 1):
            if self.interval(size)[0] >= wanted_rps:
                return size
        best = max(range(1, self.furthest + 1), key=lambda size: self.interval(size)[0])
        raise LoadtestError(
            f"{wanted_rps:g} calls/s is more than {best} of these surely do ({self.interval(best)[0]:.0f}), the best "
            f"up to {self.furthest}, twice what was measured: measure larger sizes, or make one of them faster."
        )


def fit(points: Sequence[Point], *, seed: int = 1) -> Scaling:
    """Fit the law, and fit it again to points drawn from within their bounds.

    Raises:
        LoadtestError: fewer than three sizes.
    """
    sizes = {point.size for point in points}
    if len(sizes) < FEWEST_SIZES:
        raise LoadtestError(
            f"The law has three unknowns and {len(sizes)} sizes were given: measure at {FEWEST_SIZES} or more."
        )
    ordered = tuple(sorted(points))
    chance = random.Random(seed)
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


def read_points(words: Sequence[str]) -> list[Point]:
    """Read `SIZE=CALLS_PER_SECOND` or `SIZE=EVIDENCE.json`.

    Raises:
        LoadtestError: a word is neither.
    """
    return [_read_point(word) for word in words]


def _read_point(word: str) -> Point:
    size, _, value = word.partition("=")
    if not size.isdigit() or int(size) < 1 or not value:
        raise LoadtestError(
            f"{word!r} is no measured point: write SIZE=CALLS_PER_SECOND or SIZE=EVIDENCE.json."
        )
    try:
        rps = float(value)
    except ValueError:
        verdict = evidence.read(Path(value)).verdict
        if verdict.kind != "ceiling":
            raise LoadtestError(
                f"{value} found no ceiling ({verdict.kind}), and a lower bound cannot be fitted: measure it again."
            ) from None
        return Point(int(size), verdict.rps, verdict.low_rps, verdict.high_rps or verdict.rps)
    if not 0 < rps < math.inf:
        raise LoadtestError(f"{word!r}: a ceiling is a number of calls/s above 0.")
    return Point(int(size), rps, rps * (1 - PLAIN_UNCERTAINTY), rps * (1 + PLAIN_UNCERTAINTY))


def describe(scaling: Scaling, *, wanted_rps: float | None) -> str:
    """The answer in sentences."""
    law = scaling.law
    measured = max(point.size for point in scaling.points)
    peak = (
        f"it peaks at {max(int(law.peak), 1)} with {law.rps(max(int(law.peak), 1)):.0f} calls/s"
        if law.peak <= scaling.furthest
        else f"no peak up to {scaling.furthest}, twice the largest measured size"
    )
    lines = [
        f"One does {law.single_rps:.0f} calls/s; {law.sigma:.1%} of the work queues, mutual cost {law.kappa:.2g}; {peak}.",
        *(
            f"{size}: {law.rps(size):.0f} calls/s (90 % between {low:.0f} and {high:.0f})"
            f"{'' if size <= measured else ', not measured'}"
            for size in range(1, scaling.furthest + 1)
            for low, high in [scaling.interval(size)]
        ),
    ]
    if wanted_rps is not None:
        lines.append(f"{wanted_rps:g} calls/s need {scaling.size_for(wanted_rps)}.")
    return "\n".join(lines)
