"""The largest values of each row, without sorting the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WIDE = 2_000  # columns above which a sampled threshold beats a partition of the whole row
_STRIDE = 16


def top_k(scores: NDArray[np.float32], count: int) -> list[NDArray[np.int64]]:
    """Columns of the `count` largest values of each row, (count,) int64 each, in no order; all of a row that is shorter.

    Args:
        scores: (n_rows, n_columns) float32.
        count: How many.

    A wide row is first cut at a threshold guessed from every 16th column, which leaves little to partition.
    """
    width = scores.shape[1]
    if width <= count:
        return [np.arange(width)] * len(scores)
    if width <= _WIDE:
        return list(np.argpartition(scores, width - count, axis=1)[:, width - count :])
    return [_of_wide_row(row, count) for row in scores]


def top_k_of_row(values: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Places of the `count` largest values, (count,) int64, in no order; all where there are fewer."""
    return top_k(values[None], count)[0]


def _of_wide_row(row: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    sample = row[::_STRIDE].copy()
    wanted = min(2 * count // _STRIDE + 8, len(sample))
    sample.partition(len(sample) - wanted)
    above = (row >= sample[len(sample) - wanted]).nonzero()[0]
    if len(above) < count:
        above = np.arange(len(row))
    found: NDArray[np.int64] = above[row[above].argpartition(len(above) - count)[len(above) - count :]]
    return found
