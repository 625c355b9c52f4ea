"""How alike members' profiles are, and what follows from it for a member who has done nothing yet.

No protected attribute is compared: what is read of a profile is what its member looks for and can do (categories,
regions, skills, career, education, pay) and when it last changed, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, log1p
from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg, sparse

from app.recommend.features.tokens import tokenise_all
from app.recommend.sparse import idf, index_of, large_region, one_hot, scale_columns, unit_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from app.board.model import Member

_DAY_S = 86_400
_FEWEST_ROWS = 3
_MOST_TEXTS = 4_000  # in one respect
# Rows multiplied at once, always as many and as columns: of so few, the product with one is the same wherever it
# stands (of 128, as rows, OpenBLAS for AVX2 rounds every other six differently).
_BLOCK = 16
_ROWS = 256  # compared with all others at once
# How much likeness in one respect counts beside none: measured on applications of members held out whole.
_BY_TEXTS = {"category": 1.0, "skill": 3.0, "region": 2.0}
_BY_CAREER, _BY_EDUCATION, _BY_PAY, _BY_TIME = 2.0, 0.3, 0.3, 2.0
# How far apart likeness falls to 1/e: career and pay in powers of e, the last change of the profile in days.
_CAREER_APART, _PAY_APART, _DAYS_APART = 0.4, 0.3, 40.0
_DOUBT = 8.0  # penalty on what likeness teaches, in likenesses of a member to themselves


def texts_of(member: Member) -> dict[str, set[str]]:
    """What a profile says in codes and words, respect by respect."""
    return {
        "category": set(member.categories),
        "skill": {f"skill {skill.lower()}" for skill in member.skills} | tokenise_all(member.skills),
        "region": {*member.regions, *map(large_region, member.regions)},
    }


@dataclass(frozen=True, slots=True)
class TextColumns:
    """The columns of one respect, and how rare each text is."""

    numbers: Mapping[str, int]
    idf: NDArray[np.float32]

    def transform(self, texts: Sequence[set[str]]) -> sparse.csr_array:
        """Members x texts, each row of length 1."""
        return unit_rows(scale_columns(one_hot(texts, self.numbers), np.sqrt(self.idf)))


@dataclass(frozen=True, slots=True)
class ProfileFeatures:
    """Profiles as they are compared; unknown numbers are nan.

    Attributes:
        texts: Members x texts by respect.
        career: Ln(1 + years).
        education: The highest reached.
        pay: Ln of the pay wanted.
        unit: What the pay is counted in, a number a unit.
        changed: When the profile last changed, in days since 1970: who looks at the same time sees the same postings.
    """

    texts: Mapping[str, sparse.csr_array]
    career: NDArray[np.float32]
    education: NDArray[np.float32]
    pay: NDArray[np.float32]
    unit: NDArray[np.int64]
    changed: NDArray[np.float32]

    def some(self, rows: NDArray[np.int64]) -> ProfileFeatures:
        """Some of them."""
        texts = {name: matrix[rows] for name, matrix in self.texts.items()}
        return ProfileFeatures(
            texts,
            self.career[rows],
            self.education[rows],
            self.pay[rows],
            self.unit[rows],
            self.changed[rows],
        )


@dataclass(frozen=True, slots=True)
class ProfileFeatureEncoder:
    """What profiles are compared in, learned from a sample of them."""

    texts: Mapping[str, TextColumns]
    units: Mapping[str, int]

    @classmethod
    def fit(cls, members: Sequence[Member]) -> ProfileFeatureEncoder:
        """The texts that a few of these members share."""
        said = [texts_of(member) for member in members]
        texts = {}
        for name in _BY_TEXTS:
            rows = [each[name] for each in said]
            numbers = index_of(rows, at_least=_FEWEST_ROWS, most=_MOST_TEXTS)
            texts[name] = TextColumns(numbers, idf(one_hot(rows, numbers)))
        units = sorted({member.salary_unit or "" for member in members})
        return cls(texts, {unit: at for at, unit in enumerate(units)})

    def transform(self, members: Sequence[Member]) -> ProfileFeatures:
        """Profiles as they are compared."""
        said = [texts_of(member) for member in members]
        return ProfileFeatures(
            {name: each.transform([texts[name] for texts in said]) for name, each in self.texts.items()},
            np.array([_career(member) for member in members], np.float32),
            np.array([_education(member) for member in members], np.float32),
            np.array([_pay(member) for member in members], np.float32),
            np.array([self.units.get(member.salary_unit or "", -1) for member in members], np.int64),
            np.array([_changed(member) for member in members], np.float32),
        )


def _career(member: Member) -> float:
    return np.nan if member.career_years is None else log1p(max(0.0, member.career_years))


def _education(member: Member) -> float:
    return np.nan if member.education is None else float(member.education)


def _pay(member: Member) -> float:
    return log(member.desired_salary) if member.desired_salary and member.desired_salary > 0 else np.nan


def _changed(member: Member) -> float:
    return np.nan if member.updated_at is None else member.updated_at.timestamp() / _DAY_S


def profile_similarity(ours: ProfileFeatures, theirs: ProfileFeatures) -> NDArray[np.float32]:
    """How alike profiles are, ours x theirs: 1 for nothing in common, more by each respect they agree in.

    A product, so that a junior's trade and a senior's are two trades; what either leaves open counts for nothing.
    """
    likeness = np.ones((len(ours.career), len(theirs.career)), np.float32)
    for name, weight in _BY_TEXTS.items():
        if ours.texts[name].nnz and theirs.texts[name].nnz:
            likeness *= 1 + np.float32(weight) * (ours.texts[name] @ theirs.texts[name].T).toarray()
    likeness *= _near(ours.career, theirs.career, _CAREER_APART, _BY_CAREER)
    likeness *= 1 + np.float32(_BY_EDUCATION) * (ours.education[:, None] == theirs.education)
    likeness *= _near(ours.changed, theirs.changed, _DAYS_APART, _BY_TIME)
    paid = np.flatnonzero(~np.isnan(ours.pay))
    if len(paid):
        pay = _near(ours.pay[paid], theirs.pay, _PAY_APART, _BY_PAY)
        pay[ours.unit[paid, None] != theirs.unit] = 1
        likeness[paid] *= pay
    return likeness


def _near(
    ours: NDArray[np.float32], theirs: NDArray[np.float32], apart: float, weight: float
) -> NDArray[np.float32]:
    near: NDArray[np.float32] = np.abs(ours[:, None] - theirs)
    near *= np.float32(-1 / apart)
    np.exp(near, out=near)
    near *= np.float32(weight)
    near += 1
    near[np.isnan(near)] = 1
    return near


@dataclass(frozen=True, slots=True)
class ReferenceMembers:
    """Members with activity who stand for those of like profiles.

    Attributes:
        encoder: What profiles are compared in.
        people: Their profiles.
        coefficients: What each adds to the factors guessed for a member, per likeness to them.
        done: Panel x postings shown, what they did.
    """

    encoder: ProfileFeatureEncoder
    people: ProfileFeatures
    coefficients: NDArray[np.float32]
    done: sparse.csr_array

    def similarity(self, members: Sequence[Member]) -> NDArray[np.float32]:
        """How alike members are to each of the panel."""
        return profile_similarity(self.encoder.transform(members), self.people)

    def predict_factors(self, likeness: NDArray[np.float32]) -> NDArray[np.float32]:
        """Factors of members, from how alike they are to each of the panel."""
        guessed = np.empty((len(likeness), self.coefficients.shape[1]), np.float32)
        block = np.zeros((_BLOCK, likeness.shape[1]), np.float32)
        for start in range(0, len(likeness), _BLOCK):
            part = likeness[start : start + _BLOCK]
            block[: len(part)] = part
            guessed[start : start + _BLOCK] = (self.coefficients.T @ block.T).T[: len(part)]
        return guessed


@dataclass(frozen=True, slots=True)
class ProfileKernel:
    """Profiles compared with each other once, for all that is learned from them or from the first of them.

    Attributes:
        encoder: What they are compared in.
        people: The profiles.
        root: The Cholesky factor of how alike they are, doubt included; that of the first n is its first n rows.
    """

    encoder: ProfileFeatureEncoder
    people: ProfileFeatures
    root: NDArray[np.float32]

    @classmethod
    def compute(
        cls, encoder: ProfileFeatureEncoder, members: Sequence[Member], acted: NDArray[np.int64]
    ) -> ProfileKernel:
        """How alike these members are to each other, who acted on so many postings each.

        Who did much did it for many reasons, so doubt in what their profile has to do with it grows, by the root.
        """
        people, count = encoder.transform(members), len(members)
        likeness = np.empty((count, count), np.float32)  # of which only the upper triangle is read
        for start in range(0, count, _ROWS):
            rest = people.some(np.arange(start, count))
            likeness[start : start + _ROWS, start:] = profile_similarity(
                rest.some(np.arange(min(_ROWS, count - start))), rest
            )
        diagonal = np.diag_indices_from(likeness)
        doubt = np.sqrt(acted, dtype=np.float32)
        likeness[diagonal] += np.float32(_DOUBT) * likeness[diagonal].mean() * (doubt / doubt.mean())
        root, _ = linalg.cho_factor(likeness.T, lower=True, overwrite_a=True, check_finite=False)
        return cls(encoder, people, root)

    def fit(self, factors: NDArray[np.float32], done: sparse.csr_array) -> ReferenceMembers:
        """Kernel ridge regression of the direction of the first members' factors on their profiles.

        Of the direction alone: who did much has long factors, and is no better a guide for that. (Saunders, Gammerman
        and Vovk, "Ridge Regression Learning Algorithm in Dual Variables", 1998.)
        """
        count = len(factors)
        length = np.linalg.norm(factors, axis=1, keepdims=True)
        direction = factors / np.maximum(length, np.float32(1e-9))
        coefficients = linalg.cho_solve((self.root[:count, :count], True), direction, check_finite=False)
        return ReferenceMembers(
            self.encoder, self.people.some(np.arange(count)), coefficients.astype(np.float32), done
        )
