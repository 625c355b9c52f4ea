"""Known methods to be measured against: popularity, item-item and user-user cosine, EASE."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_EASE_PENALTY = 60.0  # the best of 5, 20 and 60 on held-out applications


def popularity(done: sparse.csr_array, members: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each posting's count, for everybody."""
    return np.tile(np.asarray(done.sum(axis=0), np.float64).ravel(), (len(members), 1))


def item_cosine(done: sparse.csr_array, members: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sum over the history of the cosine between postings' members (Sarwar et al. 2001)."""
    counts = np.maximum(np.asarray(done.sum(axis=0)).ravel(), 1.0)
    scaled = done @ sparse.diags_array(counts**-0.5)
    alike = sparse.csr_array(scaled.T @ scaled)
    alike.setdiag(0)
    return np.asarray((done[members] @ alike).toarray(), np.float64)


def user_cosine(done: sparse.csr_array, members: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sum over all other members of the cosine between histories, for what they did."""
    counts = np.maximum(np.asarray(done.sum(axis=1)).ravel(), 1.0)
    scaled = sparse.csr_array(sparse.diags_array(counts**-0.5) @ done)
    alike = (scaled[members] @ scaled.T).tolil()
    alike[np.arange(len(members)), members] = 0
    return np.asarray((alike.tocsr() @ done).toarray(), np.float64)


def ease(done: sparse.csr_array, members: NDArray[np.int64]) -> NDArray[np.float64]:
    """Linear item-item weights with a zero diagonal, in closed form (Steck 2019)."""
    gram = (done.T @ done).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += _EASE_PENALTY
    inverse = np.linalg.inv(gram)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return np.asarray(done[members] @ weights, np.float64)


METHODS: dict[str, Callable[[sparse.csr_array, NDArray[np.int64]], NDArray[np.float64]]] = {
    "popularity": popularity,
    "item-item cosine": item_cosine,
    "user-user cosine": user_cosine,
    "EASE": ease,
}


def lists(
    scores: NDArray[np.float64], done: sparse.csr_array, members: NDArray[np.int64], *, keep: int
) -> NDArray[np.int64]:
    """The first postings of each member, none of what they did; of equal scores the lower position first."""
    open_ = scores.copy()
    seen = done[members].tocoo()
    open_[seen.coords] = -np.inf
    return np.argsort(-open_, axis=1, kind="stable")[:, :keep]
