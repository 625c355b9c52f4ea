"""Members of a chunk against the few postings worth scoring for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from scipy import sparse

    from app.recommend.fields import Field


@dataclass(frozen=True, slots=True)
class Pairs:
    """Flat (member, posting) pairs, grouped by member.

    Attributes:
        row: The member's place in the chunk, ascending.
        col: The posting's place among those shown.
        posting: Its position in the catalogue.
        ends: Where each member's pairs end; length of the chunk.
    """

    row: NDArray[np.int64]
    col: NDArray[np.int64]
    posting: NDArray[np.int64]
    ends: NDArray[np.int64]

    def of(self, row: int) -> slice:
        """Where the pairs of a member lie."""
        return slice(int(self.ends[row - 1]) if row else 0, int(self.ends[row]))


def pairs_of(columns: Sequence[NDArray[np.int64]], shown: NDArray[np.int64]) -> Pairs:
    """Pairs from each member's columns."""
    lengths = np.fromiter(map(len, columns), np.int64, len(columns))
    col = np.concatenate(columns) if len(columns) else np.zeros(0, np.int64)
    return Pairs(np.repeat(np.arange(len(columns)), lengths), col, shown[col], np.cumsum(lengths))


def factor_dots(
    members: NDArray[np.float32], postings: NDArray[np.float32], pairs: Pairs
) -> NDArray[np.float32]:
    """The product of both vectors of each pair, in blocks that keep memory small."""
    dots = np.empty(len(pairs.row), np.float32)
    step = 1 << 16
    for start in range(0, len(dots), step):
        part = slice(start, start + step)
        dots[part] = np.einsum("nf,nf->n", members[pairs.row[part]], postings[pairs.posting[part]])
    return dots


def field_dots(profile: sparse.csr_array, field: Field, pairs: Pairs) -> NDArray[np.float32]:
    """The product of each pair's profile row and posting row, over how much it is for a posting at large.

    That size is the root of the mean square over the postings shown, with attributes taken as uncorrelated; so
    a match in a rare place weighs more than one in a common place.
    """
    dense = profile.toarray()
    matrix = field.matrix
    starts, ends = matrix.indptr[pairs.posting], matrix.indptr[pairs.posting + 1]
    lengths = (ends - starts).astype(np.int64)
    first = np.repeat(starts - np.r_[0, np.cumsum(lengths)[:-1]], lengths)
    at = first + np.arange(int(lengths.sum()))
    pair = np.repeat(np.arange(len(lengths)), lengths)
    products = matrix.data[at] * dense[pairs.row[pair], matrix.indices[at]]
    dots = np.bincount(pair, weights=products, minlength=len(lengths)).astype(np.float64)
    size = np.sqrt(dense**2 @ field.mean_square)
    return _over(dots, size[pairs.row])


def sparse_values(matrix: sparse.csr_array, pairs: Pairs) -> NDArray[np.float32]:
    """Values of a members x shown matrix at the pairs, over the root of their row's mean square."""
    values = np.empty(len(pairs.row), np.float32)
    for row in range(matrix.shape[0]):
        dense = np.zeros(matrix.shape[1], np.float32)
        own = slice(matrix.indptr[row], matrix.indptr[row + 1])
        dense[matrix.indices[own]] = matrix.data[own]
        values[pairs.of(row)] = dense[pairs.col[pairs.of(row)]]
    size = np.sqrt(np.asarray(matrix.power(2).sum(axis=1)).ravel() / max(1, matrix.shape[1]))
    return _over(values, size[pairs.row])


def _over(values: NDArray[np.floating], size: NDArray[np.floating]) -> NDArray[np.float32]:
    over: NDArray[np.float64] = np.where(size > 0, values / np.maximum(size, 1e-9), 0.0)
    return over.astype(np.float32)


def squashed(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Sign and ln(1 + size): the tenth match adds less than the first."""
    squashed_: NDArray[np.float64] = np.sign(values) * np.log1p(np.abs(values))
    return squashed_.astype(np.float32)
