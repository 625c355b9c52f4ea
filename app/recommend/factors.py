"""Matrix factorisation of who did what with which posting, by weighted alternating least squares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

_BLOCK_FLOATS = 20_000_000  # working memory of one batch of solves: 80 MB


def chance(shape: tuple[int, int], seed: int) -> NDArray[np.float32]:
    """Factors to start from where nothing is known yet."""
    scale = 0.1 / np.sqrt(shape[1])
    return np.random.default_rng(seed).normal(0.0, scale, shape).astype(np.float32)


def factorize(
    confidence: sparse.csr_array, start: NDArray[np.float32], *, penalty: float, rounds: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Member and posting factors, float32, shapes (members, factors) and (postings, factors).

    Minimises sum (1 + c_ui)(p_ui - x_u.y_i)^2 + penalty (sum n_u |x_u|^2 + sum n_i |y_i|^2), where p is 1 for
    pairs in `confidence` and 0 (with c = 0) elsewhere, and n counts a row's pairs. Source: Hu, Koren and
    Volinsky, "Collaborative Filtering for Implicit Feedback Datasets" (2008), with the penalty by count of
    Zhou et al. (2008). Solved exactly: conjugate gradients, the usual shortcut, needs more rounds.

    Args:
        confidence: The c_ui above 0, one row a member.
        start: Posting factors to begin with.
        penalty: Per pair; 0 or more.
        rounds: Alternations.
    """
    transposed = confidence.T.tocsr()
    postings = start
    for _ in range(rounds):
        members = solve(confidence, postings, penalty)
        postings = solve(transposed, members, penalty)
    return solve_each(confidence, Side.of(postings), penalty), postings


@dataclass(frozen=True, slots=True)
class Side:
    """One side's vectors in the basis in which their Gram matrix is diagonal, so that no row needs it inverted.

    Attributes:
        spread: The diagonal.
        basis: Column by column.
        turned: The vectors in it; some may be there that the Gram matrix does not count.
    """

    spread: NDArray[np.float32]
    basis: NDArray[np.float32]
    turned: NDArray[np.float32]

    @classmethod
    def of(cls, vectors: NDArray[np.float32]) -> Side:
        """The side with these vectors."""
        spread, basis = np.linalg.eigh(vectors.T @ vectors)
        return cls(spread, basis, vectors @ basis)

    def changed(self, rows: NDArray[np.int64], vectors: NDArray[np.float32], *, count: int) -> Side:
        """The side with other vectors in some rows, of `count` in all, which the Gram matrix does not count."""
        turned = np.zeros((count, len(self.spread)), np.float32)
        turned[: len(self.turned)] = self.turned
        turned[rows] = vectors @ self.basis
        return Side(self.spread, self.basis, turned)


def solve(confidence: sparse.csr_array, others: NDArray[np.float32], penalty: float) -> NDArray[np.float32]:
    """The best vector of every row, the other side's vectors given; a row without pairs gets zeros."""
    side = Side.of(others)
    turned_back: NDArray[np.float32] = _solved(confidence, side, penalty) @ side.basis.T
    return turned_back


def solve_each(confidence: sparse.csr_array, side: Side, penalty: float) -> NDArray[np.float32]:
    """As `solve`, to the last bit the same for a row whatever other rows there are."""
    solved = _solved(confidence, side, penalty)
    turned_back: NDArray[np.float32] = (solved[:, None, :] @ side.basis.T)[:, 0]
    return turned_back


def _solved(confidence: sparse.csr_array, side: Side, penalty: float) -> NDArray[np.float32]:
    """Vectors in the side's basis; rows with equally many pairs are solved together, in one batched call."""
    factors, turned = len(side.spread), side.turned
    counts = np.diff(confidence.indptr)
    order = np.argsort(counts, kind="stable")
    order = order[counts[order] > 0]
    solved = np.zeros((confidence.shape[0], factors), np.float32)
    start = 0
    while start < len(order):
        count = int(counts[order[start]])
        room = max(1, _BLOCK_FLOATS // (count * factors + factors * factors * (count >= factors)))
        end = min(start + room, int(np.searchsorted(counts[order], count, side="right")))
        rows = order[start:end]
        at = confidence.indptr[rows][:, None] + np.arange(count)
        near, weight = turned[confidence.indices[at]], confidence.data[at]
        ridge = np.maximum(side.spread, 0) + np.float32(penalty * count)
        solved[rows] = _few(ridge, near, weight) if count < factors else _many(ridge, near, weight)
        start = end
    return solved


def _few(
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


def _many(
    ridge: NDArray[np.float32], near: NDArray[np.float32], weight: NDArray[np.float32]
) -> NDArray[np.float32]:
    system = (near.transpose(0, 2, 1) * weight[:, None, :]) @ near
    system[:, np.arange(len(ridge)), np.arange(len(ridge))] += ridge
    right = ((1 + weight)[:, None, :] @ near)[:, 0]
    solved: NDArray[np.float32] = np.linalg.solve(system, right[..., None])[..., 0]
    return solved
