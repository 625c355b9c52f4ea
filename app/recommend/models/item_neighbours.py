"""Item neighbours: the postings with the most similar factors, by cosine."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.recommend.parallel import parallel_map
from app.recommend.sparse import unit_vectors
from app.recommend.topk import top_k

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_EXACT = 20_000  # vectors up to which each is compared with all others
_BLOCK_FLOATS = 20_000_000  # working memory of one comparison: 80 MB
_ROUNDS = 3  # of the clustering
_PROBED = 0.2  # of the clusters: those whose vectors one is compared with

Block = tuple["NDArray[np.int64]", "NDArray[np.int64]"]  # rows that are compared, and with which


def find_item_neighbours(
    vectors: NDArray[np.float32],
    among: NDArray[np.int64],
    count: int,
    *,
    of: NDArray[np.integer] | None = None,
) -> sparse.csr_array:
    """The squared cosine of each vector and its `count` nearest others, of those above 0: (n_vectors, n_among) float32.

    With more than 20,000 vectors only those of the nearest fifth of about as many clusters as the root of their
    number are compared, which finds nearly all of the nearest for a fifth of the work (the inverted file of Jégou,
    Douze and Schmid, "Product quantization for nearest neighbor search", 2011, without the quantization).

    Args:
        vectors: (n_vectors, n_factors) float32.
        among: (n_among,), the vectors that may be neighbours.
        count: How many neighbours each gets.
        of: The rows to fill, None for all.
    """
    unit = unit_vectors(vectors)
    some = np.asarray(vectors.any(axis=1), np.bool_)
    rows, theirs = np.flatnonzero(some), among[some[among]]
    place = _places(among, len(unit))
    columns = np.zeros((len(unit), count), np.int32)
    squares = np.zeros((len(unit), count), np.float32)
    wanted = np.ones(len(unit), np.bool_) if of is None else _places(of, len(unit)) >= 0

    blocks = list(_compare_blocks(unit, rows, theirs, wanted))

    def compare(number: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        ours, others = blocks[number]
        near = unit[ours] @ unit[others].T
        itself = _places(others, len(unit))[ours]
        near[itself >= 0, itself[itself >= 0]] = 0
        kept = np.stack(top_k(near, count))
        return place[others[kept]], np.maximum(np.take_along_axis(near, kept, axis=1), 0) ** 2

    for (ours, _), (nearby, square) in zip(blocks, parallel_map(compare, len(blocks)), strict=True):
        columns[ours, : nearby.shape[1]] = nearby
        squares[ours, : square.shape[1]] = square
    above = squares > 0
    found = sparse.csr_array(
        (squares[above], columns[above], np.r_[0, np.cumsum(above.sum(axis=1))]),
        shape=(len(unit), len(among)),
    )
    found.sort_indices()
    return found


def _places(rows: NDArray[np.integer], count: int) -> NDArray[np.int64]:
    """Where each of so many stands in `rows`, -1 for nowhere."""
    places = np.full(count, -1)
    places[rows] = np.arange(len(rows))
    return places


def _compare_blocks(
    unit: NDArray[np.float32], rows: NDArray[np.int64], among: NDArray[np.int64], wanted: NDArray[np.bool_]
) -> Iterator[Block]:
    """Which of the rows that are wanted are compared with which of `among`, a block at a time."""
    if not len(rows) or not len(among):
        return
    groups = [(rows, among)] if len(rows) <= _EXACT else _clusters(unit, rows, among)
    for members, others in groups:
        ours = members[wanted[members]]
        step = max(1, _BLOCK_FLOATS // len(others))
        for start in range(0, len(ours), step):
            yield ours[start : start + step], others


def _clusters(
    unit: NDArray[np.float32], rows: NDArray[np.int64], among: NDArray[np.int64]
) -> Iterator[Block]:
    """The rows of each cluster, and those of the clusters nearest to it."""
    count = isqrt(len(rows))
    centres = unit[rows[:: len(rows) // count][:count]]
    for _ in range(_ROUNDS):
        own = _nearest_centre(unit, rows, centres)
        ones = sparse.csr_array(
            (np.ones(len(rows), np.float32), (own, np.arange(len(rows)))), shape=(len(centres), len(rows))
        )
        found = unit_vectors(ones @ unit[rows])
        centres = np.where(
            np.linalg.norm(found, axis=1, keepdims=True) > 0, found, centres
        )  # nobody's cluster stays where it is
    own = np.full(len(unit), -1)
    own[rows] = _nearest_centre(unit, rows, centres)
    probed = np.argsort(-(centres @ centres.T), axis=1, kind="stable")[:, : max(1, int(count * _PROBED))]
    for cluster, near in enumerate(probed):
        ours = rows[own[rows] == cluster]
        others = among[np.isin(own[among], near)]
        if len(ours) and len(others):
            yield ours, others


def _nearest_centre(
    unit: NDArray[np.float32], rows: NDArray[np.int64], centres: NDArray[np.float32]
) -> NDArray[np.int64]:
    step = _BLOCK_FLOATS // len(centres)
    return np.concatenate(
        [
            np.argmax(unit[rows[start : start + step]] @ centres.T, axis=1)
            for start in range(0, len(rows), step)
        ]
    )
