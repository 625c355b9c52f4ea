"""Matrix factorisation of what members did with postings, by weighted alternating least squares (ALS)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray
    from scipy import sparse

_BLOCK_FLOATS = 20_000_000  # working memory of one batch of solves: 80 MB
_LEAST = np.float32(1e-20)  # instead of 0, to divide by
_COMPONENTS = 2  # components of merged models, times the factors of one
# Of what a round changed, by which the next begins beyond it: six rounds come as far as eight without, seven as ten.
_AHEAD = np.float32(0.5)
_NEAR_FLOATS = 200_000  # of one batch of steps, which reads it several times: what a core's cache holds


def random_factors(shape: tuple[int, int], seed: int) -> NDArray[np.float32]:
    """Factors to start from where nothing is known yet: (n_rows, n_factors) float32, of this shape."""
    scale = 0.1 / np.sqrt(shape[1])
    return np.random.default_rng(seed).normal(0.0, scale, shape).astype(np.float32)


def fit_als(
    confidence: sparse.csr_array,
    start: NDArray[np.float32],
    *,
    regularization: float,
    rounds: int,
    steps: int,
) -> NDArray[np.float32]:
    """Posting factors, (n_postings, n_factors) float32; those of the members follow from them by `solve_each`.

    Minimises sum (1 + c_ui)(p_ui - x_u.y_i)^2 + regularization (sum n_u |x_u|^2 + sum n_i |y_i|^2), where p is 1 for
    pairs in `confidence` and 0 (with c = 0) elsewhere, and n counts a row's pairs. Source: Hu, Koren and
    Volinsky, "Collaborative Filtering for Implicit Feedback Datasets" (2008), with the penalty by count of
    Zhou et al. (2008).

    Args:
        confidence: The c_ui above 0, (n_members, n_postings) float32.
        start: Posting factors to begin with, (n_postings, n_factors) float32.
        regularization: For each pair; 0 or more.
        rounds: Alternations.
        steps: Steps of conjugate gradients in each, from the round before on.
    """
    transposed = confidence.T.tocsr()
    members, postings = np.zeros((confidence.shape[0], start.shape[1]), np.float32), start
    ahead = start
    for turn in range(rounds):
        members = conjugate_gradient(confidence, members, ahead, regularization, steps=steps)
        before, postings = (
            postings,
            conjugate_gradient(transposed, ahead, members, regularization, steps=steps),
        )
        ahead = postings + _AHEAD * (postings - before) if turn else postings
    return postings


def merge_models(models: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """One model in which products of vectors are nearly the mean of those in several models.

    Its factors, (n_rows, 2 * n_factors) float32, are the first principal components of all factors side by side: what the
    models agree on is in them. A single model stays as it is.
    """
    if len(models) == 1:
        return models[0]
    together = np.hstack(models) / np.sqrt(np.float32(len(models)))
    _, basis = np.linalg.eigh(together.T @ together)
    components: NDArray[np.float32] = together @ basis[:, ::-1][:, : _COMPONENTS * models[0].shape[1]]
    return components


@dataclass(frozen=True, slots=True)
class GramBasis:
    """Vectors of one side in the basis in which their Gram matrix is diagonal, so that no row needs it inverted.

    Attributes:
        eigenvalues: (n_factors,) float32, the diagonal.
        eigenvectors: (n_factors, n_factors) float32, a column each.
        rotated: (n_rows, n_factors) float32, the vectors in it; some may be there that the Gram matrix does not count.
    """

    eigenvalues: NDArray[np.float32]
    eigenvectors: NDArray[np.float32]
    rotated: NDArray[np.float32]

    @classmethod
    def of(cls, vectors: NDArray[np.float32]) -> GramBasis:
        """The basis of these vectors, (n_rows, n_factors)."""
        eigenvalues, eigenvectors = np.linalg.eigh(vectors.T @ vectors)
        return cls(eigenvalues, eigenvectors, vectors @ eigenvectors)

    def ridge(self, regularization: float, count: int) -> NDArray[np.float32]:
        """The diagonal with the regularization of a row of so many pairs, (n_factors,) float32."""
        ridge: NDArray[np.float32] = np.maximum(self.eigenvalues, 0) + np.float32(regularization * count)
        return ridge

    def with_rows(self, rows: NDArray[np.int64], vectors: NDArray[np.float32], *, count: int) -> GramBasis:
        """The side with other vectors in some rows, of `count` in all, which the Gram matrix does not count."""
        rotated = np.zeros((count, len(self.eigenvalues)), np.float32)
        rotated[: len(self.rotated)] = self.rotated
        rotated[rows] = vectors @ self.eigenvectors
        return GramBasis(self.eigenvalues, self.eigenvectors, rotated)


def solve_each(confidence: sparse.csr_array, basis: GramBasis, regularization: float) -> NDArray[np.float32]:
    """The best vector of every row, given the other side: (n_rows, n_factors) float32; zeros for a row without pairs.

    A row's vector is the same to the last bit, whatever other rows there are.

    Args:
        confidence: (n_rows, n_others) float32.
        basis: The vectors of the other side.
        regularization: For each pair.
    """
    solved = _solve(confidence, basis, regularization)
    rotated_back: NDArray[np.float32] = (solved[:, None, :] @ basis.eigenvectors.T)[:, 0]
    return rotated_back


def conjugate_gradient(
    confidence: sparse.csr_array,
    vectors: NDArray[np.float32],
    others: NDArray[np.float32],
    regularization: float,
    *,
    steps: int,
) -> NDArray[np.float32]:
    """Vectors nearer to what `solve_each` would give, (n_rows, n_factors) float32, by steps of conjugate gradients.

    In the basis in which the Gram matrix is diagonal it is the preconditioner too: what is left to find is what a
    row's own pairs ask for, and two steps in each of several rounds are as good as solving. (Takács, Pilászy and
    Tikk, "Applications of the Conjugate Gradient Method for Implicit Feedback Collaborative Filtering", 2011,
    without the basis.)
    """
    basis = GramBasis.of(others)
    rotated = vectors @ basis.eigenvectors
    found = np.zeros_like(rotated)
    factors = len(basis.eigenvalues)
    for rows, at in _by_count(confidence, lambda count: _NEAR_FLOATS // (count * factors)):
        near, weight = basis.rotated.take(confidence.indices[at], axis=0), confidence.data[at]
        ridge = basis.ridge(regularization, at.shape[1])
        found[rows] = _descend(rotated[rows], ridge, near, weight, steps)
    rotated_back: NDArray[np.float32] = found @ basis.eigenvectors.T
    return rotated_back


def _descend(
    vectors: NDArray[np.floating],
    ridge: NDArray[np.floating],
    near: NDArray[np.float32],
    weight: NDArray[np.float32],
    steps: int,
) -> NDArray[np.floating]:
    """Rows with equally many pairs, the diagonal and these pairs' factors and weights given."""
    left = _weighted_sums(1 + weight - weight * _products(near, vectors), near) - ridge * vectors
    direction = left / ridge
    gain = (left * direction).sum(axis=1)
    for step in range(1, steps + 1):
        curved = _weighted_sums(weight * _products(near, direction), near) + ridge * direction
        length = gain / np.maximum((direction * curved).sum(axis=1), _LEAST)
        vectors = vectors + length[:, None] * direction
        if step < steps:
            left = left - length[:, None] * curved
            pulled = left / ridge
            before, gain = gain, (left * pulled).sum(axis=1)
            direction = pulled + (gain / np.maximum(before, _LEAST))[:, None] * direction
    return vectors


def _products(near: NDArray[np.float32], vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    """Rows x pairs: the products of each row's vector with the factors of its pairs."""
    products: NDArray[np.floating] = (near @ vectors[:, :, None])[:, :, 0]
    return products


def _weighted_sums(weights: NDArray[np.floating], near: NDArray[np.float32]) -> NDArray[np.floating]:
    """Rows x factors: the weighted sums of the factors of each row's pairs."""
    summed: NDArray[np.floating] = (weights[:, None, :] @ near)[:, 0]
    return summed


def _by_count(
    confidence: sparse.csr_array, most: Callable[[int], int]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows with equally many pairs, and rows x pairs where those lie, at `most` so many rows at once but one at least."""
    counts = np.diff(confidence.indptr)
    order = np.argsort(counts, kind="stable")
    ascending = counts[order]
    start = int(np.searchsorted(ascending, 0, side="right"))
    while start < len(order):
        count = int(ascending[start])
        end = min(start + max(1, most(count)), int(np.searchsorted(ascending, count, side="right")))
        rows = order[start:end]
        yield rows, confidence.indptr[rows][:, None] + np.arange(count)
        start = end


def _solve(confidence: sparse.csr_array, basis: GramBasis, regularization: float) -> NDArray[np.float32]:
    """Vectors in the side's basis; rows with equally many pairs are solved together, in one batched call."""
    factors = len(basis.eigenvalues)
    solved = np.zeros((confidence.shape[0], factors), np.float32)

    def most(count: int) -> int:
        return _BLOCK_FLOATS // (count * factors + factors * factors * (count >= factors))

    for rows, at in _by_count(confidence, most):
        count = at.shape[1]
        near, weight = basis.rotated.take(confidence.indices[at], axis=0), confidence.data[at]
        ridge = basis.ridge(regularization, count)
        solved[rows] = (
            _solve_woodbury(ridge, near, weight)
            if count < factors
            else _solve_normal_equations(ridge, near, weight)
        )
    return solved


def _solve_woodbury(
    ridge: NDArray[np.float32], near: NDArray[np.float32], weight: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Rows with fewer pairs than factors: invert the small side (Woodbury's identity)."""
    count = near.shape[1]
    pulled = near / ridge
    inner = pulled @ near.transpose(0, 2, 1)
    target = 1 + weight
    right = (inner @ target[..., None])[..., 0]
    inner[:, np.arange(count), np.arange(count)] += 1 / weight
    correction = np.linalg.solve(inner, right[..., None])[..., 0]
    solved: NDArray[np.float32] = ((target - correction)[:, None, :] @ pulled)[:, 0]
    return solved


def _solve_normal_equations(
    ridge: NDArray[np.float32], near: NDArray[np.float32], weight: NDArray[np.float32]
) -> NDArray[np.float32]:
    system = (near.transpose(0, 2, 1) * weight[:, None, :]) @ near
    system[:, np.arange(len(ridge)), np.arange(len(ridge))] += ridge
    right = ((1 + weight)[:, None, :] @ near)[:, 0]
    solved: NDArray[np.float32] = np.linalg.solve(system, right[..., None])[..., 0]
    return solved
