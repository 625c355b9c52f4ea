"""What postings say: fields in which they are compared, and one row of features from which factors are predicted."""

from __future__ import annotations

from dataclasses import dataclass
from math import log1p
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.board.vocabulary import large_region
from app.recommend.features.tokens import tokenise, tokenise_all
from app.recommend.sparse import idf, index_of, one_hot, scale_columns, unit_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from app.board.model import Posting

_EVERY_ATTRIBUTE = 20_000  # postings; of more, an attribute that a single posting has is left out
MOST_FEATURES = 4_000  # the ridge regression on them is dense: 64 MB and about a second
_FEWEST_POSTINGS = 3  # a feature that fewer postings share is left out


@dataclass(frozen=True, slots=True)
class Field:
    """One kind of attribute of all postings, such as places or words.

    Attributes:
        columns: The column of each attribute.
        weights: (n_attributes,) float32, what an attribute counts before its row is brought to length 1.
        matrix: (n_postings, n_attributes) float32, each row of length 1.
        mean_square: (n_attributes,) float32, of each column over the postings shown: how common the attribute is.
    """

    columns: Mapping[str, int]
    weights: NDArray[np.float32]
    matrix: sparse.csr_array
    mean_square: NDArray[np.float32]

    def extend(self, attributes: Sequence[set[str]]) -> Field:
        """The field with rows for more postings; rows that are there stay, and unknown attributes are left out."""
        rows = unit_rows(one_hot(attributes, self.columns) @ sparse.diags_array(self.weights))
        matrix = sparse.csr_array(sparse.vstack([self.matrix, rows], format="csr"))
        return Field(self.columns, self.weights, matrix, self.mean_square)


def posting_fields(postings: Sequence[Posting], shown: NDArray[np.int64]) -> dict[str, Field]:
    """The fields in which postings are compared with what a member did and wants.

    Args:
        postings: All n postings.
        shown: (n_shown,), positions of those that may be shown.
    """
    return {
        name: _field(each, shown, rare_first=name in ("words", "category"))
        for name, each in attributes_of(postings).items()
    }


def attributes_of(postings: Sequence[Posting]) -> dict[str, list[set[str]]]:
    """The attributes of each posting, field by field."""
    return {
        "place": [set(posting.regions) for posting in postings],
        "area": [{large_region(region) for region in posting.regions} for posting in postings],
        "category": [set(posting.categories) for posting in postings],
        "company": [{posting.company_id} for posting in postings],
        "words": [tokenise(posting.title) | tokenise_all(posting.skills) for posting in postings],
    }


def _field(rows: Sequence[set[str]], shown: NDArray[np.int64], *, rare_first: bool) -> Field:
    columns = index_of(rows, at_least=1 if len(rows) <= _EVERY_ATTRIBUTE else 2)
    ones = one_hot(rows, columns)
    weights = idf(ones) if rare_first else np.ones(len(columns), np.float32)
    matrix = unit_rows(ones @ sparse.diags_array(weights))
    of_shown = matrix[shown]
    mean_square = of_shown.power(2).sum(axis=0) / max(1, len(shown))
    return Field(columns, weights, matrix, np.asarray(mean_square, np.float32).ravel())


def features_of(posting: Posting) -> set[str]:
    """All that a posting says, as texts such as "region 101000"."""
    features = {f"category {category}" for category in posting.categories}
    features.add("categories " + " ".join(sorted(posting.categories)))
    features |= {f"word {word}" for word in tokenise(posting.title) | tokenise_all(posting.skills)}
    for region in posting.regions:
        features |= {f"region {region}", f"region {large_region(region)}"}
    features |= {f"employment {each}" for each in posting.employment_types}
    features.add(f"company {posting.company_id}")
    if posting.education is not None:
        features.add(f"education {int(posting.education)}")
    if posting.career_min_years is not None:
        features.add(f"career {round(2 * log1p(posting.career_min_years))}")
    return features


@dataclass(frozen=True, slots=True)
class PostingEncoder:
    """Encodes postings as rows of features; a feature that too few postings share is left out.

    Attributes:
        columns: The column of each feature.
        idf: (n_features,) float32.
    """

    columns: Mapping[str, int]
    idf: NDArray[np.float32]

    @classmethod
    def fit(cls, postings: Sequence[Posting]) -> tuple[PostingEncoder, sparse.csr_array]:
        """An encoder of the features that a few of these postings share, and their rows."""
        features = [features_of(posting) for posting in postings]
        columns = index_of(features, at_least=_FEWEST_POSTINGS, most=MOST_FEATURES)
        ones = one_hot(features, columns)
        encoder = cls(columns, idf(ones))
        return encoder, encoder._weigh(ones)

    def transform(self, postings: Sequence[Posting]) -> sparse.csr_array:
        """Rows of features, (n_postings, n_features) float32, each of length 1."""
        return self._weigh(one_hot([features_of(posting) for posting in postings], self.columns))

    def _weigh(self, ones: sparse.csr_array) -> sparse.csr_array:
        return unit_rows(scale_columns(ones, np.sqrt(self.idf)))
