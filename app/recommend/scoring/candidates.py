"""Which postings are worth scoring for a member: those that stand out in any cheap way of finding them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from app.recommend.topk import top_k_of_row

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

BY_FACTORS, BY_CONTENT, BY_SIMILAR_MEMBERS = 100, 200, 50  # postings worth scoring, found in each way
# Postings shown up to which a taste is multiplied with the factors of each. Of more, those by taste are sought among
# the kin of what the member acted on: a product with all would be most of what a list costs.
MOST_MULTIPLIED = 8_000
_ROUNDED = np.float32(1e-4)  # of the largest product: a hundred times what rounding moves one by


def largest_products(
    finds: NDArray[np.float32], retrieval_factors: NDArray[np.float32], count: int
) -> list[NDArray[np.int64]]:
    """Columns of the `count` postings with the largest products with each vector, of equal ones the first.

    The product of a whole block is rounded by where in it a member stands, so what comes near the last place is
    multiplied again by itself.
    """
    found = []
    for vector, rough in zip(finds, finds @ retrieval_factors.T, strict=True):
        least = rough[top_k_of_row(rough, count)].min()
        near = np.flatnonzero(rough >= least - _ROUNDED * max(rough.max(), -rough.min()))
        exact = (retrieval_factors[near] * vector).sum(axis=1)
        found.append(near[np.argsort(-exact, kind="stable")[:count]])
    return found


def top_entries(matrix: sparse.csr_array, count: int) -> list[NDArray[np.int64]]:
    """Columns of the `count` largest entries of each row, in no order."""
    found = []
    for start, end in zip(matrix.indptr[:-1].tolist(), matrix.indptr[1:].tolist(), strict=True):
        columns = matrix.indices[start:end]
        if len(columns) > count:
            columns = columns[top_k_of_row(matrix.data[start:end], count)]
        found.append(columns.astype(np.int64))
    return found
