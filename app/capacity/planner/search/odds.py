"""The chance that a campaign ends by its deadline, from what nobody knows exactly.

Seeded draws. While the service answers every call, which the advised limits see to, only the audience decides when a
send ends. An audience given as low / likely / high is drawn from the triangle over the three. Rejected: PERT (a beta
distribution), which takes the likely number for better known than three guesses make it, and so promises more.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

from app.capacity.planner.judgement import Probability

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from app.capacity.campaign import Range

Z_95: Final = 1.959964


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
