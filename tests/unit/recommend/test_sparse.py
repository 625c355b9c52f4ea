"""Rows of sparse matrices."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from app.recommend.sparse import top_entries_per_row


def test_the_foremost_of_each_row_are_those_of_the_lowest_rank() -> None:
    matrix = sparse.csr_array(np.array([[3.0, 0, 1, 2], [0, 0, 0, 0], [0, 5, 0, 0]], np.float32))
    assert top_entries_per_row(matrix, -matrix.data, 2).toarray().tolist() == [
        [3, 0, 0, 2],
        [0, 0, 0, 0],
        [0, 5, 0, 0],
    ]
