"""Products of vectors of which no row's result depends on the other rows, to the last bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK = 128  # rows multiplied at once, always as many: how a product is summed follows from the shapes alone


def products(rows: NDArray[np.float32], columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows x columns, from rows (n x k) and columns (k x m)."""
    found = np.empty((len(rows), columns.shape[1]), np.float32)
    for start in range(0, len(rows), _BLOCK):
        part = rows[start : start + _BLOCK]
        if len(part) < _BLOCK:
            part = np.vstack([part, np.zeros((_BLOCK - len(part), part.shape[1]), np.float32)])
        found[start : start + _BLOCK] = (part @ columns)[: len(found) - start]
    return found
