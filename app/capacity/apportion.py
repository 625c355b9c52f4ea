"""Cut whole numbers into whole parts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


def apportion(total: int, weights: Sequence[float] | Counts) -> Counts:
    """Cut `total` into parts proportional to `weights` (at least one above 0); the parts add up exactly.

    Largest remainders get the units left over, ties the earlier part.
    """
    wanted = np.asarray(weights, dtype=np.float64)
    exact = total * (wanted / wanted.sum())
    parts: Counts = np.floor(exact).astype(np.int64)
    short = total - int(parts.sum())
    parts[np.argsort(parts - exact, kind="stable")[:short]] += 1
    return parts
