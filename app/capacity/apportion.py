"""Cut whole numbers into whole parts."""

from collections.abc import Sequence
from functools import reduce
from math import floor
from operator import add
from typing import Final

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
TIE_DIGITS: Final = 6  # remainders that differ by less are equal: what floats make of it
FEW: Final = 7  # weights, of which numpy's sum adds one to the next, too
ALMOST: Final = 1e-6  # a float sum that should be whole may fall this short of it


def apportion(total: int, weights: Sequence[float] | Counts) -> Counts:
    """Cut `total` into parts proportional to `weights` (at least one above 0); the parts add up exactly.

    Largest remainders get the units left over, ties the earlier part.
    """
    if len(weights) <= FEW and not isinstance(weights, np.ndarray):
        return np.array(_few_parts(total, weights), dtype=np.int64)
    wanted = np.asarray(weights, dtype=np.float64)
    exact = total * (wanted / wanted.sum())
    parts: Counts = np.floor(exact).astype(np.int64)
    short = total - int(parts.sum())
    parts[np.argsort(np.round(parts - exact, TIE_DIGITS), kind="stable")[:short]] += 1
    return parts


def _few_parts(total: int, weights: Sequence[float]) -> list[int]:
    """Cut as `apportion` does: of a few weights numbers are faster than arrays."""
    whole = reduce(add, map(float, weights))  # not `sum`, which rounds in its own way
    exact = [total * (weight / whole) for weight in weights]
    parts = list(map(floor, exact))
    short = total - sum(parts)
    behind = sorted(
        range(len(parts)), key=lambda place: round((parts[place] - exact[place]) * 10**TIE_DIGITS)
    )
    for place in behind[:short]:
        parts[place] += 1
    return parts


def apportion_in_order(total: int, weights: Sequence[float] | Counts) -> Counts:
    """Cut `total` into parts in the order of `weights` (at least one above 0); the parts add up exactly.

    Unit k falls into the part in which the running sum of the weights reaches its k-th share, so few units are spread
    over all parts, and the last one falls into the last part that has a weight.
    """
    running = np.cumsum(np.asarray(weights, dtype=np.float64))
    reached: Counts = np.floor(total * (running / running[-1]) + ALMOST).astype(np.int64)
    return np.diff(reached, prepend=0)
