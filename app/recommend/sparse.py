"""Vectorising: a column for each attribute, one-hot rows, inverse document frequency, and rows scaled or cut."""

from __future__ import annotations

from collections import Counter
from itertools import chain, repeat
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray


def index_of(rows: Iterable[Iterable[str]], *, at_least: int = 1, most: int | None = None) -> dict[str, int]:
    """The vocabulary of some rows: a column for each attribute, in text order.

    Args:
        rows: The attributes of each row.
        at_least: How many rows an attribute must have to get a column.
        most: How many columns there may be; the most frequent attributes get them.
    """
    counts = Counter(chain.from_iterable(rows))
    frequent = [attribute for attribute, count in counts.items() if count >= at_least]
    if most is not None and len(frequent) > most:
        frequent = sorted(frequent, key=lambda attribute: (-counts[attribute], attribute))[:most]
    return {attribute: column for column, attribute in enumerate(sorted(frequent))}


def one_hot(rows: Sequence[Collection[str]], columns: Mapping[str, int]) -> sparse.csr_array:
    """A matrix (n_rows, n_columns) float32, 1 where a row has the attribute; unknown attributes are left out."""
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    unknown = len(columns)
    flat = np.fromiter(
        map(columns.get, chain.from_iterable(rows), repeat(unknown)), np.int64, int(lengths.sum())
    )
    row = np.repeat(np.arange(len(rows)), lengths)
    place = np.sort((row * (unknown + 1) + flat)[flat < unknown])
    row, column = np.divmod(place, unknown + 1)
    indptr = np.r_[0, np.cumsum(np.bincount(row, minlength=len(rows)))].astype(np.int32)
    return sparse.csr_array(
        (np.ones(len(column), np.float32), column.astype(np.int32), indptr), shape=(len(rows), len(columns))
    )


def idf(ones: sparse.csr_array) -> NDArray[np.float32]:
    """Inverse document frequency of each column, ln(1 + rows / rows with it): (n_columns,) float32."""
    having = np.asarray(ones.sum(axis=0)).ravel()
    return np.log1p(ones.shape[0] / np.maximum(having, 1)).astype(np.float32)


def top_entries_per_row(matrix: sparse.csr_array, rank: NDArray[np.generic], most: int) -> sparse.csr_array:
    """The matrix with at most `most` entries in each row, those of the lowest rank.

    Args:
        matrix: Any sparse matrix in rows.
        rank: (n_entries,), one value for each stored entry of the matrix.
        most: How many entries a row may keep.
    """
    counts = np.diff(matrix.indptr)
    if counts.max(initial=0) <= most:
        return matrix
    row = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((rank, row))
    within = np.arange(len(order)) - np.repeat(matrix.indptr[:-1], counts)
    kept = np.sort(order[within < most])
    ends = np.r_[0, np.cumsum(np.minimum(counts, most))]
    return sparse.csr_array((matrix.data[kept], matrix.indices[kept], ends), shape=matrix.shape)


def entries_of_rows(
    indptr: NDArray[np.integer], rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The stored entries of some rows of a sparse matrix, flat.

    Args:
        indptr: Of the matrix, in rows.
        rows: (n_rows,), which rows.

    Returns:
        For each entry the index into `rows` of the row that it is of, and its place in the matrix's data.
    """
    starts = indptr[rows].astype(np.int64)
    lengths = indptr[rows + 1] - starts
    at = np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
    at += np.arange(len(at))
    return np.repeat(np.arange(len(rows)), lengths), at


def unit_rows(matrix: sparse.csr_array) -> sparse.csr_array:
    """Each row scaled to length 1, float32; an empty row stays empty."""
    matrix = sparse.csr_array(matrix).astype(np.float32)
    length = np.sqrt(np.asarray(matrix.power(2).sum(axis=1)).ravel())
    return scale_rows(matrix, 1 / np.maximum(length, 1e-12))


def unit_vectors(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row of a dense matrix scaled to length 1; a row of zeros stays as it is."""
    unit: NDArray[np.float32] = vectors / np.maximum(
        np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-9)
    )
    return unit


def scale_rows(matrix: sparse.csr_array, factors: NDArray[np.floating]) -> sparse.csr_array:
    """Each row times its factor, (n_rows,)."""
    data = matrix.data * np.repeat(factors, np.diff(matrix.indptr)).astype(np.float32)
    return sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def scale_columns(matrix: sparse.csr_array, factors: NDArray[np.floating]) -> sparse.csr_array:
    """Each column times its factor, (n_columns,)."""
    data = matrix.data * factors[matrix.indices].astype(np.float32)
    return sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def place_rows(rows: sparse.csr_array, positions: NDArray[np.integer], *, count: int) -> sparse.csr_array:
    """A matrix of `count` rows that holds these rows at their ascending positions; all others are empty."""
    lengths = np.zeros(count, np.int64)
    lengths[positions] = np.diff(rows.indptr)
    indptr = np.r_[0, np.cumsum(lengths)].astype(rows.indptr.dtype)
    return sparse.csr_array((rows.data, rows.indices, indptr), shape=(count, rows.shape[1]))
