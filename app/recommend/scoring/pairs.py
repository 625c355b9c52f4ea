"""Members of a block against the few postings worth scoring for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from app.recommend.features.postings import Field


@dataclass(frozen=True, slots=True)
class Pairs:
    """n flat (member, posting) pairs, grouped by member, a member's postings ascending.

    Attributes:
        row: (n,) int64, the member's place in the block, ascending.
        col: (n,) int64, the posting's place among those shown.
        posting: (n,) int64, its position in the catalogue.
        ends: (n_members,) int64, where each member's pairs end.
    """

    row: NDArray[np.int64]
    col: NDArray[np.int64]
    posting: NDArray[np.int64]
    ends: NDArray[np.int64]

    def lengths(self) -> NDArray[np.int64]:
        """How many pairs each member has, (n_members,) int64."""
        return np.diff(self.ends, prepend=0)

    def means(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The mean of values, (n,), over each member's pairs: (n_members,) float32; 0 where there are none.

        Values are added one after the other: how numpy's faster sums are rounded depends on where in the block they begin.
        """
        sums = np.bincount(self.row, weights=values, minlength=len(self.ends))
        return (sums / np.maximum(self.lengths(), 1)).astype(np.float32)

    def of(self, row: int) -> slice:
        """Where the pairs of a member lie."""
        return slice(int(self.ends[row - 1]) if row else 0, int(self.ends[row]))


def pairs_of(
    columns: Sequence[NDArray[np.int64]],
    shown: NDArray[np.int64],
    *,
    seen: sparse.csr_array | None = None,
) -> Pairs:
    """Pairs from each member's columns, in any order and perhaps twice, less the entries of `seen`."""
    lengths = np.fromiter(map(len, columns), np.int64, len(columns))
    rows = np.arange(len(columns))
    width = max(1, len(shown))
    place = np.sort(np.repeat(rows, lengths) * width + np.concatenate([*columns, rows[:0]]))
    place = place[np.diff(place, prepend=-1) > 0]
    if seen is not None:
        past = np.repeat(rows, np.diff(seen.indptr)) * width + seen.indices
        place = np.setdiff1d(place, past, assume_unique=True)
    row, col = np.divmod(place, width)
    return Pairs(row, col, shown[col], np.searchsorted(row, rows, side="right"))


def factor_values(
    sides: Sequence[NDArray[np.float32]],
    postings: NDArray[np.float32],
    moment: NDArray[np.float32],
    pairs: Pairs,
) -> list[NDArray[np.float32]]:
    """The product of both vectors of each pair, over the root of its mean square over all postings shown.

    Members are multiplied one at a time: how a product of whole blocks is rounded depends on where in it a row stands.

    Args:
        sides: Factors of the members, (n_members, n_factors) float32, of one kind or several; postings are read once for all.
        postings: (n_postings, n_factors) float32.
        moment: (n_factors, n_factors) float32, the mean outer product of the factors of postings shown.
        pairs: The n pairs.

    Returns:
        (n,) float32 for each kind.
    """
    values = [np.empty(len(pairs.row), np.float32) for _ in sides]
    for row in range(len(pairs.ends)):
        part = pairs.of(row)
        near = postings.take(pairs.posting[part], axis=0)
        for side, found in zip(sides, values, strict=True):
            member = side[row]
            size = np.sqrt(max(float((moment @ member) @ member), 1e-18))
            found[part] = (near @ member) / np.float32(size)
    return values


@dataclass(frozen=True, slots=True)
class FieldEntries:
    """A field's attributes of each pair's posting, flat: looked up once for all profiles compared in the field.

    Attributes:
        field: The field.
        pairs: The n pairs.
        rows: (n, n_members * n_attributes) float32, the posting's row of each pair, its columns moved to where the member's
            attributes lie in a flat dense matrix (n_members, n_attributes).
    """

    field: Field
    pairs: Pairs
    rows: sparse.csr_array

    def dots(self, profile: sparse.csr_array) -> NDArray[np.float32]:
        """The product of each pair's profile row and posting row, over how much it is for a posting at large: (n,) float32.

        Args:
            profile: (n_members, n_attributes) float32.

        How much it is at large is the root of the mean square over the postings shown, with attributes taken as uncorrelated;
        so a match in a rare place weighs more than one in a common place.
        """
        dots = self.rows @ profile.toarray().ravel()
        size = np.sqrt(profile.power(2) @ self.field.mean_square)
        return _over(dots, size[self.pairs.row])


def field_entries(field: Field, pairs: Pairs) -> FieldEntries:
    """Look up the attributes of each pair's posting."""
    rows = field.matrix[pairs.posting]
    width = rows.shape[1]
    members = len(pairs.ends)
    begins = (pairs.row * width).astype(np.int32 if members * width < 2**31 else np.int64)
    place = np.repeat(begins, np.diff(rows.indptr)) + rows.indices
    flat = sparse.csr_array((rows.data, place, rows.indptr), shape=(rows.shape[0], members * width))
    return FieldEntries(field, pairs, flat)


def sparse_values(matrix: sparse.csr_array, pairs: Pairs) -> NDArray[np.float32]:
    """Values of a matrix (n_members, n_shown) at the pairs, over the root of their row's mean square: (n,) float32."""
    values = np.empty(len(pairs.row), np.float32)
    dense = np.zeros(matrix.shape[1], np.float32)
    for row in range(matrix.shape[0]):
        own = slice(matrix.indptr[row], matrix.indptr[row + 1])
        dense[matrix.indices[own]] = matrix.data[own]
        values[pairs.of(row)] = dense[pairs.col[pairs.of(row)]]
        dense[matrix.indices[own]] = 0
    # As `matrix.power(2).sum(axis=1)`, which would sort the columns first.
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    squares = np.bincount(rows, weights=matrix.data * matrix.data, minlength=matrix.shape[0])
    size = np.sqrt(squares / max(1, matrix.shape[1]))
    return _over(values, size[pairs.row])


def _over(values: NDArray[np.floating], size: NDArray[np.floating]) -> NDArray[np.float32]:
    over: NDArray[np.float64] = np.where(size > 0, values / np.maximum(size, 1e-9), 0.0)
    return over.astype(np.float32)


def squash(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Sign and ln(1 + size), float32: the tenth match adds less than the first."""
    size = np.abs(values, dtype=np.float32)
    # Not log1p, which takes several times as long: what it adds is far below a difference between two scores.
    squashed_: NDArray[np.floating] = np.copysign(np.log(size + 1), values)
    return squashed_.astype(np.float32, copy=False)
