"""Postings as rows of traits, from which factors can be guessed before there is any activity."""

from __future__ import annotations

from dataclasses import dataclass
from math import log1p
from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg, sparse

from app.recommend.features.tokens import tokenise, tokenise_all
from app.recommend.sparse import idf, index_of, large_region, one_hot, scale_columns, unit_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from app.board.model import Posting

MOST_TRAITS = 4_000  # the solve for their effect is dense: 64 MB and about a second
_FEWEST_ROWS = 3


def posting_texts(posting: Posting) -> set[str]:
    """What a posting says in codes and words."""
    traits = {f"category {category}" for category in posting.categories}
    traits.add("categories " + " ".join(sorted(posting.categories)))
    traits |= {f"word {word}" for word in tokenise(posting.title) | tokenise_all(posting.skills)}
    for region in posting.regions:
        traits |= {f"region {region}", f"region {large_region(region)}"}
    traits |= {f"employment {each}" for each in posting.employment_types}
    traits.add(f"company {posting.company_id}")
    if posting.education is not None:
        traits.add(f"education {int(posting.education)}")
    if posting.career_min_years is not None:
        traits.add(f"career {round(2 * log1p(posting.career_min_years))}")
    return traits


@dataclass(frozen=True, slots=True)
class PostingEncoder:
    """The columns of postings' traits; one that too few postings share is left out."""

    texts: Mapping[str, int]
    idf: NDArray[np.float32]

    def transform(self, postings: Sequence[Posting]) -> sparse.csr_array:
        """Postings x traits."""
        return self._of_ones(one_hot([posting_texts(posting) for posting in postings], self.texts))

    def _of_ones(self, ones: sparse.csr_array) -> sparse.csr_array:
        return unit_rows(scale_columns(ones, np.sqrt(self.idf)))

    @classmethod
    def fit(cls, postings: Sequence[Posting]) -> tuple[PostingEncoder, sparse.csr_array]:
        """The traits that a few postings share, and the rows of all."""
        texts = [posting_texts(posting) for posting in postings]
        numbers = index_of(texts, at_least=_FEWEST_ROWS, most=MOST_TRAITS)
        ones = one_hot(texts, numbers)
        traits = cls(numbers, idf(ones))
        return traits, traits._of_ones(ones)


@dataclass(frozen=True, slots=True)
class AttributeMapping:
    """A linear map from traits to factors: factors = traits @ effects."""

    coefficients: NDArray[np.float32]

    def predict(self, traits: sparse.csr_array) -> NDArray[np.float32]:
        """Factors of each row of traits."""
        guessed: NDArray[np.float32] = traits @ self.coefficients
        return guessed


def fit_attribute_mapping(
    traits: sparse.csr_array, factors: NDArray[np.float32], *, penalty: float
) -> AttributeMapping:
    """Ridge regression of factors on traits, a row each."""
    gram = (traits.T @ traits).toarray()
    gram[np.diag_indices_from(gram)] += np.float32(penalty)
    coefficients = linalg.solve(
        gram, traits.T @ factors, assume_a="pos", overwrite_a=True, check_finite=False
    )
    return AttributeMapping(coefficients.astype(np.float32))
