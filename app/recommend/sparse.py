"""The catalogue as sparse fields: which places, categories, companies and words each posting has."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.recommend.features.tokens import tokenise, tokenise_all

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from app.board.model import Posting


_EVERY_ATTRIBUTE = 20_000  # rows; of more, an attribute that one row alone has is left out


@dataclass(frozen=True, slots=True)
class Field:
    """One kind of attribute of all rows.

    Attributes:
        numbers: Column of each attribute.
        idf: What a row's attribute counts before the row is brought to length 1.
        matrix: Rows x attributes, each row of length 1.
        mean_square: Of each column over the rows that may be shown: how common the attribute is.
    """

    numbers: Mapping[str, int]
    idf: NDArray[np.float32]
    matrix: sparse.csr_array
    mean_square: NDArray[np.float32]

    def extend(self, attributes: Sequence[set[str]]) -> Field:
        """The field with more rows, which change nothing for those there are; attributes unknown to it are left out."""
        rows = unit_rows(one_hot(attributes, self.numbers) @ sparse.diags_array(self.idf))
        matrix = sparse.csr_array(sparse.vstack([self.matrix, rows], format="csr"))
        return Field(self.numbers, self.idf, matrix, self.mean_square)


def large_region(region: str) -> str:
    """The large region of a region's path."""
    return region.split("/", 1)[0]


def posting_fields(postings: Sequence[Posting], shown: NDArray[np.int64]) -> dict[str, Field]:
    """The fields that a member's history is compared in; `shown` are the rows that may be shown."""
    return {
        name: _field(each, shown, rare_first=name in ("words", "category"))
        for name, each in attributes_of(postings).items()
    }


def attributes_of(postings: Sequence[Posting]) -> dict[str, list[set[str]]]:
    """Each posting's attributes, field by field."""
    return {
        "place": [set(posting.regions) for posting in postings],
        "area": [{large_region(region) for region in posting.regions} for posting in postings],
        "category": [set(posting.categories) for posting in postings],
        "company": [{posting.company_id} for posting in postings],
        "words": [tokenise(posting.title) | tokenise_all(posting.skills) for posting in postings],
    }


def _field(rows: Sequence[set[str]], shown: NDArray[np.int64], *, rare_first: bool) -> Field:
    numbers = index_of(rows, at_least=1 if len(rows) <= _EVERY_ATTRIBUTE else 2)
    ones = one_hot(rows, numbers)
    counts = idf(ones) if rare_first else np.ones(len(numbers), np.float32)
    matrix = unit_rows(ones @ sparse.diags_array(counts))
    of_shown = matrix[shown]
    mean_square = of_shown.power(2).sum(axis=0) / max(1, len(shown))
    return Field(numbers, counts, matrix, np.asarray(mean_square, np.float32).ravel())


def index_of(rows: Iterable[Iterable[str]], *, at_least: int = 1, most: int | None = None) -> dict[str, int]:
    """A column for each attribute that `at_least` so many rows have, of the `most` frequent, in text order."""
    counts = Counter(chain.from_iterable(rows))
    frequent = [attribute for attribute, count in counts.items() if count >= at_least]
    if most is not None and len(frequent) > most:
        frequent = sorted(frequent, key=lambda attribute: (-counts[attribute], attribute))[:most]
    return {attribute: column for column, attribute in enumerate(sorted(frequent))}


def one_hot(rows: Sequence[Collection[str]], numbers: Mapping[str, int]) -> sparse.csr_array:
    """Rows x attributes, 1 where a row has the attribute; unknown attributes are left out."""
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    unknown = len(numbers)
    flat = np.fromiter(
        map(numbers.get, chain.from_iterable(rows), repeat(unknown)), np.int64, int(lengths.sum())
    )
    row = np.repeat(np.arange(len(rows)), lengths)
    place = np.sort((row * (unknown + 1) + flat)[flat < unknown])
    row, column = np.divmod(place, unknown + 1)
    indptr = np.r_[0, np.cumsum(np.bincount(row, minlength=len(rows)))].astype(np.int32)
    return sparse.csr_array(
        (np.ones(len(column), np.float32), column.astype(np.int32), indptr), shape=(len(rows), len(numbers))
    )


def idf(ones: sparse.csr_array) -> NDArray[np.float32]:
    """Inverse document frequency of each column, ln(1 + rows / rows with it)."""
    having = np.asarray(ones.sum(axis=0)).ravel()
    return np.log1p(ones.shape[0] / np.maximum(having, 1)).astype(np.float32)


def top_entries_per_row(matrix: sparse.csr_array, rank: NDArray[np.generic], most: int) -> sparse.csr_array:
    """The matrix with `most` entries a row at most, those of the lowest rank; `rank` has one an entry."""
    counts = np.diff(matrix.indptr)
    if counts.max(initial=0) <= most:
        return matrix
    row = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((rank, row))
    within = np.arange(len(order)) - np.repeat(matrix.indptr[:-1], counts)
    kept = np.sort(order[within < most])
    ends = np.r_[0, np.cumsum(np.minimum(counts, most))]
    return sparse.csr_array((matrix.data[kept], matrix.indices[kept], ends), shape=matrix.shape)


def unit_rows(matrix: sparse.csr_array) -> sparse.csr_array:
    """Each row scaled to length 1; an empty row stays empty."""
    matrix = sparse.csr_array(matrix).astype(np.float32)
    length = np.sqrt(np.asarray(matrix.power(2).sum(axis=1)).ravel())
    return scale_rows(matrix, 1 / np.maximum(length, 1e-12))


def scale_rows(matrix: sparse.csr_array, factors: NDArray[np.floating]) -> sparse.csr_array:
    """Each row times its factor."""
    data = matrix.data * np.repeat(factors, np.diff(matrix.indptr)).astype(np.float32)
    return sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def scale_columns(matrix: sparse.csr_array, factors: NDArray[np.floating]) -> sparse.csr_array:
    """Each column times its factor."""
    data = matrix.data * factors[matrix.indices].astype(np.float32)
    return sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
