"""Cold start: factors of members from their profiles, and of postings from their content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from scipy import sparse

    from app.board.model import Member
    from app.recommend.features.profiles import ProfileFeatureEncoder, ProfileFeatures

# Rows multiplied at once, always as many and as columns: of so few, the product with one is the same wherever it
# stands (of 128, as rows, OpenBLAS for AVX2 rounds every other six differently).
_BLOCK = 16
_ROWS = 256  # compared with all others at once
# How much agreement in one respect counts beside none: measured on applications of members held out whole.
_BY_TEXTS = {"category": 1.0, "skill": 3.0, "region": 2.0}
_BY_CAREER, _BY_EDUCATION, _BY_PAY, _BY_TIME = 2.0, 0.3, 0.3, 2.0
# The distance at which agreement falls to 1/e: career and pay in powers of e, the last change of the profile in days.
_CAREER_APART, _PAY_APART, _DAYS_APART = 0.4, 0.3, 40.0
_RIDGE = 8.0  # of the kernel ridge regression, in similarities of a member to themselves


def profile_similarity(ours: ProfileFeatures, theirs: ProfileFeatures) -> NDArray[np.float32]:
    """The similarity of profiles, (n_ours, n_theirs) float32: 1 for nothing in common, more by each respect they agree in.

    It is a product, so that a junior's trade and a senior's are two trades; what either leaves open counts for nothing.
    """
    similarity = np.ones((len(ours.career), len(theirs.career)), np.float32)
    for name, weight in _BY_TEXTS.items():
        if ours.texts[name].nnz and theirs.texts[name].nnz:
            similarity *= 1 + np.float32(weight) * (ours.texts[name] @ theirs.texts[name].T).toarray()
    similarity *= _agreement(ours.career, theirs.career, _CAREER_APART, _BY_CAREER)
    similarity *= 1 + np.float32(_BY_EDUCATION) * (ours.education[:, None] == theirs.education)
    similarity *= _agreement(ours.changed, theirs.changed, _DAYS_APART, _BY_TIME)
    paid = np.flatnonzero(~np.isnan(ours.pay))
    if len(paid):
        pay = _agreement(ours.pay[paid], theirs.pay, _PAY_APART, _BY_PAY)
        pay[ours.unit[paid, None] != theirs.unit] = 1
        similarity[paid] *= pay
    return similarity


def _agreement(
    ours: NDArray[np.float32], theirs: NDArray[np.float32], apart: float, weight: float
) -> NDArray[np.float32]:
    """1 + weight exp(-|difference| / apart), (n_ours, n_theirs) float32; 1 where either is nan."""
    near: NDArray[np.float32] = np.abs(ours[:, None] - theirs)
    near *= np.float32(-1 / apart)
    np.exp(near, out=near)
    near *= np.float32(weight)
    near += 1
    near[np.isnan(near)] = 1
    return near


@dataclass(frozen=True, slots=True)
class ReferenceMembers:
    """n members with activity, from which the factors of members with similar profiles are predicted.

    Attributes:
        encoder: Encodes profiles as they are compared.
        profiles: The n profiles.
        coefficients: (n, n_factors) float32, what each adds to the predicted factors, per similarity to them.
        interactions: (n, n_shown) float32, what they did with the postings shown.
    """

    encoder: ProfileFeatureEncoder
    profiles: ProfileFeatures
    coefficients: NDArray[np.float32]
    interactions: sparse.csr_array

    def similarity(self, members: Sequence[Member]) -> NDArray[np.float32]:
        """The similarity of members to each reference member, (n_members, n) float32."""
        return profile_similarity(self.encoder.transform(members), self.profiles)

    def predict_factors(self, similarity: NDArray[np.float32]) -> NDArray[np.float32]:
        """Factors of members, (n_members, n_factors) float32, from their similarity, (n_members, n).

        A member's values are the same to the last bit, whichever members are asked about together.
        """
        predicted = np.empty((len(similarity), self.coefficients.shape[1]), np.float32)
        block = np.zeros((_BLOCK, similarity.shape[1]), np.float32)
        for start in range(0, len(similarity), _BLOCK):
            part = similarity[start : start + _BLOCK]
            block[: len(part)] = part
            predicted[start : start + _BLOCK] = (self.coefficients.T @ block.T).T[: len(part)]
        return predicted


@dataclass(frozen=True, slots=True)
class ProfileKernel:
    """The similarity of n profiles to each other, factorised once for all that is fitted on them or on the first of them.

    Attributes:
        encoder: Encodes profiles as they are compared.
        profiles: The n profiles.
        root: (n, n) float32, the Cholesky factor of their similarity with the ridge; that of the first m profiles is
            its first m rows and columns.
    """

    encoder: ProfileFeatureEncoder
    profiles: ProfileFeatures
    root: NDArray[np.float32]

    @classmethod
    def compute(
        cls, encoder: ProfileFeatureEncoder, members: Sequence[Member], counts: NDArray[np.int64]
    ) -> ProfileKernel:
        """The kernel of n members, who acted on so many postings each, (n,).

        A member who did much did it for many reasons, so the ridge grows with the root of the count: less of it is
        explained by their profile.
        """
        profiles, count = encoder.transform(members), len(members)
        similarity = np.empty((count, count), np.float32)  # of which only the upper triangle is read
        for start in range(0, count, _ROWS):
            rest = profiles.select(np.arange(start, count))
            similarity[start : start + _ROWS, start:] = profile_similarity(
                rest.select(np.arange(min(_ROWS, count - start))), rest
            )
        diagonal = np.diag_indices_from(similarity)
        doubt = np.sqrt(counts, dtype=np.float32)
        similarity[diagonal] += np.float32(_RIDGE) * similarity[diagonal].mean() * (doubt / doubt.mean())
        root, _ = linalg.cho_factor(similarity.T, lower=True, overwrite_a=True, check_finite=False)
        return cls(encoder, profiles, root)

    def fit(self, factors: NDArray[np.float32], interactions: sparse.csr_array) -> ReferenceMembers:
        """Kernel ridge regression of the direction of the first m members' factors on their profiles.

        Of the direction alone: a member who did much has long factors, and is no better a guide for that. (Saunders,
        Gammerman and Vovk, "Ridge Regression Learning Algorithm in Dual Variables", 1998.)

        Args:
            factors: (m, n_factors) float32.
            interactions: (m, n_shown) float32.
        """
        count = len(factors)
        length = np.linalg.norm(factors, axis=1, keepdims=True)
        direction = factors / np.maximum(length, np.float32(1e-9))
        coefficients = linalg.cho_solve((self.root[:count, :count], True), direction, check_finite=False)
        first = self.profiles.select(np.arange(count))
        return ReferenceMembers(self.encoder, first, coefficients.astype(np.float32), interactions)


@dataclass(frozen=True, slots=True)
class AttributeMapping:
    """A linear map from posting features to factors (Gantner et al., "Learning Attribute-to-Feature Mappings", 2010).

    Attributes:
        coefficients: (n_features, n_factors) float32.
    """

    coefficients: NDArray[np.float32]

    def predict(self, features: sparse.csr_array) -> NDArray[np.float32]:
        """Factors of postings, (n_postings, n_factors) float32, from their features, (n_postings, n_features)."""
        predicted: NDArray[np.float32] = features @ self.coefficients
        return predicted


def fit_attribute_mapping(
    features: sparse.csr_array, factors: NDArray[np.float32], *, regularization: float
) -> AttributeMapping:
    """Ridge regression of factors, (n_postings, n_factors), on features, (n_postings, n_features)."""
    gram = (features.T @ features).toarray()
    gram[np.diag_indices_from(gram)] += np.float32(regularization)
    coefficients = linalg.solve(
        gram, features.T @ factors, assume_a="pos", overwrite_a=True, check_finite=False
    )
    return AttributeMapping(coefficients.astype(np.float32))
