"""What plainly does not suit a member, and lists in which it comes after what does.

A posting misfits plainly where the career it asks for is missed by more than two years on either side, where it asks for
more education than the member has, or where it lies out of reach while suitable ones within reach are left out. Within
reach are the large regions that the profile names or that the member acted in, those near to them, and what can be done
anywhere; a posting is suitable if it is in the member's field and fits otherwise. An unknown value is no misfit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.board.vocabulary import ANYWHERE, neighbours

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Numbers = NDArray[np.float32] | float  # one a posting, or one for all; nan where unknown

YEARS_MISSED = 2.0
_BELOW = np.float32(1_000)  # more than any two scores are apart


def is_misfit(
    years: Numbers,
    reached: Numbers,
    *,
    low: NDArray[np.float32],
    high: NDArray[np.float32],
    education: NDArray[np.float32],
) -> NDArray[np.bool_]:
    """Whether the career asked for is missed by more than two years, or the education asked for was not reached: (n,) bool.

    Args:
        years: Of career that the member has.
        reached: The member's education.
        low: (n,) float32, years asked for at least.
        high: (n,) float32, years asked for at most.
        education: (n,) float32, asked for.
    """
    too_few = np.where(np.isnan(low), np.float32(0), low) - years > YEARS_MISSED
    too_many = years - high > YEARS_MISSED
    missed: NDArray[np.bool_] = too_few | too_many | (education > reached)
    return missed


def near_areas(numbers: Mapping[str, int]) -> sparse.csr_array:
    """1 where a member who lives in the row's large region may work in the column's: (n_areas, n_areas) float32.

    Args:
        numbers: The row and column of each large region.
    """
    pairs = [
        (row, numbers[area])
        for region, row in numbers.items()
        for area in neighbours(region) | ANYWHERE
        if area in numbers
    ]
    row, column = np.array(pairs, np.int64).reshape(-1, 2).T
    shape = len(numbers), len(numbers)
    return sparse.csr_array((np.ones(len(row), np.float32), (row, column)), shape=shape)


def hold_back(
    scores: NDArray[np.float32],
    row: NDArray[np.int64],
    *,
    is_misfit: NDArray[np.bool_],
    far: NDArray[np.bool_],
    in_field: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """Lower the scores of n pairs so that misfits come last, and pairs out of reach after all suitable ones.

    Args:
        scores: (n,) float32.
        row: (n,) int64, the member of each pair, ascending.
        is_misfit: (n,) bool, pairs that miss career or education.
        far: (n,) bool, pairs out of reach.
        in_field: (n,) bool, pairs in the member's field.

    Returns:
        (n,) float32.
    """
    held = np.where(is_misfit, scores - _BELOW, scores)
    suitable, moved = in_field & ~is_misfit & ~far, far & ~is_misfit
    if not moved.any():
        return held
    members = int(row[-1]) + 1
    last_suitable, best_far = np.full(members, np.inf, np.float32), np.full(members, -np.inf, np.float32)
    np.minimum.at(last_suitable, row[suitable], scores[suitable])
    np.maximum.at(best_far, row[moved], scores[moved])
    down = np.maximum(best_far - last_suitable + np.float32(1e-3), 0)
    held[moved] -= down[row[moved]]
    return held
