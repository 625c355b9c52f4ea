"""Ceilings at several sizes, fitted with the Universal Scalability Law.

    C(n) = lambda n / (1 + sigma (n - 1) + kappa n (n - 1))

n workers or instances; lambda what one does, sigma the share that queues, kappa the cost of keeping each other
informed (Gunther, A General Theory of Computational Scalability, 2008). Rejected: a straight line through the
points, which promises that every instance adds as much as the first.

Three sizes for three unknowns leave no residual, so least squares alone says nothing of its error. Every interval comes
from the posterior over a grid instead. Its prior is even over the efficiency at the largest measured size, and over how
the loss is shared between sigma and kappa (arcsine). Two runs at one size differ: by a log-normal noise whose size is
unknown, `NOISE` before anything was measured twice and never under `LEAST_NOISE`; repeats and residuals move it (Gelman
et al., Bayesian Data Analysis, 2013, ch. 2 and 3). lambda is integrated out. Rejected: a bootstrap within each search's
bounds, which knows nothing of the noise between runs: its 90 % held the truth in 8 to 80 %.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEWEST_SIZES: Final = 3
FURTHEST: Final = 2  # times the largest measured size
DRAWS: Final = 2_000
INSIDE: Final = (5, 95)
NOISE: Final = (
    0.045  # standard deviation of a ceiling between two runs, as a share of it, while nothing was repeated
)
NOISE_SPREAD: Final = 0.5  # of its logarithm: a factor of 1.6 up or down
LEAST_NOISE: Final = 0.015
EFFICIENCIES: Final = np.linspace(
    0.15, 1.05, 100
)  # at the largest size; above 1 where caches gain by being many
COHERENCY_SHARES: Final = np.sin(np.linspace(0, np.pi / 2, 21)) ** 2  # of the loss there that is kappa's
NOISES: Final = np.geomspace(LEAST_NOISE, 0.25, 16)


class ScalingError(ValueError):
    """What the measured sizes do not tell; one sentence with the way out."""


@dataclass(frozen=True, order=True)
class Point:
    """A measured ceiling: `size` workers or instances, calls/s with bounds. One size may have several."""

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
    """The fit, and laws drawn from the posterior, from which every interval comes.

    `noise` is the standard deviation between runs of one size that the interval counts with, a share of the ceiling;
    `draws` has a row for each of lambda, sigma and kappa, a column for each law.
    """

    points: tuple[Point, ...]
    noise: float
    draws: Floats = field(repr=False, compare=False)

    @cached_property
    def law(self) -> Law:
        """The one curve nearest to the points, by relative errors; no interval comes from it."""
        return _best(self.points)

    @property
    def furthest(self) -> int:
        """The largest size that may be spoken of."""
        return FURTHEST * max(point.size for point in self.points)

    @property
    def is_repeated(self) -> bool:
        """Whether a size was measured more than once."""
        return len({point.size for point in self.points}) < len(self.points)

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
        low, high = self._intervals([size])[:, 0]
        return float(low), float(high)

    def size_for(self, wanted_rps: float, *, above: int = 0) -> int:
        """The smallest size, larger than `above`, whose lower bound reaches a rate.

        Raises:
            ScalingError: none does within what may be spoken of.
        """
        lows = self._intervals(range(1, self.furthest + 1))[0]
        enough = np.flatnonzero(lows[above:] >= wanted_rps)
        if len(enough):
            return above + int(enough[0]) + 1
        best, probable = int(lows.argmax()) + 1, self.probable_size_for(wanted_rps, above=above)
        next_one = "larger sizes" if probable is None else f"{probable}, which does as likely as not"
        raise ScalingError(
            f"{wanted_rps:g} calls/s is more than {best} of these surely do ({lows.max():.0f}), the best "
            f"up to {self.furthest}, twice what was measured: measure {next_one}, or make one of them faster."
        )

    def probable_size_for(self, wanted_rps: float, *, above: int = 0) -> int | None:
        """The smallest size, larger than `above`, that reaches a rate as likely as not; None where none does.

        It is where to measure next where no size surely does.
        """
        middles = self._percentiles(range(1, self.furthest + 1), (50,))[0]
        enough = np.flatnonzero(middles[above:] >= wanted_rps)
        return above + int(enough[0]) + 1 if len(enough) else None

    def _intervals(self, sizes: Sequence[int]) -> Floats:
        """Lower and upper bounds, a column a size."""
        return self._percentiles(sizes, INSIDE)

    def _percentiles(self, sizes: Sequence[int], shares: tuple[int, ...]) -> Floats:
        single, sigma, kappa = self.draws[:, :, None]
        n = np.array(sizes, float)
        rps = single * n / (1 + sigma * (n - 1) + kappa * n * (n - 1))
        found: Floats = np.percentile(rps, shares, axis=0)
        return found


def fit(points: Sequence[Point], *, seed: int = 1, noises: Floats = NOISES) -> Scaling:
    """Fit the law to every run there is; `noises` are how far two runs may differ.

    Raises:
        ScalingError: fewer than three sizes.
    """
    sizes = {point.size for point in points}
    if len(sizes) < FEWEST_SIZES:
        raise ScalingError(
            f"The law has three unknowns and {len(sizes)} sizes were given: measure at {FEWEST_SIZES} or more."
        )
    ordered = tuple(sorted(points))
    draws, noise = _posterior(ordered, np.random.default_rng(seed), noises)
    return Scaling(ordered, noise, draws)


def _middle(points: Sequence[Point]) -> Floats:
    """The ceilings, each between what was answered and the rate that broke."""
    return np.array([math.sqrt(point.low_rps * point.high_rps) for point in points])


def _posterior(points: Sequence[Point], chance: np.random.Generator, noises: Floats) -> tuple[Floats, float]:
    """Draw laws from the posterior; and its mean noise between runs."""
    sizes = np.array([point.size for point in points], float)
    sigma, kappa = _grid(sizes.max())
    rises = np.log(sizes / (1 + np.outer(sigma, sizes - 1) + np.outer(kappa, sizes * (sizes - 1))))
    singles = np.log(_middle(points)) - rises  # a row a curve: log lambda as each run would have it
    bracket = np.array([math.log(point.high_rps / point.low_rps) for point in points])
    weights = 1 / (
        bracket**2 / 12 + noises[:, None] ** 2
    )  # a row a noise; a bracket is even between its ends
    total = weights.sum(axis=1)
    mean = singles @ weights.T / total
    misfit = singles**2 @ weights.T - mean**2 * total
    likelihood = 0.5 * (np.log(weights).sum(axis=1) - np.log(total) - misfit)
    log_posterior = likelihood - 0.5 * (np.log(noises / NOISE) / NOISE_SPREAD) ** 2
    posterior = np.exp(log_posterior - log_posterior.max())
    posterior /= posterior.sum()
    drawn = chance.choice(posterior.size, DRAWS, p=posterior.ravel())
    curve, noise = np.unravel_index(drawn, posterior.shape)
    single = np.exp(mean[curve, noise] + chance.standard_normal(DRAWS) / np.sqrt(total[noise]))
    return np.array([single, sigma[curve], kappa[curve]]), float(posterior.sum(axis=0) @ noises)


def _grid(largest: float) -> tuple[Floats, Floats]:
    """Sigma and kappa of each curve of the grid: of every efficiency at the largest size, every sharing of the loss."""
    loss = np.repeat(1 / EFFICIENCIES - 1, len(COHERENCY_SHARES))
    share = np.tile(COHERENCY_SHARES, len(EFFICIENCIES)) * (loss > 0)
    return (1 - share) * loss / (largest - 1), share * loss / (largest * (largest - 1))


def _best(points: Sequence[Point]) -> Law:
    """Least squares of the relative errors."""
    from scipy.optimize import least_squares  # noqa: PLC0415 - half a second to import, which a verdict has no need of

    sizes = np.array([point.size for point in points], float)
    heights = _middle(points)

    def errors(given: Floats) -> Floats:
        single, sigma, kappa = given
        wrong: Floats = single * sizes / (1 + sigma * (sizes - 1) + kappa * sizes * (sizes - 1)) / heights - 1
        return wrong

    start = (heights[0] / sizes[0], 0.02, 0.0001)
    scale = (start[0], 0.1, 0.01)
    found = least_squares(errors, start, bounds=([0, 0, 0], [np.inf, 1, 1]), x_scale=scale)
    return Law(*(float(value) for value in found.x))
